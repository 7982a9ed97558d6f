"""One contender in a process of its own: ``python -m _peers.serve`` reads requests, one a line.

Each request is a JSON object with "do", each answer one with "error" or the result. Requests
come on standard input, answers go to the standard output that the process began with; what
libraries print goes to standard error.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
import traceback
from typing import Any

import numpy as np

from .contender import Contender, Job, NotThere
from .networks import NETWORKS
from .processes import cpu_seconds, peak_megabytes

_FEW = 8  # images to warm up with, and to guess the rate from, where they fill a batch


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "start":
                server = _Server(**request["job"])
                answer = {}
            else:
                answer = getattr(server, request["do"])(**request["with"])
        except NotThere as why:
            answer = {"error": str(why), "not_there": True}
        except Exception as error:  # noqa: BLE001 - the parent tells it
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".split("\n")[0][:300]}
        print(json.dumps(answer), file=answers, flush=True)


class _Server:
    def __init__(self, source: str, network: str, paths: list[str], images: str, **job: Any):
        self._job = Job(network=NETWORKS[network], **job)
        module, name = source.split(":")
        self._class: type[Contender] = getattr(
            importlib.import_module(f".{module}", __package__), name
        )
        self._paths = paths
        self._images = np.load(images)  # for the network alone
        self._contender: Contender | None = None
        self._prepared: tuple[int, Any] = (0, None)

    def axes(self) -> dict[str, Any]:
        return {"axes": self._class.axes(self._job)}

    def build(self, setting: dict[str, Any]) -> dict[str, Any]:
        """Build, warm up, and check the rows of the first images."""
        n = max(_FEW, setting.get("batch", 0))
        if self._contender is None or not self._contender.take(setting):
            self._forget()
            self._contender = self._class(self._job, setting)
            self._once(n)  # it may be compiled only now, which says nothing of its rate
        started = time.perf_counter()
        rows = self._once(n)
        rate = n / (time.perf_counter() - started)
        _check(rows, n, self._job.network.width, self._class.__module__)
        return {"rate": rate, "n": n, "detail": self._contender.detail()}

    def go(self, passes: int, n: int) -> dict[str, Any]:
        """Run, and say what it took."""
        self._prepare(n)
        cpu = cpu_seconds(os.getpid())
        started = time.perf_counter()
        for _ in range(passes):
            rows = self._once(n)
        seconds = time.perf_counter() - started
        cpu = cpu_seconds(os.getpid()) - cpu
        if not np.isfinite(rows).all():
            raise FloatingPointError("rows are not finite")
        return {
            "images": passes * len(rows),
            "seconds": seconds,
            "cpu": cpu,
            "peak": peak_megabytes(os.getpid()),
        }

    def _once(self, n: int) -> np.ndarray:
        if self._contender is None:
            raise RuntimeError("nothing is built")
        if self._job.from_files:
            return self._contender.files(self._paths[:n])
        self._prepare(n)
        return self._contender.network(self._prepared[1])

    def _prepare(self, n: int) -> None:
        if self._contender is not None and not self._job.from_files and self._prepared[0] != n:
            self._prepared = (n, self._contender.prepare(self._images[:n]))

    def _forget(self) -> None:
        if self._contender is not None:
            self._contender.close()
        self._contender, self._prepared = None, (0, None)
        gc.collect()


def _check(rows: np.ndarray, n: int, width: int, module: str) -> None:
    """Rows of the right shape, finite, no two alike, and none of the numbers that are slow."""
    rows = np.asarray(rows)
    if len(rows) != n or ("decode_only" not in module and rows.shape[1] != width):
        raise ValueError(f"rows of shape {rows.shape}, not ({n}, {width})")
    if not np.isfinite(rows).all():
        raise FloatingPointError("rows are not finite")
    if len(np.unique(rows, axis=0)) != n:
        raise ValueError("two images have the same row")
    if ((rows != 0) & (np.abs(rows) < np.finfo(np.float32).tiny)).any():
        raise FloatingPointError("rows have denormal numbers")


if __name__ == "__main__":
    main()
