"""How well a linear classifier does on embeddings: ``python benchmarks/accuracy.py [--quick]``.

``Pipeline([PretrainedEmbedder, LinearSVC])`` on flowers17 and dtd10: 20 or 40 images a class to
train, 30 others to test, drawn anew for each seed; the mean over the seeds beside the least
that is asked for. ``--quick`` draws twice instead of five times and leaves MobileNetV2 out. Each
image goes through each network once, whatever is drawn. ``--decoding`` compares the same draws with
images prepared less exactly.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder
from skembed.images import DECODINGS, from_folders

N_TEST = 30
_MOBILENET = "mobilenet_v2_1.0_224_no_top.weights.h5"


@dataclass(frozen=True)
class Gate:
    """What a backbone has to reach on a data set."""

    data: str
    backbone: str
    n_train: int
    least: float
    weights: str = ""


GATES = (
    Gate("flowers17", "efficientnet_lite0", 20, 0.90),
    Gate("flowers17", "efficientnet_lite0", 40, 0.94),
    Gate("dtd10", "efficientnet_lite0", 20, 0.78),
    Gate("dtd10", "efficientnet_lite0", 40, 0.83),
    Gate("flowers17", "mobilenet_v2", 40, 0.93, _MOBILENET),
)
# The networks whose weights are at hand, and the file that holds them where no package does.
NETWORKS = {
    "efficientnet_lite0": "",
    "efficientnet_lite1": "",
    "efficientnet_lite2": "",
    "mobilenet_v2": _MOBILENET,
    "squeezenet1_1": "squeezenet1.1_gluon.weights.h5",
}


def main() -> None:
    default = Path(__file__).parents[2] / "shared"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=default, help="holds data/ and weights/")
    parser.add_argument(
        "--cache", type=Path, help="keeps the embeddings (a temporary directory)"
    )
    parser.add_argument("--quick", action="store_true", help="two seeds, and no MobileNetV2")
    parser.add_argument("--decoding", choices=DECODINGS, default="exact")
    options = parser.parse_args()
    # LinearSVC's default number of iterations is what users get; the figures hold with it.
    warnings.simplefilter("ignore", ConvergenceWarning)
    seeds = 2 if options.quick else 5
    print(
        f"{'data':<10} {'backbone':<19} {'train':>5} {'seeds':>5} {'accuracy':>16} {'least':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or Path(folder)
        for gate in GATES:
            if options.quick and gate.weights:
                continue
            started = time.perf_counter()
            scores = accuracy(gate, options.shared, cache, seeds, options.decoding)
            seconds = time.perf_counter() - started
            print(
                f"{gate.data:<10} {gate.backbone:<19} {gate.n_train:>5} {seeds:>5} "
                f"{scores.mean():>7.3f} +- {scores.std():.3f} {gate.least:>6.2f}"
                f"  ({seconds:.0f} s)",
                flush=True,
            )


def accuracy(
    gate: Gate, shared: Path, cache: Path, seeds: int = 5, decoding: str = "exact"
) -> np.ndarray:
    """The accuracy for each seed."""
    paths, labels = from_folders(shared / "data" / gate.data)
    weights = shared / "weights" / gate.weights if gate.weights else "imagenet"
    embedder = PretrainedEmbedder(
        gate.backbone, weights=weights, decoding=decoding, cache=cache
    )
    classifier = Pipeline([("emb", embedder), ("svm", LinearSVC())])
    splits = list(draws(np.asarray(labels), gate.n_train, seeds))
    return cross_val_score(classifier, paths, labels, cv=splits, error_score="raise")


def draws(
    labels: np.ndarray, n_train: int, seeds: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to train and rows to test, a fixed number of each class, for each seed."""
    for seed in range(seeds):
        generator = np.random.default_rng(seed)
        rows = [
            generator.permutation(np.flatnonzero(labels == label))
            for label in np.unique(labels)
        ]
        train = np.concatenate([r[:n_train] for r in rows])
        yield train, np.concatenate([r[n_train : n_train + N_TEST] for r in rows])


if __name__ == "__main__":
    main()
