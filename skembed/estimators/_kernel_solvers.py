"""Linear models in the space that training rows span: dual coefficients from a kernel.

Every solver takes the kernel of centred training rows, and gives for each C the coefficients of
these rows and the intercepts. So the decision for a row with centred kernel values k is
``k @ dual + intercept``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh, get_lapack_funcs
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from ._arrays import inner_products, weighted_rows

# Rows, or columns, up to which a square matrix of them is made: 3.2 GB in float64.
LARGEST = 20_000
# Rows up to which an eigen-decomposition, which takes 20 times as long as a solution, is made.
_LARGEST_EIGEN = 4_000


@dataclass(frozen=True, slots=True)
class Solution:
    """A linear model.

    Parameters
    ----------
    dual : float64 array of shape (n_train, n_outputs)
        The coefficients of the training rows.
    intercept : float64 array of shape (n_outputs,)
        The intercepts.
    left_out : float64 array of shape (n_train, n_outputs) or None
        The decision for each training row by the model of all others, where that was asked for.
    """

    dual: np.ndarray
    intercept: np.ndarray
    left_out: np.ndarray | None = None

    def decisions(self, K: np.ndarray) -> np.ndarray:
        """The decisions for rows, from their centred kernel with the training rows."""
        return K @ self.dual + self.intercept


class RidgeSolver:
    """Least squares with an L2 penalty of 1 / C, as scikit-learn's Ridge; any targets."""

    leaves_one_out = True
    takes_many_targets = True
    gives_probabilities = False

    def fit(self, A: np.ndarray, Y: np.ndarray, C: float) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (n_outputs, n_columns) and intercepts for rows of mean zero.

        By the kernel, or by the columns where these are fewer; beyond ``LARGEST`` of both by
        LSQR, which needs neither matrix.
        """
        if len(A) <= min(A.shape[1], LARGEST):
            return _by_kernel(self, A, Y, C)
        solver = "cholesky" if A.shape[1] <= LARGEST else "lsqr"
        model = Ridge(alpha=1 / C, solver=solver).fit(A, Y)
        return np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)

    def path(
        self, K: np.ndarray, Y: np.ndarray, Cs: Sequence[float], *, leave_out: bool = False
    ) -> Iterator[Solution]:
        """Yield a solution for each C; a single one overwrites K.

        The residual of a row that is left out is ``a_i / (G_ii - 1 / (n alpha))``, with ``a = G (Y
        - mean)``, ``G = (K + alpha I)^-1`` and the intercept's part of G taken off (Rifkin and
        Lippert 2007, "Notes on regularized least squares").
        """
        n, mean = len(K), Y.mean(axis=0)
        invert: Any = get_lapack_funcs("potri", (K,))
        for C in Cs:
            A = K if len(Cs) == 1 else K.copy()
            A.flat[:: n + 1] += 1 / C
            factor = cho_factor(A, lower=True, overwrite_a=True, check_finite=False)
            dual = cho_solve(factor, Y - mean, check_finite=False)
            left_out = None
            if leave_out:
                inverse, _ = invert(factor[0], lower=1, overwrite_c=1)
                left_out = Y - dual / (inverse.diagonal() - C / n)[:, None]
            yield Solution(dual, mean, left_out)

    def losses(self, decisions: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """The squared error of each row."""
        return np.square(decisions - Y).sum(axis=1)


class LogisticSolver:
    """Multinomial logistic regression, as scikit-learn's LogisticRegression.

    It is fitted on the rows' coordinates; one eigen-decomposition serves all C.
    """

    leaves_one_out = False
    takes_many_targets = False
    gives_probabilities = True

    def fit(self, A: np.ndarray, Y: np.ndarray, C: float) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (n_outputs, n_columns) and intercepts for rows of mean zero.

        On the rows' coordinates, or on the columns where these are fewer or rows are many.
        """
        if len(A) <= min(A.shape[1], _LARGEST_EIGEN):
            return _by_kernel(self, A, Y, C)
        model = LogisticRegression(C=C, max_iter=1000).fit(A, _classes(Y))
        return model.coef_, model.intercept_

    def path(
        self, K: np.ndarray, Y: np.ndarray, Cs: Sequence[float], *, leave_out: bool = False
    ) -> Iterator[Solution]:
        """Yield a solution for each C."""
        del leave_out
        values, vectors = eigh(K, driver="evd", check_finite=False)
        kept = values > len(K) * np.finfo(np.float64).eps * max(values[-1], 0)
        values, vectors = values[kept], vectors[:, kept]
        Z, to_dual = vectors * np.sqrt(values), vectors / np.sqrt(values)
        y = _classes(Y)
        for C in Cs:
            model = LogisticRegression(C=C, max_iter=1000)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(Z, y)
            yield Solution(
                *_for_all_outputs(
                    model.classes_,
                    to_dual @ model.coef_.T,
                    np.asarray(model.intercept_),
                    Y.shape[1],
                )
            )

    def losses(self, decisions: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """The negative logarithm of the probability of each row's class."""
        if decisions.shape[1] == 1:
            return np.logaddexp(0, -decisions * Y)[:, 0]
        own = decisions[np.arange(len(Y)), Y.argmax(axis=1)]
        return logsumexp(decisions, axis=1) - own


def _by_kernel(
    solver: Any, A: np.ndarray, Y: np.ndarray, C: float
) -> tuple[np.ndarray, np.ndarray]:
    (solution,) = solver.path(inner_products(A, A), Y, [C])
    return weighted_rows(solution.dual.T, A), solution.intercept


SOLVERS = {"ridge": RidgeSolver(), "logistic": LogisticSolver()}


def _classes(Y: np.ndarray) -> np.ndarray:
    """The class of each row, from targets of -1 and 1."""
    return (Y[:, 0] > 0).astype(int) if Y.shape[1] == 1 else Y.argmax(axis=1)


def _for_all_outputs(
    known: np.ndarray, dual: np.ndarray, intercept: np.ndarray, n_outputs: int
) -> tuple[np.ndarray, np.ndarray]:
    """A fold may lack a class: it gets the lowest decision."""
    if n_outputs == 1 or len(known) == n_outputs:
        return dual, intercept
    if len(known) == 2:
        dual, intercept = np.hstack([-dual, dual]), np.concatenate([-intercept, intercept])
    all_dual = np.zeros((len(dual), n_outputs))
    all_intercept = np.full(n_outputs, -1e6)
    all_dual[:, known], all_intercept[known] = dual, intercept
    return all_dual, all_intercept
