"""Documents: the forms they come in, and what is wrong with those that are refused."""

from __future__ import annotations

import copy
import gzip
import json
from typing import Any

import numpy as np
import pytest
from deepnets import classifier, dense, image_model

from skembed.bigml import Deepnet, create_model

SPEC = classifier(2, [dense([[1.0, 2.0], [3.0, 4.0]])], 2)
ANSWER = [[7.0, 10.0]]
FORMS = {
    "network": lambda net: net,
    "wrapped": lambda net: {"network": net},
    "deepnet": lambda net: {"deepnet": {"network": net}},
    "model": lambda net: {"model": {"network": net}},
    "resource": lambda net: {"object": {"deepnet": {"network": net}}},
}


@pytest.mark.parametrize("form", FORMS)
def test_forms(form):
    assert create_model(FORMS[form](SPEC))([1, 2]).tolist() == ANSWER


@pytest.mark.parametrize("packed", [False, True])
def test_files(tmp_path, packed):
    """gzip is told by its first bytes, for files are renamed."""
    path = tmp_path / "model.json"
    text = json.dumps(SPEC).encode()
    path.write_bytes(gzip.compress(text) if packed else text)
    for given_as in (path, str(path)):
        assert create_model(given_as)([1, 2]).tolist() == ANSWER


def test_what_is_no_document(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no deepnet at .*gone\.json"):
        create_model(tmp_path / "gone.json")
    with pytest.raises(TypeError, match="a dict or as the path of a JSON file, got int"):
        create_model(3)
    with pytest.raises(ValueError, match="no document of JSON: it holds a set"):
        create_model({**SPEC, "trees": {1, 2}})
    with pytest.raises(ValueError, match="is a folder"):
        create_model(tmp_path)
    for text, says in {
        b"{": "is not JSON",
        b"\xff\xfe": "is not JSON",
        b"[" * 100_000: "nested too deeply",
        b"\x1f\x8b no more": "damaged gzip",
        b"[1, 2]": "Model format not recognized",
        b'{"a": 1}': "Got the keys",
    }.items():
        path = tmp_path / "model.json"
        path.write_bytes(text)
        with pytest.raises(ValueError, match=says):
            create_model(path)


def at(spec: Any, *keys: Any) -> Any:
    for key in keys:
        spec = spec[key]
    return spec


IMAGE = image_model([{"type": "global_max_pool_2d"}], [4, 4, 3], 3)
FOREST = [[0, 2], [[0, 0.5, [[1.0], None], [[2.0], None]]]]
# The place of a change in a document, the change, and what is said of it.
WRONG = [
    (SPEC, ("preprocess",), [], "is empty: the deepnet has no inputs"),
    (SPEC, ("preprocess", 0, "type"), "numerc", "Did you mean 'numeric'"),
    (
        SPEC,
        ("preprocess", 1, "index"),
        -1,
        r"preprocess\[1\]\.index is -1; allowed: an integer",
    ),
    (SPEC, ("preprocess", 1, "index"), True, "allowed: an integer"),
    (SPEC, ("preprocess", 0, "mean"), "x", r"preprocess\[0\]\.mean is 'x'; allowed: a number"),
    (SPEC, ("preprocess", 0, "mean"), float("nan"), "a finite number"),
    (SPEC, ("layers",), [], "has no layers"),
    (SPEC, ("layers",), 3, "allowed: a list"),
    (SPEC, ("layers", 0, "type"), "dens", r"layers\[0\]\.type is 'dens'. Did you mean 'dense'"),
    (SPEC, ("layers", 0, "activation_function"), "rellu", "Did you mean 'relu'"),
    (SPEC, ("layers", 0, "weights"), [[1.0], [2.0, 3.0]], "no array of numbers"),
    (SPEC, ("layers", 0, "weights"), [["1", "2"]], "no array of numbers"),
    (
        SPEC,
        ("layers", 0, "weights"),
        [[1.0, 2.0]],
        r"the shape \(1, 2\); it must be \(2, any\)",
    ),
    (SPEC, ("layers", 0, "weights"), [[1e300, 2.0]] * 2, "not finite in float32"),
    (SPEC, ("layers", 0, "weights"), "glorot_uniform", "does not say how many values"),
    (SPEC, ("layers", 0, "weights"), [[1.0]] * 2, r"an output of shape \(1,\); 2 classes need"),
    (SPEC, ("layers", 0, "offset"), [1.0], r"offset has the shape \(1,\)"),
    (SPEC, ("output_exposition",), None, "has no 'output_exposition'"),
    (SPEC, ("output_exposition", "values"), ["a", "a"], "names a value twice"),
    (SPEC, ("output_exposition", "type"), "bounding_box", "its image network has no heads"),
    (SPEC, ("trees",), [[[0, 3], []]], r"trees\[0\]\[0\]\[1\] is 3; allowed"),
    (SPEC, ("trees",), [[[0, 2], []]], "has no trees"),
    (SPEC, ("trees",), [[[0, 2], [[9, 0.5, [[1.0], None], [[2.0], None]]]]], "a feature"),
    (SPEC, ("trees",), [[[0, 2], [[0, 0.5, [[1.0], None]]]]], "neither"),
    (SPEC, ("trees",), [[[0, 2], [[[1.0], None], [[1.0, 2.0], None]]]], "different widths"),
    (IMAGE, ("image_network",), None, "has image inputs and no 'image_network'"),
    (IMAGE, ("image_network", "layers"), None, "does not hold it"),
    (
        IMAGE,
        ("image_network", "metadata", "input_image_shape"),
        [4, 4, 1],
        "allowed: an integer",
    ),
    (
        IMAGE,
        ("image_network", "metadata", "input_image_shape"),
        [10**9, 4, 3],
        "from 1 to 4096",
    ),
    (
        IMAGE,
        ("image_network", "metadata", "loading_method"),
        "centring",
        "Did you mean 'center",
    ),
    (IMAGE, ("image_network", "metadata", "mean_image"), [[[0.0]]], "mean_image has the shape"),
    (IMAGE, ("image_network", "layers", 0), {"type": "flatten"}, r"\(3, any\)|\(48, any\)"),
]


@pytest.mark.parametrize(("spec", "place", "change", "says"), WRONG)
def test_what_is_wrong_in_a_document(spec, place, change, says):
    wrong = copy.deepcopy(spec)
    at(wrong, *place[:-1])[place[-1]] = change
    with pytest.raises(ValueError, match=says):
        create_model(wrong)


@pytest.mark.parametrize("inputs", [[1], [5], [-2], [], [0, 0], "x"])
def test_a_layer_takes_layers_before_it(inputs):
    """So that there is no circle."""
    layers = [dense(np.eye(2)), {**dense(np.eye(2)), "inputs": inputs}]
    with pytest.raises(ValueError, match=r"network\.layers\[1\]"):
        create_model(classifier(2, layers, 2))


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "padding_2d", "padding": [[4000, 4000], [4000, 4000]]},
        {"type": "upsampling_2d", "size": [4000, 4000]},
        {"type": "upsampling_2d", "size": 10**12},
        {"type": "max_pool_2d", "pool_size": 9, "padding": "valid"},
        {"type": "max_pool_2d"},
        {"type": "split_channels", "number_of_splits": 2, "group_index": 0},
        {"type": "convolution_2d", "kernel": "ones", "kernel_dimensions": [4000, 4000],
         "number_of_filters": 100_000},
        {"type": "convolution_2d", "kernel": [[[[1.0]]]]},
        {"type": "resnet_block", "convolution_path": [{"type": "flatten"}], "identity_path": []},
        {"type": "batch_normalization", "gamma": [1.0] * 3, "beta": [0.0] * 3,
         "mean": [0.0] * 3, "variance": [-1.0] * 3},
    ],
)  # fmt: skip
def test_layers_of_absurd_sizes_or_shapes(layer):
    spec = image_model([layer, {"type": "global_max_pool_2d"}], [4, 4, 3], 3)
    with pytest.raises(ValueError, match=r"network\.image_network\.layers\[0\]"):
        create_model(spec)


def test_memory_that_runs_out_is_no_fault_of_the_document():
    class Starving:
        def __array__(self, *_args, **_kwargs):
            raise MemoryError("no room")

    layer = {**dense([[1.0]]), "weights": Starving()}
    with pytest.raises(MemoryError, match="no room"):
        Deepnet(classifier(1, [layer], 1))


def test_what_refers_to_itself():
    tree: list = [0, 0.5]
    tree += [tree, tree]
    with pytest.raises(ValueError, match="Circular reference"):
        create_model({**SPEC, "trees": [[[0, 2], [tree]]]})
    block: dict = {"type": "dense_residual_block", "identity_path": []}
    block["dense_path"] = [block]
    with pytest.raises(ValueError, match="Circular reference"):
        create_model(classifier(2, [block], 2))


def test_trees_as_deep_as_python_allows():
    tree: list = [[1.0], None]
    for _ in range(400):
        tree = [0, 0.5, tree, [[2.0], None]]
    spec = classifier(1, [dense([[1.0], [0.0]])], 1) | {"trees": [[[0, 1], [tree]]]}
    assert create_model(spec)([[0.0], [1.0]]).tolist() == [[1.0], [2.0]]
    for _ in range(200):
        tree = [0, 0.5, tree, [[2.0], None]]
    with pytest.raises(ValueError, match="deeper than 512"):
        create_model({**spec, "trees": [[[0, 1], [tree]]]})
