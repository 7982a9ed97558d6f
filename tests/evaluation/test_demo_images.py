"""The demo's data set: no pixel in two tiles, no strip in two folds."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image
from sklearn.model_selection import StratifiedGroupKFold

PHOTOGRAPHS = Path(skimage.__file__).with_name("data")


def _overlap(a, b) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_size_and_balance(tiles):
    assert 150 <= len(tiles.images) <= 300
    assert tiles.images.dtype == np.uint8
    assert tiles.images.shape[3] == 3
    _, counts = np.unique(tiles.labels, return_counts=True)
    assert counts.max() <= 1.5 * counts.min()
    for label in np.unique(tiles.labels):
        assert len(np.unique(tiles.regions[tiles.labels == label])) == 5


def test_tiles_are_what_their_boxes_say(tiles):
    for i in range(0, len(tiles.images), 7):
        with Image.open(PHOTOGRAPHS / tiles.pictures[i]) as picture:
            width, height = picture.size
            left, top, right, bottom = tiles.boxes[i].tolist()
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
            pixels = np.asarray(picture.convert("RGB"))[top:bottom, left:right]
        np.testing.assert_array_equal(tiles.images[i], pixels)


def test_no_two_tiles_of_a_picture_overlap(tiles):
    for name in np.unique(tiles.pictures):
        boxes = tiles.boxes[tiles.pictures == name].tolist()
        assert not any(itertools.starmap(_overlap, itertools.combinations(boxes, 2)))


@pytest.mark.parametrize("n_folds", [2, 3, 4, 5])
def test_train_and_test_share_no_pixel_and_every_class_is_in_both(tiles, n_folds):
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
    classes = set(tiles.labels.tolist())
    for train, test in folds.split(tiles.images, tiles.labels, tiles.regions):
        assert set(tiles.labels[train].tolist()) == classes
        assert set(tiles.labels[test].tolist()) == classes
        assert not set(tiles.regions[train]) & set(tiles.regions[test])
        for name in np.unique(tiles.pictures):
            here = tiles.pictures[train] == name
            there = tiles.pictures[test] == name
            pairs = itertools.product(tiles.boxes[train][here], tiles.boxes[test][there])
            assert not any(_overlap(a, b) for a, b in pairs)


def test_the_stereo_pair_is_one_class_whose_rows_stay_together(tiles):
    """What one picture shows, the other shows in the same rows, shifted along them."""
    here = np.isin(tiles.pictures, ["motorcycle_left.png", "motorcycle_right.png"])
    assert set(tiles.labels[here]) == {"motorcycle"}
    rows = list(
        zip(tiles.regions[here], tiles.boxes[here][:, 1], tiles.boxes[here][:, 3], strict=True)
    )
    for (a, top, bottom), (b, other_top, other_bottom) in itertools.combinations(rows, 2):
        assert (a == b) == (top < other_bottom and other_top < bottom)
    for region in set(tiles.regions[here]):
        assert len(set(tiles.pictures[tiles.regions == region])) == 2
