"""Layers chosen by cross-validation: ``python benchmarks/layer_kernels.py accuracy`` or ``search``.

``accuracy``: EfficientNet-Lite0, MobileNetV2, SqueezeNet 1.1 and all three together, on flowers17
and dtd10; 5, 10, 20 and 40 images a class to train, 30 others to test, drawn anew for each of 5
seeds. The last layer and the full network in three values, by LinearSVC as in
``full_network_accuracy.py`` and by the ridge that the chosen layers have; and the layers that
`LayerKernelClassifierCV` chooses from the training images alone. Prints a Markdown table for each
data set and network, and how far the chosen layers lead, by paired
differences.

``search``: 100 sets of layers x 5 Cs x 5 folds on 680 images, against GridSearchCV over the
concatenated columns, in turn in one process. A grid of all candidates would take hours, so of the
sets a few are drawn for GridSearchCV, evenly by their number of layers, and the time is multiplied.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from accuracy import draws
from full_network_accuracy import BACKBONES, MAX_ITER, SIZES
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skembed import (
    LayerKernelClassifierCV,
    PretrainedEmbedder,
    RowSpaceProjector,
    TernaryScaler,
)
from skembed.images import from_folders

CHOSEN = "chosen layers"
CS = (1, 10, 30, 100, 1000)
N_SETS = 100


def main() -> None:
    default = Path(__file__).parents[2] / "shared"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("accuracy", "search"))
    parser.add_argument("--shared", type=Path, default=default, help="holds data/ and weights/")
    parser.add_argument("--cache", type=Path, help="keeps the embeddings")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--data", nargs="*", default=["flowers17", "dtd10"])
    parser.add_argument("--sets", type=int, default=5, help="sets for GridSearchCV")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    with tempfile.TemporaryDirectory() as folder:
        options.cache = options.cache or Path(folder)
        if options.what == "search":
            search(options)
            return
        leads = [lead for data in options.data for lead in tables(options, data)]
        summary(leads)


def tables(
    options: argparse.Namespace, data: str
) -> Iterator[tuple[str, str, int, np.ndarray]]:
    """Print the tables of a data set, and yield the lead of the chosen layers in each cell."""
    rows, slices, y = embedded(options, data)
    for backbone in [*BACKBONES, "all three"]:
        X, layers = (
            together(rows, slices)
            if backbone == "all three"
            else (
                rows[backbone],
                slices[backbone],
            )
        )
        print(f"\n### {data}, {backbone}\n")
        print("| images a class | " + " | ".join(map(str, SIZES)) + " |")
        print("| --- |" + " --- |" * len(SIZES))
        found = {name: {} for name in models(layers)}
        for size in SIZES:
            for train, test in seeds(options, y, size):
                for name, model in models(layers).items():
                    model.fit(X[train], y[train])
                    found[name].setdefault(size, []).append(model.score(X[test], y[test]))
        for name, by_size in found.items():
            cells = [f"{np.mean(s):.3f} ± {np.std(s):.3f}" for s in by_size.values()]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
        for name, by_size in found.items():
            if name == CHOSEN:
                continue
            aheads = [np.array(found[CHOSEN][size]) - by_size[size] for size in by_size]
            cells = [f"{100 * a.mean():+.1f} ± {100 * _error(a):.1f}" for a in aheads]
            print(f"| lead over {name}, points | " + " | ".join(cells) + " |", flush=True)
            for size, ahead in zip(by_size, aheads, strict=True):
                yield name, f"{data}, {backbone}", size, ahead


def summary(leads: list[tuple[str, str, int, np.ndarray]]) -> None:
    """Print by how much the chosen layers lead, and the cells where another way is ahead."""
    print(
        "\n| chosen layers against | mean lead, points | cells behind by two standard errors |"
    )
    print("| --- | ---: | --- |")
    for name in dict.fromkeys(lead[0] for lead in leads):
        own = [(where, size, ahead) for other, where, size, ahead in leads if other == name]
        mean = 100 * np.mean([ahead.mean() for _, _, ahead in own])
        behind = [
            f"{where}, {size} ({100 * ahead.mean():+.1f})"
            for where, size, ahead in own
            if ahead.mean() < -2 * _error(ahead)
        ]
        print(f"| {name} | {mean:+.1f} | {'; '.join(behind) or 'none'} of {len(own)} |")


def _error(ahead: np.ndarray) -> float:
    """The standard error of a mean."""
    return float(ahead.std(ddof=1) / np.sqrt(len(ahead)))


def models(layers: dict[str, slice]) -> dict[str, BaseEstimator]:
    """The ways to classify, by their names in the table."""
    last = {}
    for name in layers:
        last[name.rpartition("__")[0]] = name  # the last layer of each network
    ends = tuple(last.values())
    columns = np.concatenate([np.arange(layers[n].start, layers[n].stop) for n in ends])
    svm = LinearSVC(dual=True, max_iter=MAX_ITER, random_state=0)
    return {
        "last layer, LinearSVC": make_pipeline(Columns(columns), RowSpaceProjector(), svm),
        "last layer, ridge": LayerKernelClassifierCV(layers=layers, search=[ends]),
        "full network, ternary, LinearSVC": make_pipeline(
            TernaryScaler(), RowSpaceProjector(), svm
        ),
        CHOSEN: LayerKernelClassifierCV(layers=layers),
    }


class Columns(TransformerMixin, BaseEstimator):
    """Passes some columns on."""

    def __init__(self, columns):
        self.columns = columns

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        return X[:, self.columns]


def embedded(
    options: argparse.Namespace, data: str
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, slice]], np.ndarray]:
    """The rows of all layers and their columns, by network, and the classes."""
    paths, labels = from_folders(options.shared / "data" / data)
    rows, slices = {}, {}
    for backbone, weights in BACKBONES.items():
        path = weights if weights == "imagenet" else options.shared / "weights" / weights
        embedder = PretrainedEmbedder(
            backbone, weights=path, layers="all", cache=options.cache, progress=False
        )
        rows[backbone], slices[backbone] = embedder.transform(paths), embedder.layer_slices_
    return rows, slices, np.asarray(labels)


def together(
    rows: dict[str, np.ndarray], slices: dict[str, dict[str, slice]]
) -> tuple[np.ndarray, dict[str, slice]]:
    """The columns of all networks side by side."""
    layers, start = {}, 0
    for backbone, own in slices.items():
        for name, columns in own.items():
            layers[f"{backbone}__{name}"] = slice(start + columns.start, start + columns.stop)
        start += rows[backbone].shape[1]
    return np.hstack(list(rows.values())), layers


def seeds(
    options: argparse.Namespace, y: np.ndarray, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The draws of the seeds that are asked for."""
    found = list(draws(y, size, options.first_seed + options.seeds))
    return iter(found[options.first_seed :])


def search(options: argparse.Namespace) -> None:
    """Print the seconds of a search by kernels, and of GridSearchCV."""
    rows, slices, y = embedded(options, "flowers17")
    backbone = "efficientnet_lite0"
    X, layers = rows[backbone], slices[backbone]
    train, _ = next(draws(y, 40, 1))
    X, y = X[train], y[train]
    names, rng = list(layers), np.random.default_rng(0)
    suffixes = [tuple(names[-k:]) for k in range(1, len(names) + 1)]
    others = [
        tuple(n for n in names if rng.random() < rng.random())
        for _ in range(N_SETS - len(suffixes))
    ]
    sets = [*suffixes, *(chosen or (names[-1],) for chosen in others)]
    by_size = sorted(sets, key=len)
    few = [by_size[i] for i in np.linspace(0, N_SETS - 1, options.sets).astype(int)]
    cv = StratifiedKFold(5)
    print(f"{len(X)} images, {X.shape[1]} columns, {len(sets)} sets, {len(CS)} Cs, 5 folds")
    found: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for scaling in ("power", "standard"):
            for cache in (False, True):
                clf = LayerKernelClassifierCV(
                    layers=layers, search=sets, Cs=CS, cv=cv, scaling=scaling, cache=cache
                )
                timed(
                    found,
                    f"layer kernels, {scaling}, {'kept' if cache else 'computed'}",
                    clf,
                    X,
                    y,
                )
        for name, model, grid in (
            ("RidgeClassifier", RidgeClassifier(), {"alpha": [1 / C for C in CS]}),
            ("SVC", SVC(kernel="linear"), {"C": list(CS)}),
        ):
            seconds = 0.0
            for chosen in few:
                columns = np.concatenate([np.arange(X.shape[1])[layers[n]] for n in chosen])
                pipeline = Pipeline([("scale", StandardScaler()), ("model", model)])
                grid_search = GridSearchCV(
                    pipeline, {f"model__{k}": v for k, v in grid.items()}, cv=cv
                )
                started = time.perf_counter()
                grid_search.fit(X[:, columns], y)
                seconds += time.perf_counter() - started
            scaled = seconds * N_SETS / len(few)
            found.setdefault(f"GridSearchCV, {name} (from {len(few)} sets)", []).append(scaled)
    for name, seconds in found.items():
        print(
            f"| {name} | {np.median(seconds):.1f} | {min(seconds):.1f} to {max(seconds):.1f} |"
        )


def timed(found: dict[str, list[float]], name: str, clf: BaseEstimator, X, y) -> None:
    """Fit, and note the seconds."""
    started = time.perf_counter()
    clf.fit(X, y)
    found.setdefault(name, []).append(time.perf_counter() - started)


if __name__ == "__main__":
    main()
