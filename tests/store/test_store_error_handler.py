"""Disks that are full or read-only, and damaged files: one warning, and right results."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import warnings
from pathlib import Path

import pytest
from store_helpers import (
    WIDTH,
    append_under_file_limit,
    forget_connections,
    known,
    make_spec,
    put,
    use_and_wait,
)

from skembed import StoreWarning, cache_clear, cache_info
from skembed.store import open_file_digests, open_store, store_directory

pytestmark = pytest.mark.usefixtures("fresh")
ROW = 4 * WIDTH


def once(work):
    """Run `work` three times; return its last result and the one warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            result = work()
    assert [w.category for w in caught] == [StoreWarning], [str(w.message) for w in caught]
    return result, str(caught[0].message)


def use(cache, numbers=range(20), spec=None):
    """Run one request; return what was found."""
    with open_store(cache, spec or make_spec()) as store:
        there = known(store, numbers)
        with store.lock():
            put(store, [n for n in numbers if n not in there])
    return there


def put_by_another(cache, numbers):
    with open_store(cache, make_spec()) as store:
        put(store, numbers)


@pytest.fixture
def read_only(request, tmp_path):
    """Return a directory, and a function that makes it and all in it read-only."""
    if os.geteuid() == 0:  # whom permissions do not bind
        cache, remount = request.getfixturevalue("mount")
        return cache, lambda: remount("ro")

    def seal():
        for folder, _, _ in os.walk(tmp_path):
            Path(folder).chmod(0o500)

    return tmp_path, seal


def fill_up(path):
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1024))


def row_file(cache):
    (file,) = cache.rglob("*.rows")
    return file


def test_a_file_that_may_not_grow(tmp_path, start):
    _, pipe = start(append_under_file_limit, tmp_path, 100_000)
    messages, found = pipe.recv()
    assert len(messages) == 1
    assert "No more embeddings are kept" in messages[0]
    assert 0 < found < 4000
    with open_store(
        tmp_path, make_spec()
    ) as store:  # and where there is room again, it goes on
        assert len(known(store, range(4000))) == found
        put(store, range(4000))
        assert known(store, range(4000)) == list(range(4000))


def test_a_full_disk(mount):
    cache, _ = mount
    numbers = range(5000)

    def work():
        with open_store(cache, make_spec()) as store:
            there = known(store, numbers)
            for first in range(0, 5000, 20):
                put(store, range(first, first + 20))
        return there

    _, message = once(work)
    assert str(cache) in message
    assert cache_clear(cache=cache) > 0  # which needs room, too
    assert use(cache) == []
    assert use(cache) == list(range(20))


def test_a_disk_full_from_the_start(mount):
    cache, _ = mount
    fill_up(cache / "ballast")
    there, message = once(lambda: use(cache))
    assert there == []
    assert "No embeddings are kept" in message or "No more embeddings are kept" in message


def test_a_read_only_disk_without_a_store(read_only):
    cache, seal = read_only
    seal()
    there, message = once(lambda: use(cache))
    assert there == []
    assert "No embeddings are kept" in message
    assert cache_info(cache).specs == ()


@pytest.mark.parametrize("log", ["written back", "left behind"])
def test_a_read_only_store_serves(read_only, start, log):
    cache, seal = read_only
    if log == "left behind":  # by a process that was killed
        process, pipe = start(use_and_wait, cache, range(20))
        pipe.recv()
        put_by_another(cache, range(20))
        assert pipe.recv() == "used"
        process.kill()
        process.join()
        forget_connections(cache)
    else:
        put_by_another(cache, range(20))
        forget_connections(cache)
    seal()
    assert use(cache) == list(range(20))  # without a warning, for nothing is missing
    assert cache_info(cache).specs[0].rows >= 20
    there, message = once(lambda: use(cache, range(10, 30)))
    assert there == list(range(10, 20))
    assert "read-only" in message
    with pytest.raises(OSError, match="read-only"):
        cache_clear(cache=cache)
    assert use(cache) == list(range(20))


def test_a_directory_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    there, message = once(lambda: use(tmp_path / "file" / "cache"))
    assert there == []
    assert "No embeddings are kept" in message
    assert "cache=" in message
    with open_file_digests(tmp_path / "file" / "cache") as digests:  # the same cause
        assert digests.get(__file__) is None


def test_flipped_bits_are_found_and_healed(tmp_path):
    use(tmp_path)
    data = bytearray(row_file(tmp_path).read_bytes())
    for row in (3, 7, 8, 19):
        data[row * ROW + 11] ^= 4
    row_file(tmp_path).write_bytes(data)
    with pytest.warns(StoreWarning, match="4 rows .* are damaged") as caught:
        there = use(tmp_path)
    assert len(caught) == 1
    assert there == [n for n in range(20) if n not in (3, 7, 8, 19)]
    assert use(tmp_path) == list(range(20))
    assert row_file(tmp_path).stat().st_size == 20 * ROW


@pytest.mark.parametrize("rest", [0, 5 * ROW, 5 * ROW + 10])
def test_a_truncated_row_file(tmp_path, rest):
    use(tmp_path)
    os.truncate(row_file(tmp_path), rest)
    with pytest.warns(StoreWarning, match="are damaged"):
        assert use(tmp_path) == list(range(rest // ROW))
    assert use(tmp_path) == list(range(20))


def test_a_deleted_row_file(tmp_path):
    use(tmp_path)
    row_file(tmp_path).unlink()
    with pytest.warns(StoreWarning, match="20 rows .* are damaged"):
        assert use(tmp_path) == []
    assert use(tmp_path) == list(range(20))


def test_rows_that_changed_places_are_not_served(tmp_path):
    use(tmp_path)
    data = row_file(tmp_path).read_bytes()
    row_file(tmp_path).write_bytes(data[ROW : 2 * ROW] + data[:ROW] + data[2 * ROW :])
    with pytest.warns(StoreWarning, match="2 rows"):
        assert use(tmp_path) == list(range(2, 20))


@pytest.mark.parametrize("damage", ["garbage", "header", "pages", "truncated", "other tables"])
def test_a_damaged_index(tmp_path, damage):
    use(tmp_path, range(400))
    forget_connections(tmp_path)
    path = store_directory(tmp_path) / "index.sqlite3"
    data = bytearray(path.read_bytes())
    if damage == "garbage":
        data = b"garbage" * 1000
    elif damage == "header":
        data[:16] = bytes(16)
    elif damage == "pages":
        data[4096:] = os.urandom(len(data) - 4096)
    elif damage == "truncated":
        data = data[: 4096 * 3]
    path.write_bytes(data)
    if damage == "other tables":
        connection = sqlite3.connect(path)
        connection.execute("DROP TABLE entries")
        connection.close()
    there, message = once(lambda: use(tmp_path, range(400)))
    assert "was damaged" in message
    assert there == list(range(400))  # the third time; the first found none
    assert cache_info(tmp_path).specs[0].rows == 400


def test_an_index_that_another_process_replaced(tmp_path):
    """A store that is open goes on with the new index, and its old rows are gone."""
    with open_store(tmp_path, make_spec()) as store:
        put(store, range(5))
        status = os.lstat(store._index.path)
        store._index._failed = status.st_dev, status.st_ino
        store._index.set_aside()
        with open_store(tmp_path, make_spec()) as other:
            put(other, range(100, 103))
        assert known(store, range(200)) == [100, 101, 102]


def test_another_format(tmp_path):
    use(tmp_path)
    marker = store_directory(tmp_path) / "CACHEDIR.TAG"
    marker.write_text(marker.read_text().replace("format 1", "format 2"))
    before = row_file(tmp_path).read_bytes()
    forget_connections(tmp_path)
    there, message = once(lambda: use(tmp_path))
    assert there == []
    assert "format '2'" in message
    assert row_file(tmp_path).read_bytes() == before
    with pytest.raises(ValueError, match="format '2'"):
        cache_clear(cache=tmp_path)


def test_another_version_of_the_index(tmp_path):
    use(tmp_path)
    connection = sqlite3.connect(store_directory(tmp_path) / "index.sqlite3")
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    forget_connections(tmp_path)
    there, message = once(lambda: use(tmp_path))
    assert there == []
    assert "another version" in message


def test_a_folder_of_somebody_else(tmp_path):
    folder = store_directory(tmp_path)
    folder.mkdir()
    (folder / "thesis.tex").write_text("mine")
    there, message = once(lambda: use(tmp_path))
    assert there == []
    assert "did not make" in message
    with pytest.raises(ValueError, match="did not make"):
        cache_clear(cache=tmp_path)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


def test_a_maker_that_was_killed(tmp_path):
    """An empty folder, or one with an empty marker, becomes a store."""
    store_directory(tmp_path).mkdir()
    assert use(tmp_path) == []
    assert use(tmp_path) == list(range(20))
    (tmp_path / "b" / "embedding-store").mkdir(parents=True)
    (tmp_path / "b" / "embedding-store" / "CACHEDIR.TAG").touch()
    assert use(tmp_path / "b") == []
    assert use(tmp_path / "b") == list(range(20))
