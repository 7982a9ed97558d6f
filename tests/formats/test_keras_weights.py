"""Weights of ``keras.applications`` from files that the user names."""

from __future__ import annotations

import dataclasses
import importlib
import math

import numpy as np
import pytest
from small_networks import with_zeros

from skembed import WeightsError, backbones
from skembed.formats.keras import load

# Keras 3.15 saves its variables by a call that NumPy 2 deprecates.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def resized(name, side):
    return dataclasses.replace(backbones.get(name), input_size=(side, side))


@pytest.fixture(autouse=True)
def _quickly(quick_compilation):
    """As it says."""


def embed(backbone, model, images):
    import keras

    features = keras.Model(model.input, model.get_layer(backbone.features).output)
    return features.predict_on_batch(images).mean((1, 2))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Keras' own MobileNet with and without its classifier, in both formats of weights."""
    import keras

    folder = tmp_path_factory.mktemp("weights")
    mobilenet = keras.applications.MobileNet
    whole = with_zeros(mobilenet, weights=None, input_shape=(64, 64, 3))
    cut = with_zeros(mobilenet, weights=None, input_shape=(64, 64, 3), include_top=False)
    draw = np.random.default_rng(1)
    for variable in whole.weights:
        shape = variable.shape
        if "kernel" in variable.name:  # so that values neither grow nor fade: He normal
            fan_in = math.prod(shape[:2] if shape[-1] == 1 else shape[:-1])
            variable.assign(draw.normal(0, math.sqrt(2 / fan_in), shape))
        else:
            variable.assign(draw.uniform(0.5, 1.5, shape))
    for ours, theirs in zip(cut.weights, whole.weights, strict=False):
        ours.assign(theirs)
    whole.save_weights(folder / "top.weights.h5")
    cut.save_weights(folder / "notop.weights.h5")
    save_legacy(whole, folder / "top.h5")
    save_legacy(cut, folder / "notop.h5")
    return folder, cut


def save_legacy(model, path):
    """Keras 2's layout, which the official files have; Keras 3 only reads it."""
    h5py = importlib.import_module("h5py")
    with h5py.File(path, "w") as file:
        layers = [layer for layer in model.layers if layer.weights]
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.6.0"
        for layer in layers:
            group = file.create_group(layer.name)
            weights = layer.trainable_weights + layer.non_trainable_weights
            names = [f"{layer.name}/{i}" for i in range(len(weights))]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, variable in zip(names, weights, strict=True):
                group[name] = np.asarray(variable.value)


@pytest.mark.parametrize("file", ["notop.h5", "notop.weights.h5", "top.h5", "top.weights.h5"])
def test_a_file_with_or_without_classifier_gives_the_same_features(small, file):
    folder, keras_model = small
    backbone = resized("mobilenet", 64)
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    model = load(backbone, folder / file, False)
    expected = keras_model.predict_on_batch(images).mean((1, 2))
    np.testing.assert_allclose(embed(backbone, model, images), expected, rtol=1e-5)
    assert expected.std() > 0


@pytest.mark.parametrize("file", ["top.h5", "top.weights.h5"])
def test_the_classifier_is_filled_too(small, file):
    model = load(resized("mobilenet", 64), str(small[0] / file), True)
    assert model.output.shape == (None, 1000)
    bias = np.asarray(model.get_layer("conv_preds").bias.value)
    assert 0.5 <= bias.min() < bias.max() <= 1.5


def test_weights_without_classifier_do_not_make_one(small):
    with pytest.raises(WeightsError, match=r"notop\.h5.*'mobilenet'"):
        load(resized("mobilenet", 64), small[0] / "notop.h5", True)


def test_weights_of_another_network_are_refused(small):
    with pytest.raises(WeightsError, match=r"notop\.h5.*do not fit 'mobilenet_v2'"):
        load(resized("mobilenet_v2", 64), small[0] / "notop.h5", False)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.h5.*does not exist"):
        load(resized("mobilenet_v2", 64), tmp_path / "nowhere.h5", False)


def test_real_weights_from_a_path(shared):
    keras_file = shared / "weights" / "mobilenet_v2_1.0_224_no_top.weights.h5"
    backbone = resized("mobilenet_v2", 96)
    model = load(backbone, keras_file, False)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 96, 96, 3)).astype("float32")
    embeddings = embed(backbone, model, images)
    assert embeddings.shape == (2, 1280)
    assert np.isfinite(embeddings).all()
    assert 0.05 < embeddings.std() < 2
    assert not np.array_equal(*embeddings)
