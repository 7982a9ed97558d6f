"""PrototypeEmbedder: what prototypes are, where they come from, and what they answer."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import dask.array
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from small_networks import CHANNELS, save_small_network

import skembed
from skembed import (
    FullNetworkEmbedder,
    ImageError,
    PretrainedEmbedder,
    PrototypeEmbedder,
    inspection,
)
from skembed.extraction import images_run
from skembed.layers import InputSizeError
from skembed.testing import check_image_estimator

pytestmark = pytest.mark.usefixtures("jax_alone")
N, WIDTH, N_CHANNELS = 8, 3, CHANNELS["b"]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return save_small_network(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def embedder(network):
    """Make an embedder, with other options than the usual ones."""

    def make(**options) -> PrototypeEmbedder:
        usual = {"layer": "b", "n_prototypes": N, "patch_width": WIDTH, "random_state": 0}
        return PrototypeEmbedder(network, **{**usual, **options})

    return make


@pytest.fixture(scope="module")
def maps(embedder, paths):
    """The maps of the layer, as the store has them."""
    rows, _ = embedder()._extract(paths)
    return rows.reshape(len(paths), 8, 8, N_CHANNELS)


@pytest.fixture(scope="module")
def fitted(embedder, paths):
    return embedder().fit(paths)


@pytest.mark.slow
def test_the_average_of_the_kept_maps_is_the_pooled_layer(network, maps, paths):
    pooled = PretrainedEmbedder(network, layers="b").transform(paths)
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), pooled, rtol=1e-4, atol=1e-5)


def test_an_imprinted_prototype_is_the_patch_at_its_location(fitted, maps):
    assert fitted.prototypes_.shape == (N, WIDTH, WIDTH, N_CHANNELS)
    assert sorted(fitted.prototype_locations_[:, 0])[0] >= 0
    for prototype, (image, scale, y, x) in zip(
        fitted.prototypes_, fitted.prototype_locations_, strict=True
    ):
        patch = maps[image, y : y + WIDTH, x : x + WIDTH]
        assert scale == 0
        np.testing.assert_allclose(prototype, patch / np.linalg.norm(patch), rtol=1e-5)


def test_images_give_equally_many_patches(embedder, paths):
    images = embedder(n_prototypes=30).fit(paths).prototype_locations_[:, 0]
    assert set(np.bincount(images, minlength=len(paths))) == {2, 3}


@pytest.mark.slow
def test_operations_are_their_formulas(embedder, maps, paths):
    patches = sliding_window_view(maps.astype(np.float64), (WIDTH, WIDTH), axis=(1, 2))
    patches = np.moveaxis(patches, 3, -1).reshape(len(maps), -1, WIDTH * WIDTH * N_CHANNELS)
    x2 = np.square(patches).sum(axis=-1)[..., None]
    bias = float(np.median(x2))  # half of the patches are longer
    beta = 0.5 / bias
    for name in ("DotProduct", "NormDotProduct", "Rbf", "NormRbf"):
        learnt = embedder(operation=name, beta=beta, bias=bias).fit(paths)
        w = learnt.prototypes_.astype(np.float64).reshape(N, -1)
        dot = patches @ w.T
        normalised = dot / np.sqrt(np.maximum(x2, bias))
        distance = ((patches[:, :, None] - w) ** 2).sum(axis=-1)
        want = {
            "DotProduct": dot,
            "NormDotProduct": normalised,
            "Rbf": np.exp(-beta * distance),
            "NormRbf": np.exp(-2 * beta * (1 - normalised)),
        }[name].max(axis=1)
        np.testing.assert_allclose(learnt.transform(paths), want, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize(
    "method",
    [
        *("shuffle", "uniform", "normal", "histogram", "pca"),
        *("kmeans", "nearest_kmeans", "kmedoids"),
    ],
)
def test_methods_make_prototypes_from_a_seed(embedder, method, paths):
    first, second = (embedder(method=method, operation="DotProduct") for _ in range(2))
    responses = first.fit_transform(paths)
    np.testing.assert_array_equal(second.fit_transform(paths), responses)
    assert first.prototypes_.shape == (N, WIDTH, WIDTH, N_CHANNELS)
    assert np.isfinite(responses).all()
    other = embedder(method=method, random_state=1).fit(paths)
    assert not np.array_equal(other.prototypes_, first.prototypes_)
    is_patch = method in ("shuffle", "nearest_kmeans", "kmedoids")
    assert (first.prototype_locations_ is not None) == is_patch


@pytest.mark.parametrize("method", ["ica", "nmf", "sparse_pca", "dictionary"])
def test_decompositions_of_few_patches(embedder, method, paths):
    options = {"n_prototypes": 2, "patch_width": 1, "samples_per_prototype": 30}
    learnt = embedder(method=method, **options).fit(paths)
    lengths = np.linalg.norm(learnt.prototypes_.reshape(2, -1), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def test_what_methods_keep_of_the_patches(embedder, maps, paths):
    shuffled = embedder(method="shuffle", operation="Rbf").fit(paths)
    for prototype, (image, _, y, x) in zip(
        shuffled.prototypes_, shuffled.prototype_locations_, strict=True
    ):
        patch = maps[image, y : y + WIDTH, x : x + WIDTH]
        np.testing.assert_allclose(np.sort(prototype.ravel()), np.sort(patch.ravel()))
    for method in ("normal", "histogram"):
        made = embedder(method=method, operation="Rbf", n_prototypes=40).fit(paths)
        np.testing.assert_allclose(made.prototypes_.mean(), maps.mean(), rtol=0.2)
        np.testing.assert_allclose(made.prototypes_.std(), maps.std(), rtol=0.1)
    uniform = embedder(method="uniform", operation="Rbf").fit(paths).prototypes_
    assert 0 <= uniform.min() < 0.01
    assert 0.99 < uniform.max() < 1


def test_clusters_of_prepared_patches(embedder, paths):
    one = {"method": "kmeans", "n_prototypes": 1, "operation": "Rbf"}
    plain = embedder(**one).fit(paths).prototypes_
    whitened = embedder(**one, whiten=True).fit(paths).prototypes_
    np.testing.assert_allclose(whitened, 0, atol=1e-5)  # the mean of all is taken off
    undone = embedder(**one, whiten=True, unwhiten=True).fit(paths).prototypes_
    np.testing.assert_allclose(undone, plain, rtol=1e-4, atol=1e-4)
    for method in ("kmeans", "kmedoids"):
        several = {"method": method, "operation": "Rbf", "normalize_contrast": True}
        prototypes = embedder(**several).fit(paths).prototypes_.reshape(N, -1)
        is_patch = method == "kmedoids"  # as it was
        assert (np.abs(prototypes.mean(axis=1)).max() > 0.1) == is_patch
    with pytest.raises(ValueError, match="unwhiten=True undoes"):
        embedder(**one, unwhiten=True).fit(paths)


@pytest.mark.parametrize("base_weight", [0.0, 0.3])
def test_patches_count_by_how_much_of_an_object_they_show(embedder, paths, base_weight):
    options = {"n_prototypes": 1, "samples_per_prototype": 40, "operation": "Rbf"}
    masks = [np.zeros((140, 140), bool) for _ in paths]
    masks[1][:, 30:] = True
    masks[3][100:] = True
    masks[5] = None
    weighted = embedder(method="object_mask_wkmeans", base_weight=base_weight, **options).fit(
        paths, masks=masks
    )
    drawn = embedder(n_prototypes=40, operation="Rbf").fit(paths)  # the same patches
    parts = []
    for region, (image, *_) in zip(
        inspection.prototype_regions(drawn, paths), drawn.prototype_locations_, strict=True
    ):
        x, y, width, height = region.box
        shown = masks[image]
        parts.append(0 if shown is None else shown[y : y + height, x : x + width].mean())
    assert len(set(parts)) > 2
    expected = np.average(drawn.prototypes_, axis=0, weights=np.array(parts) + base_weight)
    np.testing.assert_allclose(weighted.prototypes_[0], expected, rtol=1e-4, atol=1e-5)


def test_patches_count_by_what_they_tell_of_classes(embedder, paths, labels):
    learnt = embedder(method="meta_feature_wkmeans").fit(paths, labels)
    assert learnt.prototypes_.shape == (N, WIDTH, WIDTH, N_CHANNELS)
    assert learnt.__sklearn_tags__().target_tags.required
    others = embedder(method="meta_feature_wkmeans").fit(paths, labels[::-1]).prototypes_
    unweighted = embedder(method="kmeans").fit(paths).prototypes_
    assert not np.array_equal(learnt.prototypes_, others)
    assert not np.array_equal(learnt.prototypes_, unweighted)


def test_what_weights_take_is_checked(embedder, paths, labels):
    with pytest.raises(ValueError, match="weighs patches by y"):
        embedder(method="meta_feature_wkmeans").fit(paths)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        embedder(method="meta_feature_wkmeans").fit(paths, labels[1:])
    by_objects = embedder(method="object_mask_wkmeans")
    with pytest.raises(ValueError, match="weighs patches by masks"):
        by_objects.fit(paths)
    with pytest.raises(
        ValueError, match=r"masks\[0\] has 140 x 139 pixels, and its image 140 x 140"
    ):
        by_objects.fit(paths, masks=[np.ones((140, 139))] * len(paths))
    with pytest.raises(ValueError, match="0 of 80 patches lie on objects"):
        by_objects.fit(paths, masks=[None] * len(paths))


def test_maps_are_in_the_store(embedder, paths, tmp_path):
    before = images_run()
    embedder(cache=tmp_path).fit_transform(paths)
    assert images_run() - before == len(paths)
    embedder(cache=tmp_path, method="kmeans", patch_width=2).fit(paths).transform(paths)
    assert images_run() - before == len(paths)


def test_unreadable_images_teach_nothing(embedder, fitted, paths):
    X = [*paths[:5], b"no image", *paths[5:]]
    with pytest.raises(ImageError, match="Row 5"):
        embedder().fit(X)
    with pytest.warns(UserWarning, match="1 of 13 images"):
        learnt = embedder(on_error="mean").fit(X)
    np.testing.assert_array_equal(learnt.prototypes_, fitted.prototypes_)
    rows = fitted.prototype_locations_[:, 0]
    np.testing.assert_array_equal(learnt.prototype_locations_[:, 0], rows + (rows >= 5))
    with pytest.warns(UserWarning, match="became the mean"):
        responses = learnt.transform(X)
    want = fitted.transform(paths)
    np.testing.assert_array_equal(np.delete(responses, 5, axis=0), want)
    np.testing.assert_allclose(responses[5], want.mean(axis=0), rtol=1e-6)


def test_names_and_copies(fitted, paths, tmp_path):
    names = fitted.get_feature_names_out()
    assert names[[0, -1]].tolist() == ["b_prototype__000", "b_prototype__007"]
    assert fitted.layer_slices_ == {"b": slice(0, N)}
    want = fitted.transform(paths)
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    np.testing.assert_array_equal(again.transform(paths), want)
    np.testing.assert_array_equal(clone(fitted).fit_transform(paths), want)
    skembed.save(make_pipeline(fitted, LinearSVC()), tmp_path / "p.skops")
    loaded = skembed.load(tmp_path / "p.skops")
    np.testing.assert_array_equal(loaded[0].transform(paths), want)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layer": "embedding"}, ValueError, "has no places any more"),
        ({"layer": "*"}, ValueError, "names 2 layers"),
        ({"layer": "c"}, ValueError, "no layer 'c'"),
        ({"patch_width": 9}, InputSizeError, "8 x 8 places"),
        ({"method": "k-means"}, ValueError, "kmeans"),
        ({"method": "nmf", "activation": "pre"}, ValueError, "0 and more"),
        ({"method": "pca", "n_prototypes": 99, "patch_width": 1}, ValueError, "at most 6 "),
    ],
)
def test_what_is_refused(embedder, options, error, message, paths):
    with pytest.raises(error, match=message):
        embedder(**options).fit(paths)


def test_prototypes_of_another_layer_are_refused(fitted, paths):
    other = copy.copy(fitted).set_params(layer="a")
    with pytest.raises(ValueError, match="fit again"):
        other.transform(paths)


def test_what_looks_at_channels_refuses_prototypes(fitted, paths):
    with pytest.raises(TypeError, match="PrototypeEmbedder; expected"):
        inspection.activation_map(fitted, paths[0], 0)
    with pytest.raises(TypeError, match="begins with PrototypeEmbedder"):
        inspection.explain(make_pipeline(fitted, LinearSVC()), paths, 0)
    with pytest.raises(TypeError):
        FullNetworkEmbedder().merge(fitted)


def test_dask_transforms_and_does_not_fit(fitted, paths):
    X = dask.array.from_array(np.array(paths, object), chunks=6)
    np.testing.assert_array_equal(fitted.transform(X).compute(), fitted.transform(paths))
    with pytest.raises(TypeError, match=r"X\.compute"):
        clone(fitted).fit(X)


@pytest.mark.slow
def test_keeps_the_contract(embedder, paths):
    encoded = [Path(path).read_bytes() for path in paths[::2]]
    records = check_image_estimator(embedder(), encoded, max_pickle_size=30_000)
    assert {record["status"] for record in records} == {"passed"}
