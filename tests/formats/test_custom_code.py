"""Models with code that is not Keras' own: known by it, by what it computes, or not kept at all."""

from __future__ import annotations

import collections
import functools
import operator
import os
import sys
import textwrap
import types

import numpy as np
import pytest

from skembed import PretrainedEmbedder, WeightsError, backbones
from skembed.extraction import clear_programs, images_run

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
FACTOR = 3.0
HELPERS = types.ModuleType("helpers")
HELPERS.FACTOR = 3.0  # pyright: ignore[reportAttributeAccessIssue]
HELPERS.inner = types.ModuleType("inner")  # pyright: ignore[reportAttributeAccessIssue]
HELPERS.inner.LIMIT = 1e6


def helper(x):
    return x * FACTOR


def _model(layer):
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(4, 3, name="conv"), layer, keras.layers.Flatten(name="flat")]
    return keras.Sequential([keras.Input((8, 8, 3), name="image"), *layers], name="tiny")


def _layer(call, **attributes):
    """A layer of a class of its own, with this method and these attributes."""
    import keras

    base = type("Base", (keras.layers.Layer,), {"scale": lambda self: 2.0, "shift": 0.0})
    layer = type("Mine", (base,), {"call": call})(name="mine")
    for name, value in attributes.items():
        setattr(layer, name, value)
    return layer


def _settable(monkeypatch, target, name, value):
    return lambda _: monkeypatch.setattr(target, name, value)


def _cases(monkeypatch):
    """For each way to change what a layer computes: the layer, and the change."""
    return _by_names(monkeypatch) | _by_attributes(monkeypatch) | _of_keras()


def _by_names(monkeypatch):
    """What the code of a layer reads by a name."""
    import keras

    here = globals()
    cell, limits = [2.0], collections.deque([1e6])
    monkeypatch.setitem(sys.modules, "helpers", HELPERS)

    def importing(self, x):
        from helpers import inner  # pyright: ignore[reportMissingImports]

        return keras.ops.where(x > inner.LIMIT, 2 * x, x)

    return {
        "global": (_layer(lambda self, x: x * FACTOR), lambda _: here.update(FACTOR=5.0)),
        "helper": (_layer(lambda self, x: helper(x)), lambda _: here.update(FACTOR=7.0)),
        "module": (
            _layer(lambda self, x: x * HELPERS.FACTOR),
            _settable(monkeypatch, HELPERS, "FACTOR", 4.0),
        ),
        "closure": (_layer(lambda self, x: x * cell[0]), lambda _: cell.append(cell.pop() + 1)),
        "environment": (
            _layer(lambda self, x: x * float(os.environ.get("SKEMBED_TEST_FACTOR", "1"))),
            lambda _: monkeypatch.setenv("SKEMBED_TEST_FACTOR", "2"),
        ),
        "far from every fixed image": (
            _layer(lambda self, x: keras.ops.where(x > 1e6 * FACTOR, 2 * x, x)),
            lambda _: here.update(FACTOR=11.0),
        ),
        "module within a module": (
            _layer(lambda self, x: keras.ops.where(x > HELPERS.inner.LIMIT, 2 * x, x)),
            _settable(monkeypatch, HELPERS.inner, "LIMIT", 2e6),
        ),
        "module imported inside": (
            _layer(importing),
            _settable(monkeypatch, HELPERS.inner, "LIMIT", 2e6),
        ),
        "object of a library": (
            _layer(lambda self, x: keras.ops.where(x > limits[0], 2 * x, x)),
            lambda _: limits.append(limits.pop() + 1e6),
        ),
    }


def _by_attributes(monkeypatch):
    """What a layer's objects and classes hold."""
    import keras

    def defaulted(self, x, factor=2.0):
        return x * factor

    def defaults(layer):
        monkeypatch.setattr(type(layer).call, "__defaults__", (3.0,))

    def partially(self, x):
        return self.partial(x)

    def based(layer):
        type(layer).__mro__[1].scale = lambda self: 2.5

    def shifted(layer):
        type(layer).__mro__[1].shift = 1.0

    return {
        "default": (_layer(defaulted), defaults),
        "base class": (_layer(lambda self, x: x * self.scale()), based),
        "class attribute": (_layer(lambda self, x: x + self.shift), shifted),
        "attribute": (
            _layer(lambda self, x: x * self._own, _own=1.0),
            lambda layer: setattr(layer, "_own", 2.0),
        ),
        "array": (
            _layer(lambda self, x: x + self.array, array=np.zeros(4, np.float32)),
            lambda layer: setattr(layer, "array", np.ones(4, np.float32)),
        ),
        "partial": (
            _layer(partially, partial=functools.partial(operator.mul, 2.0)),
            lambda layer: setattr(layer, "partial", functools.partial(operator.mul, 3.0)),
        ),
        "slice": (
            _layer(
                lambda self, x: keras.ops.where(x > 1e6, x[..., self.part], x), part=slice(0, 1)
            ),
            lambda layer: setattr(layer, "part", slice(1, 2)),
        ),
    }


def _of_keras():
    """Layers of Keras with code, or a method, that is not Keras'."""
    import keras

    here = globals()

    def patched(layer):
        layer.call = lambda x: x

    return {
        "Lambda": (
            keras.layers.Lambda(lambda x: x * FACTOR, name="mine"),
            lambda _: here.update(FACTOR=13.0),
        ),
        "activation": (
            keras.layers.Activation(lambda x: x * FACTOR, name="mine"),
            lambda _: here.update(FACTOR=17.0),
        ),
        "method of Keras' layer": (keras.layers.ReLU(name="mine"), patched),
        "Keras' own attribute": (
            keras.layers.Normalization(mean=[1.0] * 4, variance=[1.0] * 4, name="mine"),
            lambda layer: setattr(layer, "mean", np.zeros((1, 1, 1, 4), np.float32)),
        ),
    }


CASES = ["global", "helper", "module", "closure", "default", "base class", "class attribute",
         "attribute", "array", "partial", "environment", "far from every fixed image",
         "module within a module", "module imported inside", "object of a library", "slice",
         "Lambda", "activation", "method of Keras' layer", "Keras' own attribute"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_change_of_code_makes_another_model(case, monkeypatch):
    layer, change = _cases(monkeypatch)[case]
    model = _model(layer)
    before = backbones.from_model(model)
    assert backbones.from_model(model) == before
    change(layer)
    assert backbones.from_model(model) != before


class Unsaved:
    """Values in the graph that a model's JSON does not tell, or tells with dots in the middle."""

    def clip(self, x, value):
        import keras

        return keras.ops.clip(x, np.float32(0), np.float32(value))

    def tile(self, x, value):
        import keras

        return keras.ops.tile(x, np.array([1, 1, value, 1]))

    def long_array(self, x, value):
        array = np.ones(2000, np.float32)
        array[1000] = value
        return self._without_config(x)[..., :1] * array

    def output(self, x, value):
        import keras

        return keras.ops.split(self._without_config(x), 3, axis=-1)[value]

    def _without_config(self, x):
        def get_config(self):
            raise NotImplementedError

        layer = _layer(lambda self, x: x + 0.0)
        type(layer).get_config = get_config
        return layer(x)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["clip", "tile", "long_array", "output"])
def test_operations_are_known_by_values_that_no_json_tells(case):
    def model(value):
        import keras

        # Or operations would be known by their numbers. To look for garbage takes longer.
        keras.utils.clear_session(free_memory=False)
        image = keras.Input((8, 8, 3), name="image")
        return keras.Model(image, getattr(Unsaved(), case)(image, value), name="tiny")

    assert backbones.from_model(model(1)) == backbones.from_model(model(1))
    assert backbones.from_model(model(1)) != backbones.from_model(model(2))


@pytest.mark.slow
def test_each_version_of_a_layer_gives_its_own_rows_from_the_store(tmp_path):
    def rows(factor, cache):
        model = _model(_layer(lambda self, x: x * factor))
        got = PretrainedEmbedder(model, engine="jax", cache=cache).transform(IMAGES)
        want = model.predict(IMAGES.astype(np.float32), verbose=0)
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-3)

    for cache in (False, tmp_path):
        rows(1.0, cache)
        rows(5.0, cache)
    before = images_run()
    rows(5.0, tmp_path)
    assert images_run() == before


@pytest.mark.slow
def test_another_process_knows_the_same_code_and_sees_an_edited_one(forked, tmp_path):
    program = textwrap.dedent("""
        import os, numpy as np, keras, skembed
        from skembed.extraction import images_run
        FACTOR = float(os.environ["FACTOR"])
        class Mine(keras.layers.Layer):
            def call(self, x): return x * FACTOR + len({"a", "b", "c"})
        keras.utils.set_random_seed(0)
        layers = [keras.layers.Conv2D(4, 3, name="c"), Mine(name="m"), keras.layers.Dropout(0.5)]
        model = keras.Sequential([keras.Input((8, 8, 3)), *layers], name="tiny")
        X = np.arange(192, dtype="uint8").reshape(1, 8, 8, 3)
        got = skembed.PretrainedEmbedder(model, engine="jax").transform(X)
        want = model.predict(X.astype("float32"), verbose=0).mean((1, 2))
        print(images_run(), np.allclose(got, want, rtol=1e-4))
    """)
    run = functools.partial(forked, program, SKEMBED_CACHE_DIR=str(tmp_path / "cache"))
    assert [run(FACTOR=factor) for factor in ("1", "1", "5")] == ["1 True", "0 True", "1 True"]


def test_what_gives_other_numbers_each_time_is_told_once_and_not_kept(tmp_path):
    model = _model(_layer(lambda self, x: x * np.random.rand()))  # noqa: NPY002
    with pytest.warns(RuntimeWarning, match="'tiny' gives other numbers each time"):
        embedder = PretrainedEmbedder(model, engine="jax", cache=tmp_path).fit(IMAGES)
    before = images_run()
    embedder.transform(IMAGES)
    embedder.transform(IMAGES)
    assert images_run() - before == 2 * len(IMAGES)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_probing_leaves_a_layer_as_it_was():
    def call(self, x):
        self.last = x
        return keras.random.dropout(x, 0.5, seed=self.seeds)

    import keras

    layer = _layer(call, seeds=keras.random.SeedGenerator(3))
    model = _model(layer)
    before = [np.asarray(v) for v in layer.variables]
    with pytest.warns(RuntimeWarning, match="each time"):
        backbones.from_model(model)
    np.testing.assert_array_equal([np.asarray(v) for v in layer.variables], before)


def test_dropout_and_augmentation_are_not_random_at_inference():
    import keras

    image = keras.Input((8, 8, 3))
    flipped = keras.layers.RandomFlip()(image)
    model = keras.Model(image, keras.layers.Dropout(0.5)(flipped, training=True))
    assert backbones.from_model(model) == backbones.from_model(model)


def test_a_file_s_custom_layers_are_seen_too(tmp_path):
    import keras

    def register(factor):
        @keras.saving.register_keras_serializable("tests", "Scaled")
        class Scaled(keras.layers.Layer):
            def call(self, x):
                return x * factor

        return Scaled

    try:
        model = _model(register(1.0)(name="scaled"))
        model.save(tmp_path / "m.keras")
        once, described = _rows(tmp_path), backbones.from_model(tmp_path / "m.keras")
        register(5.0)
        clear_programs()
        np.testing.assert_allclose(_rows(tmp_path), 5 * once, rtol=1e-4)
        with pytest.raises(WeightsError, match="has changed since it was first described"):
            PretrainedEmbedder(described, engine="jax", cache=False).transform(IMAGES)
    finally:
        keras.saving.get_custom_objects().pop("tests>Scaled")


def _rows(folder):
    embedder = PretrainedEmbedder(folder / "m.keras", engine="jax", cache=folder / "rows")
    return embedder.transform(IMAGES)


def test_openvino_takes_no_code_for_keras_own_by_its_name():
    """Keras would save this function as its own `relu`, and OpenVINO would run that."""

    def relu(x):
        return x * 2

    import keras

    model = _model(keras.layers.Activation(relu, name="mine"))
    with pytest.warns(RuntimeWarning, match="code that is not Keras' own"):
        rows = PretrainedEmbedder(model, engine="openvino", cache=False).transform(IMAGES)
    want = model.predict(IMAGES.astype(np.float32), verbose=0)
    np.testing.assert_allclose(rows, want, rtol=1e-4, atol=1e-3)


def test_a_layer_changed_by_hand_is_not_rebuilt_without_the_change():
    import keras

    norm = keras.layers.Normalization(mean=[1.0] * 3, variance=[1.0] * 3, name="norm")
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), norm, keras.layers.Conv2D(2, 3, name="c")]
    )
    model = keras.Sequential([keras.Input((8, 8, 3)), inner])
    PretrainedEmbedder(model, layers="c", engine="jax").fit(IMAGES)
    norm.mean = np.zeros((1, 1, 1, 3), np.float32)
    with pytest.raises(ValueError, match=r"'norm' has been changed .*get_config\(\)"):
        PretrainedEmbedder(model, layers="c", engine="jax").transform(IMAGES)


def test_a_model_with_a_call_of_its_own_has_no_layers_to_tap():
    import keras

    class Twice(keras.Model):
        def call(self, x):
            return super().call(x) * 2

    image = keras.Input((8, 8, 3))
    model = Twice(image, keras.layers.Conv2D(2, 3, name="c")(image))
    rows = PretrainedEmbedder(model, engine="jax", cache=False).transform(IMAGES)
    want = model.predict(IMAGES.astype(np.float32), verbose=0).mean(axis=(1, 2))
    np.testing.assert_allclose(rows, want, rtol=1e-4, atol=1e-3)
    with pytest.raises(ValueError, match="has a call"):
        PretrainedEmbedder(model, layers="c", engine="jax").fit(IMAGES)
