"""Fixtures: other processes, and a first warning for each test."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skembed.extraction.store import _trouble


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this test have its own first warning."""
    monkeypatch.setattr(_trouble, "_told", set())


@pytest.fixture(scope="session")
def processes():
    """Processes that start in milliseconds: forks of one that has imported and run nothing."""
    here = Path(__file__).parent
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(here), str(here.parents[2]), *sys.path])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "store_helpers"])
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

    def run(function: Callable, cache: Path, *arguments):
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
