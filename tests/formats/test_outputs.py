"""Networks whose output is a dict, or several: their outputs are layers to choose from."""

from __future__ import annotations

import numpy as np
import pytest

from skembed import PretrainedEmbedder, layers

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)


def _parts():
    import keras

    image = keras.Input((8, 8, 3))
    a = keras.layers.Conv2D(5, 3, name="a", activation="relu")(image)
    return image, a, keras.layers.GlobalMaxPooling2D(name="g")(a)


def _rows(model, asked, **options):
    return PretrainedEmbedder(
        model, layers=asked, engine="jax", cache=False, **options
    ).transform(IMAGES)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["jax", "openvino"])
def test_the_keys_of_a_dict_are_names(engine):
    import keras

    image, a, g = _parts()
    model = keras.Model(image, {"map": a, "vector": g}, name="named")
    outputs = model.predict(IMAGES.astype(np.float32), verbose=0)
    want = np.hstack([outputs["vector"], outputs["map"].mean(axis=(1, 2))])
    embedder = PretrainedEmbedder(model, layers=["vector", "map"], engine=engine, cache=False)
    np.testing.assert_allclose(embedder.transform(IMAGES), want, rtol=1e-4, atol=1e-3)
    assert layers.table(model).loc["map", ["kind", "depends"]].tolist() == ["Output", "a"]


def test_an_embedding_must_be_chosen_by_name():
    import keras

    image, a, g = _parts()
    for outputs, names in (({"map": a, "vector": g}, "'map', 'vector'"), ([a, g], "'a', 'g'")):
        model = keras.Model(image, outputs, name="several")
        with pytest.raises(ValueError, match=f"'several' has 2 outputs.*among {names}, or"):
            PretrainedEmbedder(model).fit(IMAGES)
    with pytest.raises(ValueError, match="Did you mean 'vector'"):
        PretrainedEmbedder(keras.Model(image, {"map": a, "vector": g}), layers="vectr").fit(
            IMAGES
        )


def test_the_outputs_of_a_list_are_called_as_their_layers():
    import keras

    image, a, g = _parts()
    model = keras.Model(image, [a, g])
    maps, vectors = model.predict(IMAGES.astype(np.float32), verbose=0)
    want = np.hstack([maps.mean(axis=(1, 2)), vectors])
    np.testing.assert_allclose(_rows(model, ["a", "g"]), want, rtol=1e-4, atol=1e-3)


def test_a_dict_of_one_is_the_embedding():
    import keras

    image, _, g = _parts()
    model = keras.Model(image, {"vector": g})
    want = model.predict(IMAGES.astype(np.float32), verbose=0)["vector"]
    for asked in ("embedding", "vector"):
        np.testing.assert_allclose(_rows(model, asked), want, rtol=1e-4, atol=1e-3)


def test_a_key_that_means_something_else_has_another_name():
    import keras

    image, a, g = _parts()
    model = keras.Model(image, {"embedding": g, "a": keras.layers.Rescaling(2.0)(a)})
    pooled = model.predict(IMAGES.astype(np.float32), verbose=0)["a"].mean(axis=(1, 2))
    both = _rows(model, ["a", "a@output"], activation="post")
    np.testing.assert_allclose(both, np.hstack([pooled / 2, pooled]), rtol=1e-4, atol=1e-3)
    assert _rows(model, "embedding@output").shape == (3, 5)


def test_both_outputs_of_one_layer_are_in_reach():
    import keras

    class Two(keras.layers.Layer):
        def call(self, x):
            return x * 2, x * 3

    image, a, _ = _parts()
    two, three = Two(name="two")(a)
    model = keras.Model(image, {"two_a": two, "three_a": three})
    rows = _rows(model, ["a", "two_a", "three_a"])
    np.testing.assert_allclose(rows[:, 5:10], 2 * rows[:, :5], rtol=1e-5)
    np.testing.assert_allclose(rows[:, 10:], 3 * rows[:, :5], rtol=1e-5)
