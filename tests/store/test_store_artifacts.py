"""Folders of artifacts: complete artifacts, bounds, kills, and folders that are not used."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path

import pytest

from skembed import cache_clear, cache_info, config_context
from skembed.cli import main
from skembed.store import ArtifactFolder

FOLDER = ArtifactFolder("converted-networks", max_bytes=1000, max_artifacts=3)
_FILES = 200  # of an artifact that is deleted while the process is killed


@pytest.fixture(autouse=True)
def _own_directory(tmp_path):
    with config_context(cache_dir=tmp_path):
        yield


@pytest.fixture(params=["file", "folder"])
def add(request):
    """Add artifacts of one kind, each with some bytes."""

    def run(**artifacts: int) -> None:
        with FOLDER.scratch() as scratch:
            for name, n_bytes in artifacts.items():
                place = scratch / name
                if request.param == "folder":
                    place.mkdir()
                    place = place / "part"
                place.write_bytes(bytes(n_bytes))
            FOLDER.add([scratch / name for name in artifacts])

    return run


def _kept() -> list[str]:
    return sorted(path.name for path in FOLDER.artifacts())


def _age(*names: str) -> None:
    """Make artifacts old, the first one the oldest."""
    for seconds, name in enumerate(names):
        os.utime(FOLDER.path / name, (1e9 + seconds, 1e9 + seconds))


def test_what_is_added_is_there_the_next_time(add):
    add(a=1)
    add(b=2)
    assert _kept() == ["a", "b"]
    assert sorted(path.name for path in FOLDER.path.iterdir()) == ["CACHEDIR.TAG", "a", "b"]


def test_a_later_one_takes_the_place_of_the_same_name(add):
    add(a=1)
    add(a=20)
    assert _kept() == ["a"]
    assert cache_info().artifacts["converted-networks"] > 20


def test_what_an_error_interrupts_is_not_kept():
    with contextlib.suppress(KeyError), FOLDER.scratch() as scratch:
        (scratch / "a").write_bytes(b"half")
        raise KeyError
    assert _kept() == []
    assert not scratch.exists()


def test_the_least_recently_used_go_first(add):
    add(a=1, b=1, c=1)
    _age("b", "a", "c")
    add(d=1)
    assert _kept() == ["a", "c", "d"]
    _age("a", "c", "d")
    FOLDER.mark_used(FOLDER.path / "a")
    add(e=999)
    assert _kept() == ["a", "e"]


def test_a_subfolder_has_bounds_of_its_own():
    for machine in ("one", "other"):
        folder = ArtifactFolder("programs", max_bytes=10, subfolder=lambda at=machine: at)
        with folder.scratch() as scratch:
            (scratch / "a").write_bytes(bytes(8))
            folder.add([scratch / "a"])
        assert folder.path.name == machine
        assert [path.name for path in folder.artifacts()] == ["a"]
    assert sorted(path.name for path in folder.path.parent.iterdir()) == [
        "CACHEDIR.TAG",
        "one",
        "other",
    ]


def _half_made(cache, pipe):
    with config_context(cache_dir=cache), FOLDER.scratch() as scratch:
        (scratch / "a").write_bytes(b"half")
        pipe.send(scratch)
        time.sleep(60)


@pytest.mark.slow
def test_what_a_kill_leaves_is_never_served_and_goes_in_a_day(add, start, tmp_path):
    process, pipe = start(_half_made, tmp_path)
    left: Path = pipe.recv()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    add(b=1)
    assert _kept() == ["b"]
    assert left.exists()  # its process may be at work, for all we know
    os.utime(left, (0, 0))
    add(c=1)
    assert _kept() == ["b", "c"]
    assert not left.exists()


def _add_and_remove(cache, pipe):
    with config_context(cache_dir=cache):
        for number in range(10**6):
            with FOLDER.scratch() as scratch:
                (scratch / "a").mkdir()
                for file in range(_FILES):
                    (scratch / "a" / str(file)).touch()
                FOLDER.add([scratch / "a"])
            pipe.send(number)
            FOLDER.remove(FOLDER.path / "a")


@pytest.mark.slow
def test_a_kill_leaves_no_part_of_a_folder(start, tmp_path):
    for delay in (0.0, 0.001, 0.002, 0.004, 0.008, 0.016):
        process, pipe = start(_add_and_remove, tmp_path)
        pipe.recv()
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert [len(list(path.iterdir())) for path in FOLDER.artifacts()] in ([], [_FILES])


def test_a_lock_is_for_one_and_goes_in_a_day(add):
    FOLDER.create()
    with FOLDER.lock("a", timeout=0), pytest.raises(TimeoutError):
        FOLDER.lock("a", timeout=0).acquire()
    (FOLDER.path / "a.lock").touch()
    add(a=1)
    assert (FOLDER.path / "a.lock").exists()
    with FOLDER.lock("a", timeout=0):
        os.utime(FOLDER.path / "a.lock", (0, 0))
        add(a=1)
        assert (FOLDER.path / "a.lock").exists()
    (FOLDER.path / "a.lock").touch()
    os.utime(FOLDER.path / "a.lock", (0, 0))
    add(b=1)
    assert _kept() == ["a", "b"]
    assert not (FOLDER.path / "a.lock").exists()


def test_a_folder_that_others_may_write_is_not_used(add):
    add(a=1)
    FOLDER.path.chmod(0o777)
    with pytest.raises(PermissionError, match="can be written by others"):
        add(b=1)
    FOLDER.path.chmod(0o700)
    assert _kept() == ["a"]


def test_a_link_in_the_folder_s_place_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    FOLDER.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        FOLDER.create()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_folder_is_the_user_s_alone(add):
    add(a=1)
    assert FOLDER.path.stat().st_mode & 0o077 == 0


def test_info_tells_of_it_and_clearing_everything_clears_it(add, tmp_path, capsys):
    add(a=100)
    info = cache_info()
    assert list(info.artifacts) == ["converted-networks"]
    assert 100 < info.artifacts["converted-networks"] < 200  # with the marker
    assert "; beside it converted-networks 1" in repr(info)
    assert main(["cache"]) == 0
    assert re.search(r"beside it, converted-networks +1\d\d bytes", capsys.readouterr().out)
    assert cache_info(tmp_path / "another").artifacts == {}
    cache_clear(cache=tmp_path / "another")
    assert _kept() == ["a"]
    cache_clear()
    assert not FOLDER.path.exists()
    assert cache_info().artifacts == {}


@pytest.mark.parametrize("marker", [None, "Signature: 8a477f597d28d172789f06886806bc55\n"])
def test_a_folder_of_somebody_else_s_is_not_cleared(marker):
    FOLDER.path.mkdir()
    (FOLDER.path / "thesis.tex").touch()
    if marker is not None:
        (FOLDER.path / "CACHEDIR.TAG").write_text(marker)
    assert cache_info().artifacts == {}
    cache_clear()
    assert (FOLDER.path / "thesis.tex").exists()


def test_a_folder_that_a_link_names_is_not_cleared(add, tmp_path):
    add(a=1)
    FOLDER.path.rename(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    FOLDER.path.symlink_to(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    cache_clear()
    assert (FOLDER.path / "a").exists()
