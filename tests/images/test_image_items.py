"""as_items and describe: every container, every mistake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from skembed.images import as_items, describe

PATHS = ["a.jpg", "https://example.org/b.png", "c.gif"]
ANY_ITEMS = [
    "a.jpg",
    Path("b.jpg"),
    b"bytes",
    bytearray(b"more"),
    memoryview(b"view"),
    Image.new("L", (3, 2)),
    np.zeros((2, 3), np.uint8),
]


@pytest.mark.parametrize(
    "X",
    [
        PATHS,
        tuple(PATHS),
        np.array(PATHS),
        np.array(PATHS, dtype=object),
        np.array(PATHS, dtype=np.dtypes.StringDType()),
        np.array(PATHS, dtype=object)[:, None],
        np.array(PATHS)[:, None],
        pd.Series(PATHS, index=[7, 7, 1]),
        pd.Series(PATHS, dtype=object),
        pd.Series(PATHS, dtype="category"),
        pd.Index(PATHS),
        pd.DataFrame({"path": PATHS}),
        pl.Series(PATHS),
        pl.DataFrame({"path": PATHS}),
        pa.array(PATHS),
        pa.chunked_array([PATHS[:1], PATHS[1:]]),
        pa.table({"path": PATHS}),
    ],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_columns_of_paths(X):
    items = as_items(X)
    assert items == PATHS
    assert all(type(item) is str for item in items)


def test_every_kind_of_item_is_passed_on_untouched():
    column = np.empty(len(ANY_ITEMS), dtype=object)
    column[:] = ANY_ITEMS
    for X in (ANY_ITEMS, column, pd.Series(ANY_ITEMS), pl.Series(ANY_ITEMS, dtype=pl.Object)):
        assert all(got is given for got, given in zip(as_items(X), ANY_ITEMS, strict=True)), (
            type(X)
        )


def test_bytes_columns():
    for X in (pl.Series([b"a\0", b"b"]), pa.array([b"a\0", b"b"]), pd.Series([b"a\0", b"b"])):
        assert as_items(X) == [b"a\0", b"b"]


def test_a_4d_array_is_a_list_of_views():
    X = np.zeros((3, 4, 5, 3), np.float32)
    items = as_items(X)
    assert [item.shape for item in items] == [(4, 5, 3)] * 3
    assert all(np.shares_memory(item, X) for item in items)


@pytest.mark.parametrize(
    "X",
    [
        ["a", None],
        ["a", float("nan")],
        ["a", np.float32("nan")],
        ["a", pd.NA],
        ["a", pd.NaT],
        pd.Series(["a", None]),
        pd.Series(["a", None], dtype="string"),
        pl.Series(["a", None]),
        pa.array(["a", None]),
    ],
)
def test_missing_values_become_none(X):
    assert as_items(X) == ["a", None]


@pytest.mark.parametrize(
    "one",
    ["a.jpg", Path("a.jpg"), b"a", bytearray(b"a"), memoryview(b"a"), Image.new("1", (1, 1))],
)
def test_one_image_must_be_wrapped(one):
    with pytest.raises(TypeError, match=r"one image \(.*Wrap it in a list"):
        as_items(one)


@pytest.mark.parametrize("X", [None, 3, {"a": 1}, {"a.jpg"}, (p for p in PATHS), object()])
def test_other_objects_are_refused(X):
    with pytest.raises(TypeError, match=f"X is {type(X).__name__}.*column of items"):
        as_items(X)


@pytest.mark.parametrize(
    "X",
    [[], (), np.array([]), pd.Series([], dtype=object), np.empty((0, 4, 4, 3)), pa.array([])],
)
def test_empty_input_is_worded_like_scikit_learn(X):
    with pytest.raises(
        ValueError, match=r"Found array with 0 sample\(s\) \(shape=\(0,.*minimum"
    ):
        as_items(X)


@pytest.mark.parametrize("module", [pd, pl])
def test_frames_of_several_columns_name_them(module):
    frame = module.DataFrame({"path": ["a"], "label": ["b"]})
    with pytest.raises(ValueError, match=r"2 columns \('path', 'label'\).*select"):
        as_items(frame)


def test_frames_without_columns_and_lazy_frames():
    with pytest.raises(ValueError, match="without columns"):
        as_items(pd.DataFrame())
    with pytest.raises(TypeError, match="collect"):
        as_items(pl.LazyFrame({"path": ["a"]}))


@pytest.mark.parametrize(
    ("X", "error", "words"),
    [
        (
            np.zeros((4, 5, 3), np.uint8),
            ValueError,
            r"One image\? Pass X\[None\].*X\[\.\.\., None\]",
        ),
        (np.zeros((4, 5)), ValueError, r"X\[None, \.\.\., None\]"),
        (np.arange(4), ValueError, "column of items"),
        (np.zeros((1, 2, 3, 4, 5)), ValueError, "shape"),
        (np.array("a.jpg"), TypeError, "one value"),
        (np.array([b"a", b"b"]), TypeError, "zero bytes"),
        (np.array([["a", "b"]], dtype=object), ValueError, r"shape \(1, 2\)"),
    ],
)
def test_arrays_that_could_mean_several_things(X, error, words):
    with pytest.raises(error, match=words):
        as_items(X)


@pytest.mark.parametrize("bad", [3, 2.5, ["a.jpg"], {"image": "a"}, np.int64(3)])
def test_a_wrong_row_is_named(bad):
    with pytest.raises(TypeError, match="Row 1 of X is"):
        as_items(["a.jpg", bad])


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("photos/a.jpg", "photos/a.jpg"),
        (Path("a.jpg"), "a.jpg"),
        (memoryview(np.zeros((30, 50), np.uint8)), "bytes (1,500 bytes)"),
        (Image.new("RGB", (640, 480)), "a PIL image of mode RGB, 640 x 480"),
        (np.zeros((2, 3, 3), np.float32), "an array of shape (2, 3, 3) and dtype float32"),
        (None, "a missing value"),
        (3, "an object of type int"),
    ],
)
def test_describe(item, text):
    assert describe(item) == text


def test_describe_shortens_what_nobody_would_read():
    assert len(describe("x" * 100_000)) <= 300
