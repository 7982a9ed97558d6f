"""Weights beside a document: files of HDF5, written and read.

The reader of checkpoints is given damaged ones by itself.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from deepnets import classifier, dense, image_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skembed import WeightsError
from skembed.bigml import (
    DeepnetClassifier,
    convert,
    create_image_feature_extractor,
    create_model,
)
from skembed.bigml._checkpoints import read_checkpoint

pytestmark = pytest.mark.usefixtures("quick_compilation")

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(3, 4))


def normalisation(width):
    values = {key: RANDOM.uniform(0.5, 2, width).tolist() for key in ("gamma", "variance")}
    return {"type": "batch_normalization", **values} | {
        key: RANDOM.normal(size=width).tolist() for key in ("beta", "mean")
    }


def of_numbers():
    """Layers of all kinds that take a vector; the legacy ones are in pairs."""
    legacy = {"weights": RANDOM.normal(size=(5, 5)).tolist(), "offset": [0.5] * 5,
              "scale": [1.0] * 5, "mean": [0.0] * 5, "stdev": [2.0] * 5,
              "activation_function": "relu"}  # fmt: skip
    block = {
        "type": "dense_residual_block",
        "dense_path": [dense(RANDOM.normal(size=(5, 5)), np.ones(5), "relu"), normalisation(5)],
        "identity_path": [],
        "activation_function": "tanh",
    }
    first = dense(RANDOM.normal(size=(4, 5)), RANDOM.normal(size=5), "relu")
    return classifier(4, [first, legacy, legacy | {"residuals": True}, block], 5)


def convolution(n_in, n_out, side, **more):
    kernel = RANDOM.normal(size=(side, side, n_in, n_out)).round(3).tolist()
    return {"type": "convolution_2d", "kernel": kernel, "bias": None, "padding": "same", **more}


def of_images(seed=None, n_middle=6):
    """A block whose second path has a convolution too, and a depthwise and a separable one."""
    block = {
        "type": "resnet_block",
        "convolution_path": [convolution(4, n_middle, 3), convolution(n_middle, 6, 1),
                             normalisation(6)],
        "identity_path": [convolution(4, 6, 1), normalisation(6)],
        "activation_function": "relu",
    }  # fmt: skip
    deep = {"type": "depthwise_convolution_2d", "kernel": RANDOM.normal(size=(3, 3, 6, 1)).tolist(),
            "bias": None, "padding": "same"}  # fmt: skip
    apart = {"type": "separable_convolution_2d", "bias": [0.5] * 3, "padding": "same",
             "depth_kernel": RANDOM.normal(size=(3, 3, 6, 1)).tolist(),
             "point_kernel": RANDOM.normal(size=(1, 1, 6, 3)).tolist()}  # fmt: skip
    layers = [convolution(3, 4, 1), block, deep, apart, {"type": "global_average_pool_2d"}]
    return image_model(layers, [6, 6, 3], 3)


IMAGE = RANDOM.integers(0, 256, (6, 6, 3), np.uint8)


@pytest.mark.parametrize(("make", "rows"), [(of_numbers, ROWS), (of_images, IMAGE)])
def test_weights_are_read_into_a_document_of_others(make, rows, tmp_path):
    ours, others = make(), make()
    expected = create_model(ours)(rows)
    file = convert(ours, None, tmp_path / "weights", "h5")
    assert file == tmp_path / "weights.h5"
    assert not np.allclose(create_model(others)(rows), expected)
    np.testing.assert_array_equal(create_model(others, weights=file)(rows), expected)
    estimator = DeepnetClassifier(others, weights=str(file))
    rows = [[rows]] if make is of_images else rows
    np.testing.assert_array_equal(estimator.predict_proba(rows), expected)


def test_the_vector_of_an_image_takes_the_weights_of_the_whole(tmp_path):
    ours, others = of_images(), of_images()
    expected = create_image_feature_extractor(ours)(IMAGE)
    for model in (ours, create_image_feature_extractor(ours)):
        file = convert(model, {"color_space": "bgr"}, tmp_path / "w.h5", "h5")
        found = create_image_feature_extractor(others, weights=file)(IMAGE)
        np.testing.assert_array_equal(found, expected)


def test_keras_reads_what_is_written(tmp_path):
    spec = classifier(4, [dense(RANDOM.normal(size=(4, 3)), np.ones(3)), normalisation(3)], 3)
    file = convert(create_model(spec), None, tmp_path / "w.h5", "h5")
    layers = [keras.layers.Dense(3), keras.layers.BatchNormalization()]
    theirs = keras.Sequential([keras.Input((4,)), *layers])
    theirs.load_weights(file)
    np.testing.assert_allclose(theirs(ROWS), create_model(spec)(ROWS), rtol=1e-5)


PATHS = (
    ["convolution_path_convolution_2d_0", "convolution_path_convolution_2d_1",
     "convolution_path_batch_normalization_2"],
    ["identity_path_convolution_2d_0", "identity_path_batch_normalization_1"],
)  # fmt: skip
NUMBERED = {
    "Conv2D": "conv2d",
    "DepthwiseConv2D": "depthwise_conv2d",
    "SeparableConv2D": "separable_conv2d",
    "BatchNormalization": "batch_normalization",
    "Dense": "dense",
}


def as_keras_2_names_them(spec, path, paths=PATHS):
    """Write weights under the names that Keras gives to layers made in this order, in no order."""
    network = create_model(spec).network
    inside = {one.name: one for one in [*network.layers[1].layers, *network.layers]}
    block = [f"resnet_block_1_{name}" for both in paths for name in both]
    stored = []
    after = ["depthwise_convolution_2d_2", "separable_convolution_2d_3", "network0_dense_0"]
    for name in ["convolution_2d_0", *block, *after]:
        if name in inside:
            base = NUMBERED[type(inside[name]).__name__]
            n = sum(one.startswith(base) for one, _ in stored)
            stored.append((f"{base}_{n}" if n else base, inside[name]))
    RANDOM.shuffle(stored)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name, _ in stored]
        for name, layer in stored:
            group = file.create_group(name)
            names = [
                one.name.replace("kernel", "depthwise_kernel")
                if name.startswith("depthwise") else one.name
                for one in layer.weights
            ]  # fmt: skip
            group.attrs["weight_names"] = [f"{name}/{one}:0".encode() for one in names]
            for one, variable in zip(names, layer.weights, strict=True):
                group.create_dataset(f"{name}/{one}:0", data=np.asarray(variable.value))
    return path


@pytest.mark.parametrize("paths", [PATHS, PATHS[::-1]])
def test_other_names_tell_by_their_numbers(paths, tmp_path):
    """Whichever of a block's paths was made first."""
    ours = of_images()
    file = as_keras_2_names_them(ours, tmp_path / "w.h5", paths)
    expected = create_model(ours)(IMAGE)
    np.testing.assert_array_equal(create_model(of_images(), weights=file)(IMAGE), expected)


def as_keras_2_was_given(make):
    """A document with the layers of the files in ``keras_2``."""
    layers = [
        convolution(3, 4, 3),
        make(4),
        {"type": "activation", "activation_function": "relu"},
        {"type": "depthwise_convolution_2d", "kernel": np.ones((3, 3, 4, 1)).tolist(),
         "bias": None, "padding": "same"},
        {"type": "separable_convolution_2d", "bias": [0.0] * 5, "padding": "same",
         "depth_kernel": np.ones((3, 3, 4, 1)).tolist(),
         "point_kernel": np.ones((1, 1, 4, 5)).tolist()},
        {"type": "global_average_pool_2d"},
    ]  # fmt: skip
    spec = image_model(layers, [4, 4, 3], 5)
    spec["layers"] = [dense(np.zeros((5, 5)), np.zeros(5))]
    return spec


@pytest.mark.parametrize("file", ["weights.h5", "weights.smbundle"])
def test_files_of_keras_2(file):
    """What tf_keras 2.21 wrote of a trained network, and what it answered."""
    path = Path(__file__).parent / "keras_2" / file
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    found = create_model(as_keras_2_was_given(normalisation), weights=path)(image)
    expected = [[498332.5, 468829.46875, 484102.46875, 509266.25, 534057.0625]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(place=st.integers(1024 + 36, 15352), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_checkpoint_is_one_error(place, byte, cut, tmp_path_factory):
    whole = (Path(__file__).parent / "keras_2" / "weights.smbundle").read_bytes()
    path = tmp_path_factory.getbasetemp() / "damaged.smbundle"
    after = b"" if cut else bytes([byte]) + whole[place + 1 :]
    path.write_bytes(whole[:place] + after)
    with contextlib.suppress(WeightsError):
        layers = read_checkpoint(path)
        assert all(values.size < 1000 for one in layers for values in one.tensors.values())


def test_what_fits_in_two_ways_is_refused(tmp_path):
    """The last convolution of both paths has the same shape, and there are no others."""
    spec = of_images(n_middle=4)
    path = spec["image_network"]["layers"][1]["convolution_path"]
    path[0] = {"type": "activation", "activation_function": "relu"}
    file = as_keras_2_names_them(spec, tmp_path / "w.h5")
    with pytest.raises(WeightsError, match="in more than one way"):
        create_model(spec, weights=file)


def test_files_that_do_not_fit_or_are_damaged(tmp_path):
    spec = classifier(4, [dense(RANDOM.normal(size=(4, 3)))], 3)
    file = convert(spec, None, tmp_path / "w.h5", "h5")
    other = classifier(3, [dense(RANDOM.normal(size=(3, 3)))], 3)
    with pytest.raises(WeightsError, match=r"w\.h5' do not fit: the layer 'network0_dense_0'"):
        create_model(other, weights=file)
    with pytest.raises(WeightsError, match="for 1 layers, and 0 take some"):
        create_model(classifier(3, [{"type": "activation", "activation_function": "relu"}], 3),
                     weights=file)  # fmt: skip
    whole = file.read_bytes()
    for i, damaged in enumerate(
        (whole[:-500], b"", b"no HDF5", whole.replace(b"layer_names", b"?" * 11))
    ):
        path = tmp_path / f"{i}.h5"
        path.write_bytes(damaged)
        with pytest.raises(WeightsError, match="holds no weights of Keras"):
            create_model(spec, weights=path)
    with h5py.File(file, "a") as stored:
        stored["network0_dense_0/network0_dense_0/kernel"][0, 0] = np.nan
    with pytest.raises(WeightsError, match="not made of finite numbers"):
        create_model(spec, weights=file)
    with pytest.raises(WeightsError, match=r"no file of weights at .*gone\.h5"):
        create_model(spec, weights=tmp_path / "gone.h5")
    with pytest.raises(WeightsError, match=r"ends in \.h5"):
        create_model(spec, weights="w.npz")


def test_what_is_written_where(tmp_path):
    spec = classifier(1, [dense([[1.0]])], 1)
    with pytest.raises(ValueError, match=r"must end in '\.h5', got 'w\.keras'"):
        convert(spec, None, tmp_path / "w.keras", "h5")
    with pytest.raises(ValueError, match="as a format of its own"):
        convert(spec, None, tmp_path / "w.weights.h5", "h5")
    with pytest.raises(ValueError, match="Did you mean 'h5'"):
        convert(spec, None, tmp_path / "w", "hd5")
    assert list(tmp_path.iterdir()) == []
