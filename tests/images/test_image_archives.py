"""Archives of images: read in memory, within bounds, whatever they hold.

What may be unpacked whatever the ratio is 256 MB, and less for bombs that are made in a moment.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import struct
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
from image_files import flat

from skembed import ImageError, PretrainedEmbedder, config_context, images
from skembed.images._sources import _unpacked

PACK = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


FILES = {"a/1.png": flat(10), "a/notes.txt": b"none", "./b/2": flat(20), ".b/3.png": flat(30)}


def tar(files=FILES, *members, kind=tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in members:
            archive.addfile(member)
    return stream.getvalue()


def zipped(files=FILES, method=zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def written(path, data):
    path.write_bytes(data)
    return path


def names_and_levels(path, **options):
    prefix = f"{path}/"
    return {
        name.removeprefix(prefix): int(images.load(image)[0, 0, 0])
        for name, image in images.scan(path, **options)
    }


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_tar_archives_give_images_by_name_or_beginning(tmp_path, suffix, kind):
    path = written(tmp_path / "any name", PACK[suffix](tar(kind=kind)))
    assert names_and_levels(path) == {"a/1.png": 10, "b/2": 20}
    assert names_and_levels(path, extensions=".PNG") == {"a/1.png": 10}
    assert os.listdir(tmp_path) == ["any name"]  # noqa: PTH208


def test_zip_archives_too(tmp_path):
    path = written(tmp_path / "photos", zipped())
    assert names_and_levels(path) == {"a/1.png": 10, "b/2": 20}
    found = images.scan(path)
    with pytest.raises(TypeError, match="is known at its end"):
        len(found)
    assert len(list(found)) == 2


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zip"])
def test_lists_may_be_compressed(tmp_path, suffix):
    text = "path,label\na.jpg,cat\n"
    data = zipped({"list.csv": text}) if suffix == ".zip" else PACK[suffix](text.encode())
    path = written(tmp_path / f"list.csv{suffix}", data)
    assert list(images.scan(path, root=tmp_path)) == [("a.jpg", f"{tmp_path}/a.jpg")]


@pytest.mark.slow
def test_an_embedder_takes_an_archive_and_names_its_bad_images(tmp_path):
    photographs = {f"{n}.png": flat(n, side=(40, 40)) for n in (0, 90, 180)}
    path = written(tmp_path / "photos.tgz", gzip.compress(tar(photographs)))
    embedder = PretrainedEmbedder(image_size=32, engine="jax")
    rows = embedder.fit_transform(images.scan(path))
    listed = [image for _, image in images.scan(path)]
    np.testing.assert_array_equal(rows, embedder.transform(listed))
    positions, pieces = zip(*embedder.iter_batches(images.scan(path)), strict=True)
    np.testing.assert_array_equal(np.concatenate(positions), range(3))
    np.testing.assert_array_equal(np.concatenate(pieces), rows)
    bad = written(tmp_path / "bad.zip", zipped({"1.png": flat(0), "2.png": b"\x89PNG not"}))
    with pytest.raises(ImageError, match=r"bad\.zip/2\.png"):
        embedder.transform(images.scan(bad))
    with pytest.warns(UserWarning, match=r"bad\.zip/2\.png"):
        rows = embedder.set_params(on_error="nan").transform(images.scan(bad))
    assert np.isnan(rows).all(axis=1).tolist() == [False, True]


def special(name, kind, **facts):
    member = tarfile.TarInfo(name)
    member.type = kind
    for key, value in facts.items():
        setattr(member, key, value)
    return member


HOSTILE = {name: flat(1) for name in ("../up.png", "/etc/root.png", "C:/x.png", "a\\..\\b.png")}


def test_what_a_tar_archive_should_not_hold_is_left_out_and_counted_once(tmp_path):
    members = (
        special("link.png", tarfile.SYMTYPE, linkname="/etc/passwd"),
        special("hard.png", tarfile.LNKTYPE, linkname="a/1.png"),
        special("device.png", tarfile.CHRTYPE, devmajor=1, devminor=5),
        special("pipe.png", tarfile.FIFOTYPE),
    )
    path = written(
        tmp_path / "x.tar", tar(FILES | HOSTILE | {"big.png": bytes(5000)}, *members)
    )
    counts = (
        "4 with a name that leads out of the archive, 2 links, 2 devices, pipes or other special "
        "files, 1 larger than max_image_bytes"
    )
    with (
        config_context(max_image_bytes=1000),
        pytest.warns(UserWarning, match=f"Left out of .*: {counts}") as told,
    ):
        assert names_and_levels(path) == {"a/1.png": 10, "b/2": 20}
    assert len(told) == 1


def test_what_a_zip_archive_should_not_hold_is_left_out_and_counted_once(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in (FILES | HOSTILE | {"big.png": bytes(5000)}).items():
            archive.writestr(name, data)
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("damaged.png", flat(77))
        archive.writestr("secret.png", flat(78))
    data = bytearray(stream.getvalue().replace(flat(77), flat(77)[::-1]))
    at = data.rindex(b"PK\1\2", 0, data.rindex(b"secret.png"))  # its entry in the directory
    data[at + 8] |= 1
    path = written(tmp_path / "x.zip", bytes(data))
    with (
        config_context(max_image_bytes=1000),
        pytest.warns(UserWarning, match=r"Left out of .*: 4 with a name.*") as told,
    ):
        assert names_and_levels(path) == {"a/1.png": 10, "b/2": 20}
    (warning,) = told
    for part in ("1 larger than max_image_bytes", "1 links", "1 damaged", "1 encrypted"):
        assert part in str(warning.message)


def bomb(size, pack):
    """One file of zeros in a tar archive."""
    member = tarfile.TarInfo("bomb.bin")
    member.size = size
    return pack(member.tobuf() + bytes(size))


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_bombs_are_refused(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(_unpacked, "_FREE", 2**20)
    path = written(tmp_path / "bomb", bomb(2**24, PACK[suffix]))
    with pytest.raises(ImageError, match="unpacks to more than 250 times its"):
        list(images.scan(path))
    with pytest.raises(ImageError, match="unpacks to more than max_bytes=1,000,000"):
        list(images.scan(path, max_bytes=10**6))
    text = written(tmp_path / "list", PACK[suffix](b"a.jpg\n" * 2**21))
    with pytest.raises(ImageError, match="unpacks to more than 250 times its"):
        images.scan(text)


def test_a_zip_whose_files_share_their_bytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_unpacked, "_FREE", 2**16)
    data = bytearray(zipped({"0.bmp": b"BM" + bytes(60_000)}))
    end = data.rindex(b"PK\5\6")
    start = struct.unpack_from("<I", data, end + 16)[0]
    entry = bytes(data[start:end])
    entries = entry * 200
    tail = bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 200, 200, len(entries))
    path = written(tmp_path / "overlap.zip", bytes(data[:start]) + entries + bytes(tail))
    with pytest.raises(ImageError, match=r"unpacks to more than 250 times|damaged"):
        list(images.scan(path))


def test_headers_are_bounded(tmp_path):
    long = tarfile.TarInfo("1.png")
    long.pax_headers = {"comment": "x" * 2**24}
    path = written(tmp_path / "long.tar", tar({}, long))
    with pytest.raises(ImageError, match="what stands between its files is too large"):
        list(images.scan(path))


def test_numbers_of_images_are_bounded(tmp_path):
    many = {f"{n}.png": flat(n) for n in range(5)}
    for name, data in (("5.tar", tar(many)), ("5.zip", zipped(many))):
        path = written(tmp_path / name, data)
        assert len(list(images.scan(path, max_images=5))) == 5
        with pytest.raises(ImageError, match="more than max_images=4"):
            list(images.scan(path, max_images=4))


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".zip"])
def test_damage_is_an_image_error_whatever_is_damaged(tmp_path, suffix):
    whole = zipped() if suffix == ".zip" else PACK[suffix[4:]](tar())
    random = np.random.default_rng(0)
    for n in range(60):
        data = bytearray(whole)
        if n % 2:
            data = data[: random.integers(len(data))]
        else:
            data[random.integers(len(data))] ^= 1 << random.integers(8)
        path = written(tmp_path / f"x{suffix}", bytes(data))
        with contextlib.suppress(ImageError), warnings.catch_warnings():  # no other error
            warnings.simplefilter("ignore")
            for _, image in images.scan(path):
                images.load(image)


def test_an_archive_without_images_is_told(tmp_path):
    path = written(tmp_path / "texts.tar", tar({"a.txt": b"a", "b.txt": b"b"}))
    with pytest.raises(ImageError, match=r"texts\.tar holds no image"):
        list(images.scan(path))
    path = written(tmp_path / "texts.zip", zipped({"a.txt": b"a", "b.txt": b"b"}))
    with pytest.raises(ImageError, match=r"texts\.zip holds no image"):
        list(images.scan(path))
