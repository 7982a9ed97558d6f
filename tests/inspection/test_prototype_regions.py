"""Which part of which image a prototype was taken from."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from small_networks import save_small_network

from skembed import PretrainedEmbedder, PrototypeEmbedder, backbones, images, inspection, layers
from skembed.engines import UnsupportedNetworkError

HMAX = {"num_scales": 3, "image_resize_length": 90}


@pytest.mark.slow
def test_a_patch_of_hmax_depends_on_its_region_alone(pictures):
    backbone = backbones.get("hmax", **HMAX)
    X = [np.ascontiguousarray(picture[:90, :90]) for picture in pictures[:3]]
    embedder = PrototypeEmbedder(backbone, n_prototypes=4, patch_width=3, random_state=1).fit(X)
    for i, region in enumerate(inspection.prototype_regions(embedder, X)):
        image, scale, row, column = embedder.prototype_locations_[i]
        x, y, width, height = region.box
        changed = np.full_like(X[image], 255 if i % 2 else 0)
        margin = 4 if scale else 0  # what the resizing looks at beside
        kept = (
            slice(max(y - margin, 0), y + height + margin),
            slice(max(x - margin, 0), x + width + margin),
        )
        changed[kept] = X[image][kept]
        assert not np.array_equal(changed, X[image])
        maps = layers.build_layer(backbone, "C1", images_of(changed))["c1"][scale]
        patch = maps[row : row + 3, column : column + 3]
        np.testing.assert_allclose(patch, embedder.prototypes_[i], rtol=1e-3, atol=1e-3)


def test_the_best_match_is_where_the_strongest_response_is(pictures, tmp_path, jax_alone):
    network = save_small_network(tmp_path)
    options = {"n_prototypes": 5, "patch_width": 2, "random_state": 0}
    embedder = PrototypeEmbedder(network, "b", **options).fit(pictures)
    maps, _ = embedder._extract(pictures)
    regions = inspection.prototype_matches(embedder, pictures, 3)
    prototype = embedder.prototypes_[3]
    for picture, row, region in zip(pictures, maps.reshape(-1, 8, 8, 6), regions, strict=True):
        patches = sliding_window_view(row, (2, 2), axis=(0, 1))
        scores = np.einsum("yxcij,ijc->yx", patches, prototype) / np.sqrt(
            np.maximum(np.square(patches).sum(axis=(2, 3, 4)), 0.01)
        )
        place = np.unravel_index(scores.argmax(), scores.shape)
        assert region.source is picture
        np.testing.assert_allclose(region.box[:2], np.array(place[::-1]) * 140 / 8, atol=1)
    for wrong in (5, -1):
        with pytest.raises(ValueError, match="There are 5 prototypes, 0 to 4"):
            inspection.prototype_matches(embedder, pictures, wrong)
    lenient = embedder.set_params(on_error="nan")
    with pytest.raises(ValueError, match="Row 1 of X cannot be read"):
        inspection.prototype_matches(lenient, [pictures[0], b"no image"], 0)


def test_why_hmax_has_no_activation_map(pictures):
    embedder = PretrainedEmbedder(backbones.get("hmax", **HMAX))
    with pytest.raises(UnsupportedNetworkError, match="a map for each of several scales"):
        inspection.activation_map(embedder, pictures[0], 0)


def images_of(pixels):
    from PIL import Image

    return Image.fromarray(pixels)


def test_regions_of_a_network_are_cells_of_its_input(pictures, tmp_path, jax_alone):
    network = save_small_network(tmp_path)
    options = {"n_prototypes": 5, "patch_width": 2, "random_state": 0}
    embedder = PrototypeEmbedder(network, "b", **options).fit(pictures)
    regions = inspection.prototype_regions(embedder, pictures, [2, 0])
    for region, which in zip(regions, (2, 0), strict=True):
        image, _, row, column = embedder.prototype_locations_[which]
        assert region.source is pictures[image]
        expected = (140 / 8 * column, 140 / 8 * row, 35, 35)
        np.testing.assert_allclose(region.box, expected, atol=1)
        assert images.load(region).size
    with pytest.raises(TypeError, match="expected a PrototypeEmbedder"):
        inspection.prototype_regions(PretrainedEmbedder(), pictures)
    with pytest.raises(ValueError, match="fitted on"):
        inspection.prototype_regions(embedder, pictures[:1])
    clusters = PrototypeEmbedder(network, "b", method="kmeans", **options).fit(pictures)
    with pytest.raises(ValueError, match="no patches of images"):
        inspection.prototype_regions(clusters, pictures)
