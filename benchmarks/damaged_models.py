"""Damage a saved pipeline in many ways, and see that each is one error, in bounded time.

    python benchmarks/damaged_models.py --number 1000 --seed 1

It prints what damage led to what, and stops at the first that raises anything but a LoadError.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import LoadError, PretrainedEmbedder, load, save

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from saved_files import mutations


def models():
    """A linear classifier after an embedder, and a forest, whose nodes are followed blindly."""
    X = np.random.default_rng(0).normal(size=(40, 8))
    y = np.arange(40) % 2
    yield make_pipeline(PretrainedEmbedder(), LinearSVC().fit(X, y))
    yield RandomForestClassifier(3, random_state=0).fit(X, y)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--number", type=int, default=300, help="of damaged files of each model"
    )
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for model in models():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.skops")
            save(model, path)
            outcomes, slowest = Counter(), 0.0
            for kind, data in itertools.islice(
                mutations(path.read_bytes(), args.seed), args.number
            ):
                path.write_bytes(data)
                started = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    outcomes[kind, _outcome(path, model)] += 1
                slowest = max(slowest, time.perf_counter() - started)
        print(f"{type(model).__name__}: slowest {slowest:.2f} s")
        for (kind, outcome), n in sorted(outcomes.items()):
            print(f"    {kind:8} {outcome:10} {n}")


def _outcome(path: Path, model) -> str:
    try:
        back = load(path)
    except LoadError:
        return "told"
    if hasattr(model, "estimators_"):
        try:
            back.predict(np.zeros((2, 8)))
        except (ValueError, AttributeError, TypeError, IndexError) as error:
            # A fitted attribute may be gone, or be something else.
            return type(error).__name__
    return "loaded"


if __name__ == "__main__":
    main()
