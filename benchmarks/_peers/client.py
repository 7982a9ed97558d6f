"""A contender's process, as the one that keeps the time sees it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TextIO, cast

from .contender import PARTS, Entry, NotThere
from .processes import busy_seconds

_PATIENCE = 600  # seconds; torch's compiler takes more than one minute for a large network


class Failed(RuntimeError):  # noqa: N818 - reads well where it is caught
    """A contender that should have run did not."""


class Client:
    """Starts the process of one contender; a context manager that ends it."""

    def __init__(
        self,
        entry: Entry,
        *,
        network: str,
        part: str,
        threads: int,
        scratch: Path,
        paths: list[str],
        images: Path,
    ):
        self.entry = entry
        name = f"{entry.key} {network} {PARTS.index(part)}".replace("/", "")
        self._log = scratch / f"{name}.log"
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "_peers.serve"],
                cwd=Path(__file__).parents[1],
                env=_environment(threads, scratch),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._requests = cast(TextIO, self._process.stdin)
        self._answers = cast(TextIO, self._process.stdout)
        job = {
            "source": entry.source,
            "network": network,
            "part": part,
            "precision": entry.precision,
            "decoding": entry.decoding,
            "threads": threads,
            "scratch": str(scratch),
            "options": dict(entry.options),
            "paths": paths,
            "images": str(images),
        }
        try:
            self._send({"do": "start", "job": job})
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def axes(self) -> dict[str, list[Any]]:
        return self._ask("axes")["axes"]

    def build(self, setting: dict[str, Any]) -> dict[str, Any]:
        return self._ask("build", setting=setting)

    def go(self, passes: int, n: int) -> dict[str, float]:
        """Run; adds "others": the part of all cores that other processes took meanwhile."""
        started, busy = time.perf_counter(), busy_seconds()
        answer = self._ask("go", passes=passes, n=n)
        seconds, busy = time.perf_counter() - started, busy_seconds() - busy
        answer["others"] = max(0.0, busy - answer["cpu"]) / (seconds * (os.cpu_count() or 1))
        return answer

    def _ask(self, what: str, **given: Any) -> dict[str, Any]:
        return self._send({"do": what, "with": given})

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            print(json.dumps(request), file=self._requests, flush=True)
        except BrokenPipeError:
            raise Failed(f"it ended; see {self._log}") from None
        if not select.select([self._answers], [], [], _PATIENCE)[0]:
            self._process.kill()
            raise Failed(f"no answer in {_PATIENCE} s")
        line = self._answers.readline()
        if not line:
            raise Failed(
                f"it ended with {self._process.wait()}; its last words: {self._tail()}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise (NotThere if answer.get("not_there") else Failed)(answer["error"])
        return answer

    def _tail(self) -> str:
        return " / ".join(self._log.read_text(errors="replace").splitlines()[-3:])[-300:]


def _environment(threads: int, scratch: Path) -> dict[str, str]:
    """The same number of threads for whoever reads it here; a cache of embeddings of our own."""
    return os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "SKEMBED_CACHE_DIR": str(scratch / "cache"),
        "KERAS_BACKEND": "jax",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
