"""The last layer against the full network: ``python benchmarks/full_network_accuracy.py``.

flowers17 and dtd10; 5, 10, 20 and 40 images a class to train, 30 others to test, drawn anew for
each of 5 seeds. A linear SVM on: the last layer; all layers as they are, standardised, and in
three values (the full-network embedding). Statistics come from the training images only. Prints
a Markdown table of mean and standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from accuracy import draws
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder, RowSpaceProjector, TernaryScaler
from skembed.images import from_folders

BACKBONES = {
    "efficientnet_lite0": "imagenet",
    "mobilenet_v2": "mobilenet_v2_1.0_224_no_top.weights.h5",
    "squeezenet1_1": "squeezenet1.1_gluon.weights.h5",
}
SIZES = (5, 10, 20, 40)
MAX_ITER = 300
VARIANTS = {
    "last layer": ("embedding", []),
    "last layer, standardised": ("embedding", [StandardScaler()]),
    "full network, raw": ("all", []),
    "full network, standardised": ("all", [StandardScaler()]),
    "full network, ternary": ("all", [TernaryScaler()]),
}


def main() -> None:
    default = Path(__file__).parents[2] / "shared"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=default, help="holds data/ and weights/")
    parser.add_argument("--cache", type=Path, help="keeps the embeddings")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", nargs="*", default=["flowers17", "dtd10"])
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or Path(folder)
        for data in options.data:
            for backbone in BACKBONES:
                started = time.perf_counter()
                print(f"\n### {data}, {backbone}\n")
                table(options.shared, cache, data, backbone, options.seeds)
                print(f"\n({time.perf_counter() - started:.0f} s)", flush=True)


def table(shared: Path, cache: Path, data: str, backbone: str, seeds: int) -> None:
    """Print the accuracies of one backbone on one data set."""
    paths, labels = from_folders(shared / "data" / data)
    y = np.asarray(labels)
    weights = BACKBONES[backbone]
    if weights != "imagenet":
        weights = shared / "weights" / weights
    rows = {
        layers: PretrainedEmbedder(
            backbone, weights=weights, layers=layers, cache=cache
        ).transform(paths)
        for layers in ("embedding", "all")
    }
    print("| images a class | " + " | ".join(map(str, SIZES)) + " |")
    print("| --- |" + " --- |" * len(SIZES))
    for name, (layers, steps) in VARIANTS.items():
        # The same decisions as LinearSVC on all features, in a fraction of the time. On data this
        # wide it does not always converge; more rounds than these change little.
        svm = LinearSVC(dual=True, max_iter=MAX_ITER, random_state=0)
        classifier = make_pipeline(*steps, RowSpaceProjector(), svm)
        cells = []
        for size in SIZES:
            splits = list(draws(y, size, seeds))
            scores = cross_val_score(
                classifier, rows[layers], y, cv=splits, error_score="raise"
            )
            cells.append(f"{scores.mean():.3f} ± {scores.std():.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
