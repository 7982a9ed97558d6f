"""No graph is used before it has given Keras' numbers: for a few photographs, layer by layer.

How numbers differ is also asked for by itself: no network gives infinities and NaN to order.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from extraction_helpers import CRUMBS

from skembed import PretrainedEmbedder, backbones
from skembed.engines.openvino._reference import relative_difference
from skembed.extraction import clear_programs

pytestmark = pytest.mark.slow

_PIXELS = np.random.default_rng(0).integers(0, 256, (3, 12, 16, 3), dtype=np.uint8)

# A fault in the process that writes graphs, such as Keras' OpenVINO backend has had many: what a
# Rescaling gives is multiplied once more.
_FAULT = """
import builtins
import os
import sys

plainly = builtins.__import__


def with_the_fault(name, *args, **kwargs):
    module = plainly(name, *args, **kwargs)
    # Once the exporter has imported Keras: here it would take three times as long.
    layers = sys.modules.get("keras.layers")
    if name == "keras" and hasattr(layers, "Rescaling"):
        builtins.__import__ = plainly
        right = layers.Rescaling.call
        by = float(os.environ["FAULT"])
        layers.Rescaling.call = lambda self, x: right(self, x) * by
    return module


if os.environ.get("KERAS_BACKEND") == "openvino":
    builtins.__import__ = with_the_fault
"""


@pytest.fixture(autouse=True)
def _quickly(quick_compilation):
    """As it says."""


@pytest.fixture
def cache(tmp_path, monkeypatch, graphs_made_anew):
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(tmp_path / "cache"))
    clear_programs()
    yield tmp_path / "cache" / "openvino-graphs"
    clear_programs()


@pytest.fixture
def scaled(tmp_path, monkeypatch):
    """A layer that does nothing, and multiplies on OpenVINO."""
    (tmp_path / "faulty").mkdir()
    (tmp_path / "faulty" / "sitecustomize.py").write_text(_FAULT)
    monkeypatch.syspath_prepend(tmp_path / "faulty")
    monkeypatch.setenv("FAULT", "1.0")  # none, until a layer is made

    def layer(by, name=None):
        import keras

        monkeypatch.setenv("FAULT", repr(by))
        return keras.layers.Rescaling(1.0, name=name)

    return layer


@pytest.fixture
def networks(monkeypatch):
    """The networks that benchmarks/engines_agree.py compares."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    from _networks import layers  # pyright: ignore[reportMissingImports]

    return layers


def _built(build):
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input(_PIXELS.shape[1:])
    return keras.Model(image, build(image, keras.layers))


def test_images_of_one_colour_are_among_those_that_prove(cache):
    """255 / (high - low), which Keras leaves out where it is infinite, and OpenVINO does not."""
    model = _built(
        lambda image, layers: layers.GlobalAveragePooling2D()(layers.AutoContrast()(image))
    )
    X = np.concatenate([_PIXELS, np.full((1, 12, 16, 3), 77, np.uint8)])
    embedder = PretrainedEmbedder(model, engine="openvino", cache=False)
    with pytest.warns(RuntimeWarning, match="from the layer 'auto_contrast' on"):
        rows = embedder.transform(X)
    np.testing.assert_allclose(rows, model.predict(X.astype(np.float32), verbose=0), rtol=1e-5)


def _agrees_with_predict(model, engine="openvino"):
    embedder = PretrainedEmbedder(model, cache=False)
    rows = embedder.transform(list(_PIXELS))
    expected = model.predict(_PIXELS.astype(np.float32), verbose=0)
    assert embedder.engine_ == engine
    np.testing.assert_allclose(rows, expected, atol=1e-5 * np.abs(expected).max())


def _refused(model, match):
    """That OpenVINO is refused, and the rows are Keras' all the same."""
    with pytest.warns(RuntimeWarning, match=match) as told:
        _agrees_with_predict(model, engine="jax")
    assert len([w for w in told if w.category is RuntimeWarning]) == 1
    return str(told[0].message)


def test_no_layer_is_in_training_whatever_is_recorded():
    def build(image, layers):
        import keras

        inner = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.2)]
        inner = keras.Sequential([keras.Input(image.shape[1:]), *inner])
        x = layers.Rescaling(1 / 255)(inner(image, training=True))
        x = layers.BatchNormalization()(layers.Conv2D(4, 3)(x), training=True)
        x = layers.GaussianNoise(1.0)(layers.SpatialDropout2D(0.5)(x, training=True))
        x = layers.TimeDistributed(layers.Dropout(0.5))(x, training=True)
        return layers.Dropout(0.5)(layers.Flatten()(x), training=True)

    _agrees_with_predict(_built(build))


def test_every_augmentation_is_off_as_in_predict(networks):
    branches = {
        f"{name} {said}": branch
        for name, branches in networks.layer_cases()
        # Keras cannot load a RandomShear from what it has saved of it; and its RandomCrop does not
        # crop in `predict`, whatever shape it has said.
        if name.startswith("Random") and name not in ("RandomShear", "RandomCrop")
        for said, branch in branches.items()
    }
    assert len(branches) > 18
    model, _ = networks.joined(branches)
    _agrees_with_predict(model)


def test_every_resize_takes_the_pixels_that_keras_takes():
    import keras

    def build(image, layers):
        resized = [
            layers.Resizing(7, 9, interpolation="nearest"),
            layers.Resizing(17, 9, antialias=True),
            layers.Resizing(9, 25, interpolation="bicubic"),
            layers.Resizing(7, 9, interpolation="lanczos3", antialias=True),
            layers.Resizing(9, 9, crop_to_aspect_ratio=True, interpolation="nearest"),
            layers.Resizing(20, 9, pad_to_aspect_ratio=True, fill_value=0.3),
            layers.UpSampling2D((1, 3), interpolation="bicubic"),
            layers.UpSampling2D(interpolation="nearest"),
        ]
        x = layers.Conv2D(4, 3)(image)  # whose channels come first in the graph
        joined = [layers.Flatten()(layer(source)) for layer in resized for source in (image, x)]
        joined.append(layers.Flatten()(keras.ops.image.resize(x, (5, 20), antialias=True)))
        return layers.Concatenate()(joined)

    _agrees_with_predict(_built(build))


@pytest.mark.parametrize("by", [1.001, float("nan")])
def test_other_numbers_are_refused_and_the_first_layer_named(cache, scaled, by):
    def build(image, layers):
        x = layers.Conv2D(4, 3, name="before")(image)
        return layers.Flatten()(layers.Conv2D(2, 3)(scaled(by, name="wrong")(x)))

    _refused(_built(build), "numbers are not Keras', from the layer 'wrong' on")


def test_rounding_is_no_other_number(cache, scaled):
    def build(image, layers):
        return layers.Flatten()(scaled(1 + 1e-6, name="wrong")(layers.Conv2D(4, 3)(image)))

    _agrees_with_predict(_built(build))


@pytest.mark.parametrize("end", ["dead", "not a number"])
def test_an_output_that_is_always_the_same_proves_nothing(cache, scaled, end):
    import keras

    ops = keras.ops
    ends = {
        "dead": lambda x: ops.relu(x - 1e6),
        "not a number": lambda x: ops.log(-1.0 - ops.abs(x)),
    }

    model = _built(
        lambda image, layers: ends[end](
            layers.Flatten()(scaled(0.5, name="wrong")(layers.Conv2D(4, 3)(image)))
        )
    )
    _refused(model, "from the layer 'wrong' on")


def test_a_network_for_small_numbers_is_proved_with_small_numbers(cache, scaled):
    # Of pixels it tells black ones alone from others.
    def build(image, layers):
        import keras

        x = scaled(0.9, name="wrong")(image * 1.2)
        return layers.Flatten()(keras.ops.clip(x, 0.0, 1.0))

    _refused(_built(build), "from the layer 'wrong' on")


def test_a_refusal_is_kept_with_its_reason_and_without_the_graph(cache, scaled):
    model = _built(lambda image, layers: layers.Flatten()(scaled(0.5, name="wrong")(image)))
    first = _refused(model, "'wrong'")
    (folder,) = (path for path in cache.iterdir() if path.is_dir())
    kept = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert not (folder / "network.xml").exists()
    assert not (folder / "network.bin").exists()
    clear_programs()  # as in another process
    assert _refused(model, "'wrong'") == first
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == kept
    with warnings.catch_warnings():  # and in the same one, JAX is known
        warnings.simplefilter("ignore")
        assert PretrainedEmbedder(model).engine_ == "jax"


def test_a_graph_without_a_whole_proof_is_proved_again(cache):
    model = _built(lambda image, layers: layers.Flatten()(layers.Conv2D(2, 3)(image)))
    _agrees_with_predict(model)
    (proof,) = cache.glob("*/proof-float32-*.json")
    whole = proof.read_text()
    graph = proof.with_name("network.xml")
    for damaged in (whole[: len(whole) // 2], json.dumps({"reason": ""})):
        proof.write_text(damaged)
        clear_programs()
        _agrees_with_predict(model)
        assert proof.read_text() == whole
    graph.write_text(graph.read_text().replace('type="Convolution"', 'type="Convolution" '))
    clear_programs()
    _agrees_with_predict(model)
    assert proof.read_text() == whole


def test_graphs_that_nobody_has_proved_are_deleted(cache):
    model = _built(lambda image, layers: layers.Flatten()(layers.Conv2D(2, 3)(image)))
    _agrees_with_predict(model)
    old = cache / ("0" * 32)
    old.mkdir()
    (old / "network.xml").write_text("<net/>")
    (old / "network.bin").write_bytes(b"")
    _agrees_with_predict(_built(lambda image, layers: layers.Flatten()(image * 2.0)))
    assert not old.exists()
    assert len(list(cache.glob("*/network.xml"))) == 2


@pytest.mark.processor("bfloat16")
def test_bfloat16_is_proved_by_its_own_rule(cache, scaled):
    model = _built(lambda image, layers: layers.Flatten()(layers.Conv2D(8, 3)(image)))
    embedder = PretrainedEmbedder(model, precision="bfloat16", cache=False)
    rows = embedder.transform(list(_PIXELS))
    assert embedder.engine_ == "openvino"
    exact = model.predict(_PIXELS.astype(np.float32), verbose=0)
    assert 1e-4 < np.abs(rows - exact).max() / np.abs(exact).max() < 0.02
    kept = sorted(path.name[:14] for path in cache.glob("*/proof-*"))
    assert kept == ["proof-bfloat16", "proof-float32-"]
    wrong = _built(lambda image, layers: layers.Flatten()(scaled(1.01, name="wrong")(image)))
    with pytest.warns(RuntimeWarning, match="'wrong'"):
        PretrainedEmbedder(wrong, precision="bfloat16", cache=False).transform(list(_PIXELS))


@pytest.mark.processor("bfloat16")
def test_a_network_that_bfloat16_takes_too_far_is_refused_in_bfloat16_alone(cache):
    # Two channels differ by less than what rounding changes them by.
    def build(image, layers):
        mixed, difference = (layers.Conv2D(n, 1, use_bias=False) for n in (2, 1))
        flat = layers.Flatten()(difference(mixed(image)))
        mixed.set_weights([np.array([[[[1.234, 1.231], [0.01, 0.0], [0.0, 0.0]]]])])
        difference.set_weights([np.array([[[[1.0], [-1.0]]]])])
        return flat

    model = _built(build)
    embedder = PretrainedEmbedder(model, precision="bfloat16", cache=False)
    with pytest.warns(RuntimeWarning, match=r"has a cosine of 0\.\d+ .* 0\.999 is asked for"):
        embedder.transform(list(_PIXELS))
    assert embedder.engine_ == "jax"
    _agrees_with_predict(model)


@pytest.mark.parametrize("channels", [1, 5])
def test_networks_for_other_than_three_channels_are_proved(cache, scaled, channels):
    import keras

    image = keras.Input((12, 16, channels))
    model = keras.Model(image, keras.layers.Flatten()(scaled(0.5, name="wrong")(image)))
    images = list(np.random.default_rng(0).random((2, 12, 16, channels), dtype=np.float32))
    with pytest.warns(RuntimeWarning, match="'wrong'"):
        PretrainedEmbedder(model, cache=False).transform(images)


def test_a_network_of_any_size_is_proved_at_the_size_asked_for(cache, scaled):
    import keras

    image = keras.Input((None, None, 3))
    model = keras.Model(image, scaled(0.5, name="wrong")(keras.layers.Conv2D(2, 3)(image)))
    preparation = backbones.get("vgg16").preparation
    known = backbones.from_model(model, preparation=preparation)
    embedder = PretrainedEmbedder(known, image_size=(12, 12), cache=False)
    with pytest.warns(RuntimeWarning, match="'wrong'"):
        embedder.transform(CRUMBS[:2])


def test_how_numbers_differ():
    nan, inf = float("nan"), float("inf")
    for expected, found, apart in (
        ([1.0, nan, inf, -inf, 0.0], [1.0, nan, inf, -inf, 0.0], 0.0),
        ([1.0, -4.0], [1.0, -4.4], 0.1),
        ([1.0, nan], [1.0, 2.0], inf),
        ([1.0, 2.0], [1.0, nan], inf),
        ([inf, 2.0], [-inf, 2.0], inf),
        ([1e38, 3e38], [1e38, 3.3e38], 0.1),
    ):
        pair = np.asarray(expected, np.float32), np.asarray(found, np.float32)
        assert relative_difference(*pair) == pytest.approx(apart, rel=1e-5)
    assert relative_difference(np.zeros(2), np.asarray([0, 1e-3])) > 1e30
    assert relative_difference(np.zeros(2), np.asarray([0, 1e-3]), floor=1.0) == 1e-3
