"""PretrainedEmbedder: every kind of image that goes in, and every kind that cannot."""

from __future__ import annotations

import base64
import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin, clone

from skembed import (
    FullNetworkEmbedder,
    ImageError,
    PretrainedEmbedder,
    TenCropClassifier,
    cache_info,
    config_context,
    cosine_similarity,
)
from skembed.extraction import images_run
from skembed.images import DECODINGS

SIZE = 64


def _embedder(**options) -> PretrainedEmbedder:
    return PretrainedEmbedder(**{"image_size": SIZE, "cache": False, **options})


def _file(picture, form="PNG", **options) -> bytes:
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, form, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def colour(pictures) -> np.ndarray:
    return pictures[8]


@pytest.fixture(scope="module")
def row(colour) -> np.ndarray:
    return _embedder().transform([colour])[0]


_SAME = {
    "path": lambda p, f: str(f),
    "Path": lambda p, f: f,
    "file URL": lambda p, f: f.as_uri(),
    "bytes": lambda p, f: f.read_bytes(),
    "bytearray": lambda p, f: bytearray(f.read_bytes()),
    "PIL": lambda p, f: Image.fromarray(p),
    "open file of PIL": lambda p, f: Image.open(f),
    "array": lambda p, f: p,
    "dict": lambda p, f: {"bytes": f.read_bytes(), "path": "a.png"},
    "dict without bytes": lambda p, f: {"bytes": None, "path": str(f)},
    "BytesIO": lambda p, f: io.BytesIO(f.read_bytes()),
    "base64": lambda p, f: base64.b64encode(f.read_bytes()).decode(),
    "data URI": lambda p, f: f"data:;base64,{base64.b64encode(f.read_bytes()).decode()}",
    "objects": lambda p, f: p.astype(object),
    "not contiguous": lambda p, f: np.asfortranarray(p),
    "read-only": lambda p, f: np.frombuffer(p.tobytes(), np.uint8).reshape(p.shape),
    "float32": lambda p, f: (p / 255).astype(np.float32),
    "float64": lambda p, f: p / 255,
    "rgba file": lambda p, f: _file(np.dstack([p, np.full(p.shape[:2], 128, np.uint8)])),
    "BMP": lambda p, f: _file(p, "BMP"),
    "TIFF": lambda p, f: _file(p, "TIFF"),
    "WebP": lambda p, f: _file(p, "WEBP", lossless=True),
    "turned by EXIF": lambda p, f: _turned(p),
}


def _turned(picture) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise when shown
    return _file(np.rot90(picture), exif=exif)


@pytest.mark.parametrize("kind", _SAME)
def test_the_same_pixels_give_the_same_bits(kind, colour, row, tmp_path):
    file = tmp_path / "a picture.png"
    file.write_bytes(_file(colour))
    np.testing.assert_array_equal(_embedder().transform([_SAME[kind](colour, file)])[0], row)


_GREY = {
    "H x W": lambda p: p,
    "H x W x 1": lambda p: p[..., None],
    "three alike": lambda p: np.dstack([p, p, p]),
    "grey file": _file,
    "16 bits": lambda p: _file(p.astype(np.uint16) * 257),
    "palette": lambda p: _file(Image.fromarray(p).convert("P")),
    "float": lambda p: p / 255,
}


@pytest.mark.parametrize("kind", _GREY)
def test_grey_images(kind, pictures):
    want = _embedder().transform([Image.fromarray(pictures[0])])
    np.testing.assert_array_equal(_embedder().transform([_GREY[kind](pictures[0])]), want)


@pytest.mark.parametrize("space", ["rgb", "rgba", "bgr", "bgra"])
def test_colour_spaces_of_arrays(space, colour, row):
    pixels = colour[..., ::-1] if space.startswith("bgr") else colour
    if space.endswith("a"):
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], 77, np.uint8)])
    rows = _embedder(color_space=space).transform([pixels, Image.fromarray(colour)])
    np.testing.assert_array_equal(rows, [row, row])  # a PIL image knows its own


def test_cmyk_and_jpeg_come_near(colour, row):
    for data in (
        _file(Image.fromarray(colour).convert("CMYK"), "TIFF"),
        _file(colour, "JPEG", quality=100),
    ):
        near = _embedder().transform([data])[0]
        assert np.corrcoef(near, row)[0, 1] > 0.99


def test_a_4d_array_and_its_images_give_the_same(pictures):
    stack = np.stack(pictures[8:])
    np.testing.assert_array_equal(
        _embedder().transform(stack), _embedder().transform(list(stack))
    )


def test_kinds_of_images_mix(colour, row, paths):
    X = [colour, Image.fromarray(colour), Path(paths[8]), paths[8], _file(colour)]
    np.testing.assert_array_equal(_embedder().transform(X), [row] * 5)


# IPTC of one grey band, 40 x 40, compressed; its picture follows.
_IPTC = b"\x1c\3\x3c\0\2\1\0\x1c\3\x14\0\2\0\x28\x1c\3\x1e\0\2\0\x28\x1c\3\x78\0\1\5"


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory, colour) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("bad")
    whole = _file(colour, "JPEG")
    contents = {
        "text.jpg": b"not an image",
        "empty.png": b"",
        "cut.jpg": whole[: len(whole) // 2],
        # A container of a PNG with other channels than it says, which Pillow would open.
        "container.jpg": _IPTC + _file(np.dstack([colour, colour[..., :1]])),
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    closed = io.BytesIO(whole)
    closed.close()
    return {
        "missing.png": folder / "missing.png",
        **{name: folder / name for name in contents},
        "a folder": folder,
        "bytes (12 bytes)": b"not an image",
        "missing value": None,
        "shape (5, 6, 7)": np.zeros((5, 6, 7), np.uint8),
        "int64": np.zeros((5, 6, 3), int),
        "float": np.full((5, 6, 3), 2.0),
        "under 'bytes'": {"bytes": [1, 2], "path": "a.png"},
        "a.png": {"bytes": b"not an image", "path": "a.png"},
        "is closed": closed,
        "gives text": io.StringIO("not an image"),
        "valid base64": "data:image/png;base64,*",
        "not a file name": "a\0.png",
        "no numbers": np.full((5, 6, 3), None, object),
    }


_BAD = (
    "missing.png", "text.jpg", "empty.png", "cut.jpg", "a folder", "bytes (12 bytes)",
    "missing value", "shape (5, 6, 7)", "int64", "float", "under 'bytes'", "a.png", "is closed",
    "gives text", "valid base64", "not a file name", "no numbers",
)  # fmt: skip


@pytest.mark.parametrize("kind", _BAD)
def test_a_bad_image_raises_and_names_row_and_image(kind, bad_files, pictures):
    bad = bad_files[kind]
    named = str(bad) if isinstance(bad, Path) else kind
    with pytest.raises(ImageError) as raised:
        _embedder().transform([*pictures[:3], bad, *pictures[3:]])
    assert str(raised.value).startswith("Row 3: ")
    assert named in str(raised.value)


def test_bad_images_become_nan_rows_and_one_warning(bad_files, pictures):
    X = [pictures[0], *bad_files.values(), pictures[1], bad_files["cut.jpg"]]
    rows_of_bad = [*range(1, len(bad_files) + 1), len(X) - 1]
    with pytest.warns(UserWarning, match="could not be read") as caught:
        rows = _embedder(on_error="nan").transform(X)
    assert len(caught) == 1
    assert f"{len(rows_of_bad)} of {len(X)} images" in str(caught[0].message)
    assert str(bad_files["cut.jpg"]) in str(caught[0].message)
    assert np.flatnonzero(np.isnan(rows).all(axis=1)).tolist() == rows_of_bad
    good = _embedder().transform([pictures[0], pictures[1]])
    np.testing.assert_array_equal(rows[[0, len(bad_files) + 1]], good)


@pytest.mark.parametrize("on_error", ["nan", "mean"])
def test_only_bad_images_are_an_error(on_error):
    embedder = _embedder(on_error=on_error)
    with pytest.raises(
        ImageError, match=r"None of the 3 .* row 0: missing value\. row 1: bytes"
    ):
        embedder.fit_transform([None, b"not an image", None])


@pytest.mark.filterwarnings("ignore:.*could not be read")
def test_a_bad_image_is_tried_again_and_never_kept(colour, row, tmp_path):
    file = tmp_path / "late.png"
    embedder = _embedder(on_error="nan", cache=tmp_path / "store")
    assert np.isnan(embedder.transform([file, _file(colour)])[0]).all()
    file.write_bytes(_file(colour))
    np.testing.assert_array_equal(embedder.transform([file]), [row])


def test_an_enormous_image_is_refused_before_it_is_decoded(colour, paths):
    with (
        config_context(max_image_pixels=10_000),
        pytest.raises(ImageError, match=r"Row 1: .*pixels"),
    ):
        _embedder().transform([np.zeros((8, 8, 3), np.uint8), paths[8]])
    with (
        config_context(max_image_bytes=1000),
        pytest.raises(ImageError, match=r"Row 0: .*bytes"),
    ):
        _embedder().transform([paths[8]])


# --- decoding ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    """Three photographs, many times larger than the network's input."""
    from skimage import data

    return [data.astronaut(), data.coffee(), data.rocket()]


@pytest.fixture(scope="module")
def large_jpegs(photographs) -> list[bytes]:
    return [_file(photograph, "JPEG", quality=92) for photograph in photographs]


def test_scaled_decoding_moves_embeddings_a_little(large_jpegs):
    exact = _embedder().transform(large_jpegs)
    scaled = _embedder(decoding="scaled").transform(large_jpegs)
    for one, other in zip(exact, scaled, strict=True):
        assert (one != other).any()
        assert cosine_similarity(one, other) > 0.99


def test_scaled_decoding_changes_nothing_else(photographs, colour, tmp_path):
    small = _file(colour, "JPEG")
    file = tmp_path / "large.png"
    file.write_bytes(_file(photographs[1]))
    X = [small, file, photographs[0], Image.fromarray(photographs[2])]
    np.testing.assert_array_equal(
        _embedder(decoding="scaled").transform(X), _embedder().transform(X)
    )


def test_the_store_keeps_rows_of_each_decoding_apart(large_jpegs, tmp_path):
    embedders = [_embedder(decoding=decoding, cache=tmp_path) for decoding in DECODINGS]
    before = images_run()
    rows = [embedder.transform(large_jpegs) for embedder in embedders * 2]
    assert images_run() - before == len(DECODINGS) * len(large_jpegs)
    for first, again in zip(rows, rows[len(DECODINGS) :], strict=False):
        np.testing.assert_array_equal(first, again)
    for one, other in itertools.combinations(rows[: len(DECODINGS)], 2):
        assert (one != other).any(axis=1).all()


def test_only_inexact_decoding_is_part_of_the_key(large_jpegs, tmp_path):
    def n_run(**options) -> int:
        before = images_run()
        _embedder(cache=tmp_path, **options).transform(large_jpegs[:1])
        return images_run() - before

    assert (n_run(), n_run(decoding="exact"), n_run(decoding="scaled")) == (1, 0, 1)
    # A filter that picks single pixels is given all of them.
    nearest = {"resize": "nearest-half-pixel"}
    assert (n_run(**nearest), n_run(decoding="scaled", **nearest)) == (1, 0)
    said = [spec.description.get("decoding") for spec in cache_info(tmp_path).specs]
    assert said == [None, "scaled", None]  # the one used last is the first


@pytest.mark.parametrize("kind", [PretrainedEmbedder, FullNetworkEmbedder])
def test_decoding_is_a_parameter_like_others(kind, large_jpegs):
    embedder = kind(decoding="scaled", image_size=SIZE, cache=False)
    assert clone(embedder).get_params()["decoding"] == "scaled"
    assert "decoding='scaled'" in repr(embedder)
    with pytest.raises(ValueError, match=r"'decoding' parameter .* Did you mean 'scaled'\?"):
        clone(embedder).set_params(decoding="scale").fit(large_jpegs)


@pytest.mark.slow
def test_scaled_and_exact_embedders_do_not_merge(large_jpegs):
    options = {"image_size": SIZE, "cache": False, "layers": "last 1"}
    exact, scaled = (
        FullNetworkEmbedder(decoding=decoding, **options).fit(large_jpegs)
        for decoding in ("exact", "scaled")
    )
    assert (exact.mean_ != scaled.mean_).any()
    with pytest.raises(ValueError, match="preparation of images"):
        exact.merge(scaled)


def test_ten_crops_are_cut_from_the_whole_image(large_jpegs):
    class Keeps(ClassifierMixin, BaseEstimator):
        """Keeps the rows it is given."""

        def fit(self, X, y):
            self.rows_, self.classes_ = X, np.unique(y)
            return self

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    exact, scaled = (
        TenCropClassifier(_embedder(decoding=decoding), Keeps()).fit(large_jpegs, [0, 1, 1])
        for decoding in ("exact", "scaled")
    )
    np.testing.assert_array_equal(exact.classifier_.rows_, scaled.classifier_.rows_)


def test_limits_hold_for_scaled_images_too(large_jpegs):
    with (
        config_context(max_image_pixels=10_000),
        pytest.raises(ImageError, match=r"Row 0: .*pixels"),
    ):
        _embedder(decoding="scaled").transform(large_jpegs)
    with pytest.raises(ImageError, match=r"Row 1: .*damaged or cut short"):
        _embedder(decoding="scaled").transform([large_jpegs[0], large_jpegs[1][:9000]])
