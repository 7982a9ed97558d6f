"""Fixtures: other processes, a small disk, and a first warning for each test."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skembed.extraction.store import _failures


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this test have its own first warning."""
    monkeypatch.setattr(_failures, "_told", set())


@pytest.fixture(scope="session")
def processes():
    """Processes that start in milliseconds: forks of one that has imported and run nothing."""
    here = Path(__file__).parent
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(
        map(str, [here, here / "store", here.parents[1], *sys.path])
    )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "store_helpers", "extraction_helpers"])
    context.Process(target=int).start()  # starts the server, with this environment
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
    return context


@pytest.fixture
def start(processes) -> Iterator[Callable]:
    """Start ``function(cache, pipe, ...)`` elsewhere; return the process and our end."""
    running = []

    def run(function: Callable, cache: Path | bool, *arguments):
        ours, theirs = processes.Pipe()
        process = processes.Process(target=function, args=(cache, theirs, *arguments))
        process.start()
        theirs.close()  # or a killed process would leave us waiting
        running.append((process, ours))
        return process, ours

    yield run
    for process, ours in running:
        process.kill()
        process.join()
        ours.close()


@pytest.fixture
def mount(tmp_path):
    """Mount a small file system in memory, and change its options; needs root."""
    place = tmp_path / "mounted"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("only root may mount a file system here")

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)

    yield place, remount
    subprocess.run(["umount", "-l", str(place)], check=True)
