"""PretrainedEmbedder: what comes out, and what each parameter does to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skembed import PretrainedEmbedder
from skembed.extraction import clear_programs, images_run

SIZE = 64


def _embedder(**options) -> PretrainedEmbedder:
    return PretrainedEmbedder(**{"image_size": SIZE, "cache": False, **options})


@pytest.fixture(scope="module")
def colour(pictures) -> np.ndarray:
    return pictures[8]


@pytest.mark.slow
def test_a_row_of_float32_for_each_image(pictures):
    embedder = _embedder()
    rows = embedder.transform(pictures)
    assert rows.shape == (12, 1280)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    names = embedder.get_feature_names_out()
    assert names[[0, 17, 1279]].tolist() == [
        "embedding__0000",
        "embedding__0017",
        "embedding__1279",
    ]
    assert embedder.layer_slices_ == {"embedding": slice(0, 1280)}
    assert embedder.engine_ == "openvino"


@pytest.mark.slow
def test_normalize_and_quantize(pictures):
    rows = _embedder().transform(pictures)
    unit = _embedder(normalize="l2").transform(pictures)
    norms = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(unit, rows / norms, rtol=1e-6)
    assert unit.dtype == np.float32
    whole = _embedder(normalize="l2", quantize=True).transform(pictures)
    assert whole.dtype == np.int8
    want = np.floor(128 * unit.astype(np.float64) + 0.5).clip(-128, 127)  # features are >= 0
    np.testing.assert_array_equal(whole, want)
    large = _embedder(quantize=True).transform(pictures)
    assert large.max() == 127  # features reach 6


@pytest.mark.slow
def test_several_layers_cost_one_pass_and_keep_the_order_asked(pictures):
    before = images_run()
    embedder = _embedder(layers=["embedding", "predictions"])
    both = embedder.transform(pictures)
    assert images_run() - before == len(pictures)
    assert embedder.layer_slices_ == {
        "embedding": slice(0, 1280),
        "predictions": slice(1280, 2280),
    }
    turned = _embedder(layers=("predictions", "embedding")).transform(pictures)
    np.testing.assert_allclose(turned[:, :1000], both[:, 1280:], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(turned[:, 1000:], both[:, :1280], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        both[:, :1280], _embedder().transform(pictures), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(both[:, 1280:].sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_pooling(pictures):
    average, largest = (_embedder(pooling=p).transform(pictures) for p in ("avg", "max"))
    np.testing.assert_array_equal(average, _embedder(pooling="auto").transform(pictures))
    assert (largest >= average).all()
    assert (largest > average).any()


@pytest.mark.slow
def test_bfloat16_is_near_and_comes_as_float32(pictures):
    rows, rough = (_embedder(precision=p).transform(pictures) for p in ("float32", "bfloat16"))
    assert rough.dtype == np.float32
    assert not np.array_equal(rows, rough)
    assert np.linalg.norm(rows - rough) < 0.1 * np.linalg.norm(rows)


@pytest.mark.slow
def test_image_size(pictures):
    square, pair = (_embedder(image_size=s).transform(pictures[:1]) for s in (64, (64, 64)))
    np.testing.assert_array_equal(square, pair)
    wide = _embedder(image_size=[64, 96]).transform(pictures[:1])
    assert wide.shape == square.shape
    assert not np.array_equal(wide, square)


@pytest.mark.slow
def test_warp_is_what_pillow_does_with_the_backbone_s_filter(colour):
    tall = colour[:, :90]
    by_hand = np.asarray(Image.fromarray(tall).resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    embedder = _embedder(resize="warp")
    np.testing.assert_array_equal(embedder.transform([tall]), embedder.transform([by_hand]))
    rows = [_embedder(resize=r).transform([tall])[0] for r in (None, "warp", "pad", "crop")]
    assert len({r.tobytes() for r in rows}) >= 3


@pytest.mark.slow
def test_random_weights_warn_at_the_caller_and_are_the_same_each_time(pictures):
    with pytest.warns(UserWarning, match="weights=None draws random weights") as caught:
        first = _embedder(weights=None).transform(pictures[:2])
    assert len(caught) == 1
    assert Path(caught[0].filename) == Path(__file__)
    clear_programs()
    with pytest.warns(UserWarning, match="random weights"):
        second = _embedder(weights=None).transform(pictures[:2])
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, _embedder().transform(pictures[:2]))


_SEEN = {
    "burger.jpg": "cheeseburger",
    "burger-224.png": "cheeseburger",
    "burger_crop.jpg": "cheeseburger",
    "burger_rotation180.jpg": "cheeseburger",
    "bus.jpg": "school bus",
    "cats_and_dogs.jpg": "Pembroke",
    "dog.jpg": "pug",
    "model_t.jpg": "Model T",
    "parrot.jpg": "macaw",
    "pizza_people.jpg": "pizza",
    "square_car.png": "minivan",
}


@pytest.mark.slow
def test_predictions_are_what_a_person_sees(shared):
    embedder = PretrainedEmbedder(layers="predictions")
    probabilities = embedder.transform([shared / "images" / name for name in _SEEN])
    names = embedder.get_feature_names_out()[probabilities.argmax(axis=1)]
    assert dict(zip(_SEEN, names, strict=True)) == _SEEN
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_a_daisy_is_daisy(shared):
    embedder = PretrainedEmbedder(layers="predictions")
    paths = sorted((shared / "data" / "flowers17" / "10_daisy").glob("*.jpg"))[:40]
    names = embedder.get_feature_names_out()[embedder.transform(paths).argmax(axis=1)]
    assert (names == "daisy").mean() >= 0.95
