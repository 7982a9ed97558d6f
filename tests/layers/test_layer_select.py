"""PretrainedEmbedder(layers=...): which columns come, in what order, at what cost."""

from __future__ import annotations

import numpy as np
import pytest

from skembed import PretrainedEmbedder, layers
from skembed.extraction import images_run

pytestmark = pytest.mark.usefixtures("jax_alone", "quickly_compiled_module")

SIZE = 64
# The blocks of EfficientNet-Lite0 with a shortcut.
ADDING = ("2b", "3b", "4b", "4c", "5b", "5c", "6b", "6c", "6d")


def _embedder(layers, cache=False, **options) -> PretrainedEmbedder:
    return PretrainedEmbedder(layers=layers, image_size=SIZE, cache=cache, **options)


def _labels(layers, **options) -> list[str]:
    return list(_embedder(layers, **options).layer_slices_)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def full(pictures, store) -> np.ndarray:
    """All layers, from one pass that is counted."""
    before = images_run()
    rows = _embedder("all", store).transform(pictures)
    assert images_run() - before == len(pictures)
    return rows


@pytest.fixture(scope="module")
def names() -> list[str]:
    """What "all" means, in the table's order."""
    table = layers.table("efficientnet_lite0")
    return table.index[table["in_all"]].tolist()


@pytest.mark.slow
def test_all_is_what_the_table_says(full, names):
    embedder = _embedder("all")
    assert full.shape == (12, 21_008)
    assert np.isfinite(full).all()
    assert list(embedder.layer_slices_) == names
    assert embedder.get_feature_names_out()[[0, 32, -1]].tolist() == [
        "stem_conv__000",
        "block1a_dwconv__000",
        "top_conv__1279",
    ]


@pytest.mark.slow
def test_vgg16_has_12416_features_and_elsewhere_than_at_224_no_dense_ones():
    vgg = {"backbone": "vgg16", "weights": None}
    embedder = PretrainedEmbedder(layers="all", **vgg)
    assert len(embedder.get_feature_names_out()) == 12_416
    assert list(embedder.layer_slices_)[-2:] == ["fc1", "fc2"]
    assert PretrainedEmbedder(layers=[-1], **vgg).layer_slices_ == {"fc2": slice(0, 4096)}
    small = PretrainedEmbedder(layers="all", image_size=SIZE, **vgg)
    assert len(small.get_feature_names_out()) == 4_224
    with pytest.raises(ValueError, match="'vgg16' has no layer 'fc1'"):
        PretrainedEmbedder(layers="fc1", image_size=SIZE, **vgg).fit([])


@pytest.mark.parametrize(
    ("asked", "want"),
    [
        ("stage2", ["stage2"]),
        ("block3a_dwconv", ["block3a_dwconv"]),
        ("block2b_add", ["block2b_add"]),
        (0, ["stem_conv"]),
        (np.int64(-1), ["top_conv"]),
        ("last 2", ["block7a_project_conv", "top_conv"]),
        ("block1a_*", ["block1a_dwconv", "block1a_project_conv"]),
        ("block?a_add", []),
        ("block2[ab]_add", ["block2b_add"]),
        ("*_add", [f"block{b}_add" for b in ADDING]),
        (
            ["predictions", -1, "stage1", "block1a_*"],
            ["predictions", "top_conv", "stage1", "block1a_dwconv", "block1a_project_conv"],
        ),
        (("stem_conv", 1), ["stem_conv", "block1a_dwconv"]),
    ],
)
def test_every_kind_of_selector_in_the_order_asked(asked, want):
    if not want:
        with pytest.raises(ValueError, match="No layer matches"):
            _labels(asked)
        return
    assert _labels(asked) == want


def test_columns_lie_where_the_slices_say():
    embedder = _embedder(["top_conv", "stem_conv"], pooling="both")
    assert embedder.layer_slices_ == {
        "top_conv": slice(0, 2560),
        "stem_conv": slice(2560, 2624),
    }
    names = embedder.get_feature_names_out()
    assert names[[0, 1280, 2560, 2623]].tolist() == [
        "top_conv__avg__0000",
        "top_conv__max__0000",
        "stem_conv__avg__000",
        "stem_conv__max__031",
    ]
    assert len(set(names)) == len(names) == 2624


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("stem_cnv", "has no layer 'stem_cnv'. Did you mean 'stem_conv'"),
        ("stage6", "Did you mean 'stage5'"),
        ("block9*", r"No layer matches. skembed.layers.table\('efficientnet_lite0'\) lists"),
        (49, "index 49; 'efficientnet_lite0' has 49 .* layers: -49 to 48"),
        (-50, "index -50"),
        ("last 0", "'last 0'; 'efficientnet_lite0' has 49"),
        ("last 50", "'last 50'"),
        (["stem_conv", 0], "names 'stem_conv' twice"),
        (["all", "block1a_*"], "names 'block1a_dwconv' twice"),
        ([], "layers is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked, message, pictures):
    with pytest.raises(ValueError, match=message):
        _embedder(asked).fit(pictures)


@pytest.mark.parametrize("asked", [[True], [0.5], [None], [["stem_conv"]]])
def test_what_is_no_name_and_no_index_is_refused(asked, pictures):
    with pytest.raises(TypeError, match="allowed: names, globs and indices"):
        _embedder(asked).fit(pictures)


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    ["stem_conv", "top_conv", "block2*", [-1, 0], "last 3", ["block5a_dwconv", "stem_conv"]],
)
def test_a_slice_of_all_is_what_the_layer_gives_alone(asked, full, pictures, store):
    """Bit by bit from the store; within float32 rounding from a program of its own."""
    slices = _embedder("all").layer_slices_
    wanted = np.hstack([full[:, slices[label]] for label in _labels(asked)])
    before = images_run()
    stored = _embedder(asked, store).transform(pictures)
    assert images_run() == before
    np.testing.assert_array_equal(stored, wanted)
    alone = _embedder(asked).transform(pictures)
    np.testing.assert_allclose(alone, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_same_layer_by_two_names_is_the_same(pictures):
    rows = _embedder(["stage5", "top_activation", "top_conv", "embedding"]).transform(pictures)
    for i in range(1, 4):
        np.testing.assert_array_equal(rows[:, 1280 * i : 1280 * (i + 1)], rows[:, :1280])


@pytest.mark.slow
def test_pre_and_post_are_kept_apart_in_the_store(full, pictures, store):
    before = images_run()
    rows = _embedder("stem_conv", store, activation="pre").transform(pictures)
    assert images_run() - before == len(pictures)
    assert not np.array_equal(rows, full[:, :32])
