"""A plugin of pytest: the CPU seconds of each test, which a busy machine does not change much.

    PYTHONPATH=.ci pytest -p cpu_seconds -n 2 --cpu-seconds costs.jsonl

Each process of the run writes a file of its own, `costs.jsonl.<pid>`, with an object a line. The
seconds of a test are those of all threads of the process, with what was set up for it and for
those after it, and of the processes that it started, at any depth (Linux).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

_TICKS = os.sysconf("SC_CLK_TCK")


def pytest_addoption(parser):
    parser.addoption("--cpu-seconds", metavar="FILE", help="where to write them")


def pytest_configure(config):
    # Workers are given the options of the run.
    if file := config.getoption("--cpu-seconds"):
        config.pluginmanager.register(_Recorder(f"{file}.{os.getpid()}"))


class _Recorder:
    def __init__(self, file: str):
        self._file, self._last, self._own = Path(file), 0.0, 0.0
        self._write("<imports of pytest>")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self):
        self._write("<collection>")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        result = yield
        self._write(item.nodeid, slow=item.get_closest_marker("slow") is not None)
        return result

    def _write(self, name: str, **more: object) -> None:
        now = self._now()
        spent = {"test": name, "seconds": round(now - self._last, 3), **more}
        with self._file.open("a") as file:
            file.write(f"{json.dumps(spent)}\n")
        self._last = now

    def _now(self) -> float:
        """Of this process and those below it, less what it took to find them."""
        begin = time.process_time()
        ended, running = os.times(), _of_descendants()
        self._own += time.process_time() - begin
        here = time.process_time() - self._own
        return here + ended.children_user + ended.children_system + running


def _of_descendants() -> float:
    """Of the processes below this one that run, and of those that they have waited for."""
    children: dict[int, list[int]] = {}
    seconds = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        pid = int(folder.name)
        children.setdefault(int(fields[1]), []).append(pid)
        seconds[pid] = sum(map(int, fields[11:15])) / _TICKS
    below, found = [os.getpid()], 0.0
    while below:
        for pid in children.get(below.pop(), []):
            found += seconds[pid]
            below.append(pid)
    return found
