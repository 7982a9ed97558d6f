"""The pictures of an index, for people to look at, of a bounded size."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from .._files import written_whole
from ..images import load, local_path
from ..images._thumbnails import SUFFIXES, encode, media_type

KEPT_SIDE = 800  # pixels of pictures that have no file of their own
_BEGINNING = 16  # bytes


class Pictures:
    """The pictures of the images of an index, by their ids.

    An image with a file of its own is read from there; of all others, such as those in archives, a
    picture is kept in the folder of the index.

    Parameters
    ----------
    directory : Path
        The folder of the index.
    """

    def __init__(self, directory: Path):
        self._folder = directory / "pictures"

    def keep(self, identity: int, item: Any) -> None:
        """Keep a picture of an image that has no file of its own."""
        if has_file(item):
            # A process that was killed before it wrote the index may have left one under this id.
            self._path(identity).unlink(missing_ok=True)
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with written_whole(self._path(identity)) as (temporary,):
            temporary.write_bytes(encode(load(item), KEPT_SIDE))

    def source(self, identity: int, name: str) -> Path:
        """Return the file that the picture of an image is read from."""
        kept = self._path(identity)
        return kept if kept.is_file() else Path(name)

    def suffix(self, source: Path) -> str:
        """Return the suffix of a file of :meth:`source`; of a kept picture, that of its format."""
        if source.parent != self._folder:
            return source.suffix
        with source.open("rb") as file:
            return SUFFIXES[media_type(file.read(_BEGINNING))]

    def sweep(self, ids: np.ndarray) -> None:
        """Delete pictures of images that are gone."""
        if not self._folder.is_dir():
            return
        known = {self._path(identity).name for identity in ids.tolist()}
        for path in self._folder.iterdir():
            if path.name not in known:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _path(self, identity: int) -> Path:
        return self._folder / f"{int(identity)}.picture"  # a JPEG, or a small PNG


def has_file(item: Any) -> bool:
    """Whether an image is a file of this machine."""
    path = local_path(item)
    return path is not None and os.path.isfile(path)  # noqa: PTH113 - Path raises for some names
