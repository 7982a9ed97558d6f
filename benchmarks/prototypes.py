"""Prototypes of middle layers, and HMAX, in classifiers: ``python benchmarks/prototypes.py``.

20 images a class to train and 30 others to test, drawn anew for each of 3 seeds; standardised
features and a linear SVM. Prototypes are learnt from the training images only. Prints a Markdown
table of mean and standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import draws
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder, PrototypeEmbedder
from skembed.images import from_folders

TRAINED = 20
FEW = 5  # classes, for HMAX
LITE, LAYERS, PROTOTYPES = "efficientnet_lite0", ["stage3", "stage4"], 500


def main() -> None:
    default = Path(__file__).parents[2] / "shared"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=default, help="holds data/")
    parser.add_argument("--cache", type=Path, help="keeps rows and maps")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=["flowers17", "dtd10", "hmax"])
    parser.add_argument("--layers", nargs="+", default=LAYERS, help="of the network")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or Path(folder)
        for data in ("flowers17", "dtd10"):
            if options.only in (None, data):
                paths, labels = from_folders(options.shared / "data" / data)
                compare(
                    data, paths, labels, middle_layers(cache, options.layers), options.seeds
                )
        if options.only in (None, "hmax"):
            paths, labels = from_folders(options.shared / "data" / "flowers17")
            few = sorted(set(labels))[:FEW]
            chosen = [i for i, label in enumerate(labels) if label in few]
            compare(
                f"{FEW} classes of flowers17",
                [paths[i] for i in chosen],
                [labels[i] for i in chosen],
                hmax(cache),
                options.seeds,
            )


def middle_layers(cache: Path, layers: list[str]) -> Iterator[tuple[str, Any]]:
    """The embedders that are compared on whole data sets."""
    plain = PretrainedEmbedder(LITE, cache=cache)
    yield "the embedding", plain
    for layer in layers:
        yield f"{layer}, averaged", PretrainedEmbedder(LITE, layers=layer, cache=cache)
        options: dict[str, Any] = {
            "n_prototypes": PROTOTYPES,
            "random_state": 0,
            "cache": cache,
        }
        for method in ("imprint", "kmeans"):
            learnt = PrototypeEmbedder(LITE, layer, patch_width=3, method=method, **options)
            yield f"{layer}, {PROTOTYPES} prototypes of 3 x 3, {method}", learnt
            if (layer, method) == (LAYERS[-1], "imprint"):
                yield "the embedding and these", make_union(plain, learnt)


def hmax(cache: Path) -> Iterator[tuple[str, Any]]:
    """HMAX, and the network."""
    yield "C1, pooled", PretrainedEmbedder("hmax", cache=cache)
    for method in ("imprint", "shuffle", "uniform"):
        options: dict[str, Any] = {"n_prototypes": 250, "random_state": 0, "cache": cache}
        yield (
            f"C2, 250 prototypes, {method}",
            PrototypeEmbedder("hmax", method=method, **options),
        )
    yield "EfficientNet-Lite0's embedding", PretrainedEmbedder(LITE, cache=cache)


def compare(
    title: str, paths: list[str], labels: list[str], embedders: Iterator[Any], seeds: int
) -> None:
    """Print the accuracy of each embedder."""
    X, y = np.asarray(paths, object), np.asarray(labels)
    splits = list(draws(y, TRAINED, seeds))
    chance = 1 / len(set(labels))
    print(f"\n### {title}, {len(set(labels))} classes (chance: {chance:.3f})\n")
    print("| features | accuracy | seconds |\n| --- | --- | ---: |")
    for name, embedder in embedders:
        started = time.perf_counter()
        svm = LinearSVC(dual=True, max_iter=300, random_state=0)
        classifier = make_pipeline(embedder, StandardScaler(), svm)
        scores = cross_val_score(classifier, X, y, cv=splits, error_score="raise")
        seconds = time.perf_counter() - started
        print(
            f"| {name} | {scores.mean():.3f} ± {scores.std():.3f} | {seconds:.0f} |", flush=True
        )


if __name__ == "__main__":
    main()
