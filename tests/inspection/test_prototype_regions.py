"""Which part of which image a prototype was taken from."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import save_small_network

from skembed import PretrainedEmbedder, PrototypeEmbedder, backbones, images, inspection, layers

HMAX = {"num_scales": 3, "image_resize_length": 90}


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
