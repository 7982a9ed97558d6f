"""Folders of images: which files are images, in a fixed order, and none lost in silence."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from .._advice import advice
from .._errors import ImageError
from ._files import directory as existing

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp"),
    *(".tif", ".tiff", ".avif", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm", ".tga"),
)
# Not TIFF: the raw files of cameras begin like it, and hold a thumbnail where TIFF has its
# image.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_AT_FOUR = (b"ftypavif", b"ftypheic", b"ftypheix", b"ftypmif1")
_LIST = "images.list_images lists images without labels."
_EMBED = "`skembed embed` takes images without labels."


def from_folders(
    directory: str | os.PathLike[str], *, extensions: Iterable[str] | None = None
) -> tuple[list[str], list[str]]:
    """List the images of a directory with one folder a class.

    Parameters
    ----------
    directory : str or path
        Holds ``CLASS/.../image.jpg``: the first folder is the label, those below it are not.
        Names that begin with a dot are passed over.
    extensions : iterable of str or None, default=None
        The suffixes of images, in any case. None: those of ``IMAGE_SUFFIXES``, and any other
        file that begins like a JPEG, PNG, GIF, WebP, AVIF or HEIC file.

    Returns
    -------
    paths : list of str
        Sorted by class, then by name.
    labels : list of str
        The class of each.

    Raises
    ------
    ImageError
        If there is no such directory, it has fewer than two classes, images lie beside the
        class folders, or a symbolic link is broken or leads out of the directory.

    Warns
    -----
    UserWarning
        If a folder holds no image, and so is no class.

    See Also
    --------
    list_images : Images without labels.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skembed.images import from_folders
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat/1.jpg", "cat/2.JPG", "dog/1.png", "dog/notes.txt"):
    ...         path = pathlib.Path(folder, name)
    ...         path.parent.mkdir(exist_ok=True)
    ...         path.touch()
    ...     paths, labels = from_folders(folder)
    >>> labels
    ['cat', 'cat', 'dog']
    """
    root = existing(directory)
    classes: dict[str, list[str]] = {}
    stray = []
    for path in _images(root, extensions):
        label, *below = path.relative_to(root).parts
        if below:
            classes.setdefault(label, []).append(str(path))
        else:
            stray.append(str(path))
    if not classes and not stray:
        raise _no_image(root)
    if stray:
        raise ImageError(
            f"{len(stray)} image(s) lie in {root} itself ({stray[0]}): put each in the folder "
            f"of its class, DIR/CLASS/image.{advice(_LIST, command=_EMBED)}"
        )
    if len(classes) == 1:
        raise ImageError(
            f"{root} has images of one class only ({next(iter(classes))!r}): labels need at "
            f"least two folders.{advice(_LIST, command=_EMBED)}"
        )
    _warn_of_empty(root, classes)
    ordered = sorted(classes)
    paths = [path for label in ordered for path in classes[label]]
    return paths, [label for label in ordered for _ in classes[label]]


def list_images(
    directory: str | os.PathLike[str], *, extensions: Iterable[str] | None = None
) -> list[str]:
    """List the images of a directory and of the folders below it.

    Parameters
    ----------
    directory : str or path
        Where to look. Names that begin with a dot are passed over.
    extensions : iterable of str or None, default=None
        As in :func:`from_folders`.

    Returns
    -------
    list of str
        Paths, sorted.

    Raises
    ------
    ImageError
        If there is no such directory or no image in it, or a symbolic link is broken or leads
        out of it.

    See Also
    --------
    from_folders : Images with their classes.

    Examples
    --------
    >>> import os, skimage
    >>> from skembed.images import list_images
    >>> paths = list_images(os.path.join(os.path.dirname(skimage.__file__), "data"))
    >>> [os.path.basename(path) for path in paths[:2]]
    ['astronaut.png', 'brick.png']
    """
    root = existing(directory)
    paths = [str(path) for path in _images(root, extensions)]
    if not paths:
        raise _no_image(root)
    return paths


def _no_image(root: Path) -> ImageError:
    return ImageError(
        f"{root} holds no image, at any depth: no file is named "
        f"*{', *'.join(IMAGE_SUFFIXES[:5])} or the like."
    )


def _warn_of_empty(root: Path, classes: dict[str, list[str]]) -> None:
    empty = [path.name for path in _entries(root) if path.is_dir() and path.name not in classes]
    if empty:
        shown = ", ".join(repr(name) for name in empty[:12])
        warnings.warn(f"No image, and so no class, in {root}: {shown}.", stacklevel=3)


def _images(root: Path, extensions: Iterable[str] | None) -> Iterator[Path]:
    suffixes = None
    if extensions is not None:
        given = [extensions] if isinstance(extensions, str) else extensions
        suffixes = tuple(f".{suffix.lstrip('.').lower()}" for suffix in given)
    return _walk(root, root.resolve(), (root.resolve(),), suffixes)


def _walk(
    folder: Path, inside: Path, above: tuple[Path, ...], suffixes: tuple[str, ...] | None
) -> Iterator[Path]:
    for path in _entries(folder):
        real = _followed(path, inside) if path.is_symlink() else None
        if path.is_dir():
            real = real or path.resolve()
            if real in above:
                raise ImageError(f"{path} is a symbolic link to a folder it lies in ({real}).")
            yield from _walk(path, inside, (*above, real), suffixes)
        elif _is_image(path, suffixes):
            yield path


def _entries(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are what is sorted
    except OSError as error:
        raise ImageError(f"{folder} cannot be listed: {error.strerror}.") from error
    return [folder / name for name in names if not name.startswith(".")]


def _followed(link: Path, inside: Path) -> Path:
    try:
        real = link.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise ImageError(f"{link} is a broken symbolic link.") from error
    if not real.is_relative_to(inside):
        raise ImageError(
            f"{link} is a symbolic link out of {inside}, to {real}: copy what it points to, "
            "or pass the paths themselves."
        )
    return real


def _is_image(path: Path, suffixes: tuple[str, ...] | None) -> bool:
    suffix = path.suffix.lower()
    if suffixes is not None:
        return suffix in suffixes
    return suffix in IMAGE_SUFFIXES or _begins_like_one(path)


def _begins_like_one(path: Path) -> bool:
    if not path.is_file():  # a pipe would wait for ever
        return False
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from error
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return webp or start.startswith(_BEGINNINGS) or start[4:12] in _AT_FOUR
