"""Bundles of BigML's library: a SavedModel of TensorFlow in one file, taken apart safely."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import tempfile
from pathlib import Path, PureWindowsPath
from typing import Any, BinaryIO, Self

from .._files import written_whole
from .._text import shortened
from ..formats.bigml._document import MOST_BYTES, parsed, unpacked
from ..formats.bigml._json import Node

_GUARD = b"bigml_tensorflow_saved_model_bundle"
# Beside the graph, what it was made from: TensorFlow leaves alone what lies there.
DOCUMENT = "assets.extra/deepnet.json.gz"
_BLOCK, _CHUNK = 1024, 2**20
_MOST_FILES, _MOST_BLOCKS = 2**12, 255


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
    folder = Path(folder).expanduser()
    with Bundle(path) as bundle:
        if folder.exists():
            raise FileExistsError(
                f"{str(folder)!r} exists; a bundle is written into a new folder."
            )
        place = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name in bundle.names:
                bundle.copy(name, place / name)
            place.chmod(0o755)
            place.rename(folder)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return [folder / name for name in bundle.names]


def write_bundle(folder: Path, path: Path) -> None:
    """Write the files of a folder as a bundle, in the order in which BigML's library does.

    Raises
    ------
    ValueError
        If the names are too many for a bundle's table.
    """
    table, files = [], []
    for root, folders, names in os.walk(folder):
        folders.sort()
        here = sorted(names)
        files += [Path(root, name) for name in here]
        sizes = [[name, Path(root, name).stat().st_size] for name in here]
        table.append([Path(root).relative_to(folder).as_posix(), list(folders), sizes])
    text = json.dumps(table).encode()
    n_blocks = -(-len(text) // _BLOCK)
    if n_blocks > _MOST_BLOCKS:
        raise ValueError(f"{str(folder)!r} has too many files for a bundle.")
    with written_whole(path) as (unfinished,), unfinished.open("wb") as bundle:
        bundle.write(_GUARD + bytes([n_blocks]) + text.ljust(n_blocks * _BLOCK))
        for file in files:
            with file.open("rb") as source:
                shutil.copyfileobj(source, bundle, _CHUNK)


def is_bundle(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of a bundle, by its name."""
    return Path(path).suffix.lower() == ".smbundle"


def document_in(path: str | os.PathLike[str]) -> Any:
    """Return the document in a bundle that skembed wrote.

    Raises
    ------
    ValueError
        If the bundle is another's, which holds a graph of TensorFlow and no document.
    """
    with Bundle(path) as bundle:
        if DOCUMENT not in bundle.names:
            raise ValueError(
                f"{str(path)!r} holds a graph that only TensorFlow runs. Give the JSON of the "
                "deepnet, and the bundle as weights: create_model('deepnet.json', "
                "weights='deepnet.smbundle'); or extract_bundle writes the files for TensorFlow."
            )
        packed = bundle.read(DOCUMENT, MOST_BYTES)
    return parsed(unpacked(io.BytesIO(packed), str(path)), str(path))


class Bundle:
    """The files in a bundle, whose table is checked when it is opened.

    Parameters
    ----------
    path : str or path
        The bundle.

    Attributes
    ----------
    names : list of str
        Of the files, in the order of the bundle; each stays in the folder that it is put into.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no bundle, its sizes are not those of the file, or a name leaves the folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        source = Path(path).expanduser()
        if not source.is_file():
            raise FileNotFoundError(f"There is no bundle at {str(source)!r}.")
        self._file = source.open("rb")
        try:
            files, start = _table(self._file, str(source))
        except BaseException:
            self._file.close()
            raise
        ends = itertools.accumulate((size for _, size in files), initial=start)
        self._places = {name: (at, size) for (name, size), at in zip(files, ends, strict=False)}
        self.names = list(self._places)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def read(self, name: str, most: int) -> bytes:
        """Return a file's content; a ValueError if it is not there, or larger than `most`."""
        if name not in self._places:
            raise ValueError(f"it has no file {name!r}.")
        start, size = self._places[name]
        if size > most:
            raise ValueError(f"its file {name!r} has {size:,} bytes, more than {most:,}.")
        self._file.seek(start)
        return self._file.read(size)

    def copy(self, name: str, path: Path) -> None:
        """Write a file's content to a new path, a piece at a time."""
        start, size = self._places[name]
        self._file.seek(start)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            while size:
                chunk = self._file.read(min(size, _CHUNK))
                if not chunk:
                    raise ValueError(f"The bundle was cut short while {name!r} was read.")
                file.write(chunk)
                size -= len(chunk)


def _table(bundle: BinaryIO, name: str) -> tuple[list[tuple[str, int]], int]:
    """The files and their sizes, and where the first one begins."""
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
    return files, start


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
