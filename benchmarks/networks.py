"""How accurate and how fast the networks of docs/choose.md are.

``python benchmarks/networks.py --speed`` measures images a second, ``--accuracy`` what
``accuracy.py`` does with every network whose weights are at hand; both where neither is named.
They go into ``benchmarks/results/networks.json``, which the page reads when it is built. The
networks take turns in each round, and each figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import tempfile
import time
from pathlib import Path

from _peers.machine import machine
from accuracy import NETWORKS, Gate, accuracy

from skembed import backbones

RESULTS = Path(__file__).parent / "results/networks.json"
DATA = ("flowers17", "dtd10")
N_TRAIN, SEEDS = 40, 5
# Those whose weights are not at hand are measured with random ones, which are as fast.
FAST_TO_SLOW = ("squeezenet1_1", "mobilenet_v2", *list(NETWORKS)[:3], "resnet50", "vgg16")


def main() -> None:
    default = Path(__file__).parents[2] / "shared"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--rounds", type=int, default=5, help="of the speed (5)")
    parser.add_argument("--shared", type=Path, default=default, help="holds data/ and weights/")
    options = parser.parse_args()
    everything = options.speed == options.accuracy
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if options.speed or everything:
        found["speed"] = _with_facts(speeds(options.rounds))
    if options.accuracy or everything:
        found["accuracy"] = _with_facts(accuracies(options.shared))
    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def speeds(rounds: int) -> dict:
    """Images a second of each network, without reading and resizing them."""
    rates: dict[str, list[float]] = {name: [] for name in FAST_TO_SLOW}
    before = _cpu_seconds()
    for i in range(rounds):
        for name in FAST_TO_SLOW:
            measured = backbones.table([name], benchmark=True)["images_per_second"]
            rates[name].append(float(measured.iloc[0]))
            print(f"round {i + 1}: {name} {rates[name][-1]:.1f} images/s", flush=True)
    total, own = (after - at for after, at in zip(_cpu_seconds(), before, strict=True))
    return {
        "rounds": rounds,
        "others": round(max(0.0, total - own) / (total or 1), 3),
        "networks": {name: round(statistics.median(each), 1) for name, each in rates.items()},
    }


def accuracies(shared: Path) -> dict:
    """Mean and standard deviation over the draws, for each network and data set."""
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as cache:
        for name, weights in NETWORKS.items():
            found[name] = {}
            for data in DATA:
                gate = Gate(data, name, N_TRAIN, 0, weights)
                scores = accuracy(gate, shared, Path(cache), SEEDS)
                found[name][data] = [
                    round(float(scores.mean()), 3),
                    round(float(scores.std()), 3),
                ]
                print(name, data, *found[name][data], flush=True)
    return {"train": N_TRAIN, "draws": SEEDS, "networks": found}


def _with_facts(measured: dict) -> dict:
    facts = {name: machine()[name] for name in ("processor", "cores", "versions")}
    return {"date": f"{dt.date.today():%Y-%m-%d}", **facts, **measured}


def _cpu_seconds() -> tuple[float, float]:
    """What the machine has computed so far, and what this process has."""
    hertz = 100
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / hertz, time.process_time()


if __name__ == "__main__":
    main()
