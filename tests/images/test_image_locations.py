"""What paths and strings name: files, data URIs, and base64 alone."""

from __future__ import annotations

import base64
import os
import socket
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import skimage
from image_files import encoded
from PIL import Image

from skembed import ImageError, config_context
from skembed.images import as_items, describe, load, local_path, read

ROCKET = Path(skimage.__file__).parent / "data" / "rocket.jpg"


# --- files -------------------------------------------------------------------------------


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


# --- images written as text --------------------------------------------------------------

PIXELS = Image.new("RGB", (9, 7), (3, 200, 7))
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")


PNG = encoded(PIXELS, "PNG")
TEXT = base64.b64encode(PNG).decode()


@pytest.mark.parametrize("format_name", FORMATS)
def test_base64_of_every_format(format_name):
    data = encoded(PIXELS, format_name)
    text = base64.b64encode(data).decode()
    for written in (
        text,
        f" {text}\n",
        text.rstrip("="),
        base64.encodebytes(data).decode(),
        base64.urlsafe_b64encode(data).decode(),
        f"data:image/png;base64,{text}",
        f"DATA:image/png;charset=utf-8;BASE64,{text}",
        f"data:;base64,{quote(text, safe='')}",
        f"data:image/png,{quote(data)}",
    ):
        assert as_items([written]) == [written]
        assert read(written).digest() == read(data).digest()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data:image/png;base64", "no comma"),
        ("data:image/png;base64,", "is empty"),
        ("data:image/png;base64,iVBO*w0K", "valid base64"),
        ("data:image/png;base64,iVBOR", "valid base64"),
        ("data:image/png;base64,ä", "valid base64"),
        ("data:image/png,\udcff", "no text"),
        ("data:text/plain,hello", "is not an image"),
        (f"{TEXT[:60]}*{TEXT[60:]}", "neither a file nor valid base64"),
        (TEXT[:60], "damaged or cut short"),
        ("iVBORw0KGgo.png", "no such file"),
        (base64.b64encode(b"no image, whatever it may be, and long").decode(), "no such file"),
    ],
)
def test_what_is_no_image(text, words):
    with pytest.raises(ImageError, match=words):
        load(text)


def test_a_file_that_is_called_so_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = TEXT[:40]
    Image.new("RGB", (2, 2)).save(tmp_path / name, format="PNG")
    assert load(name).shape == (2, 2, 3)
    monkeypatch.chdir("/")
    assert as_items([name, TEXT], root=tmp_path) == [f"{tmp_path}/{name}", TEXT]


def test_text_is_decoded_within_the_limit_of_bytes():
    for text in (TEXT, f"data:image/png;base64,{TEXT}", f"data:image/png,{quote(PNG)}"):
        with config_context(max_image_bytes=len(PNG)):
            assert load(text).shape == (7, 9, 3)
        for limit in (len(PNG) - 1, 10):
            with (
                config_context(max_image_bytes=limit),
                pytest.raises(ImageError, match="max_i"),
            ):
                load(text)


def test_messages_do_not_repeat_the_image():
    assert describe(f"data:image/png;base64,{TEXT}").startswith(
        "data:image/png;base64,iVBORw0KGgo"
    )
    assert len(describe(f"data:image/png;base64,{TEXT * 100}")) < 80
    with pytest.raises(TypeError, match=r"X is one image \(data:image/png"):
        as_items(f"data:image/png;base64,{TEXT}")
