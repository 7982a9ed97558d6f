"""TensorFlow Lite models that cannot be run, or are none: what is wrong is told."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tiny_models as tiny
from mutations import mutations
from tiny_models import FLOAT_IMAGE, X, embedder, two_heads

from skembed import WeightsError, backbones
from skembed.engines import UnsupportedNetworkError


def changed(change):
    made = tiny.model()
    change(made.subgraphs[0])
    return tiny.packed(made)


def tensor(index, **fields):
    return lambda: changed(lambda graph: vars(graph.tensors[index]).update(fields))


def operator(**fields):
    return lambda: changed(lambda graph: vars(graph.operators[0]).update(fields))


def operators(code):
    return lambda: tiny.packed(tiny.model(codes=(code,)))


def shaped(*shape):
    return lambda: tiny.packed(tiny.model(image=tiny.tensor("image", shape, "uint8", 1.0)))


def said(mean, std, **more):
    described = tiny.metadata(mean=mean, std=std, **more)
    return lambda: tiny.packed(tiny.model(image=FLOAT_IMAGE), described)


def labelled():
    return tiny.packed(tiny.model(), tiny.metadata(names=["a"], label_files=["l.txt"]))


def stored_from(zero_point):
    return lambda: tiny.packed(tiny.model(zero_point=zero_point))


INTEGERS = tiny.TYPES["int32"]


REFUSED = [
    (tensor(0, shape=[8, 8, 3]), r"'image' has the shape \(8, 8, 3\)"),
    (shaped(2, 8, 8, 3), "'image' takes a batch of 2: convert"),
    (shaped(1, 8, 8, 1), "'image' takes 1 channels"),
    (shaped(1, 5000, 8, 3), "5000 x 8 pixels; at most 4,096 a side"),
    (tensor(0, type=INTEGERS), "'image' is int32; .*inference_input_type"),
    (tensor(1, shape=[1, 1, 3]), r"'average' has the shape \(1, 1, 3\)"),
    (tensor(1, type=INTEGERS), "'average' is int32; .*inference_output_type"),
    (tensor(1, quantization=None), "'average' is uint8 and has no scale"),
    (stored_from(256), "'average' is uint8 and has the zero point 256; allowed: 0 to 255"),
    (stored_from(2**31), "zero points of the tensor .* do not fit it"),
    (stored_from(-(2**63)), "zero points of the tensor .* do not fit it"),
    (said([1], [0]), "'image' .*the latter not 0"),
    (said([1, 1, 1], [1]), "'image' have 3 means and 1 standard"),
    (said([1, 1], [1, 1]), "normalise by 2 values"),
    (said([1], [1], color_space=2), "'image' .*colour space grayscale; RGB"),
    (said([1], [1], color_space=7), "colour space number 7"),
    (said([1], [1], inputs=2), "describe 2 inputs"),
    (labelled, r"'l\.txt'"),
    (tensor(1, isVariable=True), "from one image to the next"),
    (operator(opcodeIndex=9), "has the index 9, and there are 1"),
    (operator(inputs=[77]), "takes the tensor 77, which nothing"),
    (operator(inputs=[1]), "takes the tensor 1, which nothing"),
    (operator(outputs=[0]), "gives a tensor that already has its values"),
    (operators(119), "how long that takes is not known"),
    (operators(148), "draws random numbers"),
]


@pytest.mark.parametrize(("make", "says"), REFUSED)
def test_what_cannot_be_run_is_refused_by_name(make, says):
    with pytest.raises(ValueError, match=says):
        backbones.from_model(make(), name="mine")


def test_custom_operators_are_refused_by_name():
    made = tiny.model(codes=(32,))
    made.operatorCodes[0].customCode = "MyOperator"
    with pytest.raises(WeightsError, match="'MyOperator' is not LiteRT's own"):
        backbones.from_model(tiny.packed(made))


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\0\0\0\0TFL3", b"PK" * 50, b"\xff" * 64])
def test_other_files_are_no_models(tmp_path, data):
    (tmp_path / "m.tflite").write_bytes(data)
    with pytest.raises(
        WeightsError, match=r"m\.tflite' cannot be used as a TensorFlow Lite mo"
    ):
        backbones.from_model(tmp_path / "m.tflite")


def test_what_is_missing_is_told(tmp_path):
    with pytest.raises(WeightsError, match="does not exist"):
        embedder("nowhere.tflite").fit(X)
    (tmp_path / "m.tflite").write_bytes(tiny.packed(tiny.model()))
    known = backbones.from_model(tmp_path / "m.tflite")
    (tmp_path / "m.tflite").write_bytes(tiny.packed(tiny.model(scale=0.5)))
    with pytest.raises(WeightsError, match="has changed since"):
        embedder(known).transform(X)


def test_what_has_no_place_in_such_a_model_is_refused():
    model = tiny.packed(tiny.model())
    with pytest.raises(ValueError, match="a TensorFlow Lite model has its own"):
        embedder(model, precision="bfloat16").fit(X)
    with pytest.raises(
        ValueError, match=r"image_size is 16, and 'model' was built for \(8, 8\)"
    ):
        embedder(model, image_size=16).fit(X)
    with pytest.raises(ValueError, match="'model' has none"):
        embedder(model, layers="predictions").fit(X)
    scaled = backbones.Preparation(std=(255.0,) * 3)
    with pytest.raises(ValueError, match="takes uint8 pixels as they are"):
        backbones.from_model(model, preparation=scaled)


def test_a_model_with_which_litert_fails_is_one_error():
    def enlarge(graph):
        graph.operators[0].builtinOptions.filterHeight = 9  # of 8 rows
        graph.operators[0].builtinOptions.strideH = 0

    model = changed(enlarge)
    for _ in range(2):  # the second time nothing is tried
        with pytest.raises(
            UnsupportedNetworkError, match=r"LiteRT cannot run 'model': .*No other"
        ):
            embedder(model).transform(X)


def test_values_that_are_not_finite_are_no_rows():
    model = tiny.packed(tiny.model(image=FLOAT_IMAGE))
    tiny_std = backbones.Preparation(std=(1e-38,) * 3, resize="libyuv-bilinear")
    known = backbones.from_model(model, preparation=tiny_std)
    with pytest.raises(
        UnsupportedNetworkError, match="'average' has values that are NaN or inf"
    ):
        embedder(known).transform(X)


@pytest.mark.slow  # each that passes the checks runs in a process of its own first
def test_damaged_models_run_or_are_one_error():
    whole, outcomes = [tiny.packed(tiny.model()), two_heads()], []
    for _, data in itertools.islice(mutations(whole, 7), 200):
        try:
            rows = embedder(data, layers="all").transform(X)
        except (WeightsError, UnsupportedNetworkError, ValueError, TypeError) as error:
            outcomes.append(len(str(error)) > 10)
        else:
            assert rows.shape in ((3, 3), (3, 6))
            outcomes.append(np.isfinite(rows).all())
    assert len(outcomes) == 200
    assert all(outcomes)
