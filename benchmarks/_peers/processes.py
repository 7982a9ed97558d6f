"""What a tree of processes has used, from /proc (Linux)."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process, and all that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(task).split():
            found += tree(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """Of the tree, children that have ended included."""
    total = 0
    for one in tree(pid):
        fields = _read(Path(f"/proc/{one}/stat")).rpartition(") ")[2].split()
        # utime and stime; of the root, its dead children's too.
        total += sum(map(int, fields[11 : 15 if one == pid else 13]))
    return total / _TICK


def peak_megabytes(pid: int) -> float:
    """The root's largest resident set, and what its workers have for themselves.

    Workers are forked: what they share with the root counts once.
    """
    root, *workers = tree(pid)
    kilobytes = _number(r"VmHWM:\s+(\d+)", f"/proc/{root}/status")
    for worker in workers:
        for kind in ("Clean", "Dirty"):
            kilobytes += _number(rf"Private_{kind}:\s+(\d+)", f"/proc/{worker}/smaps_rollup")
    return kilobytes / 1024


def busy_seconds() -> float:
    """CPU seconds of the whole machine, what other guests took included."""
    fields = [int(field) for field in _read(Path("/proc/stat")).split("\n")[0].split()[1:9]]
    user, nice, system, _idle, _waiting, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / _TICK


def _number(pattern: str, path: str) -> int:
    found = re.search(pattern, _read(Path(path)))
    return int(found[1]) if found else 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""
