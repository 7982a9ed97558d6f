"""as_items and describe: every container, every kind of row, every mistake."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from skembed import ImageError
from skembed.images import as_items, describe, load, local_path, read

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


# --- rows as Hugging Face's Parquet files have them --------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    Image.new("RGB", (9, 7), (3, 200, 7)).save(folder / "a.png")
    return folder


@pytest.fixture(scope="module")
def png(folder):
    return (folder / "a.png").read_bytes()


def test_every_container_of_dicts(png, folder):
    path = str(folder / "a.png")
    rows = [{"bytes": png, "path": "a.png"}, {"bytes": None, "path": path}, None]
    structs = pa.Table.from_pylist([{"image": row} for row in rows])
    pq.write_table(structs, folder / "rows.parquet")
    for X in (
        rows,
        tuple(rows),
        np.array(rows, dtype=object),
        pd.Series(rows),
        pd.DataFrame({"image": rows}),
        pd.read_parquet(folder / "rows.parquet"),
        pd.read_parquet(folder / "rows.parquet", dtype_backend="pyarrow"),
        pl.Series(rows),
        pl.read_parquet(folder / "rows.parquet"),
        structs,
        structs["image"],
        pq.read_table(folder / "rows.parquet"),
    ):
        first, second, third = as_items(X)
        assert (first["bytes"], first["path"], second, third) == (png, "a.png", path, None)
        np.testing.assert_array_equal(load(first), load(path))


def test_half_a_record(png):
    assert as_items([{"path": "a.jpg"}, {"path": Path("b.jpg")}]) == ["a.jpg", Path("b.jpg")]
    assert as_items([{"bytes": None, "path": None}, {"bytes": float("nan")}]) == [None, None]
    for row in ({"bytes": png}, {"bytes": bytearray(png)}, {"bytes": memoryview(png)}):
        assert as_items([row]) == [row]
        assert load(row).shape == (7, 9, 3)


def test_a_record_is_known_by_its_bytes(png, folder):
    known = {
        read(item).digest()
        for item in (png, {"bytes": png, "path": "x"}, {"path": str(folder / "a.png")})
    }
    assert len(known) == 1
    assert local_path({"bytes": None, "path": "/a.png"}) == "/a.png"
    assert local_path({"bytes": png, "path": "/a.png"}) is None


def test_messages_name_the_path():
    assert describe({"bytes": b"123", "path": "a.png"}) == "a.png"
    assert describe({"bytes": b"123", "path": None}) == "bytes (3 bytes)"
    with pytest.raises(ImageError, match=r"a\.png is not an image"):
        load({"bytes": b"123", "path": "a.png"})


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"bytes": b"", "path": "a.png"}, r"a\.png is empty"),
        ({"bytes": "iVBORw0K", "path": "a.png"}, "under 'bytes'"),
        ({"bytes": [1, 2], "path": "a.png"}, "an object of type list under 'bytes'"),
        ({"bytes": None, "path": 3}, "an object of type int under 'path'"),
        ({"bytes": None, "path": None}, "missing value"),
        ({"bytes": None, "path": "/no/such.png"}, "/no/such.png: no such file"),
        ({"bytes": None, "path": "zip://a.png::b.zip"}, "chains protocols"),
    ],
)
def test_a_bad_record_is_a_bad_image(record, words):
    (item,) = as_items([record])
    for one in (item, record):
        with pytest.raises(ImageError, match=words):
            load(one)


def test_dicts_that_are_no_rows(png):
    with pytest.raises(TypeError, match="Row 1 of X is dict"):
        as_items(["a.jpg", {"image": png}])
    for lone in ({"bytes": png, "path": None}, {"path": "a.png"}):
        with pytest.raises(TypeError, match=r"one image.*Wrap it"):
            as_items(lone)
    with pytest.raises(TypeError, match="X is dict"):
        as_items({"path": ["a.png"]})


def test_an_object_array_of_equal_arrays(png):
    pixels = np.array(Image.open(io.BytesIO(png)))
    for images in (
        [pixels, pixels + 1],
        [pixels / 255, pixels / 500],
        [pixels.astype("f4") / 255],
    ):
        items = as_items(np.array(images, dtype=object))
        for got, image in zip(items, images, strict=True):
            np.testing.assert_array_equal(load(got), load(image))
    (item,) = as_items(np.array([pixels], dtype=object))
    assert read(item).digest() == read(pixels).digest()


def test_arrays_in_arrays_as_parquet_readers_make_them():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    table = pa.table({"image": [pixels.tolist(), pixels.tolist()]})
    for item in as_items(table.to_pandas()):
        np.testing.assert_array_equal(load(item), pixels)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((2, 2, 3), 256, object), "pixels must be uint8"),
        (np.full((2, 2, 3), None, object), "no numbers"),
        (np.full((2, 2, 3), "1", object), "no numbers"),
        (np.full((2, 2, 3), True, object), r"astype\('uint8'\) \* 255"),
    ],
)
def test_objects_that_are_no_pixels(array, words):
    with pytest.raises(ImageError, match=words):
        load(array)


def test_object_arrays_that_could_mean_several_things():
    with pytest.raises(ValueError, match=r"dtype object. One image\? Pass X\[None\]"):
        as_items(np.zeros((4, 5, 3), object))
