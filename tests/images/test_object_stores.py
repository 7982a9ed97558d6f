"""URLs that fsspec reads; its own store in memory stands for all, and `.ci/s3` tests S3."""

from __future__ import annotations

import io
import sys
import tarfile
import tempfile
import traceback
import zipfile

import fsspec
import pytest
from image_files import flat

from skembed import ImageError, config_context, images

NAMES = ["cats/1.png", "cats/2.bmp", "dogs/old/3.webp"]


@pytest.fixture
def photos():
    """The URL of a folder of three pictures, a hidden one, and a text."""
    files = fsspec.filesystem("memory")
    for n, name in enumerate(NAMES):
        files.pipe_file(
            f"/shop/photos/{name}", flat(40 * n, name.rpartition(".")[2], lossless=True)
        )
    files.pipe_file("/shop/photos/.hidden/4.png", flat(9))
    files.pipe_file("/shop/photos/notes.txt", b"none of them")
    yield "memory://shop/photos"
    files.rm("/shop", recursive=True)


def put(path, data):
    fsspec.filesystem("memory").pipe_file(f"/shop/{path}", data)
    return f"memory://shop/{path}"


def levels(found):
    return [int(images.load(image)[0, 0, 0]) for _, image in found]


def test_one_image_is_read_and_known_by_its_content(photos):
    raw = images.read(f"{photos}/cats/1.png")
    assert raw.name == f"{photos}/cats/1.png"
    assert raw.digest() == images.read(flat(0)).digest()
    assert images.read("MEMORY" + f"{photos}/cats/1.png"[6:]).data == raw.data
    assert images.local_path(f"{photos}/cats/1.png") is None
    assert images.as_items([f"{photos}/cats/1.png"], root=tempfile.gettempdir()) == [raw.name]


@pytest.mark.parametrize("source", ["", "/", "/**/[123].*"])
def test_folders_and_globs_give_urls_in_a_fixed_order(photos, source):
    found = images.scan(f"{photos}{source}")
    assert [name for name, _ in found] == [f"{photos}/{name}" for name in NAMES]
    assert levels(found) == [0, 40, 80]
    assert len(found) == 3


def test_other_spellings_of_a_folder(photos):
    found = images.scan("memory:///shop/photos", extensions="bmp")
    assert [name for name, _ in found] == ["memory:///shop/photos/cats/2.bmp"]
    put("photos/later.png", flat(1))
    assert len(images.scan(photos)) == 4  # listed anew


def test_a_list_names_files_beside_it_and_on_web_servers(photos):
    url = put("photos/list.csv", b"file\ncats/1.png\n../4.png\nhttps://example.org/5.png\n")
    assert [image for _, image in images.scan(url)] == [
        f"{photos}/cats/1.png",
        "memory://shop/4.png",
        "https://example.org/5.png",
    ]


def test_a_local_list_names_urls(photos, tmp_path):
    (tmp_path / "list.txt").write_text(f"{photos}/cats/2.bmp\n{photos}/gone.png\n")
    found = images.scan(tmp_path / "list.txt", root=tmp_path)
    assert [image for _, image in found] == [f"{photos}/cats/2.bmp", f"{photos}/gone.png"]


def test_archives_lists_and_images_without_a_suffix(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a/1.png", flat(70))
    url = put("photos.zip", stream.getvalue())
    found = images.scan(url)
    assert [name for name, _ in found] == [f"{url}/a/1.png"]
    assert levels(found) == levels(found) == [70]
    del found
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:xz") as archive:
        member = tarfile.TarInfo("b.png")
        member.size = len(flat(80))
        archive.addfile(member, io.BytesIO(flat(80)))
    assert levels(images.scan(put("photos.tar.xz", stream.getvalue()))) == [80]
    assert levels(images.scan(put("picture", flat(90)))) == [90]
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_is_bounded(photos):
    url = put("list.txt", b"a.png\n" * 9)
    with pytest.raises(ImageError, match="has more than max_bytes=53 bytes"):
        images.scan(url, max_bytes=53)
    assert len(images.scan(url, max_bytes=54)) == 9
    with (
        config_context(max_image_bytes=10),
        pytest.raises(ImageError, match=r"1\.png has more than max_image_bytes=10 bytes"),
    ):
        images.read(f"{photos}/cats/1.png")
    with pytest.raises(ImageError, match="3 images, more than max_images=2"):
        images.scan(photos, max_images=2)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("photos/gone.png", r"gone\.png: no such file"),
        ("photos/cats", "cats is a folder, not an image"),
        ("empty.png", "empty.png is empty"),
    ],
)
def test_what_is_no_image(photos, source, message):
    put("empty.png", b"")
    with pytest.raises(ImageError, match=message):
        images.read(f"memory://shop/{source}")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gone", "no file or folder memory://shop/gone"),
        ("photos/*.gif", "none that matches"),
        ("texts", "no file with the suffix of an image"),
        ("local.txt", "lists file:///etc/passwd: a list from a server may name .* memory://"),
        ("other.txt", "lists s3://bucket/a.png"),
        ("page", "neither an image, an archive nor a list"),
    ],
)
def test_what_is_no_source(photos, source, message):
    put("texts/a.txt", b"text")
    put("local.txt", b"file:///etc/passwd\n")
    put("other.txt", b"s3://bucket/a.png\n")
    put("page", bytes(range(256)))
    with pytest.raises(ImageError, match=message):
        images.scan(f"memory://shop/{source}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sftp://host/a.jpg", "'sftp' is refused: its URLs name a host"),
        (
            "local:///etc/passwd",
            "'local' is refused: files of this machine are named by a path",
        ),
        ("dask://a.jpg", "'dask' is refused: it reads what another URL"),
        ("s3n://bucket/a.jpg", "'s3n' is refused: it is not known here. Did you mean 's3'"),
        ("simplecache::s3://bucket/a.jpg", "chains protocols"),
        ("memory://a.zip::file:///etc/passwd", "chains protocols"),
        ("zip://a.jpg::memory://a.zip", "chains protocols"),
        (
            "s3://me:secret@bucket/a.jpg?key=secret",
            "s3://bucket/.* has a password in it: let s3fs",
        ),
    ],
)
@pytest.mark.parametrize("take", [images.read, images.scan])
def test_what_is_refused(take, url, message):
    with pytest.raises(ImageError, match=message) as caught:
        take(url)
    assert (
        "secret" not in "".join(traceback.format_exception(caught.value)).partition("Error:")[2]
    )


class _Failing(fsspec.AbstractFileSystem):
    """A store whose library says more than it should."""

    protocol = "memory"

    def info(self, path, **kwargs):
        return {"size": 1, "type": "file"}

    def cat_file(self, path, **bounds):
        raise OSError(f"cannot GET https://me:secret@host/{path}?token=secret&part=1.")


@pytest.fixture
def failing():
    own = fsspec.get_filesystem_class("memory")
    fsspec.register_implementation("memory", _Failing, clobber=True)
    yield
    fsspec.register_implementation("memory", own, clobber=True)


@pytest.mark.usefixtures("failing")
def test_secrets_in_the_words_of_a_library_are_left_out():
    with pytest.raises(ImageError, match=r"cannot GET https://host/.*token=\.\.\.") as caught:
        images.read("memory://shop/a.jpg?token=secret")
    assert (
        "secret" not in "".join(traceback.format_exception(caught.value)).partition("Error:")[2]
    )


def test_missing_libraries_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(ImportError, match=r"^gcsfs is needed .* pip install gcsfs$"):
        images.read("gs://bucket/a.jpg")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ImportError, match=r"^fsspec is needed .*\[remote\]"):
        images.scan("memory://shop")
