"""Feature maps with their channels first, in networks that take images with them last."""

from __future__ import annotations

import numpy as np
import pytest

from skembed import FullNetworkEmbedder, PretrainedEmbedder, layers

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 16, 20, 3), dtype=np.uint8)
FIRST = {"data_format": "channels_first"}


def _converted():
    """As converters write networks: one exchange of axes, then all is channels first."""
    import keras

    keras.utils.set_random_seed(0)
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input((16, 20, 3)),
            k.Rescaling(1 / 255),
            k.Permute((3, 1, 2), name="turn"),
            k.Conv2D(6, 3, name="a", **FIRST),
            k.BatchNormalization(axis=1),
            k.ReLU(name="relu"),
            k.Conv2D(7, 3, name="b", activation="tanh", **FIRST),
        ],
        name="converted",
    )


def _rows(model, engine="jax", **options):
    return PretrainedEmbedder(model, engine=engine, cache=False, **options).transform(IMAGES)


def _predicted(model, *names):
    import keras

    tensors = [model.get_layer(name).output for name in names]
    return keras.Model(model.inputs, tensors).predict(IMAGES.astype(np.float32), verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["jax", "openvino"])
def test_they_are_pooled_over_space(engine):
    model = _converted()
    a, b, turned = _predicted(model, "relu", "b", "turn")
    want = np.hstack([v.mean(axis=(2, 3)) for v in (a, b, turned)])
    got = _rows(model, engine, layers=["a", "b", "turn"])
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(_rows(model, engine), b.mean(axis=(2, 3)), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_columns_are_counted_by_filters():
    model = _converted()
    embedder = FullNetworkEmbedder(model, engine="jax", cache=False, pooling="both").fit(IMAGES)
    assert embedder.layer_slices_ == {"a": slice(0, 12), "b": slice(12, 26)}
    assert embedder.get_feature_names_out()[-1] == "b__max__006"
    assert layers.table(model).loc[["a", "b"], "features"].tolist() == [6, 7]
    assert _rows(model, layers="a", activation="pre").shape == (3, 6)


def test_layers_of_a_model_within_are_followed_too():
    import keras

    inner = keras.Sequential(
        [keras.Input((3, 16, 20)), keras.layers.Conv2D(5, 3, name="c", **FIRST)]
    )
    outer = [keras.Input((16, 20, 3)), keras.layers.Permute((3, 1, 2)), inner]
    model = keras.Sequential(outer)
    want = model.predict(IMAGES.astype(np.float32), verbose=0).mean(axis=(2, 3))
    for asked in ("embedding", "c"):
        np.testing.assert_allclose(_rows(model, layers=asked), want, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_what_comes_after_tells_what_a_reshape_gives():
    import keras

    image = keras.Input((16, 20, 3))
    reshaped = keras.layers.Reshape((5, 16, 12), name="reshaped")(image)
    end = keras.layers.Conv2D(4, 3, name="end", **FIRST)(keras.layers.ReLU()(reshaped))
    model = keras.Model(image, end)
    want = _predicted(model, "reshaped", "end")
    got = _rows(model, layers=["reshaped", "end"])
    means = np.hstack([v.mean(axis=(2, 3)) for v in want])
    np.testing.assert_allclose(got, means, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
def test_what_nothing_tells_is_refused_by_name():
    import keras

    image = keras.Input((16, 20, 3))
    x = keras.layers.Conv2D(6, 3, name="a", **FIRST)(keras.layers.Permute((3, 1, 2))(image))
    model = keras.Model(image, keras.layers.Reshape((4, 9, 42), name="lost")(x), name="odd")
    assert _rows(model, layers="a").shape == (3, 6)
    with pytest.raises(ValueError, match=r"'lost' gives \(4, 9, 42\), and nothing .* channels"):
        PretrainedEmbedder(model, layers="lost").fit(IMAGES)
    with pytest.raises(ValueError, match="'odd' has an output of which nothing tells"):
        PretrainedEmbedder(model).fit(IMAGES)


def test_axes_that_are_exchanged_and_back_are_followed():
    import keras

    image = keras.Input((16, 20, 3))
    x = keras.ops.transpose(image, (0, 3, 1, 2))
    x = keras.layers.Conv2D(5, 3, name="a", **FIRST)(x)
    model = keras.Model(image, keras.ops.transpose(x, (0, 2, 3, 1)))
    np.testing.assert_allclose(_rows(model), _rows(model, layers="a"), rtol=1e-5)


@pytest.mark.slow
def test_tokens_that_are_mixed_by_dense_layers_keep_their_features_last():
    import keras

    k = keras.layers
    mixer = [
        keras.Input((16, 20, 3)),
        *(k.Reshape((-1, 12)), k.Permute((2, 1)), k.Dense(7, name="mixed"), k.Permute((2, 1))),
        k.Dense(5, name="end"),
    ]
    model = keras.Sequential(mixer)
    mixed, end = _predicted(model, "mixed", "end")
    want = np.hstack([mixed.mean(axis=1), end.mean(axis=1)])
    got = _rows(model, layers=["mixed", "end"])
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-3)


def test_a_network_that_takes_channels_first_is_refused_with_the_fix():
    import keras

    conv = keras.layers.Conv2D(4, 3, **FIRST)
    model = keras.Sequential([keras.Input((3, 16, 20)), conv], name="first")
    with pytest.raises(
        ValueError, match=r"'first' takes images with their channels first.*Permute"
    ):
        PretrainedEmbedder(model).fit(IMAGES)
    turn = keras.layers.Permute((3, 1, 2))
    turned = keras.Sequential([keras.Input((16, 20, 3)), turn, model])
    assert _rows(turned).shape == (3, 4)
