"""Archives of images, tar and zip, read file by file into memory; nothing is extracted."""

from __future__ import annotations

import contextlib
import stat
import tarfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ..._errors import ImageError, level_of_caller
from .._folders import begins_like_image, is_image_suffix
from .._limits import Limits
from ._source import Bounds, Source
from ._unpacked import Quota, Unpacked, archive_errors

_BEGINNING = 16
_PIECE = 2**20
_MOST_BETWEEN = 2**24  # bytes of headers between two files of a tar archive
_LONGEST_NAME = 4096
_ENCRYPTED = 0x1


class Archive(Source):
    """The images of an archive: those files whose names, or first bytes, are those of images.

    Parameters
    ----------
    path : Path
        The archive.
    name : str
        What messages call it; an image is called ``ARCHIVE/name``.
    bounds : Bounds
        How much is read.
    suffixes : tuple of str or None
        As in `from_folders`.
    """

    def __init__(
        self, path: Path, name: str, bounds: Bounds, suffixes: tuple[str, ...] | None = None
    ):
        super().__init__(name)
        self._path, self._bounds, self._suffixes = path, bounds, suffixes

    def pairs(self) -> Iterator[tuple[str, Any]]:
        """Yield each image's name, and a dict of its bytes and name; warn of what was left out."""
        left_out: Counter[str] = Counter()
        n = 0
        for member, data in self._members(left_out, Limits.from_config()):
            n += 1
            if n > self._bounds.max_images:
                raise ImageError(
                    f"{self.name} has more than max_images={self._bounds.max_images:,} images."
                )
            name = f"{self.name}/{member}"
            yield name, {"bytes": data, "path": name}
        if left_out:
            counts = ", ".join(f"{n:,} {why}" for why, n in left_out.most_common())
            warnings.warn(
                f"Left out of {self.name}: {counts}.", UserWarning, stacklevel=level_of_caller()
            )
        if not n:
            raise ImageError(f"{self.name} holds no image.")

    def _members(self, left_out: Counter[str], limits: Limits) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the bytes of each image, and count what is left out."""
        raise NotImplementedError

    def _quota(self) -> Quota:
        return Quota(self.name, self._path.stat().st_size, self._bounds.max_bytes)

    def _is_image(self, member: str, beginning: bytes) -> bool:
        return is_image_suffix(PurePosixPath(member).suffix, self._suffixes) or (
            self._suffixes is None and begins_like_image(beginning)
        )


class TarArchive(Archive):
    """Of a tar archive, compressed or not, in one pass."""

    def _members(self, left_out: Counter[str], limits: Limits) -> Iterator[tuple[str, bytes]]:
        with (
            archive_errors(self.name),
            contextlib.closing(Unpacked(self._path, self._quota(), _MOST_BETWEEN)) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|") as archive,  # type: ignore[call-overload] - read is all it needs
        ):
            while True:
                unpacked.allow(_MOST_BETWEEN)
                member = archive.next()
                unpacked.allow(None)
                archive.members = []  # or it keeps them all
                if member is None:
                    return
                if member.isdir():
                    continue
                why = _why_not(member.name) or _why_not_tar(member, limits)
                data = self._read(archive, member, keep=not why)
                if why:
                    left_out[why] += 1
                elif data and not _is_hidden(member.name):
                    yield _normal(member.name), data

    def _read(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, *, keep: bool
    ) -> bytes | None:
        """Return the bytes of an image; read past any other file, so that headers come next."""
        if not member.isreg() or member.sparse is not None:
            return None
        file: Any = archive.extractfile(member)
        beginning = file.read(_BEGINNING)
        if keep and self._is_image(member.name, beginning):
            return beginning + file.read(member.size)
        while file.read(_PIECE):
            pass
        return None


class ZipArchive(Archive):
    """Of a zip archive, in the order of its directory."""

    def _members(self, left_out: Counter[str], limits: Limits) -> Iterator[tuple[str, bytes]]:
        with archive_errors(self.name), zipfile.ZipFile(self._path) as archive:
            quota = self._quota()
            for member in archive.infolist():
                if member.is_dir() or _is_hidden(member.filename):
                    continue
                why = _why_not(member.orig_filename) or _why_not_zip(member, limits)
                if why:
                    left_out[why] += 1
                    continue
                try:
                    data = self._read(archive, member, quota)
                except zipfile.BadZipFile:
                    left_out["damaged"] += 1
                    continue
                if data:
                    yield _normal(member.filename), data

    def _read(
        self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, quota: Quota
    ) -> bytes | None:
        with archive.open(member) as file:
            beginning = file.read(_BEGINNING)
            if not self._is_image(member.filename, beginning):
                return None
            data = beginning + file.read(member.file_size)
        quota.use(len(data))
        return data


def text_of_zip(path: Path, name: str, most: int) -> tuple[bytes, str] | None:
    """Return the one file of a zip archive and its suffix; None if there are none or several."""
    with archive_errors(name), zipfile.ZipFile(path) as archive:
        members = [
            m for m in archive.infolist() if not m.is_dir() and not _is_hidden(m.filename)
        ]
        if len(members) != 1 or members[0].flag_bits & _ENCRYPTED:
            return None
        if members[0].file_size > most:
            raise ImageError(f"{name} has a list of more than {most:,} bytes: split it.")
        with archive.open(members[0]) as file:
            return file.read(most), PurePosixPath(members[0].filename).suffix.lower()


def _why_not(name: str) -> str:
    """Say why a name is refused; it is only a label here, but who uses it may make a path of it."""
    parts = PurePosixPath(name).parts
    is_absolute = name.startswith(("/", "\\")) or name[1:2] == ":"
    if is_absolute or ".." in parts or "\\" in name or "\0" in name:
        return "with a name that leads out of the archive"
    return "with a name that is too long" if len(name) > _LONGEST_NAME else ""


def _why_not_tar(member: tarfile.TarInfo, limits: Limits) -> str:
    if member.issym() or member.islnk():
        return "links"
    if not member.isreg():
        return "devices, pipes or other special files"
    if member.sparse is not None:
        return "sparse files"
    return "larger than max_image_bytes" if member.size > limits.max_image_bytes else ""


def _why_not_zip(member: zipfile.ZipInfo, limits: Limits) -> str:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "links"
    if kind not in (0, stat.S_IFREG):
        return "devices, pipes or other special files"
    if member.flag_bits & _ENCRYPTED:
        return "encrypted"
    return "larger than max_image_bytes" if member.file_size > limits.max_image_bytes else ""


def _is_hidden(name: str) -> bool:
    return any(
        part.startswith(".") or part == "__MACOSX"
        for part in PurePosixPath(name).parts
        if part not in (".", "..")
    )


def _normal(name: str) -> str:
    return str(PurePosixPath(name))
