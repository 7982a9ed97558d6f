"""RowSpaceProjector before LinearSVC, against LinearSVC alone: ``python benchmarks/row_space.py``.

Ternary rows of 12,416 features, 84 % of them non-zero, in 10 classes: a standard normal value
for each feature plus a pattern of its class, discretised at thresholds that leave 16 % zeros.
Both are fitted in turn in one process, on the same rows, and predict 1,000 others; medians. What
the models disagree on is counted, with the solver's default tolerance and a smaller one.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import RowSpaceProjector

N_CLASSES = 10
N_TEST = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 3000])
    parser.add_argument("--features", type=int, default=12_416)
    parser.add_argument("--strength", type=float, default=0.06, help="of the class patterns")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tols", type=float, nargs="+", default=[1e-4])
    options = parser.parse_args()
    # LinearSVC's default number of iterations is what users get.
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(
        f"{'rows':>6} {'tol':>6} {'LinearSVC s':>12} {'projected s':>12} {'times':>6} "
        f"{'predict s':>10} {'projected s':>12} {'differ':>7} {'accuracy':>9} {'margins':>9}"
    )
    for n in options.rows:
        X, y = ternary(n + N_TEST, options.features, options.strength)
        for tol in options.tols:
            compare(X, y, n, tol, options.rounds)


def ternary(n: int, d: int, strength: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return int8 rows of n samples with class structure, and their classes."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % N_CLASSES
    patterns = strength * generator.standard_normal((N_CLASSES, d), np.float32)
    Z = generator.standard_normal((n, d), np.float32) + patterns[y]
    # A normal deviate lies in [-0.25, 0.15] with a probability of 0.158.
    return (Z > 0.15).astype(np.int8) - (Z < -0.25).astype(np.int8), y


def compare(X: np.ndarray, y: np.ndarray, n: int, tol: float, rounds: int) -> None:
    """Fit and predict with either, in turn, and print a line."""
    svm = LinearSVC(dual=True, random_state=0, tol=tol)
    models = {"alone": svm, "projected": make_pipeline(RowSpaceProjector(), svm)}
    fits: dict[str, list[float]] = {name: [] for name in models}
    predicts: dict[str, list[float]] = {name: [] for name in models}
    margins = {}
    for _ in range(rounds):
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(X[:n], y[:n])
            fits[name].append(time.perf_counter() - start)
            start = time.perf_counter()
            margins[name] = model.decision_function(X[n:])
            predicts[name].append(time.perf_counter() - start)
    alone, projected = (statistics.median(fits[name]) for name in models)
    one, other = (margins[name].argmax(axis=1) for name in models)
    apart = np.abs(margins["alone"] - margins["projected"]).max()
    print(
        f"{n:>6,} {tol:>6.0e} {alone:>12.2f} {projected:>12.2f} {alone / projected:>6.1f} "
        f"{statistics.median(predicts['alone']):>10.3f} "
        f"{statistics.median(predicts['projected']):>12.3f} {(one != other).sum():>7} "
        f"{(one == y[n:]).mean():>9.3f} {apart / np.abs(margins['alone']).max():>9.1e}",
        flush=True,
    )


if __name__ == "__main__":
    main()
