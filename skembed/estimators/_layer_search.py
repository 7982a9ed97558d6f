"""Search among sets of layers and values of C: every candidate is a sum of small matrices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._errors import did_you_mean
from ._layer_columns import LayerColumns
from ._layer_grams import FoldGrams

# How fast the weights of earlier layers fade, as parts of the network's depth.
_FADING = (0.03, 0.06, 0.12, 0.24, 0.48)


@dataclass(frozen=True, slots=True)
class Problem:
    """What candidates are judged by.

    Parameters
    ----------
    folds : list of (train, test, FoldGrams)
        Positions of rows, and their kernels. A single fold without rows to test stands for
        leaving out each row in turn.
    Y : float64 array of shape (n_samples, n_outputs)
        The targets.
    solver : object
        One of ``_kernel_solvers.SOLVERS``.
    score : callable
        Takes decisions and the positions of their rows; the larger, the better.
    """

    folds: Sequence[tuple[np.ndarray, np.ndarray, FoldGrams]]
    Y: np.ndarray
    solver: Any
    score: Callable[[np.ndarray, np.ndarray], float]

    def decisions(
        self, weights: np.ndarray, Cs: Sequence[float]
    ) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
        """Yield for each fold its rows, and their decisions for each C by a model without them."""
        for train, test, grams in self.folds:
            K, K_test = grams.combined(weights)
            leave_out = not len(test)
            path = self.solver.path(K, self.Y[train], Cs, leave_out=leave_out)
            if leave_out:
                yield train, [solution.left_out for solution in path]
            else:
                yield test, [solution.decisions(K_test) for solution in path]

    def scores(self, weights: np.ndarray, Cs: Sequence[float]) -> np.ndarray:
        """The score for each C and fold."""
        return np.array(
            [
                [self.score(decisions, rows) for decisions in of_Cs]
                for rows, of_Cs in self.decisions(weights, Cs)
            ]
        ).T


@dataclass(slots=True)
class Search:
    """The candidates that have been tried.

    Parameters
    ----------
    problem : Problem
        What judges them.
    Cs : sequence of float
        The values of C.
    """

    problem: Problem
    Cs: Sequence[float]
    weights: list[np.ndarray] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def try_all(self, candidates: Iterable[np.ndarray]) -> None:
        """Judge each candidate with each C."""
        for weights in candidates:
            self.try_one(weights)

    def try_one(self, weights: np.ndarray) -> float:
        """Judge a candidate with each C, and return its best mean score."""
        started = time.perf_counter()
        scores = self.problem.scores(weights, self.Cs)
        self.weights.append(weights)
        self.scores.append(scores)
        self.seconds.append(time.perf_counter() - started)
        return float(scores.mean(axis=1).max())

    @property
    def means(self) -> np.ndarray:
        """The mean score of each candidate and C, of shape (n_candidates, n_Cs)."""
        return np.array([scores.mean(axis=1) for scores in self.scores])

    def best(self) -> tuple[int, int]:
        """The candidate and the C that score best; among equals, the first candidate."""
        candidate, C = np.unravel_index(self.means.argmax(), self.means.shape)
        return int(candidate), int(C)

    def results(self, names: Sequence[str]) -> dict[str, Any]:
        """What was tried, as ``cv_results_`` of scikit-learn's searches."""
        pairs = [(i, C) for i in range(len(self.weights)) for C in self.Cs]
        layers = [_named(names, self.weights[i]) for i, _ in pairs]
        splits = np.concatenate(self.scores)
        means = splits.mean(axis=1)
        return {
            "mean_fit_time": np.repeat(self.seconds, len(self.Cs)) / len(self.Cs),
            "param_layers": _objects(layers),
            "param_C": np.array([C for _, C in pairs], float),
            "layer_weights": np.stack([self.weights[i] for i, _ in pairs]),
            "params": [
                {"layers": chosen, "C": C} for chosen, (_, C) in zip(layers, pairs, strict=True)
            ],
            **{f"split{i}_test_score": splits[:, i] for i in range(splits.shape[1])},
            "mean_test_score": means,
            "std_test_score": splits.std(axis=1),
            "rank_test_score": _ranks(means),
        }


def run(search: Search, how: Any, layers: LayerColumns, most: int) -> None:
    """Try the candidates of a search.

    Parameters
    ----------
    search : Search
        An empty one.
    how : str or list
        One of ``skembed._choices.LAYER_SEARCHES``, or sets of layers' names.
    layers : LayerColumns
        The layers.
    most : int
        The most steps of a forward search.
    """
    if isinstance(how, str):
        if how in ("forward", "weighted"):
            _forward(search, len(layers), most, repeat=how == "weighted")
        else:
            search.try_all(_LISTS[how](layers))
    else:
        search.try_all(_of_names(how, layers.names))


def single(layers: LayerColumns) -> Iterator[np.ndarray]:
    """Each layer alone, the last one first."""
    return iter(np.eye(len(layers))[::-1])


def suffixes(layers: LayerColumns) -> Iterator[np.ndarray]:
    """The last layer, the last two, and so on to all; of several networks, the same part of each.

    Layers of a network weigh the same, and so do networks.
    """
    networks = layers.networks
    deepest = max(map(len, networks))
    for k in range(1, deepest + 1):
        weights = np.zeros(len(layers))
        for members in networks:
            chosen = members[-max(1, round(k * len(members) / deepest)) :]
            weights[chosen] = 1 / (len(networks) * len(chosen))
        yield weights


def fading(layers: LayerColumns) -> Iterator[np.ndarray]:
    """All layers, each weighing by the same factor less than the one behind it."""
    networks = layers.networks
    for part in _FADING:
        weights = np.zeros(len(layers))
        for members in networks:
            n = len(members)
            own = np.exp(-np.arange(n)[::-1] / (part * n))
            weights[members] = own / (own.sum() * len(networks))
        yield weights


_LISTS = {"suffix": suffixes, "fading": fading, "single": single}


def _forward(search: Search, n_layers: int, most: int, *, repeat: bool) -> None:
    """Add the layer that helps most, again and again, as long as one does.

    With `repeat` a layer may be added again and then weighs more: steps towards the corners of
    the simplex, of size 1 / step (Caruana et al. 2004, "Ensemble selection").
    """
    counts, best = np.zeros(n_layers), -np.inf
    for step in range(most):
        free = [i for i in range(n_layers)[::-1] if repeat or not counts[i]]
        if not free:
            return
        tried = [search.try_one((counts + np.eye(n_layers)[i]) / (step + 1)) for i in free]
        if max(tried) <= best:
            return
        best = max(tried)
        counts[free[int(np.argmax(tried))]] += 1


def _of_names(sets: Iterable[Any], names: Sequence[str]) -> Iterator[np.ndarray]:
    for one in sets:
        chosen = [one] if isinstance(one, str) else list(one)
        weights = np.zeros(len(names))
        for name in chosen:
            if name not in names:
                raise ValueError(
                    f"search has the layer {name!r}, which X has not. {did_you_mean(name, names)}"
                )
            weights[names.index(name)] = 1 / len(set(chosen))
        if not chosen:
            raise ValueError("search has a set without layers.")
        yield weights


def _named(names: Sequence[str], weights: np.ndarray) -> tuple[str, ...]:
    return tuple(names[i] for i in np.flatnonzero(weights).tolist())


def _objects(values: Sequence[Any]) -> np.ndarray:
    """An array of tuples, which NumPy would take for rows."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _ranks(scores: np.ndarray) -> np.ndarray:
    """1 for the largest; equal scores have the same rank."""
    return (scores[None] > scores[:, None]).sum(axis=1).astype(np.int32) + 1
