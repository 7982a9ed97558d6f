"""Small networks whose activations are known, and classifiers on them; each is fitted once."""

from __future__ import annotations

import numpy as np
import pytest
from on_jax import FullNetworkEmbedder, PretrainedEmbedder
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skembed import backbones

GREY = backbones.Preparation(std=(255.0,) * 3)


@pytest.fixture(scope="session")
def colours():
    """A network whose three maps are the three colours of its input, of 30 x 40 pixels."""
    import keras

    image = keras.Input((30, 40, 3))
    same = keras.layers.Conv2D(3, 1, use_bias=False, name="colours")
    model = keras.Model(image, same(image), name="colours")
    same.set_weights([np.eye(3, dtype=np.float32)[None, None]])
    yield backbones.from_model(model, preparation=GREY)  # noqa: PT022 - keeps the model


@pytest.fixture(scope="session")
def network():
    """Three convolutions, one of them depthwise and strided, and a dense layer."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((24, 24, 3))
    x = layers.Conv2D(6, 3, padding="same", name="first")(image)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.DepthwiseConv2D(3, 2, padding="same", name="depthwise")(x)
    x = layers.Conv2D(8, 1, activation="relu", name="last")(x)
    x = layers.Dense(5, name="dense")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x, name="small")
    yield backbones.from_model(model, preparation=GREY)  # noqa: PT022 - keeps the model


@pytest.fixture(scope="session")
def photographs():
    """Twelve images of three kinds that a small network can tell apart, and their kinds."""
    random = np.random.default_rng(0)
    images = random.integers(0, 120, (12, 30, 36, 3)).astype(np.uint8)
    for i, image in enumerate(images):
        image[5:20, 5:20, i % 3] += 120
    return images, np.array(["red", "green", "blue"] * 4)


@pytest.fixture(scope="session")
def standardised(network, photographs):
    """A linear classifier on all layers, standardised."""
    embedder = PretrainedEmbedder(network, layers="all")
    return make_pipeline(embedder, StandardScaler(), LinearSVC()).fit(*photographs)


@pytest.fixture(scope="session")
def ternary(network, photographs):
    """A linear classifier on a full-network embedding."""
    return make_pipeline(FullNetworkEmbedder(network), LinearSVC()).fit(*photographs)
