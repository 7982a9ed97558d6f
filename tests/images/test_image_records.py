"""Rows as Hugging Face's Parquet files have them, in every container."""

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
        ({"bytes": None, "path": "zip://a.png::b.zip"}, "only file://"),
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
