"""Search among sets of layers and values of C: every candidate is a sum of small matrices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._errors import did_you_mean
from ._layer_columns import LayerColumns
from ._layer_grams import LayerGrams

# How fast the weights of earlier layers fade, as parts of the network's depth.
_FADING = (0.03, 0.06, 0.12, 0.24, 0.48)


@dataclass(frozen=True, slots=True)
class CandidateScores:
    """The scores of a candidate, and the time they took.

    Parameters
    ----------
    scores : float64 array of shape (n_Cs, n_folds)
        The larger, the better.
    fit_seconds, score_seconds : float64 array of shape (n_folds,)
        For all C together.
    """

    scores: np.ndarray
    fit_seconds: np.ndarray
    score_seconds: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """The mean score for each C."""
        return self.scores.mean(axis=1)


@dataclass(frozen=True, slots=True)
class Problem:
    """The task whose candidates are scored.

    Parameters
    ----------
    grams : LayerGrams
        Kernels, and the folds that they are for.
    Y : float64 array of shape (n_samples, n_outputs)
        The targets.
    solver : object
        One of ``_kernel_solvers.SOLVERS``.
    score : callable
        Takes decisions and the positions of their rows; the larger, the better.
    weight : float64 array of shape (n_samples,) or None, default=None
        What each row counts.
    leave_out : bool, default=False
        Whether each training row is left out in turn; a fold has no others to test then.
    """

    grams: LayerGrams
    Y: np.ndarray
    solver: Any
    score: Callable[[np.ndarray, np.ndarray], float]
    weight: np.ndarray | None = None
    leave_out: bool = False

    def decisions(
        self, weights: np.ndarray, Cs: Sequence[float]
    ) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
        """Yield for each fold its rows, and their decisions for each C by a model without them."""
        kernels = self.grams.kernels(weights)
        for (train, test), (K, K_test) in zip(self.grams.folds, kernels, strict=True):
            weight = None if self.weight is None else self.weight[train]
            path = self.solver.path(K, self.Y[train], Cs, weight, leave_out=self.leave_out)
            if self.leave_out:
                yield train, [solution.left_out for solution in path]
            else:
                yield test, [solution.decisions(K_test) for solution in path]

    def scores_of(self, weights: np.ndarray, Cs: Sequence[float]) -> CandidateScores:
        """Score the layers' weights with each C."""
        scores, seconds = [], [time.perf_counter()]
        for rows, of_Cs in self.decisions(weights, Cs):
            seconds.append(time.perf_counter())
            scores.append([self.score(decisions, rows) for decisions in of_Cs])
            seconds.append(time.perf_counter())
        spent = np.diff(seconds)
        return CandidateScores(np.array(scores).T, spent[::2], spent[1::2])


@dataclass(slots=True)
class Search:
    """The candidates that have been tried.

    Parameters
    ----------
    problem : Problem
        What scores them.
    Cs : sequence of float
        The values of C.
    """

    problem: Problem
    Cs: Sequence[float]
    weights: list[np.ndarray] = field(default_factory=list)
    scored: list[CandidateScores] = field(default_factory=list)

    def try_all(self, candidates: Iterable[np.ndarray]) -> None:
        """Score each candidate with each C."""
        for weights in candidates:
            self.try_one(weights)

    def try_one(self, weights: np.ndarray) -> float:
        """Score a candidate with each C, and return its best mean score."""
        self.weights.append(weights)
        self.scored.append(self.problem.scores_of(weights, self.Cs))
        return float(self.scored[-1].means.max())

    @property
    def means(self) -> np.ndarray:
        """The mean score of each candidate and C, of shape (n_candidates, n_Cs)."""
        return np.array([one.means for one in self.scored])

    def best(self) -> tuple[int, int]:
        """The candidate and the C that score best; among equals, the first candidate."""
        candidate, C = np.unravel_index(self.means.argmax(), self.means.shape)
        return int(candidate), int(C)

    def results(self, names: Sequence[str]) -> dict[str, Any]:
        """What was tried, as ``cv_results_`` of scikit-learn's searches."""
        pairs = [(i, C) for i in range(len(self.weights)) for C in self.Cs]
        layers = [_named(names, self.weights[i]) for i, _ in pairs]
        splits = np.concatenate([one.scores for one in self.scored])
        means = splits.mean(axis=1)
        return {
            **self._seconds("fit"),
            **self._seconds("score"),
            "param_layers": np.ma.masked_array(_objects(layers)),
            "param_C": np.ma.masked_array([C for _, C in pairs], dtype=float),
            "layer_weights": np.stack([self.weights[i] for i, _ in pairs]),
            "params": [
                {"layers": chosen, "C": C} for chosen, (_, C) in zip(layers, pairs, strict=True)
            ],
            **{f"split{i}_test_score": splits[:, i] for i in range(splits.shape[1])},
            "mean_test_score": means,
            "std_test_score": splits.std(axis=1),
            "rank_test_score": _ranks(means),
        }

    def _seconds(self, what: str) -> dict[str, np.ndarray]:
        """Mean and deviation over the folds; all C of a candidate took the same part of them."""
        spent = np.array([getattr(one, f"{what}_seconds") for one in self.scored])
        spent = np.repeat(spent / len(self.Cs), len(self.Cs), axis=0)
        return {f"mean_{what}_time": spent.mean(axis=1), f"std_{what}_time": spent.std(axis=1)}


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
