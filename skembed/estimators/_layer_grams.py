"""Gram matrices of layers: computed once, added up, cut and centred for each fold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ._arrays import inner_products
from ._layer_columns import LayerColumns
from ._layer_scaling import Scaling, centre

Fold = tuple[np.ndarray, np.ndarray]

# Below this part of a layer's largest inner product, variance is rounding.
_CONSTANT = 1e-6
# Values of each Gram matrix that are added up at a time: with 50 layers, 13 MB in float32.
_BLOCK = 2**16


class LayerGrams:
    """Kernels of weighted layers, for the folds of some rows.

    Where a scaling learns nothing, one Gram matrix a layer serves all folds: centring is done on
    the sum, by the fold's training rows. Scaling each column by its deviation cannot be done on a
    Gram matrix, so a scaling that learns is fitted, and its inner products computed, in each fold.

    Parameters
    ----------
    X : float array of shape (n_samples, n_features)
        The rows.
    layers : LayerColumns
        Their layers.
    scaling : Scaling
        How they are scaled.
    folds : list of (train, test)
        Positions of rows.
    weight : float64 array of shape (n_samples,) or None, default=None
        What each row counts in means and sizes; positive.
    keep : callable or None, default=None
        Takes a function that computes the Gram matrices of all rows, and returns these: from the
        store, where they are known.

    Raises
    ------
    ValueError
        If the matrices take more memory than there is.
    """

    def __init__(
        self,
        X: np.ndarray,
        layers: LayerColumns,
        scaling: Scaling,
        folds: Sequence[Fold],
        weight: np.ndarray | None = None,
        keep: Callable[[Callable[[], np.ndarray]], np.ndarray] | None = None,
    ):
        self.folds = folds
        _check_memory(len(layers), len(X), len(folds) if scaling.is_learned else 1)
        weight = np.ones(len(X)) if weight is None else weight
        if scaling.is_learned:
            self._stacks = [_learned(X, layers, scaling, fold, weight) for fold in folds]
            return

        def compute() -> np.ndarray:
            return _gram_matrices(X, layers, lambda Z: _near_zero(scaling.apply(Z, None)))

        grams = compute() if keep is None else keep(compute)
        self._stacks = [_Stack(grams, folds, weight)]

    def kernels(self, weights: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the weighted sum of the layers' kernels for each fold.

        Each layer's kernel is divided by its mean diagonal on the training rows, so that layers
        weigh the same whatever their width and size; a layer that is constant there counts nothing.

        Parameters
        ----------
        weights : float64 array of shape (n_layers,)
            Of the layers.

        Yields
        ------
        K : float64 array of shape (n_train, n_train)
            Between training rows, centred on them.
        K_test : float64 array of shape (n_test, n_train)
            Between rows to test and training rows; no row to test has moved a centre or a size.
        """
        for stack in self._stacks:
            yield from stack.kernels(weights)


class _Stack:
    """Inner products of layers, float32 of shape (n_layers, n, n), and folds of their n rows."""

    def __init__(self, grams: np.ndarray, folds: Sequence[Fold], weight: np.ndarray):
        self._grams, self._folds = grams, folds
        self._shares = np.zeros((len(folds), len(weight)))
        for share, (train, _) in zip(self._shares, folds, strict=True):
            share[train] = weight[train] / weight[train].sum()
        self._sizes = np.stack([self._size(gram) for gram in grams], axis=1)

    def kernels(self, weights: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        scales = np.divide(
            weights, self._sizes, out=np.zeros_like(self._sizes), where=self._sizes > 0
        )
        for (train, test), share, total in zip(
            self._folds, self._shares, self._sums(scales), strict=True
        ):
            yield _centred_kernels(total, train, test, share[train])

    def _size(self, gram: np.ndarray) -> np.ndarray:
        """The mean diagonal of the centred kernel for each fold; 0 where a layer is constant."""
        diagonal = gram.diagonal().astype(np.float64)
        means = np.einsum("fi,fi->f", self._shares @ gram.astype(np.float64), self._shares)
        sizes = self._shares @ diagonal - means
        largest = np.where(self._shares > 0, np.abs(diagonal), 0).max(axis=1)
        return np.where(sizes > _CONSTANT * largest, sizes, 0)

    def _sums(self, scales: np.ndarray) -> np.ndarray:
        """The weighted sums of the matrices, a row of scales for each; one pass for all folds."""
        chosen = np.flatnonzero(scales.any(axis=0))
        n_layers, n, _ = self._grams.shape
        flat, scales = self._grams.reshape(n_layers, n * n), scales[:, chosen]
        if len(chosen) and chosen[-1] - chosen[0] + 1 == len(chosen):
            chosen = slice(chosen[0], chosen[-1] + 1)  # neighbours need not be copied
        sums = np.empty((len(scales), n * n))
        for start in range(0, n * n, _BLOCK):
            some = slice(start, start + _BLOCK)
            sums[:, some] = scales @ flat[chosen, some].astype(np.float64)
        return sums.reshape(-1, n, n)


def _check_memory(n_layers: int, n_samples: int, n_copies: int) -> None:
    """Refuse what the system would kill the process for."""
    one_row = 4 * n_layers * n_copies
    if one_row * n_samples**2 > (has := _memory()):
        fits = int(np.sqrt(has / 2 / one_row))
        raise ValueError(
            f"The Gram matrices of {n_layers} layers and {n_samples:,} rows take "
            f"{one_row * n_samples**2 / 1e9:,.0f} GB, and this machine has {has / 1e9:,.0f}: "
            f"max_samples={fits} takes half of it."
        )


def _memory() -> float:
    """The bytes of this machine's memory; infinite where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return np.inf


def _near_zero(Z: np.ndarray) -> np.ndarray:
    """Columns less their means.

    Any shift of the columns leaves the centred kernels of all folds as they are; this one leaves
    float32 the digits that the rows differ in.
    """
    Z = np.array(Z)
    centre(Z)
    return Z


def _learned(
    X: np.ndarray, layers: LayerColumns, scaling: Scaling, fold: Fold, weight: np.ndarray
) -> _Stack:
    """The inner products of a fold whose training rows a scaling has learnt from."""
    train, test = fold
    rows, n = np.concatenate(fold), len(train)

    def scaled(Z: np.ndarray) -> np.ndarray:
        return scaling.apply(Z, scaling.fit(Z[:n]))

    places = (np.arange(n), np.arange(n, n + len(test)))
    return _Stack(_gram_matrices(X[rows], layers, scaled), [places], weight[rows])


def _gram_matrices(
    X: np.ndarray, layers: LayerColumns, scaled: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The inner products of each layer, float32 of shape (n_layers, n_samples, n_samples)."""
    grams = np.empty((len(layers), len(X), len(X)), np.float32)
    for gram, columns in zip(grams, layers.columns, strict=True):
        Z = scaled(X[:, columns])
        gram[:] = inner_products(Z, Z)
    return grams


def _centred_kernels(
    total: np.ndarray, train: np.ndarray, test: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a fold's kernels from inner products, and take off the training rows' mean."""
    K, K_test = total[np.ix_(train, train)], total[np.ix_(test, train)]
    means = K @ share
    mean = means @ share
    K_test -= (K_test @ share)[:, None]
    K_test -= means - mean
    K -= means
    K -= (means - mean)[:, None]
    return K, K_test
