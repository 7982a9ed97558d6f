"""What a user sets for Keras as a whole changes no number that is kept as float32's."""

from __future__ import annotations

import os

import numpy as np
import pytest

from skembed import PretrainedEmbedder, backbones
from skembed.extraction import clear_programs

pytestmark = pytest.mark.usefixtures("jax_alone")

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def settings():
    """Keras' settings, which are put back."""
    from keras import config

    before = config.floatx(), config.epsilon(), config.dtype_policy()
    yield config
    config.set_floatx(before[0])
    config.set_epsilon(before[1])
    config.set_dtype_policy(before[2])


def _own():
    import keras

    keras.utils.set_random_seed(0)
    k = keras.layers
    chain = [k.Rescaling(1 / 255), k.Conv2D(4, 3, name="c"), k.ReLU(name="u")]
    return keras.Sequential([keras.Input((32, 32, 3), name="i"), *chain], name="own")


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["float16", "bfloat16", "mixed_float16"])
@pytest.mark.filterwarnings("ignore:weights=None")
def test_float32_stays_float32(settings, tmp_path, setting):
    own = _own()
    own.save(tmp_path / "own.keras")
    # Its own size, at which normalising and depthwise layers are built anew each time.
    small = {"weights": None, "image_size": 32, "layers": ["stage1", "stage2"]}
    cases = [("mobilenet_v2", small), (own, {}), (tmp_path / "own.keras", {})]

    def rows():
        os.utime(tmp_path / "own.keras")  # so that it is described anew
        clear_programs()
        return [
            PretrainedEmbedder(backbone, cache=False, **options).transform(IMAGES)
            for backbone, options in cases
        ]

    want, known = rows(), backbones.from_model(own)
    if setting.startswith("mixed"):
        settings.set_dtype_policy(setting)
    else:
        settings.set_floatx(setting)
    for got, ours in zip(rows(), want, strict=True):
        np.testing.assert_array_equal(got, ours)
    assert backbones.from_model(own) == known
    asked = settings.dtype_policy().name if setting.startswith("mixed") else settings.floatx()
    assert asked == setting


def test_the_policy_of_a_live_model_is_its_own(settings):
    want = backbones.from_model(_own())
    settings.set_dtype_policy("mixed_float16")
    mixed = _own()
    assert backbones.from_model(mixed) != want
    rows = PretrainedEmbedder(mixed, cache=False).transform(IMAGES)
    predicted = mixed.predict(IMAGES.astype(np.float32), verbose=0)
    np.testing.assert_allclose(rows, predicted.mean(axis=(1, 2), dtype=np.float32), rtol=1e-2)


def test_another_epsilon_is_refused_for_a_live_model_and_changes_no_other(settings):
    settings.set_epsilon(0.1)
    with pytest.raises(ValueError, match=r"epsilon\(\) is 0.1, and 'own' .*set_epsilon"):
        PretrainedEmbedder(_own()).fit(IMAGES)


def test_settings_are_the_user_s_again_after_an_error(settings):
    settings.set_floatx("float16")
    with pytest.raises(ValueError, match="no layer 'nowhere'"):
        PretrainedEmbedder("mobilenet_v2", weights=None, layers="nowhere").fit(IMAGES)
    assert settings.floatx() == "float16"
