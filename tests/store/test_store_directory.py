"""Another user's rows are not served, and no link leads out of a store."""

from __future__ import annotations

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from store_helpers import forget_connections, known, make_spec, put

from skembed import StoreWarning, cache_clear, cache_info
from skembed.store import open_file_digests, open_store, store_directory
from skembed.store._directory import LOCKS, make_store

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture
def filled(tmp_path):
    """A store with rows, below a folder that everybody may write to."""
    tmp_path.chmod(0o1777)
    with open_store(tmp_path, make_spec()) as store:
        put(store, range(10))
    forget_connections(tmp_path)
    return tmp_path


def _open_to_all(cache: Path) -> None:
    store_directory(cache).chmod(0o777)


def _rows_open_to_all(cache: Path) -> None:
    (store_directory(cache) / "rows").chmod(0o777)


def _open_to_the_group(cache: Path) -> None:
    store_directory(cache).chmod(0o770)


def _a_link(cache: Path) -> None:
    folder = store_directory(cache)
    folder.rename(cache / "elsewhere")
    folder.symlink_to(cache / "elsewhere")


def _of_another_user(cache: Path) -> None:
    for folder, _, files in os.walk(store_directory(cache)):
        for name in (".", *files):
            os.chown(os.path.join(folder, name), 12345, 12345)  # noqa: PTH118


GIVES_AWAY = os.geteuid() == 0  # others cannot make a file another user's
HOSTILE = [_open_to_all, _rows_open_to_all, _open_to_the_group, _a_link]
HOSTILE += [_of_another_user] if GIVES_AWAY else []


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_others_may_have_written_is_not_used(filled, hostile):
    before = _content(filled)
    hostile(filled)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            with open_store(filled, make_spec()) as store:
                assert known(store, range(10)) == []
                with store.lock():
                    put(store, range(10, 20))
                assert known(store, range(20)) == []
            with open_file_digests(filled) as digests:
                assert digests.get(__file__) is None
    assert [w.category for w in caught] == [StoreWarning], [str(w.message) for w in caught]
    assert "cache= or SKEMBED_CACHE_DIR" in str(caught[0].message)
    for function in (cache_info, cache_clear):
        with pytest.raises(ValueError, match="left alone"):
            function(cache=filled)
    assert _content(filled) == before


@pytest.mark.parametrize("name", ["index.sqlite3", "rows", "locks", "row file", "CACHEDIR.TAG"])
def test_no_link_is_followed(filled, name, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "file").write_bytes(b"precious" * 4000)
    folder = store_directory(filled)
    path = next((folder / "rows").iterdir()) if name == "row file" else folder / name
    target = outside if path.is_dir() else outside / "file"
    path.rename(outside / "was")
    path.symlink_to(target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreWarning)
        for _ in range(2):
            with open_store(filled, make_spec()) as store:
                there = known(store, range(20))
                with store.lock():
                    put(store, [n for n in range(20) if n not in there])
    with open_store(filled, make_spec()) as store:
        assert known(store, range(20)) == list(range(20))
    cache_clear(cache=filled)
    assert (outside / "file").read_bytes() == b"precious" * 4000
    assert {found.name for found in outside.iterdir()} == {"file", "was"}


if GIVES_AWAY:

    def test_a_planted_row_file_is_not_read(filled):
        """Who could write into the folder once may have left a file there."""
        (rows,) = (store_directory(filled) / "rows").iterdir()
        os.chown(rows, 12345, 12345)
        with open_store(filled, make_spec()) as store:
            with pytest.warns(StoreWarning, match="10 rows .* damaged"):
                assert known(store, range(10)) == []
            put(store, range(10))
            assert known(store, range(10)) == list(range(10))
        assert rows.stat().st_uid == os.geteuid()


def _content(cache: Path) -> dict[str, bytes]:
    files = (path for path in sorted(cache.rglob("*")) if path.is_file())
    return {path.name: path.read_bytes() for path in files}


def test_those_who_make_a_store_at_once_share_its_folders(tmp_path):
    """One that deleted the folder of locks that another has made would not wait for it.

    The folders are made by themselves, so that all threads meet there.
    """

    def make(directory, ready):
        ready.wait()
        make_store(directory)
        return (directory / LOCKS).stat().st_ino

    with ThreadPoolExecutor(8) as pool:
        for i in range(60):
            ready = threading.Barrier(8)
            made = [pool.submit(make, tmp_path / str(i), ready) for _ in range(8)]
            assert len({one.result() for one in made}) == 1
