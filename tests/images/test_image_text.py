"""Images written as text: data URIs, and base64 alone."""

from __future__ import annotations

import base64
import io
from urllib.parse import quote

import pytest
from PIL import Image

from skembed import ImageError, config_context
from skembed.images import as_items, describe, load, read

PIXELS = Image.new("RGB", (9, 7), (3, 200, 7))
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")


def encoded(format_name):
    stream = io.BytesIO()
    PIXELS.save(stream, format_name)
    return stream.getvalue()


PNG = encoded("PNG")
TEXT = base64.b64encode(PNG).decode()


@pytest.mark.parametrize("format_name", FORMATS)
def test_base64_of_every_format(format_name):
    data = encoded(format_name)
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
