"""Shapes that scikit-learn's compiled code takes for granted, and a file can falsify.

Python's code looks at shapes, and NumPy at indices. What is given to C is believed: there, an array
that is shorter than its neighbours say is read, or written, beyond its end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

_LIBSVM = (SVC, SVR, NuSVC, NuSVR, OneClassSVM)
_BOOSTING = (GradientBoostingClassifier, GradientBoostingRegressor)
# Samples or centres of as many features as X has.
_AS_WIDE_AS_X = ("_fit_X", "cluster_centers_")


def compiled_parts_fit(estimator: Any) -> bool:
    """Whether the arrays of an estimator have the shapes that each expects of the others."""
    values = vars(estimator)
    widths = {np.shape(values[name])[-1] for name in _AS_WIDE_AS_X if name in values}
    if not widths <= {values.get("n_features_in_")}:
        return False
    if isinstance(estimator, _LIBSVM) and "support_" in values:
        return _support_vectors_fit(estimator)
    if isinstance(estimator, KNeighborsClassifier) and "_y" in values:
        return _labels_fit(estimator)
    if isinstance(estimator, _BOOSTING) and "estimators_" in values:
        return _stages_fit(estimator)
    return True


def _support_vectors_fit(machine: Any) -> bool:
    n, n_classes, dual = len(machine.support_), len(machine._n_support), machine._dual_coef_
    n_pairs = n_classes * (n_classes - 1) // 2
    vectors = machine.support_vectors_
    if machine.kernel == "precomputed":  # rows of X stand for them
        inside = bool(
            ((machine.support_ >= 0) & (machine.support_ < machine.shape_fit_[0])).all()
        )
    else:
        inside = vectors.shape == (n, machine.n_features_in_)
    return (
        inside
        and n_classes > 1
        and (not is_classifier(machine) or np.sum(machine._n_support) == n)
        and dual.shape == (n_classes - 1, n)
        and dual.size == (n_classes - 1) * n  # of a sparse matrix, what is stored
        and machine._intercept_.shape == (n_pairs,)
        and {len(machine._probA), len(machine._probB)} <= {0, n_pairs}
    )


def _labels_fit(neighbors: Any) -> bool:
    labels, n_classes = neighbors._y, neighbors.classes_
    if labels.ndim > 1:  # several columns: NumPy looks them up
        return True
    inside = (labels >= 0) & (labels < len(n_classes))
    return len(labels) == neighbors._fit_X.shape[0] and bool(inside.all())


def _stages_fit(boosting: Any) -> bool:
    """Whether there are as many sums as trees to a stage, which are added to them."""
    before = boosting._raw_predict_init(np.zeros((1, boosting.n_features_in_), np.float32))
    return np.shape(before) == (1, np.shape(boosting.estimators_)[1])
