"""Which files need not be read again."""

from __future__ import annotations

import os
import time

import pytest

from skembed import config_context
from skembed.extraction.store import _files, open_file_digests


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A file old enough to be trusted: the clock's tick is taken to be 50 ms."""
    monkeypatch.setattr(_files, "_TICK", 50_000_000)
    path = tmp_path / "image.jpg"
    path.write_bytes(b"one image")
    time.sleep(0.08)
    return path


def test_known_until_it_changes(tmp_path, old):
    cache = tmp_path / "cache"
    with open_file_digests(cache) as digests:
        assert digests.get(old) is None
        assert digests.put(old, old.stat(), b"d1", b"one image")
        assert digests.get(old) == b"d1"
    with open_file_digests(cache) as digests:
        assert digests.get(str(old)) == b"d1"
        assert digests.get(old.with_name("other.jpg")) is None
    with config_context(trust_stat=False), open_file_digests(cache) as digests:
        assert digests.get(old) is None


def test_a_relative_path_is_the_same_file(tmp_path, old, monkeypatch):
    with open_file_digests(tmp_path / "cache") as digests:
        digests.put(old, old.stat(), b"d1", b"one image")
        monkeypatch.chdir(tmp_path)
        assert digests.get("image.jpg") == b"d1"


def test_same_size_and_time_set_back(tmp_path, old):
    with open_file_digests(tmp_path / "cache") as digests:
        before = old.stat()
        digests.put(old, before, b"d1", b"one image")
        old.write_bytes(b"two image")
        os.utime(old, ns=(before.st_atime_ns, before.st_mtime_ns))
        now = old.stat()
        assert (now.st_size, now.st_mtime_ns, now.st_ino) == (
            before.st_size,
            before.st_mtime_ns,
            before.st_ino,
        )
        assert digests.get(old) is None


def test_another_file_of_the_same_name(tmp_path, old):
    with open_file_digests(tmp_path / "cache") as digests:
        digests.put(old, old.stat(), b"d1", b"one image")
        twin = tmp_path / "twin"
        twin.write_bytes(b"one image")
        twin.replace(old)
        assert digests.get(old) is None


def test_a_file_just_changed_is_not_trusted(tmp_path):
    """Within two seconds, another change may leave size and times as they are."""
    path = tmp_path / "image.jpg"
    path.write_bytes(b"one image")
    with open_file_digests(tmp_path / "cache") as digests:
        assert not digests.put(path, path.stat(), b"d1", b"one image")
        assert digests.get(path) is None


def test_a_slow_reader_does_not_make_a_file_old(tmp_path, monkeypatch):
    """What counts is how old the file was when we first looked, not when we had read it."""
    monkeypatch.setattr(_files, "_TICK", 50_000_000)
    path = tmp_path / "image.jpg"
    path.write_bytes(b"one image")
    with open_file_digests(tmp_path / "cache") as digests:
        assert digests.get(path) is None
        before = path.stat()
        time.sleep(0.1)
        assert not digests.put(path, before, b"d1", b"one image")
        assert digests.get(path) is None
        assert digests.put(path, before, b"d1", b"one image")


def test_changed_while_it_was_read(tmp_path, old):
    with open_file_digests(tmp_path / "cache") as digests:
        before = old.stat()
        old.write_bytes(b"another, longer")
        time.sleep(0.08)
        assert not digests.put(old, before, b"d1", b"one image")
        old.unlink()
        assert not digests.put(old, before, b"d1", b"one image")
        assert digests.get(old) is None


def test_many_files_are_written_down_as_we_go(tmp_path, old):
    paths = [tmp_path / f"{n}.jpg" for n in range(300)]
    for path in paths:
        path.write_bytes(b"x")
    time.sleep(0.08)
    writer = open_file_digests(tmp_path / "cache")
    for number, path in enumerate(paths):
        assert writer.put(path, path.stat(), b"%d" % number, b"x")
    with open_file_digests(tmp_path / "cache") as digests:  # the writer is still open
        known = [digests.get(path) for path in paths]
        assert known[:256] == [b"%d" % number for number in range(256)]
    writer.close()
