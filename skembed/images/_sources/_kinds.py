"""Recognise the kind of a source by what lies there and by its first bytes, not by its name."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import tarfile
import tempfile
import weakref
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..._errors import ImageError
from ..._text import shown_url
from .._folders import begins_like_image, is_image_suffix, list_images
from .._globs import ESCAPED, matching, nearest_path, unescaped
from .._inputs import describe
from .._limits import Limits
from .._locations import is_http, is_in_object_store, is_url, read_location
from .._object_stores import RemotePath
from ._archives import TarArchive, ZipArchive, text_of_zip
from ._lists import entries, is_text
from ._source import Bounds, Listed, Source
from ._unpacked import Quota, Unpacked, archive_errors, opener_for

_BEGINNING = 512
_MOST_TEXT = 2**28  # bytes of a list


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """How a source is read.

    Parameters
    ----------
    bounds : Bounds
        How much.
    suffixes : tuple of str or None
        Of images, as `normal_suffixes` gives them.
    root : Path or None
        The folder that relative paths of a list start from.
    url : str, default=""
        Where a list comes from that was downloaded: it names no files of this machine.
    """

    bounds: Bounds
    suffixes: tuple[str, ...] | None = None
    root: Path | None = None
    url: str = ""


def open_source(source: str | os.PathLike[str], how: Reading) -> Source:
    """Return the images that a path, glob or URL names.

    Raises
    ------
    ImageError
        If there are none.
    """
    text = os.fsdecode(source)
    if is_http(text):
        return _downloaded(text, how)
    if is_in_object_store(text):
        return _in_object_store(text, how)
    plain = unescaped(text)
    path = Path(plain).expanduser()
    if path.is_dir():
        return Listed(plain, list_images(path, extensions=how.suffixes))
    if os.path.lexists(path):
        return _file(path, str(path), how)
    if glob.has_magic(ESCAPED.sub("", text)):
        return Listed(plain, matching(text, plain))
    raise ImageError(f"There is no file or folder {plain!r}.{nearest_path(plain)}")


def _downloaded(url: str, how: Reading) -> Source:
    """The images of a file on a web server."""
    data = read_location(url, shown_url(url), Limits.from_config())
    if begins_like_image(data[:_BEGINNING]):
        return Listed(shown_url(url), [url])
    return _in_folder(url, how, lambda path: path.write_bytes(data))


def _in_object_store(url: str, how: Reading) -> Source:
    """The images of a folder, a glob or a file in an object store."""
    remote = RemotePath(url)
    kind = remote.kind()
    if kind == "directory":
        found = [one for one in remote.files() if _is_image_url(one, how.suffixes)]
        if not found:
            raise ImageError(f"{remote.name} holds no file with the suffix of an image.")
    elif kind:
        if not _is_image_url(url) and not begins_like_image(remote.read(_BEGINNING)):
            most = how.bounds.max_bytes
            return _in_folder(url, how, lambda path: remote.copy_to(path, most))
        found = [url]
    else:
        found = remote.matches() if glob.has_magic(url) else []
        if not found:
            raise ImageError(
                f"There is no file or folder {remote.name}, and none that matches."
            )
    return Listed(remote.name, found)


def _is_image_url(url: str, suffixes: tuple[str, ...] | None = None) -> bool:
    return is_image_suffix(PurePosixPath(url).suffix, suffixes)


def _in_folder(url: str, how: Reading, write: Callable[[Path], Any]) -> Source:
    """The images of a file that lies in a temporary folder for as long as its source is used."""
    folder = tempfile.mkdtemp(prefix="skembed-")
    path = Path(folder, f"source{''.join(PurePosixPath(urlsplit(url).path).suffixes[-2:])}")
    try:
        write(path)
        found = _file(path, shown_url(url), replace(how, url=url))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)
    return found


def _file(path: Path, name: str, how: Reading) -> Source:
    """The images of one file: itself, those of an archive, or those that it lists."""
    beginning = _beginning(path)
    if is_image_suffix(path.suffix) or begins_like_image(beginning):
        return Listed(name, [name])
    if zipfile.is_zipfile(path):
        listed = text_of_zip(path, name, _MOST_TEXT)
        if listed is not None and is_text(listed[0][:_BEGINNING]):
            return _listed(*listed, name, how)
        return ZipArchive(path, name, how.bounds, how.suffixes)
    is_compressed = opener_for(beginning) is not None
    if is_compressed:
        beginning = _unpacked(path, name, how, _BEGINNING)
    if _is_tar(beginning):
        return TarArchive(path, name, how.bounds, how.suffixes)
    if not is_text(beginning):
        raise ImageError(f"{name} is neither an image, an archive nor a list of images.")
    data = _unpacked(path, name, how, _MOST_TEXT + 1)
    if len(data) > _MOST_TEXT:
        raise ImageError(f"{name} has more than {_MOST_TEXT:,} bytes: split the list.")
    suffix = Path(path.stem if is_compressed else path.name).suffix.lower()
    return _listed(data, suffix, name, how)


def _listed(data: bytes, suffix: str, name: str, how: Reading) -> Source:
    start = os.fspath(how.root) if how.root else ""
    cells = entries(data, name, suffix, start)
    if how.url:
        cells = [cell and _of_server(how.url, cell, name) for cell in cells]
        start = ""
    return Listed(name, cells, [_from(start, cell) for cell in cells])


def _of_server(url: str, cell: str, name: str) -> str:
    """What a list from a server names: a URL, or a path beside the list on that server."""
    scheme, _, rest = url.partition("://")
    # urljoin knows the schemes of the web only.
    joined = cell if is_url(cell) else scheme + urljoin(f"http://{rest}", cell)[len("http") :]
    if is_http(joined) or joined.startswith(f"{scheme}://"):
        return joined
    allowed = " and ".join(dict.fromkeys(["http://", "https://", f"{scheme.lower()}://"]))
    raise ImageError(
        f"{name} lists {describe(cell)}: a list from a server may name {allowed} "
        "URLs only, and paths beside it there."
    )


def _from(root: str, cell: str) -> str:
    return cell if not root or not cell or is_url(cell) else os.path.join(root, cell)  # noqa: PTH118


def _is_tar(beginning: bytes) -> bool:
    """Whether bytes begin with the header of a file in a tar archive, whose checksum is right."""
    try:
        tarfile.TarInfo.frombuf(beginning[:_BEGINNING], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _beginning(path: Path) -> bytes:
    if not path.is_file():  # opening a pipe could block for ever
        raise ImageError(f"{path} is not a regular file (a pipe, socket or device).")
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING)
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from error


def _unpacked(path: Path, name: str, how: Reading, n: int) -> bytes:
    """The first `n` bytes of a file, decompressed."""
    quota = Quota(name, path.stat().st_size, how.bounds.max_bytes)
    with archive_errors(name), contextlib.closing(Unpacked(path, quota)) as file:
        return file.read(n)
