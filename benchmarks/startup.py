"""What one waits for at the start: ``python benchmarks/startup.py``.

Importing skembed against importing what its users import anyway; and the first embedding of a
process, when nothing has been compiled on this machine and when another process has compiled
it. The store is new each time, so every image goes through the network. Each measurement is a
process of its own, the kinds in turn; medians over the rounds. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

IMPORTS = {
    "scikit-learn, pandas": "import sklearn.pipeline, pandas",
    "skembed": "import skembed",
}
FIRST_ROW = """
import time
started = time.perf_counter()
import numpy as np
import skembed
embedder = skembed.PretrainedEmbedder({backbone!r}, weights={weights!r}, engine={engine!r})
embedder.transform([np.zeros((224, 224, 3), np.uint8)])
print(time.perf_counter() - started)
"""
NETWORKS = {"efficientnet_lite0": "imagenet", "resnet50": None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--first-rounds", type=int, default=3, help="of first embeddings")
    parser.add_argument("--engine", default="jax")
    options = parser.parse_args()
    imports(options.rounds)
    print()
    first_rows(options.first_rounds, options.engine)


def imports(rounds: int) -> None:
    for program in IMPORTS.values():  # bytecode and files are in the system's cache
        seconds(program)
    times = in_turn({name: lambda p=p: seconds(p) for name, p in IMPORTS.items()}, rounds)
    reference = statistics.median(times["scikit-learn, pandas"])
    print("| import | s, median | least | times |")
    print("| --- | ---: | ---: | ---: |")
    for name, all_seconds in times.items():
        median = statistics.median(all_seconds)
        print(f"| {name} | {median:.2f} | {min(all_seconds):.2f} | {median / reference:.2f} |")


def first_rows(rounds: int, engine: str) -> None:
    print(f"| first embedding of a process, {engine} | first s | later s | times |")
    print("| --- | ---: | ---: | ---: |")
    for backbone, weights in NETWORKS.items():
        program = FIRST_ROW.format(backbone=backbone, weights=weights, engine=engine)
        with tempfile.TemporaryDirectory() as kept:
            first_row(program, Path(kept))
            kinds = {
                "first": lambda p=program: first_row(p, None),
                "later": lambda p=program, k=kept: first_row(p, Path(k)),
            }
            times = {k: statistics.median(s) for k, s in in_turn(kinds, rounds).items()}
        first, later = times["first"], times["later"]
        print(f"| {backbone} | {first:.2f} | {later:.2f} | {first / later:.2f} |", flush=True)


def first_row(program: str, kept: Path | None) -> float:
    """Seconds until the first row, with what is kept in `kept` but for the rows."""
    with tempfile.TemporaryDirectory() as folder:
        place = kept or Path(folder)
        variables = {**os.environ, "SKEMBED_CACHE_DIR": str(place)}
        told = float(started(program, variables))
        for rows in place.glob("embedding-store"):
            rows.rename(Path(folder) / "gone")  # one file system, or a copy: both do
    return told


def seconds(program: str) -> float:
    """Seconds of a whole process."""
    begun = time.perf_counter()
    started(program, dict(os.environ))
    return time.perf_counter() - begun


def started(program: str, variables: dict[str, str]) -> str:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)  # noqa: S603 - us
    return done.stdout


def in_turn(kinds: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, measure in kinds.items():
            times[name].append(measure())
    return times


if __name__ == "__main__":
    main()
