"""SqueezeNet 1.1 with both of its trainings."""

from __future__ import annotations

import numpy as np
import pytest

from skembed import PretrainedEmbedder, WeightsError, backbones
from skembed.formats.keras import load

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["squeezenet1_1", "squeezenet1_1_caffe"])
def test_facts_hold_for_the_network(name):
    spec = backbones.get(name)
    model = load(spec, None, False)
    assert model.count_params() == spec.n_parameters
    assert model.output.shape[-1] == spec.n_features


def test_gluon_weights_know_a_daisy_and_a_macaw(shared):
    embedder = PretrainedEmbedder(
        "squeezenet1_1",
        weights=shared / "weights/squeezenet1.1_gluon.weights.h5",
        layers="predictions",
    )
    images = [
        shared / "data/flowers17/10_daisy/image_0801.jpg",
        shared / "images/parrot.jpg",
        shared / "images/dog.jpg",
    ]
    best = embedder.transform(images).argmax(axis=1)
    assert embedder.get_feature_names_out()[best].tolist() == ["daisy", "macaw", "pug"]


def test_a_file_with_the_classifier_serves_without_it_too(shared):
    path = shared / "weights/squeezenet1.1_gluon.weights.h5"
    row = PretrainedEmbedder("squeezenet1_1", weights=path).transform(
        [shared / "images/parrot.jpg"]
    )
    assert row.shape == (1, 512)
    assert row.std() > 0


def test_caffe_weights_tell_flowers_apart(shared):
    """The nearest other photograph is of the same flower more often than by chance."""
    folders = ["02_lily_valley", "09_sunflower", "16_pansy"]
    files = [p for f in folders for p in sorted((shared / "data/flowers17" / f).iterdir())[:8]]
    rows = PretrainedEmbedder(
        "squeezenet1_1_caffe",
        weights=shared / "weights/squeezenet1.1_caffe_no_top.h5",
        normalize="l2",
    ).transform(files)
    likeness = rows @ rows.T - 2 * np.eye(len(rows))
    same = np.array(
        [files[i].parent == files[j].parent for i, j in enumerate(likeness.argmax(1))]
    )
    assert same.mean() >= 0.8


def test_without_a_path_the_error_says_what_to_give():
    with pytest.raises(WeightsError, match=r"weights='path/to/weights\.h5'"):
        PretrainedEmbedder("squeezenet1_1").transform([np.zeros((8, 8, 3), np.uint8)])


def test_weights_without_the_classifier_cannot_predict(shared):
    path = shared / "weights/squeezenet1.1_caffe_no_top.h5"
    embedder = PretrainedEmbedder("squeezenet1_1_caffe", weights=path, layers="predictions")
    with pytest.raises(WeightsError, match="do not fit"):
        embedder.transform([shared / "images/parrot.jpg"])
