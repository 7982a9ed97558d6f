"""Coefficients of a linear model, brought back through the steps before it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from ..estimators.discretizer import Discretizer
from ..estimators.row_space import RowSpaceProjector
from ..estimators.ternary_scaler import TernaryScaler

Weights = tuple[np.ndarray, np.ndarray]
_TERNARY = (
    "Features become -1, 0 or 1 as a whole, and no place in an image gives a part of such a value. "
    "With discretize=False the classifier sees what is linear in each place; or look at the maps "
    "of single features."
)


class NotLinearError(ValueError):
    """A step of a pipeline is not linear: coefficients cannot be brought back through it."""


@functools.singledispatch
def through(step: Any, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    """Return the coefficients and intercepts that give the same decisions before a fitted step.

    Parameters
    ----------
    step : transformer
        Fitted. A kind that is not registered is refused.
    coef : float64 array of shape (n_classes, n_features_out)
        For what the step gives.
    intercept : float64 array of shape (n_classes,)
        Beside them.

    Returns
    -------
    coef : float64 array of shape (n_classes, n_features_in)
        For what the step takes.
    intercept : float64 array of shape (n_classes,)
        Beside them.

    Raises
    ------
    NotLinearError
        If the step is not linear, or it is not known whether it is.
    """
    del coef, intercept
    raise NotLinearError(
        f"{type(step).__name__} is no step of which it is known that it is linear; known are "
        "StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, TernaryScaler(discretize=False),"
        " RowSpaceProjector, PCA, TruncatedSVD and selectors of features."
    )


def _scaled(
    coef: np.ndarray, intercept: np.ndarray, scale: Any = None, shift: Any = None
) -> Weights:
    """Through ``(x - shift) / scale``; None stands for 1 and 0."""
    if scale is not None:
        coef = coef / scale
    if shift is not None:
        intercept = intercept - coef @ shift
    return coef, intercept


@through.register
def _(step: StandardScaler, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    return _scaled(coef, intercept, step.scale_, step.mean_ if step.with_mean else None)


@through.register
def _(step: RobustScaler, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    return _scaled(coef, intercept, step.scale_, step.center_)


@through.register
def _(step: MaxAbsScaler, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    _refuse_clip(step)
    return _scaled(coef, intercept, step.scale_)


@through.register
def _(step: MinMaxScaler, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    _refuse_clip(step)
    return coef * step.scale_, intercept + coef @ step.min_


@through.register
def _(step: TernaryScaler, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    if step.discretize:
        raise NotLinearError(_TERNARY)
    return _scaled(coef, intercept, step.scale_, step.mean_)


@through.register
def _(step: Discretizer, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    raise NotLinearError(_TERNARY)


@through.register
def _(step: RowSpaceProjector, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    return step.coef_in_features(coef), intercept


@through.register
def _(step: PCA, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    if step.whiten:
        coef = coef / np.sqrt(step.explained_variance_)
    return _scaled(coef @ step.components_, intercept, shift=step.mean_)


@through.register
def _(step: TruncatedSVD, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    return coef @ step.components_, intercept


@through.register
def _(step: SelectorMixin, coef: np.ndarray, intercept: np.ndarray) -> Weights:
    kept = np.asarray(step.get_support())
    wide = np.zeros((len(coef), len(kept)))
    wide[:, kept] = coef
    return wide, intercept


def _refuse_clip(step: Any) -> None:
    if getattr(step, "clip", False):
        raise NotLinearError(
            f"{type(step).__name__}(clip=True) clips values, so it is not linear."
        )
