"""HMAX as a backbone: its parameters, and what estimators, the command and the magic make of it."""

from __future__ import annotations

import pickle

import numpy as np
import numpy_hmax as plain
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image
from sklearn.base import clone
from traitlets.config import Config

from skembed import FullNetworkEmbedder, PretrainedEmbedder, WeightsError, backbones, layers
from skembed.cli import main
from skembed.extraction import images_run
from skembed.formats.hmax import HmaxParameters
from skembed.images import prepare_image

pytestmark = pytest.mark.slow  # networks are compiled, or exported

SMALL = {"num_scales": 2, "s1_kwidth": 5, "c1_kwidth": 4, "c1_sampling": 3}
RNG = np.random.default_rng(0)
X = [RNG.integers(0, 256, (h, w, 3), np.uint8) for h, w in ((40, 50), (60, 45), (48, 48))]


@pytest.fixture(scope="module")
def small():
    return backbones.get("hmax", image_resize_length=36, image_resize_aspect_ratio=1.2, **SMALL)


def test_rows_are_c1_pooled_on_each_scale(small):
    p = HmaxParameters.of(small)
    embedder = PretrainedEmbedder(small, cache=False, pooling="both")
    rows = embedder.fit_transform(X)
    assert rows.shape == (3, 16)
    for row, image in zip(rows, X, strict=True):
        pixels = prepare_image(
            image, "scale and crop", image_resize_length=36, image_resize_aspect_ratio=1.2
        )
        assert pixels.shape == (30, 36, 3)
        grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float32) / 255
        maps = plain.c1(plain.s1(plain.pyramid(grey, p, 2), p), p)
        averages = np.concatenate([one.mean(axis=(0, 1)) for one in maps])
        maxima = np.concatenate([one.max(axis=(0, 1)) for one in maps])
        np.testing.assert_allclose(row, np.concatenate([averages, maxima]), rtol=1e-4)


def test_a_row_has_the_same_bits_whatever_its_companions(small):
    embedder = PretrainedEmbedder(small, cache=False)
    alone = np.concatenate([embedder.transform([image]) for image in X])
    np.testing.assert_array_equal(embedder.transform(X * 4), np.tile(alone, (4, 1)))


def test_rows_have_keys_of_their_own_for_each_parameter(small, tmp_path):
    def run(backbone):
        before = images_run()
        PretrainedEmbedder(backbone, cache=tmp_path).transform(X)
        return images_run() - before

    other = backbones.get(
        "hmax", image_resize_length=36, image_resize_aspect_ratio=1.2, s1_bias=0.02, **SMALL
    )
    assert [run(small), run(small), run(other), run(small)] == [3, 0, 3, 0]
    assert set(other.parameters) == {*small.parameters, ("s1_bias", 0.02)}


def test_every_parameter_is_part_of_the_key():
    changes = {
        **{name: value + 2 for name, value in _defaults(int)},
        **{name: value * 1.5 for name, value in _defaults(float)},
        **{name: not value for name, value in _defaults(bool)},
        "s1_operation": "Rbf",
        "s2_operation": "NormRbf",
        "s2_kwidth": (5, 7),
    }
    assert set(changes) == set(HmaxParameters.__dataclass_fields__)
    changed = [backbones.get("hmax", **{name: value}) for name, value in changes.items()]
    found = {backbone.fingerprint() for backbone in (*changed, backbones.get("hmax"))}
    assert len(found) == len(changes) + 1


def _defaults(kind):
    of_defaults = {name: getattr(HmaxParameters(), name) for name in HmaxParameters.__slots__}
    return [(name, value) for name, value in of_defaults.items() if type(value) is kind]


def test_its_layers(small):
    table = layers.table(small)
    assert table.index.tolist() == ["image", "retina", "S1", "C1"]
    assert table["kind"].tolist() == ["Grey", "Identity", "NormDotProduct", "LocalMax"]
    assert table["features"].tolist() == [1, 1, 8, 8]
    assert table["depends"].tolist() == ["", "image", "retina", "S1"]
    embedder = FullNetworkEmbedder(small, cache=False).fit(X)
    assert embedder.layer_slices_ == {"S1": slice(0, 8), "C1": slice(8, 16)}
    assert set(np.unique(embedder.transform(X))) <= {-1, 0, 1}
    grey = PretrainedEmbedder(small, layers=["image", "retina"], cache=False).transform(X)
    np.testing.assert_allclose(grey[:, 0], grey[:, 1])


def test_the_size_may_be_another(small):
    embedder = PretrainedEmbedder(
        backbones.get("hmax", **{**SMALL, "num_scales": 0, "s2_kwidth": 2}), cache=False
    )
    widths = [
        embedder.set_params(image_size=side).fit(X).get_feature_names_out().size
        for side in (24, 40)
    ]
    assert widths == [16, 28]
    assert embedder.transform(X).shape == (3, 28)
    with pytest.raises(ValueError, match="takes at least 12 x 12 pixels"):
        PretrainedEmbedder(small, image_size=11).fit(X)


def test_it_is_cloned_and_pickled(small):
    embedder = PretrainedEmbedder(small, cache=False)
    rows = embedder.fit_transform(X)
    for other in (clone(embedder), pickle.loads(pickle.dumps(embedder))):  # noqa: S301
        np.testing.assert_array_equal(other.fit(X).transform(X), rows)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"num_scale": 3}, "'hmax' has no parameter 'num_scale'. Did you mean 'num_scales'"),
        ({"image_resize_method": "none"}, "prepare_image has all methods"),
        ({"s1_shift_orientations": True}, "half a step from the vertical, always"),
        ({"s1_operation": "rbf"}, "Did you mean 'Rbf'"),
        ({"num_scales": -1}, "an int of at least 0, got -1"),
        ({"scale_factor": 1}, "a number greater than 1, got 1"),
        ({"s1_bias": float("nan")}, "a number at least 0, got nan"),
        ({"s1_kwidth": 10}, "must be odd"),
        ({"s2_kwidth": []}, "give at least one width"),
        ({"retina_enabled": 1}, "must be a bool, got 1"),
    ],
)
def test_what_is_no_parameter_or_out_of_range_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        backbones.get("hmax", **parameters)


def test_other_backbones_have_no_parameters():
    with pytest.raises(ValueError, match="'resnet50' has no parameters to choose, got depth"):
        backbones.get("resnet50", depth=3)


def test_what_cannot_be_asked_of_it(small, tmp_path):
    with pytest.raises(ValueError, match="'hmax' has no layer 'C2'"):
        PretrainedEmbedder(small, layers="C2").fit(X)
    with pytest.raises(ValueError, match="Keras only, and not of the format 'hmax'"):
        PretrainedEmbedder(small, engine="openvino").fit(X)
    (tmp_path / "weights.h5").touch()
    with pytest.raises(WeightsError, match="'hmax' has no weights"):
        PretrainedEmbedder(small, weights=tmp_path / "weights.h5", cache=False).transform(X)


def test_describe_lists_its_parameters(small):
    facts = backbones.describe(small)
    assert facts[["num_scales", "scale_factor", "image_resize_length"]].tolist() == [
        2,
        2**0.25,
        36,
    ]


@pytest.mark.slow  # the default's nine scales are compiled
def test_the_command_and_the_magic_take_it(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    for i, image in enumerate(X):
        Image.fromarray(image).save(f"{i}.png")
    assert main(["embed", ".", "--backbone", "hmax", "-o", "rows.csv"]) == 0
    rows = pd.read_csv("rows.csv").filter(like="embedding").to_numpy()
    assert rows.shape == (3, 36)
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "skembed")
    np.testing.assert_allclose(
        np.asarray(shell.run_cell('%embed hmax "*.png"').result), rows, rtol=1e-5
    )
