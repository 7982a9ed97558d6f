"""Bundles of BigML's library: a SavedModel of TensorFlow in one file, taken apart safely."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO

from .._errors import shortened
from ..formats.bigml._json import Node

_GUARD = b"bigml_tensorflow_saved_model_bundle"
_BLOCK, _CHUNK, _MOST_FILES = 1024, 2**20, 2**12


def extract_bundle(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> list[Path]:
    """Write the files of a ``.smbundle`` into a folder: a SavedModel of TensorFlow.

    Parameters
    ----------
    path : str or path
        The bundle.
    folder : str or path
        It must not exist; it has its name when all files are whole.

    Returns
    -------
    list of Path
        The files, in the order of the bundle.

    Raises
    ------
    FileNotFoundError, FileExistsError
        If there is no bundle, or there is such a folder.
    ValueError
        If it is no bundle, its sizes are not those of the file, or a name leaves the folder.

    Notes
    -----
    TensorFlow loads what was written, ``tf.saved_model.load(folder)``; skembed does not run it.

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> from skembed import bigml
    >>> table = json.dumps([[".", [], [["a.txt", 5]]]]).encode().ljust(1024)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bundle = pathlib.Path(folder, "m.smbundle")
    ...     guard = b"bigml_tensorflow_saved_model_bundle"
    ...     _ = bundle.write_bytes(guard + bytes([1]) + table + b"hello")
    ...     (file,) = bigml.extract_bundle(bundle, pathlib.Path(folder, "model"))
    ...     print(file.name, file.read_text())
    a.txt hello
    """
    source, folder = Path(path).expanduser(), Path(folder).expanduser()
    if not source.is_file():
        raise FileNotFoundError(f"There is no bundle at {str(source)!r}.")
    if folder.exists():
        raise FileExistsError(f"{str(folder)!r} exists; a bundle is written into a new folder.")
    with source.open("rb") as bundle:
        files = _table(bundle, str(source))
        place = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, size in files:
                _copy(bundle, place / name, size)
            place.chmod(0o755)
            place.rename(folder)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
    return [folder / name for name, _ in files]


def _table(bundle: BinaryIO, name: str) -> list[tuple[str, int]]:
    """The files and their sizes; `bundle` is left where the first one begins."""
    if bundle.read(len(_GUARD)) != _GUARD:
        raise ValueError(f"{name!r} is no bundle of BigML's: it begins otherwise.")
    n_blocks = int.from_bytes(bundle.read(1))
    text = bundle.read(n_blocks * _BLOCK)
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{name!r} has no table of its files.") from None
    files = _files(Node(table, f"the table of {name!r}"))
    start = bundle.tell()
    held = bundle.seek(0, os.SEEK_END) - start
    promised = sum(size for _, size in files)
    if held != promised:
        raise ValueError(f"{name!r} holds {held:,} bytes of files, and its table {promised:,}.")
    bundle.seek(start)
    return files


def _files(table: Node) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for entry in table:
        parts = entry.items()
        if len(parts) != 3:
            raise entry.wrong("[folder, [folders], [[file, size], ...]]")
        root = parts[0].text()
        for file in parts[2]:
            pair = file.items()
            if len(pair) != 2:
                raise file.wrong("[file, size]")
            path = f"{root}/{pair[0].text()}" if root not in ("", ".") else pair[0].text()
            found.append((_inside(path, file), pair[1].integer(0, 2**40)))
    names = [os.path.normcase(name) for name, _ in found]
    if not names or len(names) > _MOST_FILES or len(set(names)) < len(names):
        raise table.error("has no files, too many, or one twice.")
    return found


def _inside(path: str, node: Node) -> str:
    """A name that stays in the folder, on every system."""
    parts = path.replace("\\", "/").removeprefix("./").split("/")
    is_odd = any(part in ("", ".", "..") or not part.isprintable() for part in parts)
    if is_odd or PureWindowsPath(path).drive:
        raise node.error(f"names {shortened(repr(path), 80)}, which is no file in the folder.")
    return "/".join(parts)


def _copy(bundle: BinaryIO, path: Path, size: int) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        while size:
            chunk = bundle.read(min(size, _CHUNK))
            if not chunk:
                raise ValueError(f"The bundle was cut short while {path.name!r} was read.")
            file.write(chunk)
            size -= len(chunk)
