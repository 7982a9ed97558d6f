"""The maps of training images, as methods that make prototypes see them, and weights of patches.

The weights are those of Glimpse's weighted k-means.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..extraction._spec import ExtractionSpec
from ..extraction._window import Piece
from ..formats._network import Layer
from ..formats.hmax import Operation
from ..images import load
from ._matching import strongest, unit_length
from ._patch_samples import draw_patches, patch_boxes

N_IMPRINTED = 250  # patches whose quality is measured, as in Glimpse
_NEIGHBOURS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingMaps:
    """What prototypes are learnt from.

    Parameters
    ----------
    items : list
        The training images.
    y : sequence or None
        Their classes.
    masks : sequence or None
        What shows the object of each.
    extracted : callable
        Gives the maps of images, as rows, in pieces.
    spec : ExtractionSpec
        How images come to the network.
    layer : Layer
        Whose maps.
    operation : Operation
        How a patch and a prototype are compared.
    patch_width : int
        Rows and columns of a patch.
    color_space : str
        The channels of images given as arrays.
    """

    items: list[Any]
    y: Any
    masks: Any
    extracted: Callable[[list[Any]], Iterator[Piece]]
    spec: ExtractionSpec
    layer: Layer
    operation: Operation
    patch_width: int
    color_space: str

    @property
    def patch_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of a patch."""
        return self.patch_width, self.patch_width, self.layer.map_shapes[0][-1]

    def draw(self, n: int, rng: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return `n` flat patches, and the image, the scale, the row and the column of each."""
        return draw_patches(
            self.extracted, self.items, n, self.layer.map_shapes, self.patch_width, rng
        )

    def as_prototypes(self, made: np.ndarray) -> np.ndarray:
        """Return prototypes in the shape of patches, of unit length where that is compared."""
        prototypes = made.reshape(-1, *self.patch_shape)
        if self.operation.is_normalised:
            prototypes = unit_length(prototypes)
        return prototypes.astype(np.float32)

    def object_parts(self, locations: np.ndarray) -> np.ndarray:
        """Return how much of each patch lies on an object, between 0 and 1.

        Raises
        ------
        ValueError
            If a mask has another size than its image.
        """
        parts, masks = np.zeros(len(locations)), list(self.masks)
        for image in np.unique(locations[:, 0]):
            here = locations[:, 0] == image
            boxes, size = patch_boxes(
                self.spec,
                self.layer,
                self.items[image],
                locations[here, 1:].tolist(),
                self.patch_width,
                self.color_space,
            )
            parts[here] = object_parts(masks[image], boxes, size, f"masks[{image}]")
        return parts

    def expected_quality(self, patches: np.ndarray, rng: Any) -> np.ndarray:
        """Return how much each of some flat patches is expected to tell of the classes."""
        imprinted, _ = self.draw(N_IMPRINTED, rng)
        prototypes, shapes = self.as_prototypes(imprinted), self.layer.map_shapes
        images, responses = [], []
        for piece in self.extracted(self.items):
            rows = piece.rows[piece.readable]
            images.append(piece.positions[piece.readable])
            responses.append(strongest(rows, shapes, prototypes, self.operation))
        y = np.asarray(self.y)[np.concatenate(images)]
        return expected_quality(imprinted, np.concatenate(responses), y, patches, rng)


def object_parts(mask: Any, boxes: list[Any], size: tuple[int, int], name: str) -> np.ndarray:
    """Return how much of each box lies on the object that a mask shows.

    Parameters
    ----------
    mask : array of shape (height, width), image or None
        Not 0 where the object is; None where there is none.
    boxes : list of (int, int, int, int)
        x, y, width and height.
    size : (int, int)
        Height and width of the image.
    name : str
        What messages call the mask.

    Returns
    -------
    float array of shape (n_boxes,)
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the mask has another size than the image.

    Examples
    --------
    >>> import numpy as np
    >>> mask = np.zeros((4, 4), bool)
    >>> mask[:, 2:] = True
    >>> object_parts(mask, [(0, 0, 2, 4), (1, 0, 2, 4)], (4, 4), "mask").tolist()
    [0.0, 0.5]
    """
    if mask is None:
        return np.zeros(len(boxes))
    pixels = mask if isinstance(mask, np.ndarray) else load(mask)
    is_object = (pixels != 0).reshape(*pixels.shape[:2], -1).any(axis=-1)
    if is_object.shape != size:
        raise ValueError(
            f"{name} has {is_object.shape[0]} x {is_object.shape[1]} pixels, and its image "
            f"{size[0]} x {size[1]}: a mask has a pixel for each of the image's, upright."
        )
    return np.array([is_object[y : y + h, x : x + w].mean() for x, y, w, h in boxes])


def expected_quality(
    imprinted: np.ndarray, responses: np.ndarray, y: Any, patches: np.ndarray, rng: Any
) -> np.ndarray:
    """Return what patches are expected to tell of classes, by what they look like [1]_.

    A linear classifier of the responses to imprinted prototypes says how good each of these is:
    the sum of its squared coefficients. A patch is expected to be as good as those that are most
    like it in mean, deviation, extremes and two quantiles.

    Parameters
    ----------
    imprinted : float array of shape (n_imprinted, n_values)
        Patches that are prototypes.
    responses : float array of shape (n_images, n_imprinted)
        Their strongest responses to the images.
    y : array of shape (n_images,)
        Classes.
    patches : float array of shape (n_patches, n_values)
        Whose quality is asked for.
    rng : RandomState
        The generator.

    Returns
    -------
    float array of shape (n_patches,)
        0 and more.

    References
    ----------
    .. [1] E. Krupka, A. Navot, N. Tishby, "Learning to select features using their properties",
       Journal of Machine Learning Research 9, 2008.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # it need not be the best classifier
        svm = LinearSVC(random_state=rng).fit(StandardScaler().fit_transform(responses), y)
    quality = np.square(svm.coef_).sum(axis=0)
    model = KNeighborsRegressor(min(_NEIGHBOURS, len(imprinted)))
    return model.fit(meta_features(imprinted), quality).predict(meta_features(patches))


def meta_features(patches: np.ndarray) -> np.ndarray:
    """Return what patches of shape (n_patches, n_values) look like, of shape (n_patches, 6).

    Mean, deviation, minimum, maximum, and the quantiles of 0.3 and 0.7.
    """
    from scipy.stats.mstats import mquantiles

    low, high = np.asarray(mquantiles(patches, [0.3, 0.7], axis=1)).T
    by_row = (
        patches.mean(axis=1),
        patches.std(axis=1),
        patches.min(axis=1),
        patches.max(axis=1),
    )
    return np.column_stack([*by_row, low, high])
