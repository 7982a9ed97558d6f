"""The base class of classifier and regressor on layers: selection, the final fit, decisions."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from .._carried import CarriesSettings
from .._choices import LAYER_SCALINGS, LAYER_SEARCHES
from .._sklearn_compat import EstimatorMixin, Interval, StrOptions
from ._arrays import check_finite, row_blocks
from ._layer_columns import LayerColumns, layer_columns
from ._layer_folds import Score
from ._layer_grams import Fold, LayerGrams
from ._layer_rows import embedders_of, fit_rows, rows_of_layers
from ._layer_scaling import Scaling, centre, scaling
from ._layer_search import Problem, Search, run
from ._layer_store import kept_grams

# Matrices of so few rows gain nothing by BLAS's threads, which wait for each other: where other
# programs run as well, a search of 20 sets took 76 s with two threads, and 6 s with one.
_FEW = 1_000


class LayerKernelModel(CarriesSettings, EstimatorMixin, BaseEstimator):
    """A linear model on layers that cross-validation has chosen."""

    embedder: Any
    layers: Any
    search: Any
    scaling: Any
    Cs: Any
    cv: Any
    scoring: Any
    max_layers: Any
    max_samples: Any
    cache: Any
    random_state: Any

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 - scikit-learn's protocol
        "embedder": "no_validation",  # embedders_of says better what is allowed
        "layers": [dict, Interval(Integral, 1, None, closed="left"), None],
        "search": [StrOptions(set(LAYER_SEARCHES)), list, tuple],
        "scaling": [StrOptions(set(LAYER_SCALINGS))],
        "Cs": ["array-like"],
        "cv": ["cv_object"],
        "scoring": [str, callable, None],
        "max_layers": [Interval(Integral, 1, None, closed="left")],
        "max_samples": [Interval(Integral, 2, None, closed="left"), None],
        "cache": ["boolean"],
        "random_state": ["random_state"],
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.embedder is not None:
            tags.input_tags.one_d_array = True
            tags.input_tags.two_d_array = False
            tags.input_tags.string = True
        return tags

    def _fit(
        self,
        X: np.ndarray,
        columns: LayerColumns,
        Y: np.ndarray,
        folds: Sequence[Fold] | None,
        solver: Any,
        score: Score,
        weight: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Choose layers and C, fit on all rows; return decisions of folds, and their rows."""
        weights, decisions, rows = self._choose(X, columns, Y, folds, solver, score, weight)
        # The Gram matrices are gone, which may have been large.
        self._learn(X, columns, Y, weights, self.C_, solver, weight)
        return decisions, rows

    def _choose(
        self,
        X: np.ndarray,
        columns: LayerColumns,
        Y: np.ndarray,
        folds: Sequence[Fold] | None,
        solver: Any,
        score: Score,
        weight: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Choose layers and C; return the layers' weights, decisions of folds, and their rows."""
        Cs = self._inverse_penalties()
        rows = self._rows_to_choose_by(Y, weight)
        with threadpool_limits(1 if len(rows) <= _FEW else None, user_api="blas"):
            problem = self._problem(X, columns, Y, folds, rows, solver, score, weight)
            search = Search(problem, Cs)
            run(search, self.search, columns, self.max_layers)
            candidate, at = search.best()
            weights, C = search.weights[candidate], Cs[at]
            alone = [problem.scores_of(one, [C]).means[0] for one in np.eye(len(columns))]
            held_out = list(problem.decisions(weights, [C]))
        self.layers_ = columns.slices()
        self.cv_results_ = search.results(columns.names)
        self.best_index_ = candidate * len(Cs) + at
        self.best_score_ = float(search.means[candidate, at])
        self.C_ = C
        self.layer_weights_ = dict(zip(columns.names, weights.tolist(), strict=True))
        self.layer_scores_ = dict(zip(columns.names, map(float, alone), strict=True))
        self.selected_layers_ = [columns.names[i] for i in np.flatnonzero(weights)]
        decisions = np.concatenate([of_C[0] for _, of_C in held_out])
        return weights, decisions, rows[np.concatenate([tested for tested, _ in held_out])]

    def _weight(self, sample_weight: Any, n: int) -> np.ndarray | None:
        """The checked weights of rows; None for equal ones.

        Raises
        ------
        ValueError
            If they are not one number a row, one is negative, all are 0, or the scaling takes none.
        """
        if sample_weight is None:
            return None
        if scaling(self.scaling).is_learned:
            raise ValueError(
                f"scaling={self.scaling!r} learns means and deviations that know no "
                "sample_weight; scaling='power' and 'none' learn none."
            )
        weight = check_array(
            sample_weight, ensure_2d=False, dtype="float64", input_name="sample_weight"
        )
        if weight.ndim == 0:
            weight = np.full(n, float(weight))
        if weight.shape != (n,):
            raise ValueError(
                f"sample_weight has the shape {weight.shape}; expected ({n},), one for each row."
            )
        if (weight < 0).any():
            raise ValueError(f"sample_weight has {weight.min()}; expected 0 or more.")
        if not weight.any():
            raise ValueError("All values of sample_weight are zero: no row counts.")
        return weight

    def _check_given(self, y: Any) -> None:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )

    def _input(self, X: Any) -> tuple[np.ndarray, LayerColumns]:
        """The rows to learn from, and their layers."""
        if self.embedder is None:
            X = self._validate(X, reset=True)
            names = getattr(self, "feature_names_in_", None)
            return X, layer_columns(self.layers, names, X.shape[1])
        if self.layers is not None:
            raise ValueError(
                "layers is for arrays; with an embedder, its own layers are taken."
            )
        self.embedders_ = embedders_of(self.embedder)
        rows, columns = fit_rows(self.embedders_, X)
        check_finite(rows, self)
        return _as_float(rows), columns

    def _decisions(self, X: Any) -> np.ndarray:
        """The decision for each row and output."""
        check_is_fitted(self)
        columns = LayerColumns(tuple(self.layers_), tuple(self.layers_.values()))
        chosen = [i for i, name in enumerate(columns.names) if name in self.coef_]
        if self.embedder is None:
            rows = self._validate(X, reset=False)
        else:
            rows, columns = rows_of_layers(self.embedders_, X, columns, chosen)
            check_finite(rows, self)
            rows = _as_float(rows)
        kind, where = scaling(self.scaling), columns.slices()
        out = np.tile(self.intercept_, (len(rows), 1))
        for block in row_blocks(rows):
            for name, coef in self.coef_.items():
                Z = kind.apply(rows[block, where[name]], self.scalers_[name])
                out[block] += Z @ coef.T
        return out

    def _validate(self, X: Any, *, reset: bool) -> np.ndarray:
        if _are_images(X):
            name = type(self).__name__
            raise ValueError(
                f"X holds images, and this {name} has no embedder: {name}('efficientnet_lite0') "
                "has one, and takes all its layers."
            )
        X = validate_data(
            self, X, dtype=[np.float64, np.float32], ensure_all_finite=False, reset=reset
        )
        check_finite(X, self)
        return X

    def _inverse_penalties(self) -> list[float]:
        Cs = np.asarray(self.Cs, float)
        if Cs.ndim != 1 or not len(Cs) or not (np.isfinite(Cs) & (Cs > 0)).all():
            raise ValueError(f"Cs={self.Cs!r}; expected one positive number or more.")
        return Cs.tolist()

    def _rows_to_choose_by(self, Y: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
        """All rows that count, or the same part of each class."""
        rows = np.arange(len(Y)) if weight is None else np.flatnonzero(weight)
        if self.max_samples is None or len(rows) <= self.max_samples:
            return rows
        order = rows[check_random_state(self.random_state).permutation(len(rows))]
        _, classes = np.unique(Y[order] > 0, axis=0, return_inverse=True)
        share = np.empty(len(order))
        for one in range(classes.max() + 1):
            members = np.flatnonzero(classes == one)
            share[members] = (np.arange(len(members)) + 0.5) / len(members)
        return np.sort(order[np.argsort(share, kind="stable")[: self.max_samples]])

    def _problem(
        self,
        X: np.ndarray,
        columns: LayerColumns,
        Y: np.ndarray,
        folds: Sequence[Fold] | None,
        rows: np.ndarray,
        solver: Any,
        score: Score,
        weight: np.ndarray | None,
    ) -> Problem:
        X = X if len(rows) == len(X) else X[rows]
        keep = partial(self._kept_grams, X, columns) if self.cache else None
        if folds is None:
            places = [(np.arange(len(rows)), np.arange(0))]
        else:
            places = [_places(rows, fold) for fold in folds]
        weight = None if weight is None else weight[rows]
        grams = LayerGrams(X, columns, scaling(self.scaling), places, weight, keep)
        return Problem(
            grams,
            Y[rows],
            solver,
            lambda decisions, at: score(decisions, rows[at]),
            weight,
            leave_out=folds is None,
        )

    def _kept_grams(
        self, X: np.ndarray, columns: LayerColumns, compute: Callable[[], np.ndarray]
    ) -> np.ndarray:
        with self._with_settings():
            return kept_grams(X, columns, self.scaling, compute)

    def _learn(
        self,
        X: np.ndarray,
        columns: LayerColumns,
        Y: np.ndarray,
        weights: np.ndarray,
        C: float,
        solver: Any,
        weight: np.ndarray | None,
    ) -> None:
        """Fit the chosen layers on all rows."""
        kind = scaling(self.scaling)
        chosen = np.flatnonzero(weights)
        widths = [X[:1, columns.columns[i]].shape[1] for i in chosen]
        ends = np.cumsum(widths)
        scalers, means, sizes = {}, [], []
        A = np.empty((len(X), ends[-1]), np.result_type(X, np.float32))
        for i, part in zip(chosen, np.split(A, ends[:-1], axis=1), strict=True):
            scaler, mean, variance = _scale_into(part, X[:, columns.columns[i]], kind, weight)
            size = float(np.sqrt(weights[i] / variance)) if variance > 0 else 0.0
            np.multiply(part, size, out=part)
            scalers[columns.names[i]] = scaler
            means.append(mean)
            sizes.append(size)
        coef, intercept = solver.fit(A, Y, C, weight)
        by_layer = [
            own * size
            for own, size in zip(np.split(coef, ends[:-1], axis=1), sizes, strict=True)
        ]
        self.scalers_ = scalers
        self.coef_ = dict(zip(scalers, by_layer, strict=True))
        shifts = [own @ mean for own, mean in zip(by_layer, means, strict=True)]
        self.intercept_ = intercept - np.sum(shifts, axis=0)

    def _without_embedder(self, layers: Mapping[str, slice]) -> Any:
        """Return a fitted model of rows, which decides as this one does of images.

        Parameters
        ----------
        layers : mapping of str to slice
            The columns of its rows, for the chosen layers at least.
        """
        of_rows: Any = copy.copy(self)
        of_rows.embedder, of_rows.layers_ = None, dict(layers)
        of_rows.n_features_in_ = max(columns.stop for columns in layers.values())
        return of_rows


def _scale_into(
    out: np.ndarray, Z: np.ndarray, kind: Scaling, weight: np.ndarray | None
) -> tuple[Any, np.ndarray, float]:
    """Write the scaled columns of a layer, less their means; return scaler, means and variance."""
    scaler = kind.fit(Z)
    out[:] = kind.apply(Z, scaler)
    return scaler, *centre(out, weight)


def _places(rows: np.ndarray, fold: Fold) -> Fold:
    """Where those rows of a fold that are used stand among those used.

    Raises
    ------
    ValueError
        If none of a part is.
    """
    train, test = (np.searchsorted(rows, np.intersect1d(rows, part)) for part in fold)
    if not len(train) or not len(test):
        raise ValueError(
            "A fold has no row to train on, or none to test, among those that layers are chosen "
            "by: at most max_samples, and none with a sample_weight of 0."
        )
    return train, test


def _as_float(rows: np.ndarray) -> np.ndarray:
    """Rows of an embedder, which are int8 where it quantises."""
    return rows if rows.dtype.kind == "f" else rows.astype(np.float32)


def _are_images(X: Any) -> bool:
    """Whether X is what an embedder would take, and no array of features."""
    if isinstance(X, list | tuple):
        first = X[0] if X else None
        return isinstance(first, str | os.PathLike) or getattr(first, "ndim", 0) == 3
    return getattr(X, "ndim", 0) == 4
