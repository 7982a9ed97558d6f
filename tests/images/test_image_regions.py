"""Regions: parts of images as images, which share what is read and decoded."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from skembed import ImageError, PretrainedEmbedder, images
from skembed.extraction import images_run
from skembed.images import Region, as_items, load, read, regions

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
BOX = (3, 2, 8, 6)
PART = PIXELS[2:8, 3:11]


def encoded(pixels=PIXELS, orientation=1):
    file, exif = io.BytesIO(), Image.Exif()
    exif[274] = orientation
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    return file.getvalue()


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "photograph.png"
    path.write_bytes(encoded())
    return path


@pytest.fixture(scope="module")
def model():
    import keras

    image = keras.Input((4, 4, 3))
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(image))


@pytest.fixture
def embedder(model, tmp_path):
    return PretrainedEmbedder(
        model, engine="jax", resize="pil-nearest", cache=tmp_path / "kept"
    )


# --- pixels ------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("kind", ["path", "bytes", "array", "PIL image", "record"])
def test_a_region_is_what_is_cut_out_and_then_turned(photograph, kind, rotation):
    source = {
        "path": photograph,
        "bytes": encoded(),
        "array": PIXELS,
        "PIL image": Image.fromarray(PIXELS),
        "record": {"bytes": encoded(), "path": "a.png"},
    }[kind]
    found = load(Region(source, BOX, rotation))
    np.testing.assert_array_equal(found, np.rot90(PART, -rotation // 90))
    np.testing.assert_array_equal(
        load(Region(source, None, rotation)), np.rot90(PIXELS, -rotation // 90)
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_are_of_the_upright_image(orientation):
    upright = {
        1: PIXELS, 2: PIXELS[:, ::-1], 3: PIXELS[::-1, ::-1], 4: PIXELS[::-1],
        5: PIXELS.swapaxes(0, 1), 6: np.rot90(PIXELS, -1),
        7: PIXELS.swapaxes(0, 1)[::-1, ::-1], 8: np.rot90(PIXELS),
    }[orientation]  # fmt: skip
    found = load(Region(encoded(orientation=orientation), BOX))
    np.testing.assert_array_equal(found, upright[2:8, 3:11])


def test_floats_of_a_region_stay_what_they_are(model):
    floats = np.random.default_rng(0).normal(size=(8, 8, 3)).astype(np.float32)
    embedder = PretrainedEmbedder(model, engine="jax", cache=False)
    rows = embedder.transform([Region(floats, (2, 1, 4, 4))])
    np.testing.assert_allclose(rows[0], floats[1:5, 2:6].mean(axis=(0, 1)), rtol=1e-5)


# --- one photograph, many regions --------------------------------------------------------


def counted(monkeypatch, module, name):
    calls = []
    function = getattr(module, name)

    def counting(*args, **kwargs):
        calls.append(args)
        return function(*args, **kwargs)

    monkeypatch.setattr(module, name, counting)
    return calls


def test_a_photograph_is_read_and_decoded_once_for_all_its_regions(
    photograph, model, monkeypatch
):
    boxes = [(x, y, 4, 4) for x in range(12) for y in range(8)]
    embedder = PretrainedEmbedder(model, engine="jax", cache=False, n_jobs=4)
    reads = counted(monkeypatch, images._read, "read_location")
    opens = counted(monkeypatch, images._decode, "open_image")
    rows = embedder.transform([Region(str(photograph), box) for box in boxes])
    assert (len(reads), len(opens)) == (1, 1)
    means = [PIXELS[y : y + 4, x : x + 4].mean(axis=(0, 1)) for x, y, *_ in boxes]
    np.testing.assert_allclose(rows, means, rtol=1e-5)


def test_rows_of_regions_are_kept_apart_and_found_again(photograph, embedder):
    X = [
        photograph,
        Region(photograph),
        Region(photograph, BOX),
        Region(photograph, BOX, 90),
        Region(photograph, (3, 2, 8, 7)),
        Region(encoded(), BOX),
    ]
    before = images_run()
    rows = embedder.transform(X)
    assert images_run() - before == 4  # the whole, and three parts of it
    np.testing.assert_array_equal(rows[[0, 2]], rows[[1, 5]])
    again = embedder.transform(pickle.loads(pickle.dumps(X)))  # noqa: S301 - our own
    assert images_run() - before == 4
    np.testing.assert_array_equal(again, rows)


def test_the_digest_says_which_pixels_are_meant(photograph):
    whole, part = read(photograph).digest(), read(Region(photograph, BOX)).digest()
    assert read(Region(photograph)).digest() == whole
    assert read(Region(encoded(), BOX)).digest() == part
    others = [Region(photograph, BOX, 90), Region(photograph, (3, 2, 8, 5)), photograph]
    assert part not in [read(other).digest() for other in others]
    assert read(Region(PIXELS, BOX)).digest() == read(PART.copy()).digest()


# --- frames ------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, dict])
def test_regions_come_from_columns(make, photograph):
    frame = make({"path": ["photograph.png"] * 2, "x": [3, 0], "y": [2.0, 0.0], "w": [8, 4],
                  "h": [6, 4], "turn": [0, 90]})  # fmt: skip
    made = regions(frame, box=["x", "y", "w", "h"], rotation="turn", root=photograph.parent)
    assert [(one.box, one.rotation) for one in made] == [(BOX, 0), ((0, 0, 4, 4), 90)]
    np.testing.assert_array_equal(load(made[0]), PART)


def test_a_folder_comes_before_the_paths_of_regions(photograph):
    (item,) = as_items([Region("photograph.png", BOX)], root=photograph.parent)
    np.testing.assert_array_equal(load(item), PART)


def test_wrong_columns_are_told_with_row_and_image():
    frame = {"path": ["a.jpg", "b.jpg"], "x": [0, 1.5], "y": [0, 0], "w": [4, 4], "h": [4, 0]}
    with pytest.raises(ValueError, match=r"Row 1 \(b\.jpg\): box is \[1\.5, .*whole pixels"):
        regions(frame, box=["x", "y", "w", "h"])
    with pytest.raises(ValueError, match=r"no column 'width'\. Did you mean|no column 'width'"):
        regions(frame)
    with pytest.raises(TypeError, match="names of four columns"):
        regions(frame, box=["x", "y"])


# --- refusals ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (((0, -1, 3, 3),), ValueError, "its corner lies outside"),
        (((0, 0, 3, 0),), ValueError, "it has no pixels"),
        (((0, 0, float("nan"), 3),), ValueError, "whole pixels"),
        (((0, 0, 3),), TypeError, r"\(x, y, width, height\)"),
        (("abcd",), TypeError, r"\(x, y, width, height\)"),
        ((BOX, 45), ValueError, "rotation is 45"),
    ],
)
def test_what_is_no_box_is_refused(arguments, error, says):
    with pytest.raises(error, match=says):
        Region("a.jpg", *arguments)


def test_a_region_has_no_regions():
    with pytest.raises(TypeError, match="source of a region is a region"):
        Region(Region("a.jpg", BOX), BOX)
    with pytest.raises(TypeError, match="X is one image"):
        as_items(Region("a.jpg", BOX))
    with pytest.raises(TypeError, match="Row 0 of X is int"):
        as_items([Region(3, BOX)])


def test_a_box_outside_the_image_is_refused_with_row_and_file(photograph, embedder):
    X = [photograph, Region(photograph, (10, 0, 7, 5))]
    says = r"Row 1: .*photograph\.png, region \(10, 0, 7, 5\) does not lie .* 16 pixels wide and 12"
    with pytest.raises(ImageError, match=says):
        embedder.transform(X)
    with pytest.warns(UserWarning, match=r"1 of 2 images .*region \(10, 0, 7, 5\)"):
        rows = embedder.set_params(on_error="nan").transform(X)
    assert np.isnan(rows).all(axis=1).tolist() == [False, True]
    with pytest.raises(ImageError, match="does not lie inside"):
        load(Region(PIXELS, (0, 8, 4, 5)))


def test_a_missing_photograph_is_looked_for_once(monkeypatch, tmp_path, model):
    reads = counted(monkeypatch, images._read, "read_location")
    path = str(tmp_path / "nowhere.png")
    X = [PIXELS, *(Region(path, (x, 0, 4, 4)) for x in range(5))]
    embedder = PretrainedEmbedder(model, engine="jax", cache=False, on_error="nan")
    with pytest.warns(UserWarning, match=r"5 of 6 images could not be read .*no such file"):
        embedder.transform(X)
    assert len(reads) == 1
