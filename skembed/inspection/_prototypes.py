"""Where in images the prototypes of a ``PrototypeEmbedder`` come from, and where they occur."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..estimators._patch_samples import patch_boxes
from ..estimators.prototypes import PrototypeEmbedder
from ..images import Region, as_items


def prototype_regions(
    embedder: PrototypeEmbedder, X: Any, prototypes: Sequence[int] | None = None
) -> list[Region]:
    """Return the part of a training image that each prototype was taken from.

    Parameters
    ----------
    embedder : PrototypeEmbedder
        Fitted, with a method whose prototypes are patches.
    X : sequence of images, of length n_samples
        Those that it was fitted on, in the same order.
    prototypes : sequence of int, optional
        Which prototypes; by default all.

    Returns
    -------
    list of Region
        One for each prototype: an image, as :func:`gallery` and every embedder take it.

    Raises
    ------
    TypeError
        If `embedder` is something else.
    ValueError
        If its prototypes are no patches, or X has too few images.

    See Also
    --------
    prototype_matches : Where a prototype occurs in other images.
    gallery : Show them.

    Notes
    -----
    Of HMAX, a region is all that the patch was computed from. Of other networks it is the part of
    the image that lies under the patch's places, where a layer's places are cells of equal size
    that cover the network's input. What the patch was computed from, its receptive field, is
    larger: in deep layers it may be the whole image.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PrototypeEmbedder, inspection
    >>> X = [data.coffee(), data.chelsea()]
    >>> embedder = PrototypeEmbedder(n_prototypes=4, random_state=0).fit(X)
    >>> regions = inspection.prototype_regions(embedder, X)
    >>> inspection.gallery(regions)
    <Gallery of 4 images>
    """
    _check(embedder)
    locations = embedder.prototype_locations_
    if locations is None:
        raise ValueError(
            f"The prototypes of method={embedder.method!r} are no patches of images: "
            "'imprint', 'nearest_kmeans' and 'kmedoids' take patches."
        )
    items = as_items(X, root=embedder.root)
    if locations[:, 0].max() >= len(items):
        raise ValueError(
            f"X has {len(items):,} images, and a prototype was taken from image "
            f"{locations[:, 0].max()}: give those that the embedder was fitted on."
        )
    chosen = locations if prototypes is None else locations[np.asarray(prototypes, int)]
    return [_region(embedder, items[image], place) for image, *place in chosen.tolist()]


def prototype_matches(embedder: PrototypeEmbedder, X: Any, prototype: int) -> list[Region]:
    """Return the part of each image that is most like a prototype.

    Its response is the image's value in that column of ``embedder.transform(X)``.

    Parameters
    ----------
    embedder : PrototypeEmbedder
        Fitted, with any method.
    X : sequence of images, of length n_samples
        Any images.
    prototype : int
        Which prototype.

    Returns
    -------
    list of Region
        One for each image, as :func:`gallery` and every embedder take it. What it is of an image
        is said with :func:`prototype_regions`.

    Raises
    ------
    TypeError
        If `embedder` is something else.
    ValueError
        If there is no such prototype, or an image cannot be read.
    ImageError
        If an image cannot be read and ``embedder.on_error`` is ``"raise"``.

    See Also
    --------
    prototype_regions : Where prototypes come from.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PrototypeEmbedder, inspection
    >>> X = [data.coffee(), data.chelsea()]
    >>> embedder = PrototypeEmbedder(n_prototypes=4, random_state=0).fit(X)
    >>> (there,) = inspection.prototype_regions(embedder, X, [0])
    >>> here, elsewhere = inspection.prototype_matches(embedder, X, 0)
    >>> here.box == there.box  # it is most like itself
    True
    """
    _check(embedder)
    if not 0 <= prototype < len(embedder.prototypes_):
        n = len(embedder.prototypes_)
        raise ValueError(f"There are {n:,} prototypes, 0 to {n - 1}; got {prototype!r}.")
    items, found = as_items(X, root=embedder.root), []
    for piece in embedder._extracted(items):
        if not piece.readable.all():
            row = piece.positions[~piece.readable][0]
            raise ValueError(f"Row {row} of X cannot be read, and has no part to show.")
        places = embedder._places(piece.rows)[:, prototype]
        found += [
            _region(embedder, items[i], place)
            for i, place in zip(piece.positions, places.tolist(), strict=True)
        ]
    return found


def _check(embedder: Any) -> None:
    if not isinstance(embedder, PrototypeEmbedder):
        raise TypeError(f"embedder is {type(embedder).__name__}; expected a PrototypeEmbedder.")
    check_is_fitted(embedder)


def _region(embedder: PrototypeEmbedder, item: Any, place: list[int]) -> Region:
    """The part of an image under a patch."""
    spec, width = embedder._checked_spec(), embedder.prototypes_.shape[1]
    (box,), _ = patch_boxes(spec, embedder._layer(), item, [place], width, embedder.color_space)
    return Region(item, box)
