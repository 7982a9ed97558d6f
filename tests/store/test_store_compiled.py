"""The folder of compiled programs: lent, taken back whole, bounded, and nobody else's."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest

from skembed import cache_clear, config_context
from skembed.store import _compiled
from skembed.store._compiled import compiled_directory, lent_directory


@pytest.fixture(autouse=True)
def _own_directory(tmp_path):
    with config_context(cache_dir=tmp_path):
        yield


def _add(**entries: bytes) -> None:
    with lent_directory() as lent:
        for name, content in entries.items():
            (lent / f"{name}-cache").write_bytes(content)


def _kept() -> dict[str, bytes]:
    with lent_directory() as lent:
        return {path.name: path.read_bytes() for path in lent.iterdir()}


def _files() -> list[str]:
    return sorted(path.name for path in compiled_directory().rglob("*") if path.is_file())


def test_what_is_added_is_there_the_next_time():
    _add(a=b"1")
    _add(b=b"2")
    assert _kept() == {"a-cache": b"1", "b-cache": b"2"}
    assert _files() == ["CACHEDIR.TAG", "a-cache", "b-cache"]


def test_of_two_who_add_the_same_the_first_is_kept():
    with lent_directory() as one, lent_directory() as other:
        (one / "a-cache").write_bytes(b"second")
        (other / "a-cache").write_bytes(b"first")  # taken back first
    assert _kept() == {"a-cache": b"first"}


def test_only_entries_are_kept():
    with lent_directory() as lent:
        (lent / "a-cache").write_bytes(b"1")
        (lent / ".lockfile").touch()
    assert _files() == ["CACHEDIR.TAG", "a-cache"]


def test_what_an_error_interrupts_is_not_kept():
    with contextlib.suppress(KeyError), lent_directory() as lent:
        (lent / "a-cache").write_bytes(b"half")
        raise KeyError
    assert _kept() == {}


def _killed(cache, pipe):
    with config_context(cache_dir=cache), lent_directory() as lent:
        (lent / "a-cache").write_bytes(b"half")
        pipe.send(str(lent))
        time.sleep(60)


def test_what_a_kill_leaves_is_never_served_and_goes_in_a_day(start, tmp_path):
    process, pipe = start(_killed, tmp_path)
    lent = pipe.recv()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    _add(b=b"2")
    assert _kept() == {"b-cache": b"2"}
    assert os.path.isdir(lent)  # noqa: PTH112 - its maker may be at work, for all we know
    os.utime(lent, (0, 0))
    _add(c=b"3")
    assert not os.path.exists(lent)  # noqa: PTH110
    assert _kept() == {"b-cache": b"2", "c-cache": b"3"}


def test_what_was_used_longest_ago_makes_room(monkeypatch):
    monkeypatch.setattr(_compiled, "_MOST_FILES", 3)
    _add(a=b"1", b=b"2", c=b"3")
    (home,) = (path for path in compiled_directory().iterdir() if path.is_dir())
    for age, name in enumerate("bca"):  # b is the youngest
        os.utime(home / f"{name}-cache", (1e9 - age, 1e9 - age))
    _add(d=b"4")
    assert sorted(_kept()) == ["b-cache", "c-cache", "d-cache"]
    monkeypatch.setattr(_compiled, "_MOST_BYTES", 10)
    _add(e=b"123456789")
    assert sorted(_kept()) == ["d-cache", "e-cache"]


def test_a_folder_that_others_may_write_is_not_used():
    _add(a=b"1")
    (home,) = (path for path in compiled_directory().iterdir() if path.is_dir())
    for folder in (home, compiled_directory()):
        folder.chmod(0o777)
        with lent_directory() as lent:
            assert lent is None
        folder.chmod(0o700)
    assert _kept() == {"a-cache": b"1"}


def test_a_link_in_the_folder_s_place_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    compiled_directory().symlink_to(tmp_path / "elsewhere")
    with lent_directory() as lent:
        assert lent is None


def test_the_folder_is_the_user_s_alone():
    _add(a=b"1")
    assert compiled_directory().stat().st_mode & 0o077 == 0


def test_clearing_everything_clears_it_too(tmp_path):
    _add(a=b"1")
    cache_clear(cache=tmp_path / "another")
    assert _files() == ["CACHEDIR.TAG", "a-cache"]
    cache_clear()
    assert not compiled_directory().exists()


def test_a_folder_of_somebody_else_s_is_not_cleared():
    compiled_directory().mkdir()
    (compiled_directory() / "thesis.tex").touch()
    cache_clear()
    assert _files() == ["thesis.tex"]


def test_a_folder_that_is_cleared_meanwhile_harms_nobody():
    with lent_directory() as lent:
        (lent / "a-cache").write_bytes(b"1")
        cache_clear()
    assert _kept() == {}
