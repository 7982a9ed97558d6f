"""Layers chosen by cross-validation: how well, how fast, in how much memory.

``python benchmarks/layer_kernels.py accuracy``: EfficientNet-Lite0, MobileNetV2, SqueezeNet 1.1 and
all three together, on flowers17 and dtd10; 5, 10, 20 and 40 images a class to train, 30 others to
test, drawn anew for each of 5 seeds. The last layer and the full network in three values, by
LinearSVC as in ``full_network_accuracy.py`` and by the ridge that the chosen layers have; and the
layers that `LayerKernelClassifierCV` chooses from the training images alone. Prints a Markdown
table for each data set and network, and how far the chosen layers lead, by paired differences.
``--results FILE`` gets each accuracy as it comes, and those that it has are not computed again.

``search``: 100 sets of layers x 5 Cs x 5 folds on 680 images, against GridSearchCV over the
concatenated columns, in turn in one process. A grid of all candidates would take hours, so of the
sets a few are drawn for GridSearchCV, evenly by their number of layers, and the time is multiplied.

``memory``: the default search and the fit of 20,000 rows of 21,008 columns (as wide as all layers
of EfficientNet-Lite0; clusters in 64 dimensions), and what the process had at most beside the rows.
``--all-layers`` fits all of them, which is the kernel of all rows.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
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
TOGETHER = "all three"
COMPUTED, KEPT = "layer kernels, computed", "layer kernels, kept from an earlier fit"
CS = (1, 10, 30, 100, 1000)
N_SETS = 100


def main() -> None:
    default = Path(__file__).parents[2] / "shared"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("accuracy", "search", "memory"))
    parser.add_argument("--shared", type=Path, default=default, help="holds data/ and weights/")
    parser.add_argument("--cache", type=Path, help="keeps the embeddings")
    parser.add_argument("--results", type=Path, help="keeps accuracies, a line for each")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--data", nargs="*", default=["flowers17", "dtd10"])
    parser.add_argument("--networks", nargs="*", default=[*BACKBONES, TOGETHER])
    parser.add_argument("--sets", type=int, default=5, help="sets for GridSearchCV")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--all-layers", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    with tempfile.TemporaryDirectory() as folder:
        options.cache = options.cache or Path(folder)
        if options.what == "search":
            search(options)
        elif options.what == "memory":
            memory(options)
        else:
            known = Known(options.results)
            summary([lead for data in options.data for lead in tables(options, data, known)])


class Known:
    """Accuracies by data set, network, images a class, seed and model; a line of JSON for each."""

    def __init__(self, path: Path | None):
        self._path = path
        lines = path.read_text().splitlines() if path is not None and path.exists() else []
        self._found = {tuple(key): value for key, value in map(json.loads, lines)}

    def score(self, key: tuple[str, str, int, int, str], compute: Callable[[], float]) -> float:
        """The accuracy that is known, or computed and written down."""
        if key not in self._found:
            self._found[key] = value = compute()
            if self._path is not None:
                with self._path.open("a") as file:
                    file.write(json.dumps([key, value]) + "\n")
        return self._found[key]


def tables(
    options: argparse.Namespace, data: str, known: Known
) -> Iterator[tuple[str, str, int, np.ndarray]]:
    """Print the tables of a data set, and yield the lead of the chosen layers in each cell."""
    rows, slices, y = embedded(options, data)
    for network in options.networks:
        if network == TOGETHER:
            X, layers = together(rows, slices)
        else:
            X, layers = rows[network], slices[network]
        print(f"\n### {data}, {network}\n")
        print("| images a class | " + " | ".join(map(str, SIZES)) + " |")
        print("| --- |" + " --- |" * len(SIZES), flush=True)
        found: dict[str, dict[int, list[float]]] = {name: {} for name in models(layers)}
        for size in SIZES:
            for seed, (train, test) in seeds(options, y, size):
                for name, model in models(layers).items():

                    def accuracy(model=model, train=train, test=test) -> float:
                        return model.fit(X[train], y[train]).score(X[test], y[test])  # noqa: B023

                    score = known.score((data, network, size, seed, name), accuracy)
                    found[name].setdefault(size, []).append(score)
        yield from printed(data, network, found)


def printed(
    data: str, network: str, found: dict[str, dict[int, list[float]]]
) -> Iterator[tuple[str, str, int, np.ndarray]]:
    """Print the rows of a table, and yield the lead of the chosen layers in each cell."""
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
            yield name, f"{data}, {network}", size, ahead


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
    parts = [np.arange(layers[name].start, layers[name].stop) for name in last.values()]
    columns, stops = np.concatenate(parts), np.cumsum([len(part) for part in parts])
    ends = {
        name: slice(int(stop) - len(part), int(stop))
        for name, part, stop in zip(last.values(), parts, stops, strict=True)
    }
    svm = LinearSVC(dual=True, max_iter=MAX_ITER, random_state=0)
    return {
        "last layer, LinearSVC": make_pipeline(Columns(columns), RowSpaceProjector(), svm),
        "last layer, ridge": make_pipeline(
            Columns(columns), LayerKernelClassifierCV(layers=ends, search=[tuple(ends)])
        ),
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
) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    """The seeds that are asked for, and their draws."""
    found = enumerate(draws(y, size, options.first_seed + options.seeds))
    return (pair for pair in found if pair[0] >= options.first_seed)


def search(options: argparse.Namespace) -> None:
    """Print the seconds of a search by kernels, and of GridSearchCV, as each round ends."""
    rows, slices, y = embedded(options, "flowers17")
    backbone = "efficientnet_lite0"
    X, layers = rows[backbone], slices[backbone]
    train, _ = next(draws(y, 40, 1))
    X, y = X[train], y[train]
    sets = sets_of_layers(list(layers))
    by_size = sorted(sets, key=len)
    few = [by_size[i] for i in np.linspace(0, N_SETS - 1, options.sets).astype(int)]
    print(f"{len(X)} images, {X.shape[1]} columns, {len(sets)} sets, {len(CS)} Cs, 5 folds")
    found: dict[str, list[float]] = {}
    for turn in range(options.rounds):
        for name, seconds in one_round(X, y, layers, sets, few):
            found.setdefault(name, []).append(seconds)
            print(f"round {turn + 1}: {name}: {seconds:.1f} s", flush=True)
    kept = np.median(found[KEPT])
    print(f"\n| {len(sets)} sets, {len(CS)} Cs, 5 folds | seconds | range | times |")
    print("| --- | ---: | --- | ---: |")
    for name, seconds in found.items():
        middle = np.median(seconds)
        print(
            f"| {name} | {middle:.1f} | {min(seconds):.1f} to {max(seconds):.1f} "
            f"| {middle / kept:.1f} |"
        )


def sets_of_layers(names: list[str]) -> list[tuple[str, ...]]:
    """All suffixes, and sets drawn at random, each with a size of its own."""
    rng = np.random.default_rng(0)
    suffixes = [tuple(names[-k:]) for k in range(1, len(names) + 1)]
    others = []
    while len(others) < N_SETS - len(suffixes):
        part = rng.random()
        others.append(tuple(n for n in names if rng.random() < part) or (names[-1],))
    return [*suffixes, *others]


def one_round(
    X: np.ndarray,
    y: np.ndarray,
    layers: dict[str, slice],
    sets: list[tuple[str, ...]],
    few: list[tuple[str, ...]],
) -> Iterator[tuple[str, float]]:
    """Yield the seconds of each way; those of GridSearchCV for as many sets as there are."""
    cv = StratifiedKFold(5)
    for name, parameters in {
        COMPUTED: {"cache": False},
        KEPT: {"cache": True},
        "layer kernels, standardised in each fold": {"scaling": "standard"},
        "layer kernels, logistic": {"solver": "logistic"},
    }.items():
        clf = LayerKernelClassifierCV(layers=layers, search=sets, Cs=CS, cv=cv, **parameters)
        if name == KEPT:
            clf.fit(X, y)
        yield name, seconds_of(clf, X, y)
    for name, model, grid in (
        ("RidgeClassifier", RidgeClassifier(), {"alpha": [1 / C for C in CS]}),
        ("SVC", SVC(kernel="linear"), {"C": list(CS)}),
    ):
        seconds = 0.0
        for chosen in few:
            columns = np.concatenate([np.arange(X.shape[1])[layers[n]] for n in chosen])
            pipeline = Pipeline([("scale", StandardScaler()), ("model", model)])
            parameters = {f"model__{k}": v for k, v in grid.items()}
            seconds += seconds_of(GridSearchCV(pipeline, parameters, cv=cv), X[:, columns], y)
        yield f"GridSearchCV, {name} (from {len(few)} sets)", seconds * len(sets) / len(few)


def seconds_of(model: BaseEstimator, X: np.ndarray, y: np.ndarray) -> float:
    """How long a fit takes."""
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of matrices that a weak penalty leaves ill-conditioned
        model.fit(X, y)
    return time.perf_counter() - started


def memory(options: argparse.Namespace) -> None:
    """Print the seconds of a fit of many rows, and the largest memory beside these."""
    X, y, layers = synthetic(options.rows)
    before, rows = megabytes("VmRSS"), X.nbytes / 2**20
    every = [tuple(layers)] if options.all_layers else "suffix"
    clf = LayerKernelClassifierCV(layers=layers, search=every, cache=False)
    seconds = seconds_of(clf, X, y)
    n_columns = sum(coef.shape[1] for coef in clf.coef_.values())
    print(
        f"{len(X):,} rows x {X.shape[1]:,} columns ({rows:,.0f} MB): "
        f"{len(clf.selected_layers_)} of {len(layers)} layers, {n_columns:,} columns; "
        f"{seconds:.0f} s; at most "
        f"{megabytes('VmHWM') - before:,.0f} MB beside the rows; "
        f"accuracy on them {clf.score(X[:2000], y[:2000]):.3f}"
    )


def synthetic(n: int) -> tuple[np.ndarray, np.ndarray, dict[str, slice]]:
    """Rows of 20 clusters in 64 dimensions, seen by 49 layers of rectified random projections."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 20, n)
    latent = (rng.normal(size=(20, 64))[y] + rng.normal(size=(n, 64))).astype(np.float32)
    ends = np.linspace(0, 21_008, 50).astype(int)
    X = np.empty((n, ends[-1]), np.float32)
    layers = {f"layer{i}": slice(*map(int, ends[i : i + 2])) for i in range(49)}
    for columns in layers.values():
        seen = rng.normal(size=(64, columns.stop - columns.start)).astype(np.float32)
        np.maximum(latent @ seen, 0, out=X[:, columns])
    return X, y, layers


def megabytes(field: str) -> float:
    """Of this process: VmRSS is what it has, VmHWM the most that it had."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise RuntimeError("This needs Linux.")
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
