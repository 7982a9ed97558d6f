"""Folders of images: their files in a fixed order, with a warning for those left out."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from .._errors import ImageError, advice, level_of_caller
from ._locations import directory as existing

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp"),
    *(".tif", ".tiff", ".avif", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm", ".tga"),
)
# Suffixes of images that are not read. A warning counts files that have one.
_OTHER_SUFFIXES = {
    *(
        ".heic",
        ".heif",
        ".hif",
        ".avifs",
        ".jxl",
        ".jxr",
        ".wdp",
        ".jpf",
        ".jpx",
        ".jpc",
        ".j2c",
    ),
    *(".svg", ".svgz", ".eps", ".ai", ".psd", ".psb", ".xcf", ".kra", ".exr", ".hdr", ".pfm"),
    *(".ico", ".icns", ".cur", ".dds", ".pcx", ".sgi", ".qoi", ".xbm", ".xpm", ".mpo", ".fits"),
    *(".btf", ".tf8", ".svs", ".ndpi", ".scn", ".czi", ".lif", ".vsi", ".dcm", ".raw", ".dng"),
    *(".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".sr2", ".srf", ".srw", ".raf", ".orf"),
    *(".rw2", ".rwl", ".pef", ".x3f", ".erf", ".kdc", ".dcr", ".mrw", ".3fr", ".iiq"),
}
# TIFF is left out, because cameras' raw files begin like it and hold only a thumbnail there.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_AT_FOUR = (b"ftypavif", b"ftypheic", b"ftypheix", b"ftypmif1")
_LIST = "images.list_images lists images without labels."
_EXTENSIONS = "Or say with extensions= which suffixes to list."
_EMBED = "`skembed embed` takes images without labels."


def from_folders(
    directory: str | os.PathLike[str], *, extensions: Iterable[str] | None = None
) -> tuple[list[str], list[str]]:
    """List the images of a directory with one folder a class.

    Parameters
    ----------
    directory : str or path
        Holds ``CLASS/.../image.jpg``: the first folder is the label, those below it are not.
        Names that begin with a dot are passed over. Symbolic links are followed, wherever they
        lead.
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
        class folders, or a symbolic link leads to a folder that it lies in.

    Warns
    -----
    UserWarning
        If a folder holds no image, and so is no class; if files are left out whose suffixes are
        those of images all the same (``.heic``, ``.psd``, camera raw files); if symbolic links
        that are named like images lead nowhere: they are listed, and cannot be read.

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
    listing = _Listing(root, extensions)
    for path in listing.images():
        label, *below = path.relative_to(root).parts
        if below:
            classes.setdefault(label, []).append(str(path))
        else:
            stray.append(str(path))
    if not classes and not stray:
        listing.warn()
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
    listing.warn()
    _warn_of_empty(root, classes)
    ordered = sorted(classes)
    paths = [path for label in ordered for path in classes[label]]
    return paths, [label for label in ordered for _ in classes[label]]


def classes_of_names(names: Sequence[str]) -> list[str]:
    """Return the class of each image of an archive or a list: the folder in which it lies.

    Folders that all of them lie in are none; of those below, the first one is the class.

    Raises
    ------
    ImageError
        If some lie in no folder of a class, or all in one.

    Examples
    --------
    >>> from skembed.images._folders import classes_of_names
    >>> classes_of_names(["a.zip/photos/cat/1.jpg", "a.zip/photos/dog/old/1.jpg"])
    ['cat', 'dog']
    """
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    levels = enumerate(zip(*folders, strict=False))
    shared = next((i for i, level in levels if len(set(level)) > 1), min(map(len, folders)))
    stray = [name for name, parts in zip(names, folders, strict=True) if len(parts) == shared]
    if len(stray) == len(names):
        raise ImageError(
            f"The images lie in one folder ({names[0]} and others): labels need at least two, "
            "CLASS/image."
        )
    if stray:
        raise ImageError(
            f"{len(stray)} image(s) lie beside the folders of classes ({stray[0]}): put each in "
            "that of its class."
        )
    return [parts[shared] for parts in folders]


def list_images(
    directory: str | os.PathLike[str], *, extensions: Iterable[str] | None = None
) -> list[str]:
    """List the images of a directory and of the folders below it.

    Parameters
    ----------
    directory : str or path
        Where to look. Names that begin with a dot are passed over. Symbolic links are followed,
        wherever they lead.
    extensions : iterable of str or None, default=None
        As in :func:`from_folders`.

    Returns
    -------
    list of str
        Paths, sorted.

    Raises
    ------
    ImageError
        If there is no such directory or no image in it, or a symbolic link leads to a folder that
        it lies in.

    Warns
    -----
    UserWarning
        If files are left out, or links lead nowhere, as in :func:`from_folders`.

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
    listing = _Listing(root, extensions)
    paths = [str(path) for path in listing.images()]
    listing.warn()
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
        warnings.warn(
            f"No image, and so no class, in {root}: {shown}.", stacklevel=level_of_caller()
        )


class _Listing:
    """Lists the images of a directory, and notes which files were left out or are broken links.

    Parameters
    ----------
    root : Path
        The directory.
    extensions : iterable of str or None
        The suffixes of images; None for the usual ones.
    """

    def __init__(self, root: Path, extensions: Iterable[str] | None):
        self._root = root
        self._suffixes = normal_suffixes(extensions)
        self._left_out: Counter[str] = Counter()
        self._broken: list[Path] = []

    def images(self) -> Iterator[Path]:
        """Yield the paths of images, those of each folder sorted."""
        return self._walk(self._root, (self._root.resolve(),))

    def warn(self) -> None:
        """Warn of files that were left out, and of those that cannot be read."""
        if self._left_out:
            counts = ", ".join(f"{n} {suffix}" for suffix, n in self._left_out.most_common())
            warnings.warn(
                f"Left out {self._left_out.total()} files in {self._root} that have the suffix of "
                f"an image which is not read: {counts}. Convert them to JPEG or PNG."
                f"{advice(_EXTENSIONS)}",
                stacklevel=level_of_caller(),
            )
        if self._broken:
            first = self._broken[0]
            warnings.warn(
                f"{len(self._broken)} broken symbolic links are listed as images and cannot be "
                f"read, the first {first} -> {first.readlink()}: bring back what they point to, or "
                "remove them.",
                stacklevel=level_of_caller(),
            )

    def _walk(self, folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
        for path in _entries(folder):
            if path.is_dir():
                real = path.resolve()
                if real in above:
                    raise ImageError(
                        f"{path} is a symbolic link to a folder it lies in ({real})."
                    )
                yield from self._walk(path, (*above, real))
            elif self._is_image(path):
                if not os.path.exists(path):  # noqa: PTH110 - Path raises for some broken links
                    self._broken.append(path)
                yield path

    def _is_image(self, path: Path) -> bool:
        suffix = path.suffix.lower()
        if is_image_suffix(suffix, self._suffixes):
            return True
        if self._suffixes is None and _begins_like_one(path):
            return True
        is_other = self._suffixes is None and suffix in _OTHER_SUFFIXES
        self._left_out.update([suffix] if is_other else ())
        return False


def normal_suffixes(extensions: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return suffixes in small letters, with their dot."""
    if extensions is None:
        return None
    given = [extensions] if isinstance(extensions, str) else extensions
    return tuple(f".{suffix.lstrip('.').lower()}" for suffix in given)


def is_image_suffix(suffix: str, suffixes: tuple[str, ...] | None = None) -> bool:
    """Whether a file of that suffix is an image; `suffixes` are those of `normal_suffixes`."""
    return suffix.lower() in (IMAGE_SUFFIXES if suffixes is None else suffixes)


def _entries(folder: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are what is sorted
    except OSError as error:
        raise ImageError(f"{folder} cannot be listed: {error.strerror}.") from error
    return [folder / name for name in names if not name.startswith(".")]


def _begins_like_one(path: Path) -> bool:
    if not path.is_file():  # reading a pipe could block for ever
        return False
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from error
    return begins_like_image(start)


def begins_like_image(start: bytes) -> bool:
    """Whether bytes begin like a JPEG, PNG, GIF, WebP, AVIF or HEIC file."""
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return webp or start.startswith(_BEGINNINGS) or start[4:12] in _AT_FOUR
