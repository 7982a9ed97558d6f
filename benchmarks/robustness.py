"""Kills and damages, as many as one likes: ``python benchmarks/robustness.py [damages | kills]``.

``damages``: one thing in a filled store is damaged at random (a value, bytes, a file, a link in a
file's place), and rows are asked for. ``kills``: a process that extracts is killed again and
again at a random moment, and what it kept is counted. The suite tries a few of each; what they
do and what is right is told in ``tests/extraction``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1] / "tests" / "extraction"
sys.path[:0] = [str(TESTS), str(TESTS / "store")]
AT_ONCE = 50  # kills, before a run may end and another store is begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("damages", "kills"))
    parser.add_argument("--count", type=int, help="340 damages, or 200 kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--damage", help="one kind of damage only")
    parser.add_argument("--verbose", action="store_true", help="say what was done each time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.part == "damages":
            damages(Path(folder), options)
        else:
            kills(Path(folder), options)


def damages(folder: Path, options: argparse.Namespace) -> None:
    from store_damages import DAMAGES, Trials

    count = 340 if options.count is None else options.count
    trials, wrong = Trials(folder), Counter()
    for number in range(count):
        generator = np.random.default_rng([options.seed, number])
        damage = options.damage or str(generator.choice(list(DAMAGES)))
        try:
            done = trials.run(damage, generator)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is to be told
            wrong[damage] += 1
            notes = getattr(error, "__notes__", "")
            print(f"{number} {damage}: {type(error).__name__}: {error} {notes}", flush=True)
        else:
            if options.verbose:
                print(f"{number} {damage}: right; {done}", flush=True)
    print(f"{count} damages, {wrong.total()} of them not borne: {dict(wrong)}")


def kills(folder: Path, options: argparse.Namespace) -> None:
    from extraction_helpers import CRUMBS, kill_again_and_again, save_network
    from other_processes import fork_server, starting

    from skembed import PretrainedEmbedder

    count = 200 if options.count is None else options.count
    network = save_network(folder / "network.keras")
    context = fork_server()
    right = PretrainedEmbedder(network, cache=False).transform(CRUMBS)
    for done in range(0, count, AT_ONCE):
        now = min(AT_ONCE, count - done)
        with starting(context) as start:
            cache = folder / str(done)
            kept = kill_again_and_again(cache, start, network, right, now, options.seed + done)
        print(f"{now} kills: {kept} rows were kept, all right, none computed twice", flush=True)


if __name__ == "__main__":
    main()
