"""Images that are nearly the same: copies, other encodings, other sizes and crops."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..estimators.pretrained import PretrainedEmbedder
from ..images import Raw, as_items, load, read
from ._embedding import fit_embedder
from ._groups import groups_of, near_pairs

SAME_BYTES, SAME_PIXELS, NEAR = "same bytes", "same pixels", "near"
_EQUAL = 1e-3  # within rounding: whose pixels are compared


def near_duplicates(
    images: Any,
    *,
    embedder: Any = None,
    threshold: float | str = "auto",
    mirrored: bool = False,
) -> Bunch:
    """Find images that are nearly the same, and the groups that they make.

    Parameters
    ----------
    images : sequence of n images
        As the embedder takes them.
    embedder : transformer of images or None, default=None
        None: ``PretrainedEmbedder()``.
    threshold : float or "auto", default="auto"
        The largest angular distance, ``sqrt(2 - 2 cos)``, of images that are nearly the same.
        ``"auto"`` is a third of the median distance of two of the images, so that it fits every
        network; 0.35 where there are fewer than 20 images.
    mirrored : bool, default=False
        Whether to compare with mirrored images as well. Each image then runs through the network
        twice. Many networks hardly tell an image from its mirror image: try without.

    Returns
    -------
    Bunch
        ``groups`` : int array of shape (n,)
            The number of each image's group. An image that is like no other is a group of its own.
            It serves as ``groups`` of scikit-learn's ``GroupKFold``.
        ``pairs`` : DataFrame
            ``first`` and ``second`` are positions in `images`. ``kind`` is ``"same bytes"``,
            ``"same pixels"`` (another encoding of the same) or ``"near"``. ``distance`` is the
            angular distance. Of images with equal embeddings each is paired with the first of them.
        ``threshold`` : float
            The one that was used.

    Raises
    ------
    ValueError
        If the threshold is not from 0 to 2, or so large that more than 20 million pairs are within.
    ImageError
        If an image cannot be read. With ``on_error="nan"`` it is a group of its own.

    See Also
    --------
    ImageSearch : The nearest images, however far.

    Notes
    -----
    Groups are what chains of pairs join: the first and the last image of a chain may look
    different. Beyond the embeddings, memory is bounded.

    Examples
    --------
    >>> import numpy as np
    >>> from skimage import data
    >>> from sklearn.model_selection import GroupKFold
    >>> from skembed import PretrainedEmbedder, near_duplicates
    >>> images = [data.coffee(), data.chelsea(), data.coffee()[10:, 10:], data.astronaut()]
    >>> found = near_duplicates(images, embedder=PretrainedEmbedder(image_size=64))
    >>> found.groups
    array([0, 1, 0, 2])
    >>> found.pairs[["first", "second", "kind"]]
       first  second  kind
    0      0       2  near

    So that no image is tested by a classifier that has seen nearly the same:

    >>> for train, test in GroupKFold(3).split(images, groups=found.groups):
    ...     print(train, test)
    [1 3] [0 2]
    [0 1 2] [3]
    [0 2 3] [1]
    """
    if threshold != "auto" and not (isinstance(threshold, Real) and 0 <= float(threshold) <= 2):
        raise ValueError(
            f"threshold must be 'auto', or a number from 0 to 2; got {threshold!r}."
        )
    embedder = PretrainedEmbedder() if embedder is None else embedder
    items = as_items(images, root=getattr(embedder, "root", None))
    fitted, rows = fit_embedder(embedder, items)
    turned = None if not mirrored else _mirrored_rows(fitted, items)
    (first, second, distances), used = near_pairs(
        rows, None if threshold == "auto" else float(threshold), turned
    )
    kinds = _Kinds(items, getattr(embedder, "color_space", "rgb"))
    pairs = pd.DataFrame(
        {
            "first": first,
            "second": second,
            "kind": [
                kinds.of(*pair) if distance <= _EQUAL else NEAR
                for *pair, distance in zip(first, second, distances, strict=True)
            ],
            "distance": distances,
        }
    )
    return Bunch(groups=groups_of(len(items), first, second), pairs=pairs, threshold=used)


class _Kinds:
    """Says what two images have in common, whose embeddings are equal.

    Parameters
    ----------
    items : sequence of images
        All of them; only those that are asked about are read.
    color_space : str
        Of arrays.
    """

    def __init__(self, items: Sequence[Any], color_space: str):
        self._items, self._color_space = items, color_space
        self._known: dict[int, tuple[bytes, bytes]] = {}

    def of(self, first: int, second: int) -> str:
        """Return the kind of a pair."""
        one, other = self._digests(int(first)), self._digests(int(second))
        if one[0] == other[0]:
            return SAME_BYTES
        return SAME_PIXELS if one[1] == other[1] else NEAR

    def _digests(self, i: int) -> tuple[bytes, bytes]:
        """Of what is read, and of the pixels; an array has no encoding, and so one of its own."""
        if i not in self._known:
            raw = read(self._items[i], color_space=self._color_space)
            pixels = load(self._items[i], color_space=self._color_space)
            own = raw.digest() if isinstance(raw.data, bytes) else b"%d" % i
            self._known[i] = own, Raw(pixels, raw.name).digest()
        return self._known[i]


class _Mirrored:
    """An image that is mirrored when the embedder comes to it."""

    def __init__(self, item: Any):
        self._item = item

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        pixels = np.ascontiguousarray(load(self._item)[:, ::-1])
        return pixels if dtype is None else pixels.astype(dtype)


def _mirrored_rows(embedder: Any, items: Sequence[Any]) -> np.ndarray:
    if getattr(embedder, "color_space", "rgb") != "rgb":
        raise ValueError("mirrored=True takes color_space='rgb' only.")
    return np.asarray(embedder.transform([_Mirrored(item) for item in items]))
