"""Checks that each image has a row, and that nothing but the image decides what is in it."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ._case import Case, require


def check_image_n_rows(case: Case) -> None:
    """There are as many rows as images, for all of them, for some, and for one."""
    estimator = case.fitted()
    widths = set()
    for n in (len(case.images), 2, 1):
        rows = case.output(estimator, case.images[:n])
        require(len(rows) == n, f"{case.method} of {n} images gives {len(rows)} rows.")
        widths.add(rows.shape[1:])
    require(len(widths) == 1, f"The shape of a row depends on the number of images: {widths}.")
    if case.method == "transform":
        require(rows.ndim == 2, f"transform gives {rows.ndim} dimensions; 2 are allowed.")


def check_image_dtype(case: Case) -> None:
    """Results are numbers, all finite, and of one dtype however many images there are."""
    case.transformers_only()
    estimator = case.fitted()
    rows = case.output(estimator, case.images)
    require(rows.dtype.kind in "fiub", f"transform gives dtype {rows.dtype}; allowed: numbers.")
    require(np.isfinite(rows).all(), "transform gives values that are not finite.")
    one = case.output(estimator, case.images[:1])
    require(one.dtype == rows.dtype, f"One image gives {one.dtype}, several give {rows.dtype}.")


def check_image_subset_invariance(case: Case) -> None:
    """An image's row does not depend on the images beside it."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    for size in (1, 2, len(case.images) - 1):
        starts = range(0, len(case.images), size)
        parts = [case.output(estimator, case.images[i : i + size]) for i in starts]
        case.same(
            np.concatenate(parts), want, f"Rows differ when {size} images come at a time."
        )


def check_image_order_invariance(case: Case) -> None:
    """An image's row does not depend on where in X it stands."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    order = np.roll(np.arange(len(case.images))[::-1], 1)
    got = case.output(estimator, [case.images[i] for i in order])
    case.same(got, want[order], "Rows differ when the images come in another order.")


def check_image_repeated(case: Case) -> None:
    """An image that stands in X twice has the same row twice."""
    estimator = case.fitted()
    want = case.output(estimator, case.images)
    order = [0, 1, 0, 2, 2, 0]
    got = case.output(estimator, [case.images[i] for i in order])
    case.same(got, want[order], "Rows of repeated images differ.")


def check_image_leaves_x_alone(case: Case) -> None:
    """The images are not written to, and arrays that cannot be written to are accepted."""
    images = copy.deepcopy(case.images)
    estimator = case.fitted(images)
    want = case.output(estimator, images)
    for row, (after, before) in enumerate(zip(images, case.images, strict=True)):
        require(_equal(after, before), f"The image in row {row} of X is changed.")
    for image in images:
        if isinstance(image, np.ndarray):
            image.flags.writeable = False
    case.same(case.output(estimator, images), want, "Rows of read-only images differ.")


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return bool(a == b)
