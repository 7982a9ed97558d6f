"""from_frame, and the folder that relative paths of a column start from."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from skembed import ImageError, PretrainedEmbedder
from skembed.images import as_items, from_frame, load

COLUMNS = {"file": ["a.jpg", "b.jpg", "c.jpg"], "species": ["cat", "dog", "cat"]}


@pytest.mark.parametrize("frame", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_images_and_labels_in_the_frames_order(frame):
    X, y = from_frame(frame(COLUMNS), image="file", label="species")
    assert (X, y) == (COLUMNS["file"], COLUMNS["species"])


def test_labels_of_any_type():
    for labels in ([1, 2, 1], [0.5, 1.5, 2.5], [True, False, True]):
        for column in (labels, np.array(labels), pd.Series(labels, index=[9, 8, 7])):
            assert from_frame({"x": COLUMNS["file"], "y": column}, "x", "y")[1] == labels
    kinds = pd.DataFrame({**COLUMNS, "species": pd.Categorical(COLUMNS["species"])})
    assert from_frame(kinds, "file", "species")[1] == COLUMNS["species"]


def test_columns_that_numbers_name():
    frame = pd.DataFrame([["a.jpg", "cat"], ["b.jpg", "dog"]])
    assert from_frame(frame, 0, 1) == (["a.jpg", "b.jpg"], ["cat", "dog"])


def test_images_as_hugging_face_keeps_them():
    rows = [{"bytes": b"1", "path": "1.png"}, {"bytes": None, "path": "2.png"}, None]
    for frame in (pd.DataFrame, pl.DataFrame, pa.table, dict):
        X, y = from_frame(frame({"image": rows, "label": [0, 1, 0]}), "image", "label")
        assert [rows[0], "2.png", None] == X
        assert y == [0, 1, 0]


@pytest.mark.parametrize("frame", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_a_column_that_is_not_there_gets_a_suggestion(frame):
    with pytest.raises(ValueError, match=r"no column 'specie'. Did you mean 'species'"):
        from_frame(frame(COLUMNS), "file", "specie")
    with pytest.raises(ValueError, match=r"no column 'x'. Allowed: 'file', 'species'"):
        from_frame(frame(COLUMNS), "x", "species")


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_missing_labels_are_named_by_row(missing):
    frame = pd.DataFrame({"file": ["a", "b", "c"], "y": pd.Series(["x", missing, missing])})
    with pytest.raises(ValueError, match=r"2 of 3 labels are missing in .*'y', in rows 1, 2:"):
        from_frame(frame, "file", "y")


def test_a_missing_image_keeps_its_row():
    assert from_frame(pl.DataFrame({"x": ["a", None], "y": [1, 2]}), "x", "y") == (
        ["a", None],
        [1, 2],
    )


def test_what_is_no_frame():
    for frame, word in (("labels.csv", "str"), ([1, 2], "list"), (np.zeros((2, 2)), "ndarray")):
        with pytest.raises(TypeError, match=rf"The frame is {word}.*read_csv"):
            from_frame(frame, "file", "species")
    with pytest.raises(TypeError, match="collect"):
        from_frame(pl.LazyFrame(COLUMNS), "file", "species")
    with pytest.raises(ValueError, match="same name"):
        from_frame(pd.DataFrame([["a", "b"]], columns=["file", "file"]), "file", "file")
    with pytest.raises(TypeError, match=r"\['file'\] is list, not the name of one column"):
        from_frame(pd.DataFrame(COLUMNS), ["file"], "species")
    with pytest.raises(TypeError, match="A column is one str"):
        from_frame({"x": ["a", "b"], "y": "ab"}, "x", "y")
    with pytest.raises(ValueError, match="'x' has 2 rows, and 'y' has 1"):
        from_frame({"x": ["a", "b"], "y": [1]}, "x", "y")
    with pytest.raises(ValueError, match="0 sample"):
        from_frame(pd.DataFrame({"x": [], "y": []}), "x", "y")


def test_relative_paths_start_from_root(tmp_path):
    here = str(tmp_path)
    kept = [
        str(tmp_path / "absolute.jpg"),
        "https://example.org/a.jpg",
        "file:///a.jpg",
        "data:image/png;base64,AAAA",
        "~/a.jpg",
        b"bytes",
        np.zeros((2, 2), np.uint8),
        None,
        "",
    ]
    moved = ["a.jpg", "sub/b.jpg", "../c.jpg", Path("d.jpg"), {"bytes": None, "path": "e.jpg"}]
    items = as_items([*kept, *moved], root=tmp_path)
    assert all(got is given for got, given in zip(items, kept, strict=False))
    names = ("a.jpg", "sub/b.jpg", "../c.jpg", "d.jpg", "e.jpg")
    assert items[len(kept) :] == [os.path.join(here, name) for name in names]  # noqa: PTH118
    assert as_items(["a.jpg"], root=here + os.sep) == [os.path.join(here, "a.jpg")]  # noqa: PTH118


def test_a_root_of_ones_own_and_a_relative_one(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (3, 2)).save(tmp_path / "photos/a.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for root in ("photos", Path("photos"), "~/photos"):
        X, _ = from_frame({"x": ["a.png"], "y": [1]}, "x", "y", root=root)
        assert load(X[0]).shape == (2, 3, 3)


def test_a_root_that_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(
        ImageError, match=r"root: nowhere does not exist \(looked for /.*nowhere"
    ):
        as_items(["a.jpg"], root="nowhere")
    with pytest.raises(ImageError, match=r"root: file is a file, not a directory"):
        from_frame({"x": ["a"], "y": [1]}, "x", "y", root="file")
    with pytest.raises(ImageError, match=r"root: https://example.org/a does not exist"):
        as_items(["a.jpg"], root="https://example.org/a")
    with pytest.raises(ImageError, match=r"root: n+\.\.\.n+ does not exist"):
        as_items(["a.jpg"], root="n" * 5000)
    with pytest.raises(TypeError, match=r"root: 3 is int, not a path"):
        as_items(["a.jpg"], root=3)


def test_a_file_that_is_missing_is_named_with_its_row(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png")
    X = as_items(["a.png", "gone.png"], root=tmp_path)
    embedder = PretrainedEmbedder(image_size=32, cache=False)
    with pytest.raises(ImageError, match=rf"Row 1: {tmp_path}/gone.png: no such file"):
        embedder.transform(X)
