"""The table against the installed Keras, and what is built from it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import random
import re
from pathlib import Path

import numpy as np
import pytest

from skembed import backbones
from skembed.backbones._keras_applications import keras_applications_backbones
from skembed.formats.keras._applications import build, stable_names
from skembed.formats.keras._graph import symbolic
from skembed.formats.keras._models import load

BACKBONES = {backbone.name: backbone for backbone in keras_applications_backbones()}
# The smallest of each family.
FAMILIES = (
    "resnet50",
    "resnet50_v2",
    "vgg16",
    "xception",
    "inception_v3",
    "inception_resnet_v2",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "densenet121",
    "nasnet_mobile",
    "efficientnet_b0",
    "efficientnetv2_b0",
    "convnext_tiny",
)


def constructor(backbone):
    import keras

    return getattr(keras.applications, backbone.origin.rpartition(".")[2])


def resized(name, side):
    return dataclasses.replace(BACKBONES[name], input_size=(side, side))


@pytest.fixture
def keras_files(monkeypatch):
    """What Keras asks its cache for when it is told ``weights="imagenet"``; none is loaded."""
    import keras

    asked = []

    def get_file(name, url, cache_subdir, file_hash=None):
        assert cache_subdir == "models"
        asked.append((name, url, file_hash))
        return name

    file_utils = importlib.import_module("keras.src.utils.file_utils")
    monkeypatch.setattr(file_utils, "get_file", get_file)
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: None)
    return asked


def test_every_network_of_keras_is_there():
    import keras

    applications = keras.applications
    theirs = {name for name in dir(applications) if name[0].isupper()}
    assert {backbone.origin for backbone in BACKBONES.values()} == {
        f"keras.applications.{name}" for name in theirs
    }
    assert len(BACKBONES) == len(theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_facts_are_those_of_the_installed_keras(name, keras_files):
    backbone = BACKBONES[name]
    # Graphs take seconds: the classifier's is drawn for one network of a family.
    for top, file in enumerate(backbone.weights[: 2 if name in FAMILIES else 1]):
        # Asked for no size, a network with a classifier takes Keras' own. MobileNetV3 has none,
        # and warns that its weights were made for 224 pixels.
        own = top and "mobilenet_v3" not in name
        size = None if own else (*backbone.input_size, 3)
        model = symbolic(
            constructor(backbone), weights="imagenet", include_top=bool(top), input_shape=size
        )
        digest = file.digest.partition(":")[2] or None
        assert keras_files.pop() == (file.file, file.url, digest)
        if top:
            assert model.output.shape == (None, 1000)
            assert model.input.shape[1:3] == backbone.input_size
        else:
            assert model.count_params() == backbone.n_parameters
            assert model.output.shape[-1] == backbone.n_features
        if not name.startswith("convnext"):  # its stages end in layers that skembed adds
            check_stages(backbone, model)


def test_every_digest_is_in_keras_source_and_addresses_come_in_pairs():
    import keras

    folder = Path(keras.applications.__path__[0]).parents[0] / "src" / "applications"
    source = "".join(path.read_text() for path in folder.glob("*.py"))
    for backbone in BACKBONES.values():
        for file in backbone.weights:
            assert file.digest.partition(":")[2] in source
            assert file.url.endswith(".h5")
        without, whole = (file.url for file in backbone.weights)
        assert whole == re.sub("[-_]no_?-?top(_v2)?|_notop", "", without)


def check_stages(backbone, model):
    names = stable_names(model)
    layers = {names[layer.name]: layer for layer in model.layers}
    assert layers[backbone.features].output.shape[-1] == backbone.n_features
    assert backbone.stages[-1][1] == backbone.features
    for stage, layer in backbone.stages:
        shape = layers[layer].output.shape
        assert len(shape) == 4
        halvings = math.log2(backbone.input_size[0] / shape[1])
        assert round(halvings) == int(stage.removeprefix("stage"))


@pytest.mark.parametrize("name", FAMILIES)
def test_preparation_is_keras_own(name):
    backbone = BACKBONES[name]
    module = importlib.import_module(constructor(backbone).__module__)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3)).astype("float32")
    preparation = backbone.preparation
    ours = pixels[..., ::-1] if preparation.channels == "bgr" else pixels
    ours = (ours - np.float32(preparation.mean)) / np.float32(preparation.std)
    np.testing.assert_allclose(ours, module.preprocess_input(pixels.copy()), atol=3e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "top"),
    [("inception_v3", True), ("nasnet_mobile", False), ("convnext_tiny", True)],
)
def test_copy_keeps_the_order_that_keras_files_follow(name, top):
    backbone = BACKBONES[name]
    theirs = symbolic(
        constructor(backbone),
        weights=None,
        include_top=top,
        input_shape=(*backbone.input_size, 3),
    )
    ours = build(backbone, None, top)
    names = stable_names(theirs)
    expected = [(names[layer.name], shapes(layer)) for layer in theirs.layers if layer.weights]
    assert [(layer.name, shapes(layer)) for layer in ours.layers if layer.weights] == expected


def shapes(layer):
    return [tuple(variable.shape) for variable in layer.weights]


@pytest.mark.slow
def test_efficientnet_divides_a_second_time_as_keras_does_for_its_weights(keras_files):
    backbone = resized("efficientnet_b0", 64)
    theirs = symbolic(
        constructor(backbone), weights="imagenet", include_top=False, input_shape=(64, 64, 3)
    )
    ours = build(backbone, None, False)
    names = stable_names(theirs)
    assert [layer.name for layer in ours.layers][1:] == [
        names[layer.name] for layer in theirs.layers
    ][1:]
    scales = [
        next(np.asarray(layer.scale) for layer in model.layers if name(layer) == "rescaling_1")
        for model, name in (
            (ours, lambda layer: layer.name),
            (theirs, lambda layer: names[layer.name]),
        )
    ]
    np.testing.assert_array_equal(*scales)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("name", ["xception", "convnext_tiny"])
def test_random_weights_and_names_repeat(name):
    least = max(BACKBONES[name].min_size, 64)
    backbone = resized(name, least)
    state = random.getstate()
    first, again = build(backbone, None, False), build(backbone, None, True)
    assert random.getstate() == state, "the user's random numbers were disturbed"
    layers = [layer.name for layer in first.layers]
    # ConvNeXt's last layer, a normalisation, has another name where a classifier follows.
    assert layers[:-1] == [layer.name for layer in again.layers][: len(layers) - 1]
    check_stages(backbone, first)
    check_stages(backbone, again)
    image = np.random.default_rng(0).uniform(0, 1, (1, least, least, 3)).astype("float32")
    embeddings = [embed(backbone, model, image) for model in (first, again)]
    np.testing.assert_array_equal(*embeddings)
    assert np.isfinite(embeddings[0]).all()
    assert embeddings[0].std() > 0


def embed(backbone, model, images):
    import keras

    features = keras.Model(model.input, model.get_layer(backbone.features).output)
    return features.predict_on_batch(images).mean((1, 2))


@pytest.mark.parametrize("name", ["efficientnet_lite0", "squeezenet1_1", "mobilenet"])
def test_nothing_is_compiled_to_build_a_network(name, caplog):
    import jax

    backbone = backbones.get(name)
    with jax.log_compiles():
        load(backbone, "imagenet" if name == "efficientnet_lite0" else None, True)
    # Dropout has a seed of integers of another kind.
    compiled = re.findall(r"Compiling jit\((\w+)\)", caplog.text)
    assert set(compiled) <= {"convert_element_type"}


@pytest.mark.slow
def test_random_weights_are_the_same_bits_in_another_process(forked):
    code = f"""
import keras
keras.layers.Conv2D(3, 3)  # shifts the numbers of Keras' automatic names
{inspect.getsource(digest_of_random_weights)}
print(digest_of_random_weights())
"""
    assert forked(code) == digest_of_random_weights()


def digest_of_random_weights():
    import dataclasses
    import hashlib

    from skembed.backbones._keras_applications import keras_applications_backbones
    from skembed.formats.keras._applications import build

    backbone = {b.name: b for b in keras_applications_backbones()}["mobilenet_v3_small"]
    model = build(dataclasses.replace(backbone, input_size=(32, 32)), None, False)
    digest = hashlib.sha256()
    for variable in model.weights:
        digest.update(variable.path.encode() + bytes(variable.value))
    return digest.hexdigest()


@pytest.mark.slow
def test_random_weights_depend_on_the_name():
    backbone = resized("mobilenet_v2", 32)
    renamed = dataclasses.replace(backbone, name="mine")
    one, other = build(backbone, None, False), build(renamed, None, False)
    assert other.name == "mine"
    kernels = [np.asarray(model.get_layer("Conv1").kernel.value) for model in (one, other)]
    assert not np.array_equal(*kernels)


@pytest.mark.slow
def test_names_do_not_depend_on_what_was_built_before():
    import keras

    mine = keras.layers.Conv2D(3, 3)
    names = [[layer.name for layer in build(resized("xception", 71), None, False).layers]
             for _ in range(2)]  # fmt: skip
    assert names[0] == names[1]
    assert {"conv2d", "conv2d_3", "batch_normalization", "add_11"} <= set(names[0])
    assert "conv2d_4" not in names[0]
    # The session of the user's own models goes on counting: nothing was cleared.
    assert keras.layers.Conv2D(3, 3).name != mine.name


@pytest.mark.parametrize(("name", "side"), [("mobilenet_v2", 31), ("xception", 70)])
def test_too_small_images_are_refused(name, side):
    with pytest.raises(ValueError, match=rf"'{name}' .* at least .* got {side} x {side}"):
        build(resized(name, side), None, False)


def test_vgg_classifier_keeps_its_size():
    with pytest.raises(ValueError, match=r"classifier of 'vgg16' .* 224 x 224 .* got 64 x 64"):
        build(resized("vgg16", 64), None, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["xception", "inception_v3", "inception_resnet_v2", "nasnet_mobile", "vgg16"]
)
def test_smallest_size_leaves_features(name):
    backbone = BACKBONES[name]
    side = backbone.min_size
    model = symbolic(
        constructor(backbone), weights=None, include_top=False, input_shape=(side, side, 3)
    )
    assert min(model.output.shape[1:3]) >= 1
