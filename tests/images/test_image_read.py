"""read: files, bytes, open files, limits."""

from __future__ import annotations

import io
import os
import re
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skimage
from PIL import Image

from skembed import ImageError, config_context
from skembed.images import Limits, Raw, as_items, describe, load, read

DATA = Path(skimage.__file__).parent / "data"
ROCKET = DATA / "rocket.jpg"


def test_a_path_a_url_and_bytes_are_the_same_image(tmp_path):
    copy = tmp_path / "a rocket, 100%.jpg"
    copy.write_bytes(ROCKET.read_bytes())
    data = ROCKET.read_bytes()
    items = [
        ROCKET,
        str(ROCKET),
        copy,
        copy.as_uri(),
        copy.as_uri().replace("file:///", "file://localhost/"),
        copy.as_uri().replace("file:///", "FILE:/"),
        data,
        bytearray(data),
        memoryview(data),
    ]
    assert {read(item).digest() for item in items} == {Raw(data, "").digest()}
    assert len(Raw(data, "").digest()) == 16


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (None, "missing value"),
        (float("nan"), "missing value"),
        (pd.NA, "missing value"),
        ("", "empty string"),
        ("nowhere.jpg", r"nowhere\.jpg: no such file \(looked for /"),
        ("/nowhere.jpg", r"/nowhere\.jpg: no such file\.$"),
        (str(DATA), rf"^{re.escape(str(DATA))} is a directory"),
        ("a\0b.jpg", "not a file name"),
        ("x" * 5000, "cannot be read"),
        ("file://elsewhere/a.jpg", "names the host 'elsewhere'"),
        (
            "ftp://example.org/a.jpg",
            "'ftp' is refused: its URLs name a host.* file://, http://",
        ),
        (b"", r"bytes \(0 bytes\) is empty"),
        (np.zeros((0, 3), np.uint8), "is empty"),
        (np.array([["a"]], dtype=object), "no numbers"),
    ],
)
def test_what_cannot_be_read(item, words):
    with pytest.raises(ImageError, match=words):
        read(item)


def test_other_objects_are_a_type_error():
    with pytest.raises(TypeError, match="an object of type int"):
        read(3)


def test_an_empty_file(tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageError, match=r"empty\.jpg is empty \(0 bytes\)"):
        read(path)


def test_files_and_bytes_over_the_limit(tmp_path):
    path = tmp_path / "long.jpg"
    path.write_bytes(bytes(11))
    with config_context(max_image_bytes=10):
        for item in (path, path.read_bytes()):
            with pytest.raises(ImageError, match="max_image_bytes=10"):
                read(item)
    assert len(read(path).data) == 11


def test_limits_are_taken_in_the_callers_thread():
    with config_context(max_image_bytes=10):
        limits = Limits.from_config()
    with pytest.raises(ImageError, match="max_image_bytes=10"):
        read(ROCKET, limits=limits)


def test_a_lazy_pil_image_equals_its_file():
    with Image.open(ROCKET) as image:
        np.testing.assert_array_equal(load(image), load(ROCKET))


def test_color_space_is_checked():
    with pytest.raises(ValueError, match=r"color_space='brg'.*Did you mean .*'bgr'"):
        read(b"x", color_space="brg")


# --- open files, which are read from their start and left as they were found -------------


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("streams") / "a.png"
    Image.new("RGB", (9, 7), (3, 200, 7)).save(path)
    return path


class Upload:
    """As web frameworks wrap a file: no class of io's, and its methods passed on."""

    def __init__(self, data: bytes, name: str):
        self._file, self.name = io.BytesIO(data), name

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, position: int) -> int:
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()


def test_every_kind_of_file(path, tmp_path):
    data = path.read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", data)
    with (
        tempfile.SpooledTemporaryFile() as spooled,
        path.open("rb") as buffered,
        path.open("rb", buffering=0) as raw,
        zipfile.ZipFile(tmp_path / "a.zip") as archive,
        archive.open("a.png") as member,
    ):
        spooled.write(data)
        for stream in (io.BytesIO(data), buffered, raw, member, spooled, Upload(data, "a.png")):
            for position in (stream.tell(), 5, len(data)):
                stream.seek(position)
                assert read(stream).digest() == read(path).digest()
                assert stream.tell() == position


def test_every_container_of_files(path):
    stream = io.BytesIO(path.read_bytes())
    for X in (
        [stream],
        np.array([stream], dtype=object),
        pd.Series([stream]),
        pl.Series([stream], dtype=pl.Object),
    ):
        assert as_items(X) == [stream]
    with pytest.raises(TypeError, match=r"one image \(an open file \(BytesIO\)\).*Wrap it"):
        as_items(stream)


def test_a_file_in_many_rows_is_read_by_many_threads(path):
    data = os.urandom(3 * 2**20)  # several pieces
    stream = io.BytesIO(data)
    with ThreadPoolExecutor(8) as pool:
        assert all(raw.data == data for raw in pool.map(read, [stream] * 64))


def test_an_archive_is_no_file_of_an_image(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        with pytest.raises(TypeError, match="X is ZipFile"):
            as_items(archive)
        with pytest.raises(TypeError, match="Row 0 of X is ZipFile"):
            as_items([archive])


def test_files_are_named_in_messages(path):
    with path.open("rb") as file:
        assert describe(file) == f"an open file ({path})"
    assert describe(Upload(b"", "cat.jpg")) == "an open file (cat.jpg)"
    with open(os.open(path, os.O_RDONLY), "rb") as file:  # noqa: PTH123 - its name is a number
        assert describe(file) == "an open file (BufferedReader)"


def test_what_cannot_be_read_from_a_file(path, tmp_path):
    closed = io.BytesIO(b"...")
    closed.close()
    reader, writer = os.pipe()
    os.close(writer)
    with (
        path.open() as text,
        (tmp_path / "new").open("wb") as written,
        open(reader, "rb") as pipe,  # noqa: PTH123 - a descriptor
    ):
        for stream, words in (
            (closed, "is closed: pass it while it is open"),
            (text, "open it in binary mode"),
            (io.StringIO("..."), "open it in binary mode"),
            (written, "cannot be read: "),
            (pipe, r"cannot be read from its start .*pass its bytes, file\.read\(\)"),
            (io.BytesIO(b""), "is empty"),
            (io.BytesIO(b"no image"), "is not an image"),
        ):
            with pytest.raises(ImageError, match=words):
                load(stream)


def test_an_asynchronous_upload_is_told_how():
    class Asynchronous:
        async def read(self, size: int = -1) -> bytes:
            return b""

        async def seek(self, position: int) -> None: ...

    with pytest.raises(ImageError, match=r"asynchronously: pass its \.file"):
        read(Asynchronous())


def test_a_file_is_read_no_further_than_the_limit():
    with open("/dev/zero", "rb") as endless:  # noqa: PTH123
        for stream in (io.BytesIO(bytes(1001)), endless):
            with (
                config_context(max_image_bytes=1000),
                pytest.raises(ImageError, match="max_im"),
            ):
                read(stream)
