"""Near-duplicates: copies that were planted are found, and nothing else is.

Pairs are also searched by themselves, in small blocks, and compared with all distances.
"""

from __future__ import annotations

import io
import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import GroupKFold

from skembed import PretrainedEmbedder, near_duplicates
from skembed.images import list_images
from skembed.search import _exact
from skembed.search._groups import groups_of, near_pairs


@pytest.fixture(scope="module")
def planted(shared):
    """Photographs, and after them twenty copies: saved anew, cropped, mirrored; what each is of."""
    # Of one class in two there are no two photographs of one flower in a row.
    photographs = list_images(shared / "data" / "flowers17")[::7]
    copies, origins = [], np.random.default_rng(2).choice(len(photographs), 20, replace=False)
    for i, origin in enumerate(origins):
        with Image.open(photographs[origin]) as opened:
            picture = opened.convert("RGB")
        w, h = picture.size
        if i % 3 == 1:
            picture = picture.crop((w // 25, h // 25, w - w // 25, h - h // 25))
        elif i % 3 == 2:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=70)
        copies.append(file.getvalue())
    return [*photographs, *copies], origins


@pytest.mark.slow  # the network at its own size, as the threshold was chosen: 216 photographs
def test_planted_copies_are_found(planted):
    images, origins = planted
    n = len(images) - len(origins)
    found = near_duplicates(images, embedder=PretrainedEmbedder(engine="jax"))
    true = {(origin, n + i) for i, origin in enumerate(origins.tolist())}
    pairs = set(zip(found.pairs["first"], found.pairs["second"], strict=True))
    recall = len(true & pairs) / len(true)
    precision = len(true & pairs) / len(pairs)
    assert recall >= 0.85, sorted(true - pairs)
    assert precision >= 0.85, sorted(pairs - true)
    assert set(found.pairs["kind"]) == {"near"}
    together = [found.groups[a] == found.groups[b] for a, b in true & pairs]
    assert all(together)
    for train, test in GroupKFold(4).split(images, groups=found.groups):
        assert not set(found.groups[train]) & set(found.groups[test])


@pytest.mark.slow
def test_kinds_are_told_apart(embedder, pictures, paths, tmp_path):
    copy, other = tmp_path / "copy.png", tmp_path / "other.bmp"
    shutil.copy(paths[0], copy)
    Image.fromarray(pictures[0]).save(other)
    images = [paths[0], paths[5], copy, other, pictures[5]]
    found = near_duplicates(images, embedder=embedder, threshold=0.05)
    assert found.pairs.to_dict("list") == {
        "first": [0, 0, 1],
        "second": [2, 3, 4],
        "kind": ["same bytes", "same pixels", "same pixels"],
        "distance": [0, 0, 0],
    }
    assert found.groups.tolist() == [0, 1, 0, 0, 1]
    assert found.threshold == 0.05


@pytest.mark.slow
def test_mirrored_images_are_found_where_asked(embedder, pictures):
    images = [*pictures[8:], pictures[9][:, ::-1]]
    (close,) = near_duplicates(images, embedder=embedder, mirrored=True, threshold=1e-3).groups[
        -1:
    ]
    assert close == 1
    apart = near_duplicates(images, embedder=embedder, threshold=1e-3)
    assert apart.groups.tolist() == [0, 1, 2, 3, 4]


def test_an_unreadable_image_is_a_group_of_its_own(paths):
    lenient = PretrainedEmbedder(image_size=64, engine="jax", on_error="nan")
    with pytest.warns(UserWarning, match="could not be read"):
        found = near_duplicates([paths[0], "gone.png", "lost.png", paths[0]], embedder=lenient)
    assert found.groups.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("threshold", [-0.1, 2.5, "none", None, np.nan])
def test_thresholds_that_mean_nothing_are_refused(pictures, embedder, threshold):
    with pytest.raises(ValueError, match="'auto', or a number from 0 to 2"):
        near_duplicates(pictures, embedder=embedder, threshold=threshold)


def test_pairs_are_those_of_all_distances(rows, monkeypatch):
    some = np.concatenate([rows[:400], rows[:5], rows[:5]])
    units = some / np.linalg.norm(some, axis=1, keepdims=True)
    distances = np.linalg.norm(units[:, None] - units[None], axis=2)
    expected = {
        (a, b) for a, b in zip(*np.nonzero(distances <= 0.7), strict=True) if a < b < 400
    }
    expected |= {(i, 400 + i) for i in range(5)} | {(i, 405 + i) for i in range(5)}
    for block in (_exact._BLOCK, 900):
        monkeypatch.setattr(_exact, "_BLOCK", block)
        (first, second, found), _ = near_pairs(some, 0.7)
        pairs = list(zip(first.tolist(), second.tolist(), strict=True))
        assert set(pairs) == expected
        assert len(pairs) == len(expected)
        np.testing.assert_allclose(found, distances[first, second], atol=1e-6)


def test_equal_rows_make_no_quadratic_number_of_pairs():
    (first, second, _), _ = near_pairs(np.ones((3000, 8)), 0.1)
    assert len(first) == 2999
    assert set(groups_of(3000, first, second)) == {0}
    rows = np.ones((300, 8)) + np.random.default_rng(0).random((300, 8)) * 1e-3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_exact, "_MAX_PAIRS", 1000)
        with pytest.raises(ValueError, match="lower it"):
            near_pairs(rows, 0.1)
