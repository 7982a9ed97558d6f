"""`scan`: the images of a source with their names, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from numbers import Integral
from pathlib import Path, PurePosixPath
from typing import Any

from ..._errors import ImageError
from ..._progress_bar import progress_bar
from .._folders import normal_suffixes
from .._locations import directory, is_http, is_in_object_store
from ._kinds import Reading, open_source
from ._source import Bounds, Source

# Of what a text is taken for that names a file: its content is asked when it is opened.
_SUFFIXES = (".tar", ".tgz", ".tbz2", ".txz", ".zip", ".gz", ".bz2", ".xz", ".txt")

_MOST_IMAGES = 10_000_000
_MOST_BYTES = 2**40


def scan(
    source: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    extensions: Iterable[str] | None = None,
    max_images: int = _MOST_IMAGES,
    max_bytes: int = _MOST_BYTES,
    progress: bool | str | Callable[[int, int | None], Any] = "auto",
) -> Scan:
    """Name every image of a source: a folder, a glob, a list, or an archive.

    Parameters
    ----------
    source : str or path
        One of

        - a folder: its images and those of the folders below it, as :func:`list_images` lists them;
        - a glob: the files that match, sorted; ``**`` stands for folders at any depth;
        - a list: a text or CSV file in UTF-8 with a path or URL in each row's first column, with a
          heading or without;
        - an archive: the images in a tar or zip file, one after the other in memory; nothing is
          extracted. Links, devices, encrypted and damaged files, those larger than
          ``max_image_bytes``, and those whose names lead out of the archive are left out, and one
          warning counts them;
        - a list compressed by gzip, bzip2, xz or zip, and a tar archive by the first three;
        - an image: itself;
        - the URL of one of the last four, of at most ``max_image_bytes``; a list from a server
          names URLs, or paths beside it there, and no file of this machine;
        - the URL of a folder, a glob or any file above in an object store (``s3://bucket/photos``),
          with the extra ``remote``.

    root : str or path, optional
        The folder that relative paths of a list start from; by default the working directory.
    extensions : iterable of str or None, default=None
        The suffixes of images in a folder, as in :func:`from_folders`.
    max_images : int, default=10 000 000
        A source of more images is refused.
    max_bytes : int, bytes, default=1 TiB
        A source of which more has to be downloaded or unpacked is refused.
    progress : {"auto", True, False} or callable, default="auto"
        ``"auto"`` shows a bar in terminals and notebooks for work of more than a second; a
        callable is called with ``(done, total)``, where total may be None.

    Returns
    -------
    Scan
        Iterate over it for (name, image): the name is a str, the path, what the list says, or
        ``ARCHIVE/name``, and the image what the estimators and :func:`read` take. Each iteration
        begins anew. It has a length where the number of images is known beforehand.

    Raises
    ------
    ImageError
        If there is no such source, or no image in it.
    MissingLibraryError
        If it is in an object store, and fsspec or the store's own library is not installed.
    TypeError, ValueError
        If a parameter is of another kind.

    See Also
    --------
    list_images, from_folders : The files of a folder, the latter with their classes.

    Examples
    --------
    >>> import os, skimage
    >>> from skembed import images
    >>> found = images.scan(os.path.join(os.path.dirname(skimage.__file__), "data", "ro*.jpg"))
    >>> for name, image in found:
    ...     print(os.path.basename(name), images.load(image).shape)
    rocket.jpg (427, 640, 3)
    """
    if not isinstance(source, str | os.PathLike):
        raise TypeError(
            f"source is {type(source).__name__}: scan takes the path of a folder or file, a glob "
            "or a URL. A list of images is an X already."
        )
    bounds = Bounds(
        max_images=_positive(max_images, "max_images"),
        max_bytes=_positive(max_bytes, "max_bytes"),
    )
    start = None if root is None else directory(root, "root: ")
    suffixes = normal_suffixes(extensions)
    found = open_source(source, Reading(bounds=bounds, suffixes=suffixes, root=start))
    if found.n_images is not None and found.n_images > max_images:
        raise ImageError(
            f"{found.name} has {found.n_images:,} images, more than max_images={max_images:,}."
        )
    return Scan(found, progress)


def is_scanned(text: str) -> bool:
    """Whether a text means an archive or a list, a file or a URL, or what lies in an object store.

    All else that names images is listed without being opened. What a file really is, its content
    says when it is scanned.
    """
    if is_in_object_store(text):
        return True
    name = text.partition("?")[0]
    is_there = is_http(name) or Path(text).expanduser().is_file()
    return is_there and PurePosixPath(name).suffix.lower() in _SUFFIXES


class Scan:
    """The images of a source with their names; made by :func:`scan`.

    Iterating gives pairs (name, image). Each iteration begins anew.

    Parameters
    ----------
    source : Source
        Where they come from.
    progress : {"auto", True, False} or callable
        Who is told how far an iteration is.

    See Also
    --------
    scan : Make one.

    Examples
    --------
    >>> import os, skimage
    >>> from skembed import images
    >>> found = images.scan(os.path.join(os.path.dirname(skimage.__file__), "data", "*.jpg"))
    >>> len(found)
    3
    """

    def __init__(self, source: Source, progress: Any = "auto"):
        self._source, self._progress = source, progress

    def __repr__(self) -> str:
        n = "" if self._source.n_images is None else f" of {self._source.n_images:,} images"
        return f"<scan{n}: {self._source.name}>"

    @property
    def source(self) -> Source:
        """Where they come from, without a bar."""
        return self._source

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        total = self._source.n_images
        bar = progress_bar(self._progress, total, os.path.basename(self._source.name))  # noqa: PTH119
        try:
            for done, pair in enumerate(self._source.pairs(), 1):
                yield pair
                if bar is not None:
                    bar.update()
                if callable(self._progress):
                    self._progress(done, total)
        finally:
            if bar is not None:
                bar.close()

    def __len__(self) -> int:
        if self._source.n_images is None:
            raise TypeError(f"How many images {self._source.name} holds is known at its end.")
        return self._source.n_images


def _positive(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be an int of 1 or more, got {value!r}.")
    return int(value)
