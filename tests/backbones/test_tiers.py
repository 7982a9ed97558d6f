"""Tiers: what pupyl's users choose by, wherever a backbone may stand."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
from skimage import data
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skembed
from skembed import FullNetworkEmbedder, PretrainedEmbedder, backbones, images
from skembed.backbones import Tier
from skembed.formats.keras import load

# As the original has them: network, input side, features, parameters in millions.
NINE = {
    "MINIMUMWEIGHT_FAST_SMALL_PRECISION": ("mobilenet", 224, 1024, 3.2),
    "LIGHTWEIGHT_FAST_SMALL_PRECISION": ("resnet50_v2", 224, 2048, 23.6),
    "LIGHTWEIGHT_FAST_SHORT_PRECISION": ("resnet101_v2", 224, 2048, 42.6),
    "LIGHTWEIGHT_QUICK_SHORT_PRECISION": ("densenet169", 224, 1664, 12.6),
    "MEDIUMWEIGHT_QUICK_GOOD_PRECISION": ("densenet201", 224, 1920, 18.3),
    "MIDDLEWEIGHT_QUICK_GOOD_PRECISION": ("inception_v3", 299, 2048, 21.8),
    "MIDDLEWEIGHT_SLOW_GOOD_PRECISION": ("xception", 299, 2048, 20.9),
    "HEAVYWEIGHT_SLOW_GOOD_PRECISION": ("efficientnetv2_m", 480, 1280, 53.2),
    "HEAVYWEIGHT_SLOW_HUGE_PRECISION": ("efficientnetv2_l", 480, 1280, 117.7),
}
SMALL = Tier.MINIMUMWEIGHT_FAST_SMALL_PRECISION


@pytest.mark.parametrize(("value", "name"), [*enumerate(NINE, 1)])
def test_a_tier_is_a_network_with_all_that_the_original_fixed(value, name):
    network, side, width, millions = NINE[name]
    tier = Tier.by_value(value)
    assert tier is Tier.by_name(name) is Tier[name]
    assert tier.backbone == network
    spec = backbones.get(tier)
    assert spec == backbones.get(name) == backbones.get(value) == backbones.get(str(value))
    assert (spec.name, spec.input_size, spec.n_features) == (name, (side, side), width)
    assert round(spec.n_parameters / 1e6, 1) == millions
    assert (spec.pooling, spec.frames, spec.resize) == ("max", "mean", "pil-bilinear-antialias")
    assert spec.preparation.mean == backbones.get(network).preparation.mean
    assert spec.fingerprint() != backbones.get(network).fingerprint()


@pytest.mark.parametrize(
    ("got", "error", "message"),
    [
        (
            "LIGHTWEIGHT_FAST_PRECISION",
            "Name",
            "Did you mean 'LIGHTWEIGHT_FAST_SMALL_PRECISION'",
        ),
        (10, "Value", "There is no tier 10: they are the ints 1 to 9"),
        ("0", "Value", "There is no tier 0"),
    ],
)
def test_unknown_tiers_are_value_errors_with_the_nearest_name(got, error, message):
    kind = getattr(backbones, f"UnknownCharacteristics{error}")
    assert issubclass(kind, backbones.UnknownCharacteristics)
    assert issubclass(kind, ValueError)
    for ask in (backbones.get, lambda tier: PretrainedEmbedder(tier).fit(["a.jpg"])):
        with pytest.raises(kind, match=message):
            ask(got)


def test_by_name_and_by_value_are_exact():
    for name in ("minimumweight_fast_small_precision", 1, None):
        with pytest.raises(backbones.UnknownCharacteristicsName):
            Tier.by_name(name)
    for value in (0, "1", True, None):
        with pytest.raises(backbones.UnknownCharacteristicsValue):
            Tier.by_value(value)
    with pytest.raises(TypeError, match=r"a Tier.* got bool"):
        PretrainedEmbedder(True).fit(["a.jpg"])


@pytest.fixture(scope="module")
def pictures():
    return [data.astronaut(), data.coffee()]


@pytest.mark.slow
@pytest.mark.slow  # two networks are compiled
@pytest.mark.filterwarnings("ignore:weights=None")
def test_a_tier_pools_by_maximum_and_squeezes_the_image(pictures):
    embedder = PretrainedEmbedder(SMALL, weights=None, image_size=64)
    rows = embedder.transform(pictures)
    model = load(embedder._spec().backbone, None, False)
    pixels = np.stack([images.resize(picture, (64, 64)) for picture in pictures])
    maps = model.predict(pixels / 127.5 - 1, verbose=0)
    np.testing.assert_allclose(rows, maps.max(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    for same in (int(SMALL), SMALL.name):
        other = clone(embedder).set_params(backbone=same)
        np.testing.assert_array_equal(other.transform(pictures), rows)


def test_what_an_estimator_is_told_is_done_instead():
    told = {"pooling": "avg", "image_size": 96, "resize": "crop"}
    spec = PretrainedEmbedder(SMALL, **told)._spec()
    assert (spec.network.pooling, spec.backbone.input_size) == ("avg", (96, 96))
    assert spec.resize == "crop-pil-bilinear-antialias"
    assert PretrainedEmbedder(SMALL)._spec().network.pooling == "max"


def test_estimators_with_a_tier_are_cloned_pickled_and_saved(tmp_path):
    for embedder in (PretrainedEmbedder(SMALL), FullNetworkEmbedder(SMALL)):
        assert clone(embedder).backbone is SMALL
        assert pickle.loads(pickle.dumps(embedder)).backbone is SMALL  # noqa: S301
    assert PretrainedEmbedder(SMALL).get_feature_names_out().shape == (1024,)
    pipeline = make_pipeline(PretrainedEmbedder(SMALL), StandardScaler())
    pipeline[-1].fit(np.zeros((2, 1024)))
    skembed.save(pipeline, tmp_path / "tier.skops")
    loaded = skembed.load(tmp_path / "tier.skops")
    assert backbones.get(loaded[0].backbone) == backbones.get(SMALL)


def test_the_table_shows_tiers_and_measures_speed_when_asked():
    table = backbones.table()
    tiers = table["tier"][table["tier"] != "-"]
    assert dict(tiers) == {network: name for name, (network, *_) in NINE.items()}
    assert "images_per_second" not in table
    named = backbones.table([SMALL, "mobilenet"])
    assert named.index.tolist() == [SMALL.name, "mobilenet"]
    assert named["tier"].tolist() == [SMALL.name] * 2
    with pytest.raises(TypeError, match="give a list of names"):
        backbones.table("mobilenet")


@pytest.mark.slow  # a network is compiled and run
def test_the_table_measures_speed_when_asked():
    small = dataclasses.replace(
        backbones.get("squeezenet1_1"), name="small", input_size=(64, 64)
    )
    table = backbones.table([small], benchmark=True)
    assert 0 < table.loc["small", "images_per_second"] < 1e6
