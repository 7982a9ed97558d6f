"""A part of an image as an image: which part, and what all parts of a photograph share."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np

from .._errors import ImageError

ROTATIONS = (0, 90, 180, 270)
Box = tuple[int, int, int, int]
_KEPT_BYTES = 2**28  # of photographs, encoded and decoded, that the parts in one X share


@dataclass(frozen=True, slots=True)
class Region:
    """A part of an image, which is an image like any other.

    It stands in X wherever an image may. All regions of one photograph in an X share it: it is read
    and decoded once. Each has a row of its own in the store.

    Parameters
    ----------
    source : path, URL, bytes, dict, open file, PIL image or array
        The image.
    box : (int, int, int, int) or None, default=None
        x and y of the upper left corner, width and height, in pixels of the upright image (its EXIF
        orientation has been applied); None is the whole of it.
    rotation : {0, 90, 180, 270}, default=0
        Degrees by which the part is turned clockwise, once it is cut out.

    Raises
    ------
    TypeError
        If `source` is a region itself, or the box is not four numbers.
    ValueError
        If the box has fractions, a negative corner or no pixels, or there is no such rotation.

    See Also
    --------
    regions : Make them from the columns of a frame.

    Notes
    -----
    Whether the box lies inside the image is known once that is decoded; if not, it is an image that
    cannot be read. The network sees the region alone: no pixel beside it is mixed in. JPEGs are
    decoded in full, whatever `decoding` is.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed.images import Region, load
    >>> photograph = np.arange(12, dtype=np.uint8).reshape(3, 4)
    >>> load(Region(photograph, box=(1, 0, 2, 3)))[..., 0]
    array([[ 1,  2],
           [ 5,  6],
           [ 9, 10]], dtype=uint8)
    >>> load(Region(photograph, (1, 0, 2, 3), rotation=90))[..., 0]
    array([[ 9,  5,  1],
           [10,  6,  2]], dtype=uint8)
    """

    source: Any
    box: Box | None = None
    rotation: int = 0
    photograph: Photograph | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.source, Region):
            raise TypeError("The source of a region is a region: give the image and one box.")
        if self.rotation not in ROTATIONS or isinstance(self.rotation, bool):
            raise ValueError(
                f"rotation is {self.rotation!r}; allowed: 0, 90, 180 or 270 degrees."
            )
        object.__setattr__(self, "rotation", int(self.rotation))
        if self.box is not None:
            object.__setattr__(self, "box", checked_box(self.box))

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.source, self.box, self.rotation)  # without what is decoded

    def of(self, photograph: Photograph) -> Region:
        """Return the same region, which shares a photograph with others.

        Parameters
        ----------
        photograph : Photograph
            Of its source.

        Returns
        -------
        Region
            Equal to this one.
        """
        region = dataclasses.replace(self)
        object.__setattr__(region, "photograph", photograph)
        return region

    @property
    def is_whole(self) -> bool:
        """Whether it is the image itself."""
        return self.box is None and not self.rotation

    @property
    def name(self) -> str:
        """What messages add to the name of the image."""
        box = "" if self.box is None else f" {self.box}"
        turned = f" turned by {self.rotation} degrees" if self.rotation else ""
        return "" if self.is_whole else f", region{box}{turned}"

    def digest(self, source_digest: bytes) -> bytes:
        """Digest which part it is of a source whose digest is known.

        Parameters
        ----------
        source_digest : bytes
            Of the whole image.

        Returns
        -------
        bytes of length 16
            That of the source for the whole image.
        """
        if self.is_whole:
            return source_digest
        facts = f"{self.box} {self.rotation}\n".encode() + source_digest
        return hashlib.blake2b(facts, digest_size=16, person=b"skembed-region").digest()

    def cut(self, pixels: np.ndarray, name: str) -> np.ndarray:
        """Return its part of an upright image, as a view.

        Parameters
        ----------
        pixels : array of shape (height, width) or (height, width, channels)
            The whole image.
        name : str
            Of the region, for messages.

        Returns
        -------
        array
            It has as many axes.

        Raises
        ------
        ImageError
            If the box does not lie inside the image.
        """
        if self.box is not None:
            x, y, width, height = self.box
            if x + width > pixels.shape[1] or y + height > pixels.shape[0]:
                raise ImageError(
                    f"{name} does not lie inside the image, which is {pixels.shape[1]} pixels "
                    f"wide and {pixels.shape[0]} high: a box is x, y, width and height."
                )
            pixels = pixels[y : y + height, x : x + width]
        return np.rot90(pixels, -self.rotation // 90) if self.rotation else pixels


def checked_box(box: Any) -> Box:
    """Return a box as four ints, or raise an error that says what is wrong with it."""
    sides = box.tolist() if isinstance(box, np.ndarray) else box
    if not isinstance(sides, Sequence) or isinstance(sides, str) or len(sides) != 4:
        raise TypeError(f"box is {box!r}; allowed: (x, y, width, height), or None.")
    if not all(isinstance(side, Real) and not isinstance(side, bool) for side in sides):
        raise TypeError(f"box is {box!r}, which are not four numbers.")
    if not all(isinstance(side, Integral) or float(side).is_integer() for side in sides):
        raise ValueError(
            f"box is {box!r}: a box has whole pixels. Round it outwards or inwards first."
        )
    x, y, width, height = (int(side) for side in sides)
    if x < 0 or y < 0:
        raise ValueError(f"box is {box!r}: its corner lies outside the image.")
    if width < 1 or height < 1:
        raise ValueError(f"box is {box!r}: it has no pixels ({width} wide, {height} high).")
    return x, y, width, height


class Photograph:
    """An image several parts of which are wanted; threads may share it.

    What was read and decoded is kept as long as the album has room. What could not be read is not
    tried again: a server is not asked for each of a thousand regions.
    """

    def __init__(self, album: Album):
        self._album = album
        self._lock = threading.Lock()
        self._errors: dict[Any, str] = {}

    def read(self, read: Callable[[], Any]) -> tuple[Any, bytes]:
        """Return what `read` returns, and its digest; it is not called again without need."""
        return self._kept(
            "read", lambda: _with_digest(read()), lambda both: _size(both[0].data)
        )

    def decoded(self, digest: bytes, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """Return what `decode` makes of the content of that digest."""
        return self._kept(digest, decode, _size)

    def _kept(self, what: Any, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        with self._lock:  # several threads want it at once, and one of them makes it
            if what in self._errors:
                raise ImageError(self._errors[what])
            value = self._album.get((self, what))
            if value is None:
                try:
                    value = make()
                except ImageError as error:
                    self._errors[what] = str(error)
                    raise
                self._album.put((self, what), value, size(value))
            return value


class Album:
    """The photographs of one X whose parts are wanted: what is known of them, within bounds."""

    def __init__(self) -> None:
        self._photographs: dict[Any, Photograph] = {}
        self._kept: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._n_bytes = 0
        self._lock = threading.Lock()

    def photograph(self, source: Any) -> Photograph:
        """Return the one photograph of a source, which a path or URL names."""
        key = (
            str(source)
            if isinstance(source, str) or hasattr(source, "__fspath__")
            else id(source)
        )
        return self._photographs.setdefault(key, Photograph(self))

    def get(self, key: Any) -> Any:
        """Return what is kept under a key; None if it is not."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Any, value: Any, n_bytes: int) -> None:
        """Keep a value, and no more than the bound of those before it."""
        with self._lock:
            self._kept[key] = value, n_bytes
            self._n_bytes += n_bytes
            while self._n_bytes > _KEPT_BYTES and len(self._kept) > 1:
                _, (_, freed) = self._kept.popitem(last=False)
                self._n_bytes -= freed


def _with_digest(raw: Any) -> tuple[Any, bytes]:
    return raw, raw.digest()


def _size(content: Any) -> int:
    return getattr(content, "nbytes", 0) or len(content)
