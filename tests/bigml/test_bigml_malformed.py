"""Whatever is in a document, what comes of it is a deepnet or one ValueError, and soon."""

from __future__ import annotations

import contextlib
import copy
import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from deepnets import dense, image_model, image_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skembed.bigml import Deepnet, create_model

pytestmark = pytest.mark.slow  # hundreds of networks, most refused before they are built

FOREST = [[0, 2], [[0, 0.5, [[1.0], None], [[2.0], None]]]]
MIXED = {
    "preprocess": [
        {"type": "numeric", "index": 0, "zero_value": 1.0, "one_value": 2.0},
        {"type": "image", "index": 1},
        {"type": "categorical", "index": 2, "values": ["a", "b"]},
    ],
    "trees": [FOREST],
    "image_network": image_network(
        [
            {"type": "convolution_2d", "kernel": [[[[1.0]] * 3]], "strides": [1, 1],
             "padding": "same", "bias": [0.0]},
            {"type": "global_average_pool_2d", "inputs": [0]},
        ],
        [2, 2, 3],
    ),
    "networks": [{"trees": True, "layers": [dense([[1.0]] * 5, [0.0])]}],
    "output_exposition": {"type": "numeric", "mean": 0.0, "stdev": 1.0},
}  # fmt: skip
SIZES = [0, 1, 2, 3, 4, 7, 1000, 10**5, 10**9, 2**62, 10**30, -1, -(2**62), 1.5, float("inf")]
ODD = [None, True, "", "relu", "3", [], [[]], [1], [None], {}, {"a": 1}, [[1, 2], [3]]]
# What a layer may be described by, beside its type.
KEYS = (
    *("weights", "kernel", "depth_kernel", "point_kernel", "offset", "bias", "gamma", "beta"),
    *("mean", "variance", "epsilon", "scale", "stdev", "residuals", "strides", "padding"),
    *("pool_size", "size", "method", "rate", "activation_function", "number_of_filters"),
    *("number_of_nodes", "kernel_dimensions", "depth_multiplier", "number_of_splits"),
    *("group_index", "inputs", "seed", "convolution_path", "identity_path", "dense_path"),
    *("separable_convolution_path", "single_convolution_path"),
)
KINDS = (
    *("dense", "fully_connected", "convolution_2d", "depthwise_convolution_2d", "flatten"),
    *("separable_convolution_2d", "batch_normalization", "activation", "dropout", "add"),
    *("global_average_pool_2d", "global_max_pool_2d", "max_pool_2d", "average_pool_2d"),
    *("padding_2d", "split_channels", "upsampling_2d", "concatenate", "resnet_block"),
    *("xception_block", "dense_residual_block", "darknet_residual_block", "dens"),
)
MANY = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@contextlib.contextmanager
def refused_or_not() -> Iterator[None]:
    """Let nothing but a ValueError pass, and nothing take long: of this thread, in CPU seconds."""
    start = time.thread_time()
    with contextlib.suppress(ValueError):
        yield
    assert time.thread_time() - start < 20


def at(spec: Any, *keys: Any) -> Any:
    for key in keys:
        spec = spec[key]
    return spec


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """Every place in a document."""
    inside = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list) else ()
    )  # fmt: skip
    found = [path] if path else []
    for key, one in inside:
        found += places(one, (*path, key))
    return found


def arrays() -> st.SearchStrategy:
    """Arrays of up to four axes, some of them empty or ragged."""
    numbers = st.sampled_from([0.0, 1.0, -2.5, 1e300, 3])
    array = st.lists(numbers, max_size=4)
    for _ in range(3):
        array = st.one_of(array, st.lists(array, max_size=3))
    return array


VALUES = st.one_of(
    st.sampled_from([*SIZES, *ODD]),
    st.lists(st.sampled_from(SIZES), max_size=4),
    st.sampled_from(
        ["zeros", "ones", "glorot_uniform", "glorot_normal", "same", "valid", "mish"]
    ),
    arrays(),
)


@st.composite
def a_layer(draw, depth=2):
    """An entry of a list of layers; blocks have lists of their own."""
    found: dict[str, Any] = {"type": draw(st.sampled_from(KINDS))}
    for key in draw(st.lists(st.sampled_from(KEYS), max_size=8, unique=True)):
        is_path = key.endswith("_path") and depth
        found[key] = draw(st.lists(a_layer(depth - 1), max_size=2) if is_path else VALUES)
    return found


@settings(max_examples=100, **MANY)
@given(st.data())
def test_a_document_with_a_few_faults(data):
    """Keys are missing, values are odd, huge or of another place, and lists longer."""
    spec = copy.deepcopy(MIXED)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(spec)))
        parent, key = at(spec, *place[:-1]), place[-1]
        fault = data.draw(st.sampled_from(["odd", "missing", "another's", "twice"]))
        if fault == "odd":
            parent[key] = data.draw(VALUES)
        elif fault == "missing":
            del parent[key]
        elif fault == "another's":
            other = data.draw(st.sampled_from(places(spec)))
            parent[key] = copy.deepcopy(at(spec, *other))
        elif isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        if not spec:
            break
    with refused_or_not():
        create_model(spec)


@settings(max_examples=150, **MANY)
@given(layers=st.lists(a_layer(), min_size=1, max_size=4), of_images=st.booleans())
def test_any_layers(layers, of_images):
    """They name each other in circles, and have shapes and sizes that no network has."""
    spec = image_model(layers if of_images else [{"type": "global_max_pool_2d"}], [6, 5, 3], 3)
    if not of_images:
        spec["layers"] = layers
    with refused_or_not():
        create_model(spec)


@settings(max_examples=100, **MANY)
@given(
    cut=st.none() | st.integers(0, 900),
    place=st.integers(0, 900),
    byte=st.integers(0, 255),
    is_packed=st.booleans(),
)
def test_a_damaged_file(cut, place, byte, is_packed, tmp_path_factory):
    data = json.dumps(MIXED).encode()
    data = bytearray(gzip.compress(data, mtime=0) if is_packed else data)[:cut]
    if place < len(data):
        data[place] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_bytes(data)
    with refused_or_not():
        create_model(path)


def test_a_document_in_itself():
    """Given to the class itself too, which takes no digest of it."""
    spec = copy.deepcopy(MIXED)
    for key in ("object", "deepnet", "image_network"):
        with pytest.raises(ValueError, match="Circular reference"):
            create_model(_circle(spec, key))
    with refused_or_not():
        Deepnet(_circle(spec, "object"))


def _circle(spec: dict, key: str) -> dict:
    found = dict(spec)
    found[key] = found
    return found
