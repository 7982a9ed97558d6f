"""read: files, bytes, digests, limits."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage
from PIL import Image

from skembed._config import config_context
from skembed._errors import ImageError
from skembed.images import Limits, Raw, load, local_path, read

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


def test_the_home_directory_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a b.png").write_bytes(b"data")
    for item in ("~/a b.png", Path("~/a b.png"), "file://~/a%20b.png"):
        assert read(item).data == b"data"
        assert local_path(item) == str(tmp_path / "a b.png")


def test_local_path_of_everything_else_is_none():
    for item in (b"a", "https://x/y", "ftp://x/y", "file://host/y", "", None, np.zeros(3), 3):
        assert local_path(item) is None
    assert local_path("a.jpg") == os.path.join(os.getcwd(), "a.jpg")  # noqa: PTH109, PTH118


def test_a_path_object_is_never_a_url(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file:x").write_bytes(b"data")
    assert read(Path("file:x")).data == b"data"


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
        ("ftp://example.org/a.jpg", "only file://, http:// and https://"),
        ("s3://bucket/a.jpg", "only file://, http:// and https://"),
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


def test_the_systems_own_words_for_other_errors(tmp_path):
    path = tmp_path / "loop.jpg"
    path.symlink_to(path)
    with pytest.raises(ImageError, match=r"loop\.jpg cannot be read: Too many levels"):
        read(path)
    with pytest.raises(ImageError, match="cannot be read: Not a directory"):
        read(ROCKET / "a.jpg")


def test_pipes_sockets_and_devices_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        for path in (tmp_path / "pipe.jpg", tmp_path / "s", "/dev/zero"):
            with pytest.raises(ImageError, match="not a regular file"):
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


def test_digests_of_pixels():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    digests = [
        read(pixels).digest(),
        read(pixels.tobytes()).digest(),
        read(pixels, color_space="bgr").digest(),
        read(pixels.reshape(2, 8, 3)).digest(),
        read(pixels.view(np.int8)).digest(),
        read(pixels[::-1]).digest(),
    ]
    assert len(set(digests)) == len(digests)
    assert read(pixels[:, ::-1][:, ::-1]).digest() == digests[0]
    assert read(np.asfortranarray(pixels)).digest() == digests[0]
    assert read(Image.fromarray(pixels)).digest() == digests[0]


def test_an_array_is_not_copied():
    pixels = np.zeros((4, 4, 3), np.float32)
    assert read(pixels).data is pixels


def test_a_lazy_pil_image_equals_its_file():
    with Image.open(ROCKET) as image:
        np.testing.assert_array_equal(load(image), load(ROCKET))


def test_color_space_is_checked():
    with pytest.raises(ValueError, match=r"color_space='brg'.*Did you mean .*'bgr'"):
        read(b"x", color_space="brg")


@pytest.mark.parametrize(
    "name", ["a\x1b[2J.jpg", "a\x9bm\n.jpg", "a\u202egpj.exe", "a\udcff.jpg"]
)
def test_a_file_s_name_cannot_act_on_a_terminal(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"no image")
    for item in (path, str(path), path.with_name(f"missing {name}"), {"path": str(path)}):
        with pytest.raises(ImageError) as caught:
            load(item)
        assert str(caught.value).isprintable()
        assert repr(name)[1:-1] in str(caught.value)
