"""Fixtures: other processes, a small disk, and a first warning for each test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest
from other_processes import fork_server, starting

from skembed.extraction.store import _failures


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this test have its own first warning."""
    monkeypatch.setattr(_failures, "_told", set())


@pytest.fixture(scope="session")
def processes():
    """Processes that start in milliseconds: forks of one that has imported and run nothing."""
    return fork_server()


@pytest.fixture
def start(processes) -> Iterator[Callable]:
    """Start ``function(cache, pipe, ...)`` elsewhere; return the process and our end."""
    with starting(processes) as run:
        yield run


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
