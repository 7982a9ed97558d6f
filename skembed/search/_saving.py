"""An index on disk: a folder with arrays, names, and one file that says which of them are valid.

Every `write` makes new files under a name of its own, and then replaces ``search.json``, which
names them. So a kill in between leaves the old index whole, and files that the next write deletes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from .._choices import METRICS
from .._errors import LoadError
from .._files import written_whole
from .._text import with_tilde
from .._version import __version__
from ._embedding import described, fingerprint, restored

MANIFEST = "search.json"
_FORMAT, _VERSION = "skembed-search", 1
_ARRAYS = {"rows": np.dtype("<f4"), "ids": np.dtype("<i8"), "expected": np.dtype("<f4")}
_GENERATION = re.compile(r"(rows|ids|expected|names)-[0-9a-f]{16}\.(npy|json)")
_CHANGES_LOCK = ".changes.lock"
_KNOWN = {MANIFEST, ".lock", _CHANGES_LOCK, "pictures"}
_TRIES = 5  # to read while others write


@contextlib.contextmanager
def changing(directory: Path) -> Iterator[None]:
    """Let no other process change an index between reading and writing it.

    Otherwise the one that writes last would undo what the other did, and pictures that both keep
    under one id would be shown for each other's images.

    Raises
    ------
    BlockingIOError
        If another process changes it now.
    FileExistsError
        If the folder holds something that is no index.
    """
    _make_folder(directory)
    lock = FileLock(directory / _CHANGES_LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BlockingIOError(
            f"Another process changes the index in {with_tilde(directory)}. Run the command "
            "again when that has ended."
        ) from None
    try:
        yield
    finally:
        lock.release()


def write(search: Any, directory: Path) -> None:
    """Write a fitted index.

    Raises
    ------
    FileExistsError
        If the folder holds something that is no index.
    """
    _make_folder(directory)
    generation = secrets.token_hex(8)
    with FileLock(directory / ".lock"):
        digests = {
            name: _write_array(directory / f"{name}-{generation}.npy", array, _ARRAYS[name])
            for name, array in _arrays(search).items()
        }
        names = json.dumps(search.names_.tolist()).encode()
        digests["names"] = _write_bytes(directory / f"names-{generation}.json", names)
        facts = {
            "format": _FORMAT,
            "version": _VERSION,
            "skembed": __version__,
            "generation": generation,
            "digests": digests,
            "metric": search.metric_,
            "n_neighbors": int(search.n_neighbors),
            "algorithm": search.algorithm,
            "next_id": int(search._next_id),
            "n_images": len(search.names_),
            "n_features": search.rows_.shape[1],
            "embedder": described(search.embedder_),
        }
        with written_whole(directory / MANIFEST) as (temporary,):
            _write_bytes(temporary, json.dumps(facts, indent=1).encode())
        _sync(directory)
        _sweep(directory, generation)


def read(kind: type, directory: Path, embedder: Any) -> Any:
    """Read what :func:`write` wrote.

    Raises
    ------
    LoadError
        If it is no index, or a damaged one.
    ValueError
        If the embedder has to be given.
    """
    try:
        for _ in range(_TRIES):
            facts = _manifest(directory)
            try:
                contents = _contents(directory, facts)
                break
            except FileNotFoundError:  # replaced by another process just now
                if _manifest(directory)["generation"] == facts["generation"]:
                    raise
        else:
            raise LoadError("other processes replace it all the time")
        return _made(kind, facts, contents, embedder)
    except (LoadError, OSError, KeyError, TypeError, UnicodeDecodeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise LoadError(f"{with_tilde(directory)} is no whole index: {reason}.") from error


def _arrays(search: Any) -> dict[str, np.ndarray]:
    arrays = {"rows": search.rows_, "ids": search.ids_}
    if search.embedder_ is not None:
        known = vars(search).get("_expected")
        arrays["expected"] = fingerprint(search.embedder_) if known is None else known
    return arrays


def _manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    if not path.is_file():
        raise LoadError(f"there is no {MANIFEST} in it")
    try:
        facts = json.loads(path.read_bytes())
    except ValueError as error:
        raise LoadError(f"{MANIFEST} is damaged: {error}") from error
    if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
        raise LoadError(f"{MANIFEST} is none of skembed")
    if facts.get("version") != _VERSION:
        raise LoadError(
            f"skembed {facts.get('skembed')} wrote it in version {facts.get('version')!r} of the "
            f"format, and {__version__} reads {_VERSION}"
        )
    if not re.fullmatch("[0-9a-f]{16}", str(facts["generation"])):
        raise LoadError(f"{MANIFEST} names files that are none of an index")
    return facts


def _contents(directory: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The arrays and the names, each as it was written or not at all."""
    generation, digests = facts["generation"], facts["digests"]
    found: dict[str, Any] = {}
    for name in {*_ARRAYS, "names"} & set(digests):
        suffix = "json" if name == "names" else "npy"
        path = directory / f"{name}-{generation}.{suffix}"
        if _digest_of(path) != digests[name]:
            raise LoadError(f"{path.name} is damaged")
        try:
            found[name] = _read_names(path) if name == "names" else _read_array(path)
        except ValueError as error:
            raise LoadError(f"{path.name} is damaged: {error}") from error
    return found


def _read_names(path: Path) -> list[str]:
    return json.loads(path.read_bytes())


def _read_array(path: Path) -> np.ndarray:
    """An array of NumPy's format; mapped first, where a file that claims more than it has fails."""
    return np.array(np.load(path, mmap_mode="r", allow_pickle=False))


def _made(kind: type, facts: dict[str, Any], contents: dict[str, Any], embedder: Any) -> Any:
    n, width = facts["n_images"], facts["n_features"]
    rows, ids, names = contents["rows"], contents["ids"], contents["names"]
    expected = contents.get("expected")
    whole = (
        rows.shape == (n, width)
        and ids.shape == (n,)
        and len(names) == n
        and all(isinstance(name, str) for name in names)
        and all(contents[name].dtype == _ARRAYS[name] for name in set(_ARRAYS) & set(contents))
        and facts["metric"] in METRICS
        and (n == 0 or 0 <= ids.min() <= ids.max() < facts["next_id"])
    )
    if not whole:
        raise LoadError("its parts do not fit each other")
    is_of_rows = facts["embedder"] is None
    if is_of_rows and embedder is not None:
        raise ValueError("The index is one of rows of features, which no embedder made.")
    if not is_of_rows and embedder is None:
        embedder = restored(facts["embedder"])
    search = kind(embedder, facts["n_neighbors"], facts["metric"], facts["algorithm"])
    search._validate_params()
    search.embedder_, search.metric_ = embedder, facts["metric"]
    search.rows_, search.ids_ = rows, ids
    search.names_ = np.empty(n, object)
    search.names_[:] = names
    search._next_id = facts["next_id"]
    if is_of_rows:
        search.n_features_in_ = width
    else:
        search._expected = expected
    return search


def _make_folder(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if foreign := _foreign(directory):
        raise FileExistsError(
            f"{with_tilde(directory)} holds {foreign!r}, which is no part of an index: give a "
            "folder of its own."
        )


def _foreign(directory: Path) -> str:
    """The name of a file that is no part of an index; empty where there is none."""
    names = sorted(path.name for path in directory.iterdir())
    if MANIFEST in names:
        return ""
    return next((n for n in names if n not in _KNOWN and not _GENERATION.fullmatch(n)), "")


def _write_array(path: Path, array: np.ndarray, dtype: np.dtype) -> str:
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array, dtype), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    return _digest_of(path)


def _write_bytes(path: Path, data: bytes) -> str:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return _digest_of(path)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _sync(directory: Path) -> None:
    """Have the system write the folder's list of files, where it can."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _sweep(directory: Path, generation: str) -> None:
    """Delete files of other generations, which nothing names any more."""
    for path in directory.iterdir():
        is_old = _GENERATION.fullmatch(path.name) and generation not in path.name
        if is_old or path.name.startswith(f".{Path(MANIFEST).stem}-"):
            with contextlib.suppress(OSError):  # another process reads it, on Windows
                path.unlink()
