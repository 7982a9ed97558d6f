"""Networks that are given as they are: live models and .keras files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from skembed import PretrainedEmbedder, WeightsError, backbones

RNG = np.random.default_rng(0)


def _model(channels=3, side=8):
    import keras

    return keras.Sequential(
        [keras.Input((side, side, channels)), keras.layers.Conv2D(5, 3), keras.layers.ReLU()],
        name="small",
    )


def _expected(model, images):
    outputs = np.asarray(model(np.asarray(images, np.float32)))
    return outputs.mean(axis=(1, 2))


@pytest.mark.slow
def test_float_arrays_of_the_inputs_shape_arrive_unchanged():
    model = _model()
    images = RNG.normal(scale=300, size=(6, 8, 8, 3))
    rows = PretrainedEmbedder(model, cache=False).transform(images)
    np.testing.assert_allclose(rows, _expected(model, images), rtol=1e-5, atol=1e-4)


def test_uint8_arrives_as_grey_levels():
    model = _model()
    images = RNG.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    rows = PretrainedEmbedder(model, cache=False).transform(images)
    np.testing.assert_allclose(rows, _expected(model, images), rtol=1e-5, atol=1e-4)


def test_images_of_other_sizes_are_resized_as_grey_levels():
    model = _model()
    flat = np.full((20, 30, 3), 100, np.uint8)
    rows = PretrainedEmbedder(model, cache=False).transform([flat])
    want = _expected(model, np.full((1, 8, 8, 3), 100))
    np.testing.assert_allclose(rows, want, rtol=1e-5)


@pytest.mark.slow
def test_one_channel_takes_grey():
    model = _model(channels=1)
    images = RNG.integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
    rows = PretrainedEmbedder(model, cache=False).transform(images)
    np.testing.assert_allclose(rows, _expected(model, images), rtol=1e-5, atol=1e-4)
    colour = np.full((8, 8, 3), 77, np.uint8)
    row = PretrainedEmbedder(model, cache=False).transform([colour])
    want = _expected(model, np.full((1, 8, 8, 1), 77))
    np.testing.assert_allclose(row, want, rtol=1e-5, atol=1e-4)


@pytest.mark.slow
def test_five_channels_take_arrays_of_that_shape_only():
    model = _model(channels=5)
    images = RNG.normal(size=(3, 8, 8, 5))
    rows = PretrainedEmbedder(model, cache=False).transform(images)
    np.testing.assert_allclose(rows, _expected(model, images), rtol=1e-4, atol=1e-5)
    with pytest.raises(
        ValueError, match=r"Row 1: .*no input, which is real numbers of shape \(8, 8, 5\)"
    ):
        PretrainedEmbedder(model, cache=False).transform([images[0], images[0][..., :3]])


def test_a_spec_chooses_another_preparation():
    model = _model()
    preparation = backbones.Preparation(mean=(100.0,) * 3, std=(50.0,) * 3, channels="bgr")
    spec = backbones.from_model(model, preparation=preparation)
    images = RNG.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    rows = PretrainedEmbedder(spec, cache=False).transform(images)
    prepared = (images[..., ::-1].astype(np.float32) - 100) / 50
    np.testing.assert_allclose(rows, _expected(model, prepared), rtol=1e-5, atol=1e-5)


def test_training_it_further_changes_the_rows():
    model = _model()
    images = RNG.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    embedder = PretrainedEmbedder(model)
    before = embedder.transform(images)
    model.set_weights([w + 1 for w in model.get_weights()])
    after = embedder.transform(images)
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(after, _expected(model, images), rtol=1e-5, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["jax", "openvino"])
def test_a_model_trained_since_it_was_described_is_refused(engine):
    model = _model()
    described = backbones.from_model(model)
    images = RNG.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    before, trained = model.get_weights(), [w + 1 for w in model.get_weights()]
    model.set_weights(trained)
    embedder = PretrainedEmbedder(described, engine=engine)
    with pytest.raises(WeightsError, match=r"'small' has changed .*from_model\(model\)"):
        embedder.transform(images)
    model.set_weights(before)  # and no row of the trained one has been kept as its
    np.testing.assert_allclose(
        embedder.transform(images), _expected(model, images), rtol=1e-4, atol=1e-3
    )


def test_a_model_compiled_for_training_is_the_same_network():
    model = _model()
    described = backbones.from_model(model)
    model.compile("adam", "mse")
    assert backbones.from_model(model) == described
    images = RNG.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    PretrainedEmbedder(described, cache=False).transform(images)


def test_a_keras_file_gives_what_its_model_gives(tmp_path):
    model = _model()
    model.save(tmp_path / "mine.keras")
    images = RNG.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    for path in (tmp_path / "mine.keras", str(tmp_path / "mine.keras")):
        rows = PretrainedEmbedder(path, cache=False).transform(images)
        np.testing.assert_array_equal(
            rows, PretrainedEmbedder(model, cache=False).transform(images)
        )


def test_a_file_with_code_in_it_is_refused(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "code.keras")
    with pytest.raises(WeightsError, match=r"code\.keras.*cannot be loaded"):
        PretrainedEmbedder(tmp_path / "code.keras").transform([np.zeros((8, 8, 3), np.uint8)])


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "bad.keras").write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad\.keras"):
        PretrainedEmbedder(tmp_path / "bad.keras").fit(["image.jpg"])


def test_a_missing_file_is_named():
    with pytest.raises(WeightsError, match=r"nowhere\.keras' does not exist"):
        PretrainedEmbedder("nowhere.keras").fit(["image.jpg"])


def test_open_sizes_must_be_settled():
    import keras

    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3)])
    image = np.zeros((9, 9, 3), np.uint8)
    with pytest.raises(ValueError, match=r"image_size=\(height, width\)"):
        PretrainedEmbedder(model).transform([image])
    assert PretrainedEmbedder(model, image_size=9).transform([image]).shape == (1, 4)


def test_fixed_sizes_stay():
    with pytest.raises(ValueError, match=r"was built for \(8, 8\)"):
        PretrainedEmbedder(_model(), image_size=16).fit([np.zeros((8, 8, 3), np.uint8)])


def test_models_that_take_no_images_are_refused():
    import keras

    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"\(None, 4\)"):
        backbones.from_model(dense)
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match="2 inputs"):
        backbones.from_model(keras.Model([a, b], keras.layers.Add()([a, b])))


def test_a_model_has_no_class_names():
    with pytest.raises(ValueError, match="needs class names"):
        PretrainedEmbedder(_model(), layers="predictions").fit(["image.jpg"])


def test_uint8_of_the_inputs_shape_has_the_channels_that_color_space_names():
    model = _model()
    images = RNG.integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    rows = PretrainedEmbedder(model, color_space="bgr", cache=False).transform(images)
    want = _expected(model, images[..., ::-1])
    np.testing.assert_allclose(rows, want, rtol=1e-5, atol=1e-4)


def test_a_spec_of_a_model_that_is_still_held_goes_on_working():
    models = [_model() for _ in range(10)]
    preparation = backbones.Preparation(std=(9.0,) * 3)
    specs = [backbones.from_model(model, preparation=preparation) for model in models]
    images = RNG.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    rows = PretrainedEmbedder(specs[0], cache=False).transform(images)
    np.testing.assert_allclose(rows, _expected(models[0], images / 9.0), rtol=1e-4, atol=1e-5)


def test_a_subclassed_model_is_refused_with_the_fix():
    import keras

    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match=r"keras\.Model\(inputs, model\(inputs\)\)"):
        PretrainedEmbedder(Own()).fit([np.zeros((8, 8, 3), np.uint8)])


def test_bfloat16_reaches_every_product():
    """Operators in the graph, and a model within the model, whose layers Keras would pass over."""
    import keras

    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(5, 3)])
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, inner(inputs) * 2.0 + 1.0)
    images = RNG.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    exact, rounded = (
        PretrainedEmbedder(model, precision=precision, cache=False).transform(images)
        for precision in ("float32", "bfloat16")
    )
    assert not np.array_equal(exact, rounded)
    np.testing.assert_allclose(rounded, exact, rtol=0.05, atol=2)


@pytest.mark.slow
def test_bfloat16_leaves_depthwise_convolutions_in_float32():
    import keras

    layers, images = keras.layers, RNG.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    for layer, rounded in (
        (layers.DepthwiseConv2D(3), False),
        (layers.Conv2D(6, 3, groups=3), False),
        (layers.Conv2D(6, 3), True),
        (layers.Conv2D(6, 3, groups=1), True),
    ):
        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, layer(inputs))
        exact, coarse = (
            PretrainedEmbedder(model, precision=p, engine="jax", cache=False).transform(images)
            for p in ("float32", "bfloat16")
        )
        assert np.array_equal(exact, coarse) != rounded


def test_the_embedding_is_the_same_before_and_after_activations(tmp_path):
    """A fused activation belongs to the embedding, whatever `activation` says of the layers."""
    import keras

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="last")(inputs)
    model = keras.Model(inputs, x)
    spec = dataclasses.replace(backbones.from_model(model), features="last")
    images = RNG.normal(size=(4, 8, 8, 3))
    for activation in ("pre", "post"):
        embedder = PretrainedEmbedder(spec, activation=activation, cache=tmp_path)
        np.testing.assert_allclose(
            embedder.transform(images), _expected(model, images), rtol=1e-5
        )
        fresh = PretrainedEmbedder(spec, activation=activation, cache=False)
        np.testing.assert_allclose(fresh.transform(images), _expected(model, images), rtol=1e-5)
