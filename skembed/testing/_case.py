"""What every check needs: the estimator, images, and how equal results must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from unittest import SkipTest

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags

_METHODS = ("transform", "predict_proba", "decision_function", "predict")


# Not frozen: cached_property writes to it.
@dataclass
class Case:
    """An estimator under check.

    Parameters
    ----------
    estimator : estimator
        Cloned for each use, never touched.
    given : sequence of images or None
        None are :func:`default_images`.
    labels : sequence or None
        A label for each image; None are 0 and 1 in turn.
    rtol, atol : float
        How far results that should be equal may differ; 0 and 0 are not at all.
    max_pickle_size : int
        In bytes.
    """

    estimator: Any
    given: Sequence[Any] | None = None
    labels: Sequence[Any] | None = None
    rtol: float = 0.0
    atol: float = 0.0
    max_pickle_size: int = 10_000

    @cached_property
    def images(self) -> list[Any]:
        images = default_images() if self.given is None else list(self.given)
        if len(images) < 4:
            raise ValueError(f"The checks need at least 4 images, got {len(images)}.")
        return images

    @cached_property
    def y(self) -> np.ndarray:
        if self.labels is None:
            return np.arange(len(self.images)) % 2
        return np.asarray(self.labels)

    @property
    def tags(self) -> Any:
        return get_tags(self.estimator)

    @property
    def method(self) -> str:
        """The method whose results are compared."""
        for name in _METHODS:
            if hasattr(self.estimator, name):
                return name
        raise TypeError(
            f"{type(self.estimator).__name__} has none of the methods {', '.join(_METHODS)}."
        )

    def new(self) -> Any:
        """An unfitted copy of the estimator, its chance fixed."""
        estimator: Any = clone(self.estimator)
        if "random_state" in estimator.get_params(deep=False):
            estimator.set_params(random_state=0)
        return estimator

    def fitted(self, X: Any = None, estimator: Any = None) -> Any:
        """A copy (or `estimator`) fitted on X, by default the images."""
        estimator = self.new() if estimator is None else estimator
        # What fit returns is another check's business.
        estimator.fit(self.images if X is None else X, self.y)
        return estimator

    def output(self, estimator: Any, X: Any) -> np.ndarray:
        """What the estimator makes of X, as an array."""
        return as_array(getattr(estimator, self.method)(X))

    def same(self, got: Any, want: Any, what: str) -> None:
        """Fail unless `got` equals `want`."""
        if self.tags.non_deterministic:
            raise SkipTest("The estimator's tags say that it is non-deterministic.")
        got, want = as_array(got), as_array(want)
        if self.rtol == self.atol == 0 or want.dtype.kind not in "fiu":
            np.testing.assert_array_equal(got, want, err_msg=what)
        else:
            np.testing.assert_allclose(got, want, self.rtol, self.atol, err_msg=what)

    def transformers_only(self) -> None:
        """Skip a check of what only transformers promise."""
        if self.method != "transform":
            raise SkipTest("The estimator is no transformer.")


def require(condition: Any, message: str) -> None:
    """Fail with `message` unless `condition`; an ``assert`` is gone under ``python -O``."""
    if not condition:
        raise AssertionError(message)


def as_array(output: Any) -> np.ndarray:
    """An array of what may be a sparse matrix or a frame."""
    return output.toarray() if hasattr(output, "toarray") else np.asarray(output)


# Height and width of each; all differ, so that no check passes by stacking images as they are.
_SIZES = ((40, 48), (48, 40), (44, 44), (36, 52), (52, 36), (48, 48))


def default_images() -> list[np.ndarray]:
    """Return six small RGB pictures, the same on every call.

    Crops of photographs that come with scikit-image where it is installed, else smooth coloured
    gratings.

    Returns
    -------
    list of 6 uint8 arrays of shape (height, width, 3)
        No two of the same shape.

    Examples
    --------
    >>> from skembed.testing._case import default_images
    >>> [image.shape for image in default_images()][:2]
    [(40, 48, 3), (48, 40, 3)]
    """
    try:
        from skimage import data
    except ImportError:
        return [_grating(i, *size) for i, size in enumerate(_SIZES)]
    pictures = (data.astronaut(), data.coffee(), data.chelsea())
    return [_crop(pictures[i % 3], 30 * i, *size) for i, size in enumerate(_SIZES)]


def _crop(picture: np.ndarray, corner: int, height: int, width: int) -> np.ndarray:
    # Every third pixel: a crop of 48 pixels of a photograph shows hardly anything.
    return np.ascontiguousarray(picture[corner::3, corner::3][:height, :width])


def _grating(i: int, height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((i + 1) * x / 9 + c) + np.cos((c + 1) * y / (i + 7)) for c in range(3)]
    return (127.5 + 63 * np.stack(waves, axis=-1)).astype(np.uint8)
