"""TIFF files whose first picture is not the one that is meant: camera raw files, thumbnails."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO

from .._errors import ImageError, advice

TIFF_BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# TIFF's tags, and values of them.
_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _PHOTOMETRIC, _SUB_DIRECTORIES, _DNG_VERSION = (
    *(254, 255, 256, 257, 262, 330, 50706),
)
_REDUCED, _OLD_REDUCED, _MASK = 1, 2, 4
_MOSAIC, _LINEAR_RAW = 32803, 34892
# Bytes before the first directory of the raw files of Canon and Phase One.
_MARKS = (b"\x10\0\0\0CR\2\0", b"IIIITwaR", b"MMMMRawT")
# Types of values: their size in bytes, and the letter of `struct`.
_TYPES = {1: (1, "B"), 3: (2, "H"), 4: (4, "I"), 13: (4, "I"), 16: (8, "Q"), 18: (8, "Q")}
_MAX_DIRECTORIES = 64  # that are read; a raw file has fewer than ten
_MAX_VALUES = 64  # of a tag that is read
_MAX_TAGS = 4096  # of a directory


def check_tiff(stream: IO[bytes], name: str) -> None:
    """Refuse a TIFF whose first picture is a camera's mosaic, or a thumbnail of a larger one.

    The first picture is read. So files with a thumbnail after it, with several pages, or with a
    pyramid of sizes that begins with the largest are not refused.
    """
    position = stream.tell()
    try:
        stream.seek(0)
        head = stream.read(16)
        if head[4:12] in _MARKS or head[8:] in _MARKS:
            raise camera_raw(name)
        pages, inside = _Reader(stream).directories()
    except (struct.error, OverflowError):  # damaged: Pillow raises an error that says more
        return
    finally:
        stream.seek(position)
    if not pages:
        return
    first, everything = pages[0], [*pages, *inside]
    if first.is_dng or any(directory.is_mosaic for directory in everything):
        raise camera_raw(name)
    others = everything[1:] if first.is_reduced else inside
    larger = [other for other in others if other.is_picture and other.n_pixels > first.n_pixels]
    if larger:
        best = max(larger, key=lambda other: other.n_pixels)
        raise ImageError(
            f"{name}: the first picture of this TIFF, {first}, is a thumbnail of another one, "
            f"{best}, which Pillow would not read (a camera's raw file?). Save that one by itself."
        )


def camera_raw(name: str) -> ImageError:
    """Return the error for a camera's raw file."""
    develop = advice(
        "Develop it first, for example with rawpy.imread(...).postprocess(), and pass that array.",
        command="Develop it to a JPEG or PNG file first.",
    )
    return ImageError(
        f"{name} is a camera's raw file, of which Pillow reads a thumbnail at most.{develop}"
    )


@dataclass(frozen=True, slots=True)
class _Directory:
    """The tags of a directory of a TIFF, which describes one picture."""

    tags: dict[int, tuple[int, ...]]

    def _first(self, tag: int) -> int:
        return (self.tags.get(tag) or (0,))[0]

    def __str__(self) -> str:
        return f"{self._first(_WIDTH)} x {self._first(_HEIGHT)}"

    @property
    def n_pixels(self) -> int:
        return self._first(_WIDTH) * self._first(_HEIGHT)

    @property
    def is_dng(self) -> bool:
        return _DNG_VERSION in self.tags

    @property
    def is_mosaic(self) -> bool:
        return self._first(_PHOTOMETRIC) in (_MOSAIC, _LINEAR_RAW)

    @property
    def is_reduced(self) -> bool:
        reduced = self._first(_SUBFILE) & _REDUCED
        return bool(reduced) or self._first(_OLD_SUBFILE) == _OLD_REDUCED

    @property
    def is_picture(self) -> bool:
        return not self._first(_SUBFILE) & _MASK


class _Reader:
    """Reads the directories of a TIFF; those that are damaged are left out."""

    def __init__(self, stream: IO[bytes]):
        self._stream = stream
        head = self._at(0, 8)
        self._order = ">" if head[:2] == b"MM" else "<"
        self._big = head[2:4] in (b"+\0", b"\0+")
        self._seen: set[int] = set()

    def directories(self) -> tuple[list[_Directory], list[_Directory]]:
        """Return the directories of the pages, and the sub-directories of these."""
        word = "Q" if self._big else "I"
        pages = self._chain(self._number(word, 8 if self._big else 4))
        offsets = [at for page in pages for at in page.tags.get(_SUB_DIRECTORIES, ())]
        inside = [
            directory for at in offsets[:_MAX_DIRECTORIES] for directory in self._chain(at)
        ]
        return pages, inside

    def _chain(self, offset: int) -> list[_Directory]:
        found = []
        while offset and offset not in self._seen and len(self._seen) < _MAX_DIRECTORIES:
            self._seen.add(offset)
            try:
                directory, offset = self._directory(offset)
            except (struct.error, OverflowError, OSError):
                break
            found.append(directory)
        return found

    def _directory(self, offset: int) -> tuple[_Directory, int]:
        """Return the directory at an offset, and the offset of the next."""
        count, entry, word = ("Q", 20, "Q") if self._big else ("H", 12, "I")
        n = min(self._number(count, offset), _MAX_TAGS)
        begin = offset + struct.calcsize(count)
        table = self._at(begin, n * entry)
        tags = {}
        for at in range(0, len(table) - entry + 1, entry):
            tag, kind = struct.unpack_from(f"{self._order}HH", table, at)
            tags[tag] = self._values(table[at + 4 : at + entry], kind, word)
        return _Directory(tags), self._number(word, begin + n * entry)

    def _values(self, entry: bytes, kind: int, word: str) -> tuple[int, ...]:
        size, letter = _TYPES.get(kind, (0, ""))
        (n,) = struct.unpack_from(self._order + word, entry)
        if not size or n > _MAX_VALUES:
            return ()
        data = entry[struct.calcsize(word) :]
        if n * size > len(data):
            data = self._at(struct.unpack(self._order + word, data)[0], n * size)
        return struct.unpack_from(f"{self._order}{n}{letter}", data)

    def _number(self, letter: str, offset: int) -> int:
        return struct.unpack(self._order + letter, self._at(offset, struct.calcsize(letter)))[0]

    def _at(self, offset: int, n: int) -> bytes:
        self._stream.seek(offset)
        return self._stream.read(n)
