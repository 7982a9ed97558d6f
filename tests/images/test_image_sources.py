from __future__ import annotations

import gc
import gzip
import io
import os
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image

from skembed import ImageError, images

ROCKET = Path(skimage.__file__).parent / "data" / "rocket.jpg"


@pytest.fixture
def folder(tmp_path):
    """Four small pictures in two folders, and a text that is none."""
    for n, name in enumerate(("cats/1.png", "cats/2.bmp", "dogs/3.webp", "dogs/old/4.tif")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 6, 3), 40 * n, np.uint8)).save(path, lossless=True)
    (tmp_path / "photos" / "notes.txt").write_text("none of them\n")
    return tmp_path / "photos"


NAMES = ["cats/1.png", "cats/2.bmp", "dogs/3.webp", "dogs/old/4.tif"]


def levels(found):
    return [int(images.load(image)[0, 0, 0]) for _, image in found]


@pytest.mark.parametrize("source", ["", "**/*.*[!t]"])
def test_folders_and_globs_give_paths_in_a_fixed_order(folder, source):
    found = images.scan(f"{folder}/{source}")
    assert [name for name, _ in found] == [str(folder / name) for name in NAMES]
    assert levels(found) == [0, 40, 80, 120]
    assert len(found) == 4
    assert [name for name, _ in found] == [name for name, _ in found]  # begins anew


LISTS = {
    "heading.csv": "path,label\ncats/1.png,cat\n{}/dogs/3.webp,dog\n",
    "plain.csv": "cats/1.png,cat\r\n{}/dogs/3.webp,dog\r\n",
    "quoted.csv": '"cats/1.png","a, b"\n"{}/dogs/3.webp",""\n',
    "semicolons.csv": "file;label\ncats/1.png;cat\n{}/dogs/3.webp;dog\n",
    "tabs.tsv": "cats/1.png\tcat\n{}/dogs/3.webp\tdog\n",
    "lines.txt": "\ufeffcats/1.png\n\n{}/dogs/3.webp\n",
    "no_suffix": "cats/1.png\n{}/dogs/3.webp",
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_give_their_first_column(folder, tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_text(LISTS[name].format(folder), encoding="utf-8")
    found = images.scan(path, root=folder)
    assert [name for name, _ in found] == ["cats/1.png", f"{folder}/dogs/3.webp"]
    assert levels(found) == [0, 80]
    monkeypatch.chdir(folder)
    assert levels(images.scan(path)) == [0, 80]


def test_a_list_may_name_files_without_suffix_and_with_commas(tmp_path):
    for name in ("one", "a,b.jpg"):
        (tmp_path / name).write_bytes(ROCKET.read_bytes())
    (tmp_path / "list.txt").write_text("file\none\na,b.jpg\n")
    found = images.scan(tmp_path / "list.txt", root=tmp_path)
    assert [name for name, _ in found] == ["one", "a,b.jpg"]


def test_a_row_of_a_list_that_is_no_image_stays_a_row(tmp_path):
    (tmp_path / "list.csv").write_text("gone.jpg,1\nhttps://example.org/cat,2\n,3\n")
    assert [name for name, _ in images.scan(tmp_path / "list.csv")] == [
        "gone.jpg",
        "https://example.org/cat",
        "",
    ]


def test_an_image_is_a_source_of_one(tmp_path):
    (tmp_path / "jpeg").write_bytes(ROCKET.read_bytes())
    assert [name for name, _ in images.scan(tmp_path / "jpeg")] == [str(tmp_path / "jpeg")]


def test_embedders_and_as_items_take_a_scan(folder):
    assert images.as_items(images.scan(folder)) == [str(folder / name) for name in NAMES]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("fotos", "no file or folder '.*fotos'. Did you mean '.*photos'"),
        ("photos/*.jpg", "No file matches"),
        ("empty.txt", "lists no image"),
        ("null", "neither an image, an archive nor a list"),
        ("latin1.txt", "neither an image, an archive nor a list"),
        ("late.txt", "not text in UTF-8"),
        ("unclosed.csv", "cannot be read as a table"),
    ],
)
def test_what_is_no_source_is_named(folder, tmp_path, source, message):
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "null").write_bytes(b"PE\0\0")
    (tmp_path / "latin1.txt").write_bytes("Bäume.jpg".encode("latin-1") * 9)
    (tmp_path / "late.txt").write_bytes(b"a.jpg\n" * 200 + b"\xff.jpg")
    (tmp_path / "unclosed.csv").write_text('a.jpg,"b\n')
    with pytest.raises(ImageError, match=message):
        images.scan(tmp_path / source)


def test_bounds_and_kinds_are_checked(folder):
    with pytest.raises(ImageError, match="4 images, more than max_images=3"):
        images.scan(folder, max_images=3)
    with pytest.raises(ValueError, match="max_bytes must be an int of 1 or more, got 0"):
        images.scan(folder, max_bytes=0)
    with pytest.raises(TypeError, match=r"source is list.*an X already"):
        images.scan([str(folder)])
    with pytest.raises(ImageError, match=r"root: .*gone does not exist"):
        images.scan(folder, root=folder / "gone")
    assert [Path(name).name for name, _ in images.scan(folder, extensions="bmp")] == ["2.bmp"]


def test_progress_is_told(folder):
    told = []
    list(images.scan(folder, progress=lambda *numbers: told.append(numbers)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


PAGES = {
    "/photos.tgz": lambda: gzip.compress(_tar({"a.jpg": ROCKET.read_bytes()})),
    "/lists/list.csv": lambda: b"file,label\na.jpg,1\n/b.jpg,2\nhttps://example.org/c.jpg,3\n",
    "/lists/local.csv": lambda: b"file:///etc/passwd\na.jpg\n",
    "/cat": ROCKET.read_bytes,
    "/page.html": lambda: bytes(range(256)),
}


def _tar(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


@pytest.fixture
def site(server, monkeypatch):
    """The URL of a server that has PAGES."""
    handler = server.RequestHandlerClass
    own = handler.do_GET

    def do_GET(self):  # noqa: N802
        if self.path not in PAGES:
            return own(self)
        self.close_connection = True
        return self.answer(200, PAGES[self.path]())

    monkeypatch.setattr(handler, "do_GET", do_GET)
    return server.url


@pytest.mark.slow
def test_urls_of_archives_lists_and_images_are_sources(site, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = images.scan(f"{site}/photos.tgz")
    for _ in range(2):
        ((name, image),) = found
        assert name == f"{site}/photos.tgz/a.jpg"
        assert images.load(image).shape == (427, 640, 3)
    assert len(list(tmp_path.iterdir())) == 1
    del found
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    listed = [image for _, image in images.scan(f"{site}/lists/list.csv")]
    assert listed == [f"{site}/lists/a.jpg", f"{site}/b.jpg", "https://example.org/c.jpg"]
    assert [image for _, image in images.scan(f"{site}/cat")] == [f"{site}/cat"]
    for page, message in (
        ("lists/local.csv", "lists file:///etc/passwd: a list from a server may name"),
        ("page.html", "neither an image, an archive"),
        ("round", "redirects more than"),
        ("gone", "410"),
    ):
        with pytest.raises(ImageError, match=message):
            images.scan(f"{site}/{page}")
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ImageError, match="not a regular file"):
            images.scan(path)
