"""Which files need not be read again."""

from __future__ import annotations

import mmap
import os
import sqlite3
import time

import pytest
from store_helpers import forget_connections, known, make_spec, put

from skembed import config_context
from skembed.store import (
    _file_digests,
    open_file_digests,
    open_store,
    store_directory,
)


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A file old enough to be trusted: the clock's tick is taken to be 50 ms."""
    monkeypatch.setattr(_file_digests, "_TICK", 50_000_000)
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


@pytest.mark.parametrize("place", [0, 9_000, -1])
@pytest.mark.parametrize("size", [10_000, 200_000])
def test_written_through_a_memory_map(mount, tmp_path, monkeypatch, size, place):
    """A file system in memory notes down the first write to a page, and no later one."""
    monkeypatch.setattr(_file_digests, "_TICK", 50_000_000)
    path = mount[0] / "image.bmp"
    path.write_bytes(bytes(size))
    with (
        path.open("r+b") as file,
        mmap.mmap(file.fileno(), size) as pages,
        open_file_digests(tmp_path / "cache") as digests,
    ):
        pages[place] = 1
        time.sleep(0.08)
        before = path.stat()
        assert digests.put(path, before, b"d1", bytes(pages))
        digests.flush()
        assert digests.get(path) == b"d1"
        pages[place] = 2
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        assert digests.get(path) is None


def test_a_digest_that_was_damaged_proves_nothing(tmp_path, old):
    """Not even where it is the digest of another file, whose row would be served."""
    twin = old.with_name("twin.jpg")
    twin.write_bytes(b"other one")
    time.sleep(0.08)
    with open_file_digests(tmp_path / "cache") as digests:
        digests.put(old, old.stat(), b"d1", b"one image")
        digests.put(twin, twin.stat(), b"d2", b"other one")
        digests.flush()
        with digests._index.write() as transaction:
            transaction.run("UPDATE files SET digest = ? WHERE digest = ?", (b"d2", b"d1"))
        assert digests.get(old) is None
        assert digests.get(twin) == b"d2"


def test_an_index_of_the_version_before_keeps_its_rows(tmp_path, old):
    with open_store(tmp_path / "cache", make_spec()) as store:
        put(store, range(3))
    directory = store_directory(tmp_path / "cache")
    forget_connections(tmp_path / "cache")
    connection = sqlite3.connect(directory / "index.sqlite3")
    connection.executescript(
        """DROP TABLE files; PRAGMA user_version = 1;
        CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE,
                            status TEXT NOT NULL, digest BLOB NOT NULL)"""
    )
    connection.close()
    with open_file_digests(tmp_path / "cache") as digests:
        digests.put(old, old.stat(), b"d1", b"one image")
        digests.flush()
        assert digests.get(old) == b"d1"
    with open_store(tmp_path / "cache", make_spec()) as store:
        assert known(store, range(3)) == [0, 1, 2]


def test_a_file_just_changed_is_not_trusted(tmp_path):
    """Within two seconds, another change may leave size and times as they are."""
    path = tmp_path / "image.jpg"
    path.write_bytes(b"one image")
    with open_file_digests(tmp_path / "cache") as digests:
        assert not digests.put(path, path.stat(), b"d1", b"one image")
        assert digests.get(path) is None


def test_a_slow_reader_does_not_make_a_file_old(tmp_path, monkeypatch):
    """What counts is how old the file was when we first looked, not when we had read it."""
    monkeypatch.setattr(_file_digests, "_TICK", 50_000_000)
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
