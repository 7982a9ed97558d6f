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
# Cs from which on the eigenvalues of K, which serve all, take less time than factors: 13 times as
# long as one, and 5 to 6 times as long as one with its inverse (136 to 2,000 rows, one core).
_MANY, _MANY_LEFT_OUT = 16, 8
# Of LSQR's residual; scikit-learn's 1e-4 moves decisions in their second digit.
_TOLERANCE = 1e-6


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

    def fit(
        self, A: np.ndarray, Y: np.ndarray, C: float, weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (n_outputs, n_columns) and intercepts for rows of mean zero.

        By the kernel, or by the columns where these are fewer; beyond ``LARGEST`` of both by
        LSQR, which needs neither matrix. Weights are multiplied into A.
        """
        mean = np.average(Y, axis=0, weights=weight)
        targets, roots = _with_roots(Y - mean, weight)
        if roots is not None:
            A *= roots.astype(A.dtype)
        if len(A) <= min(A.shape[1], LARGEST):
            dual = _solution(inner_products(A, A), targets, C)
            return weighted_rows(dual.T, A), mean
        if A.shape[1] <= LARGEST:
            columns, moments = A.T, weighted_rows(targets.T, A).T
            return _solution(inner_products(columns, columns), moments, C).T, mean
        model = Ridge(alpha=1 / C, solver="lsqr", fit_intercept=False, tol=_TOLERANCE)
        return np.atleast_2d(model.fit(A, targets).coef_), mean

    def path(
        self,
        K: np.ndarray,
        Y: np.ndarray,
        Cs: Sequence[float],
        weight: np.ndarray | None = None,
        *,
        leave_out: bool = False,
    ) -> Iterator[Solution]:
        """Yield a solution for each C; K is overwritten.

        The residual of a row that is left out is ``a_i / (G_ii - p_i / alpha)``, with ``a = G (Y
        - mean)``, ``G = (K + alpha I)^-1`` and the row's part p_i of all weights, which is the
        intercept's part of G (Rifkin and Lippert 2007, "Notes on regularized least squares").
        With weights, rows of K and Y are multiplied by their roots, and a is divided by them.

        Of few C each has a Cholesky factor of its own; many share the eigenvalues of K.
        """
        mean = np.average(Y, axis=0, weights=weight)
        targets, roots = _with_roots(Y - mean, weight)
        share = np.full(len(K), 1 / len(K)) if weight is None else weight / weight.sum()
        if roots is not None:
            K *= roots
            K *= roots.T
        many = len(Cs) >= (_MANY_LEFT_OUT if leave_out else _MANY)
        solve = _by_eigenvalues if many else _by_factors
        for C, (dual, diagonal) in zip(
            Cs, solve(K, targets, Cs, inverse=leave_out), strict=True
        ):
            left_out = None
            if leave_out:
                residuals = dual / (diagonal - C * share)[:, None]
                left_out = Y - (residuals if roots is None else residuals / roots)
            yield Solution(dual if roots is None else dual * roots, mean, left_out)

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

    def fit(
        self, A: np.ndarray, Y: np.ndarray, C: float, weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients (n_outputs, n_columns) and intercepts for rows of mean zero.

        On the rows' coordinates, or on the columns where these are fewer or rows are many.
        """
        if len(A) <= min(A.shape[1], _LARGEST_EIGEN):
            (solution,) = self.path(inner_products(A, A), Y, [C], weight)
            return weighted_rows(solution.dual.T, A), solution.intercept
        model = LogisticRegression(C=C, max_iter=1000).fit(A, _classes(Y), weight)
        return model.coef_, model.intercept_

    def path(
        self,
        K: np.ndarray,
        Y: np.ndarray,
        Cs: Sequence[float],
        weight: np.ndarray | None = None,
        *,
        leave_out: bool = False,
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
                model.fit(Z, y, weight)
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


def _with_roots(
    targets: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Targets times the roots of weights, and the roots as a column."""
    if weight is None:
        return targets, None
    roots = np.sqrt(weight)[:, None]
    return targets * roots, roots


def _by_factors(
    K: np.ndarray, targets: np.ndarray, Cs: Sequence[float], *, inverse: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield ``G targets`` and the diagonal of ``G = (K + I / C)^-1``, where it is asked for."""
    invert: Any = get_lapack_funcs("potri", (K,))
    for i, C in enumerate(Cs, start=1):
        factor = _factor(K if i == len(Cs) else K.copy(), C)
        dual = cho_solve(factor, targets, check_finite=False)
        yield dual, invert(factor[0], lower=1, overwrite_c=1)[0].diagonal() if inverse else dual


def _by_eigenvalues(
    K: np.ndarray, targets: np.ndarray, Cs: Sequence[float], *, inverse: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The same, of one decomposition."""
    values, vectors = eigh(K, driver="evd", overwrite_a=True, check_finite=False)
    turned = vectors.T @ targets
    squares = np.square(vectors) if inverse else vectors
    for C in Cs:
        if values[0] + 1 / C <= 0:
            raise _too_weak(C)
        shrunk = 1 / (values + 1 / C)
        yield vectors @ (shrunk[:, None] * turned), squares @ shrunk


def _factor(K: np.ndarray, C: float) -> tuple[np.ndarray, bool]:
    """The Cholesky factor of K + I / C, in the place of the symmetric K."""
    K.flat[:: len(K) + 1] += 1 / C
    try:
        # LAPACK takes columns, and would copy rows; of a symmetric matrix they are the same.
        return cho_factor(K.T, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:
        raise _too_weak(C) from None


def _too_weak(C: float) -> ValueError:
    return ValueError(
        f"C={C:g} is too large: its penalty is below the rounding of the kernels, which are kept "
        "in float32; give smaller Cs."
    )


def _solution(K: np.ndarray, targets: np.ndarray, C: float) -> np.ndarray:
    """``(K + I / C)^-1 targets``, in the place of K."""
    return cho_solve(_factor(K, C), targets, check_finite=False)


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
