"""Gram matrices of layers: computed once, cut and centred for each fold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ._arrays import inner_products
from ._layer_columns import LayerColumns
from ._layer_scaling import Scaling, centred

# Below this part of a layer's largest inner product, variance is rounding.
_CONSTANT = 1e-6


@dataclass(frozen=True, slots=True)
class FoldGrams:
    """The kernels of all layers between the rows of a fold, centred on its training rows.

    Each is divided by its mean diagonal on the training rows, so that layers weigh the same
    whatever their width and size. A layer that is constant there has a kernel of zeros.

    Parameters
    ----------
    train : float32 array of shape (n_layers, n_train, n_train)
        Between training rows.
    test : float32 array of shape (n_layers, n_test, n_train)
        Between rows to test and training rows; no row to test has moved a centre or a size.
    """

    train: np.ndarray
    test: np.ndarray

    def combined(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The weighted sums of the kernels, float64: of training rows, and of rows to test."""
        chosen = np.flatnonzero(weights)
        sums = []
        for kernels in (self.train, self.test):
            total = np.zeros(kernels.shape[1:])
            for i in chosen:
                total += weights[i] * kernels[i]
            sums.append(total)
        return sums[0], sums[1]


class LayerGrams:
    """Kernels of the layers of some rows.

    Where a scaling learns nothing, one Gram matrix a layer serves all folds: centring is done on
    it, by the fold's training rows. Scaling each column by its deviation cannot be done on a Gram
    matrix, so a scaling that learns is fitted, and its kernels computed, in each fold.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        The rows.
    layers : LayerColumns
        Their layers.
    scaling : Scaling
        How they are scaled.
    keep : callable or None, default=None
        Takes a function that computes the Gram matrices of all rows, and returns these: from the
        store, where they are known.
    """

    def __init__(
        self,
        X: np.ndarray,
        layers: LayerColumns,
        scaling: Scaling,
        keep: Callable[[Callable[[], np.ndarray]], np.ndarray] | None = None,
    ):
        self.X, self.layers, self.scaling, self._keep = X, layers, scaling, keep

    def fold(self, train: np.ndarray, test: np.ndarray) -> FoldGrams:
        """The kernels of a fold, by the positions of its rows."""
        n_layers, n, m = len(self.layers), len(train), len(test)
        found = FoldGrams(
            np.empty((n_layers, n, n), np.float32), np.empty((n_layers, m, n), np.float32)
        )
        for i in range(n_layers):
            found.train[i], found.test[i] = _centred_gram(*self._parts(i, train, test))
        return found

    def _parts(
        self, i: int, train: np.ndarray, test: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Inner products of a layer: among training rows, and of rows to test with these."""
        if not self.scaling.is_learned:
            whole = self._uncentred[i]
            return whole[np.ix_(train, train)], whole[np.ix_(test, train)]
        columns = self.X[:, self.layers.columns[i]]
        fitted = self.scaling.fit(columns[train])
        A, B = (self.scaling.apply(columns[rows], fitted) for rows in (train, test))
        return inner_products(A, A), inner_products(B, A)

    @cached_property
    def _uncentred(self) -> np.ndarray:
        return self._compute() if self._keep is None else self._keep(self._compute)

    def _compute(self) -> np.ndarray:
        n = len(self.X)
        grams = np.empty((len(self.layers), n, n), np.float32)
        for i, columns in enumerate(self.layers.columns):
            Z = self.scaling.apply(self.X[:, columns], None)
            # Any shift leaves the centred kernels of all folds as they are; this one leaves
            # float32 the digits that the rows differ in.
            Z, _ = centred(Z)
            grams[i] = inner_products(Z, Z)
        return grams


def _centred_gram(K: np.ndarray, K_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inner products after the training rows' mean has been taken off, by mean diagonal 1."""
    K, K_test = K.astype(np.float64), K_test.astype(np.float64)
    largest = np.abs(K.diagonal()).max(initial=0)
    means, mean = K.mean(axis=0), K.mean()
    K_test = K_test - K_test.mean(axis=1, keepdims=True) - means + mean
    K = K - means - means[:, None] + mean
    size = K.trace() / len(K)
    if size <= _CONSTANT * largest:
        return np.zeros_like(K), np.zeros_like(K_test)
    return K / size, K_test / size
