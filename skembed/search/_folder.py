"""A folder with an index of images and their pictures: what the command and the page work on."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..images import local_path
from ._embedding import described, embed, fit_embedder
from ._pictures import Pictures, has_file
from ._saving import MANIFEST
from .image_search import ImageSearch

_TOGETHER = 256  # images that are embedded, and held, at once


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
