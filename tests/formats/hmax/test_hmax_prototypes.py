"""Layers S2 and C2 of HMAX: prototypes that are learnt, and layers by name."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from skembed import PrototypeEmbedder, backbones, layers
from skembed.formats.hmax import Hmax, HmaxParameters
from skembed.layers import DependencyError, LayerModel

pytestmark = pytest.mark.slow  # networks are compiled, or exported

PARAMETERS = {"num_scales": 3, "image_resize_length": 90}


@pytest.fixture(scope="module")
def backbone():
    return backbones.get("hmax", **PARAMETERS)


@pytest.fixture(scope="module")
def fitted(backbone, paths):
    return PrototypeEmbedder(backbone, n_prototypes=6, random_state=0).fit(paths)


def test_the_graph_is_that_of_glimpse(backbone):
    graph = layers.graph(backbone)
    assert [layer.id_ for layer in graph] == ["s", "i", "r", "s1", "c1", "s2", "c2"]
    assert graph.top_layer.name == "C2"
    assert graph.from_name("c1").depends == (graph.from_name("S1"),)


def test_responses_are_c2(fitted, backbone, paths):
    model = LayerModel(backbone)
    hmax = Hmax(HmaxParameters(**PARAMETERS))
    s2, c2 = (model.graph.from_name(name) for name in ("S2", "C2"))
    with pytest.raises(DependencyError, match="'C2' of 'hmax'"):
        model.build_layer("C2", paths[0])
    model.register(s2, jax.jit(lambda c1: hmax.s2(c1, fitted.prototypes_)))
    model.register(c2, jax.jit(lambda s2: hmax.c2(s2)[0]))
    state = model.build_layer("C2", paths[0])
    (row,) = fitted.transform(paths[:1])
    np.testing.assert_allclose(state["c2"], row, rtol=1e-4)
    assert list(state) == ["s", "i", "r", "s1", "c1", "s2", "c2"]


def test_imprinted_prototypes_are_patches_of_c1(fitted, backbone, paths):
    assert fitted.prototypes_.shape == (6, 7, 7, 4)
    assert len(set(fitted.prototype_locations_[:, 1])) > 1
    for prototype, (image, scale, y, x) in zip(
        fitted.prototypes_, fitted.prototype_locations_, strict=True
    ):
        c1 = layers.build_layer(backbone, "C1", paths[image], save_all=False)["c1"]
        np.testing.assert_allclose(prototype, c1[scale][y : y + 7, x : x + 7], rtol=1e-5)
    images = fitted.prototype_locations_[:, 0]
    own = fitted.transform(paths)[images, np.arange(6)]
    np.testing.assert_allclose(own, 1, rtol=1e-3)


def test_a_grey_image_of_any_size_is_an_image(backbone):
    image = np.random.default_rng(0).random((80, 120), np.float32)
    state = layers.build_layer(backbone, "c1", image)
    assert [scale.shape for scale in state["C1"]] == [(12, 20, 4), (9, 16, 4), (7, 13, 4)]
    patches, locations = layers.sample_patches(backbone, "C1", 50, 7, state, random_state=0)
    assert patches.shape == (50, 7, 7, 4)
    assert set(locations[:, 0]) == {0, 1, 2}
    with pytest.raises(ValueError, match="float32"):
        layers.make_state(backbone, image.astype(np.float64))


def test_the_parameters_of_s2_hold(paths):
    backbone = backbones.get("hmax", s2_operation="NormRbf", s2_beta=2.0, **PARAMETERS)
    embedder = PrototypeEmbedder(backbone, n_prototypes=3, random_state=0).fit(paths[:2])
    lengths = np.linalg.norm(embedder.prototypes_.reshape(3, -1), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)
    assert embedder._comparison().beta == 2
    skipping = backbones.get("hmax", s2_sampling=2, **PARAMETERS)
    with pytest.raises(ValueError, match="s2_sampling is 2"):
        PrototypeEmbedder(skipping).fit(paths[:2])
