"""A folder with an index of images and their pictures: what the command and the page work on."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .._files import written_whole
from ..images import load, local_path
from ..images._thumbnails import SUFFIXES, encode, media_type
from ._embedding import described, embed, fit_embedder
from ._saving import MANIFEST
from .image_search import ImageSearch

_TOGETHER = 256  # images that are embedded, and held, at once
_KEPT_SIDE = 800  # pixels of pictures that have no file of their own
_BEGINNING = 16  # bytes


@dataclass(slots=True)
class Changes:
    """What became of the images that were put into an index."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    left_out: int = 0


class SearchFolder:
    """An index in a folder.

    Parameters
    ----------
    directory : Path
        The folder.
    search : ImageSearch
        The index.
    """

    def __init__(self, directory: Path, search: ImageSearch):
        self.directory, self.search = directory, search
        self._pictures = Pictures(directory)

    @staticmethod
    def exists(directory: Path) -> bool:
        """Whether there is an index in a folder."""
        return (directory / MANIFEST).is_file()

    @classmethod
    def open(cls, directory: Path) -> SearchFolder:
        """Read the index of a folder."""
        return cls(directory, ImageSearch.load(directory))

    def is_of(self, embedder: Any) -> bool:
        """Whether the index was made by an embedder of these parameters."""
        return described(self.search.embedder_) == described(embedder)

    def put(self, pairs: Iterable[tuple[str, Any]], *, unique: bool = False) -> Changes:
        """Add images, replace those that have changed, and write the index.

        Parameters
        ----------
        pairs : iterable of (name, image)
            As :func:`skembed.images.scan` yields them.
        unique : bool, default=False
            Whether to leave out images that are equal to others.
        """
        changes = Changes()
        for chunk in _chunks(pairs):
            self._put_chunk(chunk, unique, changes)
        self.save()
        return changes

    def remove(self, names: Sequence[str]) -> None:
        """Take images out, by their names or by paths as the working directory sees them."""
        known = set(self.search.names_.tolist())
        self.search.remove([n if n in known else local_path(n) or n for n in names])
        self.save()

    def save(self) -> None:
        """Write the index; pictures of images that are gone are deleted after it."""
        self.search.save(self.directory)
        self._pictures.sweep(self.search.ids_)

    def picture(self, position: int) -> Any:
        """Return what the picture of an image is read from."""
        return self._pictures.source(self.search.ids_[position], self.search.names_[position])

    def export(self, position: int, target: Path) -> Path:
        """Copy an image, or the picture that is kept of it; return where it is."""
        source = self.picture(position)
        path = target.with_name(f"{target.name}{self._pictures.suffix(source)}")
        shutil.copyfile(source, path)
        return path

    def _put_chunk(self, chunk: list[tuple[str, Any]], unique: bool, changes: Changes) -> None:
        named = {_name(name, image): image for name, image in chunk}  # the last of one name
        names, images = np.array([*named], object), [*named.values()]
        rows = self._rows(images)
        search = self.search
        places = {name: i for i, name in enumerate(search.names_.tolist())}
        readable = ~np.isnan(rows).all(axis=1)
        searched = np.zeros(rows.shape, np.float32)
        searched[readable] = search._metric.searched(rows[readable], names[readable])
        old = [i for i in np.flatnonzero(readable).tolist() if names[i] in places]
        same = [i for i in old if (searched[i] == search.rows_[places[names[i]]]).all()]
        fresh = np.setdiff1d(np.flatnonzero(readable), same)
        replaced = [names[i] for i in old if i not in set(same)]
        if replaced:
            search.remove(replaced)
        kept = search._add_rows(rows[fresh], names[fresh], unique)
        for i, identity in zip(
            fresh[kept], search.ids_[len(search.ids_) - int(kept.sum()) :], strict=True
        ):
            self._pictures.keep(int(identity), images[i])
        n_replaced = len({*replaced} & {*names[fresh[kept]]})
        changes.unchanged += len(same)
        changes.replaced += n_replaced
        changes.added += int(kept.sum()) - n_replaced
        changes.left_out += len(chunk) - len(same) - int(kept.sum())

    def _rows(self, images: list[Any]) -> np.ndarray:
        if hasattr(self.search, "rows_"):
            return embed(self.search, images)
        fitted, rows = fit_embedder(self.search.embedder, images)
        self.search._begin(fitted, rows.shape[1])
        return rows


def _chunks(pairs: Iterable[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    rest = iter(pairs)
    while chunk := list(itertools.islice(rest, _TOGETHER)):
        yield chunk


def _name(name: str, image: Any) -> str:
    """The absolute path of a file, so that it is found from any folder; else the name."""
    path = local_path(image)
    return os.path.normpath(path) if path is not None and has_file(image) else name


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
            temporary.write_bytes(encode(load(item), _KEPT_SIDE))

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
