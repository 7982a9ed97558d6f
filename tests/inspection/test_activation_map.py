"""Maps are where the image is, whatever the resize; those of a class add up to its decision."""

from __future__ import annotations

import io

import numpy as np
import pytest
from on_jax import FullNetworkEmbedder, PretrainedEmbedder
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectPercentile
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import LinearSVC

from skembed import Discretizer, RowSpaceProjector, TernaryScaler, images
from skembed.inspection import activation_map

CONVENTIONS = [
    f"{geometry}-{name}"
    for geometry in ("warp", "pad", "crop", "crop-0.7")
    for name in images.RESIZE_FILTERS
]
SIZES = [
    (90, 130),
    (200, 50),
    (21, 33),
]  # larger, and narrow; smaller than the network's 30 x 40


def ramps(height: int, width: int) -> np.ndarray:
    """Red grows to the right and green downwards, both from 0 to 255."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width).round()
    image[..., 1] = np.linspace(0, 255, height).round()[:, None]
    return image


@pytest.mark.parametrize("resize", CONVENTIONS)
def test_each_pixel_has_the_value_of_its_own_place(colours, resize):
    """Ramps tell where each value of a map comes from: it may be half a cell beside."""
    for size in SIZES:
        image = ramps(*size)
        embedder = PretrainedEmbedder(colours, resize=resize)
        for channel, side in ((0, size[1]), (1, size[0])):
            found = activation_map(embedder, image, channel).map
            inside = ~np.isnan(found)
            rows, cells = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
            assert inside[np.ix_(rows, cells)].all()
            if not resize.startswith("crop"):
                assert inside.all()
            lengths = len(rows) / 30, len(cells) / 40
            cell = max(1, max(lengths) if resize.startswith("pad") else lengths[1 - channel])
            off = (found * 255 - image[..., channel]) / (255 / side)
            off = off[np.ix_(rows, cells)]
            # The outer half of the outer cells is constant, and filters end there too.
            edge = int(np.ceil(1.5 * cell))
            off = off[:, edge:-edge] if channel == 0 else off[edge:-edge]
            assert np.abs(off).max() < 0.75 * cell + side / 100
            assert abs(off.mean()) < 0.35 * cell + side / 250


@pytest.mark.parametrize(
    ("resize", "edge"),
    [
        ("pil-bilinear-antialias", 0),
        ("pad-pil-bilinear-antialias", 0),
        ("pil-bicubic-antialias", 3),
        ("pil-lanczos-antialias", 3),
        ("libyuv-bilinear", 0),
        ("crop-libyuv-bilinear", 0),
    ],
)
def test_what_is_enlarged_comes_back_to_a_fifth_of_a_pixel(colours, resize, edge):
    """libyuv puts corners over corners where it enlarges; taken for edges, they are 0.4 pixels off.

    It also darkens the image a little, which makes up most of the fifth.
    """
    image = ramps(12, 16)
    for channel, side in ((0, 16), (1, 12)):
        found = activation_map(PretrainedEmbedder(colours, resize=resize), image, channel).map
        off = (found * 255 - image[..., channel]) / (255 / (side - 1))
        assert np.abs(off[edge : 12 - edge, edge : 16 - edge]).max() < 0.2


@pytest.mark.parametrize("resize", CONVENTIONS)
@pytest.mark.parametrize("size", SIZES)
def test_the_peak_is_where_the_blob_is(colours, resize, size):
    image = np.zeros((*size, 3), np.uint8)
    row, column = size[0] * 0.55, size[1] * 0.45
    spread = min(size) / 8
    rows, columns = np.indices(size)
    distances = (rows + 0.5 - row) ** 2 + (columns + 0.5 - column) ** 2
    image[..., 2] = 255 * np.exp(-distances / (2 * spread**2))
    found = activation_map(PretrainedEmbedder(colours, resize=resize), image, 2)
    assert found.map.shape == size
    assert np.array_equal(found.image, image)
    mass = np.where(found.map > found.layer_maps["embedding"].max() / 2, found.map, 0)
    at = (mass * (rows + 0.5)).sum() / mass.sum(), (mass * (columns + 0.5)).sum() / mass.sum()
    scale = max(1, size[0] / 30, size[1] / 40)
    assert np.abs(np.subtract(at, (row, column))).max() < 0.6 * scale


@pytest.mark.parametrize("resize", ["crop", "crop-0.5"])
@pytest.mark.parametrize("size", SIZES[:2])
def test_what_is_cropped_is_nan(colours, resize, size):
    """Exactly the central part of the input's proportions is seen."""
    found = activation_map(PretrainedEmbedder(colours, resize=resize), ramps(*size), 0).map
    part = 0.5 if resize == "crop-0.5" else 1.0
    scale = min(size[0] / 30, size[1] / 40) * part
    seen = ~np.isnan(found)
    assert abs(seen.any(1).sum() - 30 * scale) <= 1
    assert abs(seen.any(0).sum() - 40 * scale) <= 1
    middle = np.flatnonzero(seen.any(1)).mean(), np.flatnonzero(seen.any(0)).mean()
    assert np.abs(np.subtract(middle, np.subtract(size, 1) / 2)).max() <= 0.5


def test_maps_are_of_the_upright_image(colours):
    turned = Image.fromarray(np.rot90(ramps(60, 80)).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    file = io.BytesIO()
    turned.save(file, "PNG", exif=exif)
    found = activation_map(PretrainedEmbedder(colours), file.getvalue(), 0)
    assert found.map.shape == (60, 80)
    np.testing.assert_array_equal(found.image, ramps(60, 80))
    assert np.abs(found.map * 255 - ramps(60, 80)[..., 0]).max() < 6


def test_decoding_at_a_smaller_scale_moves_no_place(colours):
    file = io.BytesIO()
    Image.fromarray(ramps(400, 600)).save(file, "JPEG", quality=95)
    scaled = activation_map(PretrainedEmbedder(colours, decoding="scaled"), file.getvalue(), 0)
    assert scaled.map.shape == (400, 600)
    assert np.abs(scaled.map * 255 - ramps(400, 600)[..., 0]).max() < 6


def test_arrays_that_a_model_takes_as_they_are_are_not_resized():
    import keras

    image = keras.Input((5, 7, 2))
    model = keras.Model(image, keras.layers.Conv2D(1, 1, kernel_initializer="ones")(image))
    array = np.random.default_rng(0).normal(size=(5, 7, 2)).astype(np.float32)
    found = activation_map(PretrainedEmbedder(model), array, 0)
    np.testing.assert_allclose(found.map, array.sum(axis=2), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["pre", "post"])
@pytest.mark.parametrize("layer", ["first", "depthwise", "last"])
def test_every_convolutional_layer_has_maps(network, photographs, layer, activation):
    """Their average is the feature, before or after the activation, asked for or not."""
    embedder = PretrainedEmbedder(network, layers=layer, activation=activation)
    features = embedder.transform(photographs[0][:1])[0]
    found = activation_map(embedder, photographs[0][0], 2)
    assert found.name == f"{layer}__002"
    side = 24 if layer == "first" else 12
    assert found.layer_maps[layer].shape == (side, side)
    assert found.value == pytest.approx(features[2], rel=1e-5)
    if activation == "post" and layer != "depthwise":
        assert found.layer_maps[layer].min() >= 0
    everything = PretrainedEmbedder(network, activation=activation, layers="all")
    for feature in (f"{layer}__002", (layer, 2)):
        for other in (everything, FullNetworkEmbedder(network, activation=activation)):
            again = activation_map(other, photographs[0][0], feature)
            np.testing.assert_allclose(again.map, found.map, rtol=1e-5, atol=1e-6)


def test_a_layer_that_the_embedder_does_not_give(network, photographs):
    embedder = PretrainedEmbedder(network)  # its dense output alone
    found = activation_map(embedder, photographs[0][0], "last__007")
    assert list(found.layer_maps) == ["last"]


def _variances(X, y):
    return X.var(axis=0)


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (StandardScaler(),),
        (StandardScaler(), RowSpaceProjector()),
        (RowSpaceProjector(),),
        (TernaryScaler(discretize=False),),
        (MinMaxScaler(),),
        (RobustScaler(with_centering=False), SelectPercentile(_variances, percentile=60)),
        (StandardScaler(), PCA(4, whiten=True)),
    ],
    ids=lambda steps: "-".join(type(step).__name__ for step in steps),
)
def test_maps_of_a_class_add_up_to_its_decision(network, photographs, steps):
    X, y = photographs
    clf = make_pipeline(
        PretrainedEmbedder(network, layers="all"), *steps, RidgeClassifier()
    ).fit(X, y)
    for label, decision in zip(clf.classes_, clf.decision_function(X[3:4])[0], strict=True):
        found = activation_map(clf, X[3], label)
        assert sorted(found.layer_maps) == ["depthwise", "first", "last"]
        total = found.offset + sum(grid.mean() for grid in found.layer_maps.values())
        assert total == pytest.approx(found.value, abs=1e-5)
        assert total == pytest.approx(decision, abs=2e-5)
        parts = [activation_map(clf, X[3], label, layers=one).map for one in found.layer_maps]
        np.testing.assert_allclose(sum(parts), found.map, atol=1e-5)


@pytest.mark.parametrize(
    "embedder",
    [
        {"layers": ["first", "last"], "normalize": "l2"},
        {"layers": "last", "activation": "pre"},
        {"full": True, "discretize": False, "layers": "all"},
    ],
    ids=["normalised", "before the activation", "full network"],
)
def test_embedders_whose_columns_are_linear_in_each_place(network, photographs, embedder):
    X, y = photographs
    parameters = dict(embedder)
    kind = FullNetworkEmbedder if parameters.pop("full", False) else PretrainedEmbedder
    clf = make_pipeline(kind(network, **parameters), LogisticRegression()).fit(X, y)
    found = activation_map(clf, X[0], "green")
    decision = clf.decision_function(X[:1])[0, list(clf.classes_).index("green")]
    total = found.offset + sum(grid.mean() for grid in found.layer_maps.values())
    assert total == pytest.approx(decision, abs=2e-5)


def test_two_classes_have_opposite_maps(network, photographs):
    X, y = photographs
    clf = make_pipeline(PretrainedEmbedder(network, layers="last"), LinearSVC()).fit(
        X, y == "red"
    )
    yes, no = (activation_map(clf, X[0], label) for label in (True, False))
    assert yes.value == pytest.approx(clf.decision_function(X[:1])[0], abs=1e-5)
    np.testing.assert_allclose(yes.map, -no.map, rtol=1e-5)


def test_what_is_not_linear_is_refused(network, photographs, ternary):
    X, y = photographs
    with pytest.raises(ValueError, match="become -1, 0 or 1"):
        activation_map(ternary, X[0], "red")
    every = {"layers": "all"}
    for embedder, step, reason in (
        (PretrainedEmbedder(network, **every), (StandardScaler(), Discretizer()), "-1, 0 or 1"),
        (PretrainedEmbedder(network, pooling="max", layers="last"), (), "maxima"),
        (PretrainedEmbedder(network, layers="last", quantize=True), (), "quantize"),
        (PretrainedEmbedder(network, layers="last"), (MinMaxScaler(clip=True),), "clip"),
    ):
        clf = make_pipeline(embedder, *step, LinearSVC()).fit(X, y)
        with pytest.raises(ValueError, match=reason):
            activation_map(clf, X[0], "red")


def test_mistakes_are_told(network, photographs, standardised):
    X, _ = photographs
    embedder = PretrainedEmbedder(network, layers=["first", "dense"])
    with pytest.raises(ValueError, match="'dense' has no rows and columns"):
        activation_map(embedder, X[0], "dense__001")
    with pytest.raises(ValueError, match=r"no layer 'frist'\. Did you mean 'first'"):
        activation_map(embedder, X[0], "frist__001")
    with pytest.raises(ValueError, match="has 11 columns: 0 to 10"):
        activation_map(embedder, X[0], 11)
    with pytest.raises(ValueError, match="'last' has 8 channels, 0 to 7; got 8"):
        activation_map(embedder, X[0], ("last", 8))
    with pytest.raises(ValueError, match="no class 'yellow'"):
        activation_map(standardised, X[0], "yellow")
    with pytest.raises(ValueError, match="no convolutional layer 'dense'"):
        activation_map(standardised, X[0], "red", layers="dense")
    with pytest.raises(TypeError, match="expected a fitted Pipeline"):
        activation_map(LinearSVC(), X[0], "red")
