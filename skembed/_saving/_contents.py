"""Checks of what a file holds: estimators are complete, and no index points outside an array.

scikit-learn follows the nodes of a tree without looking whether they are there, scipy does so with
the indices of a sparse matrix, and compiled code believes what it is told of shapes. A file that
was made by hand could so have memory read, or written, that is not theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from ._archive import RefusedError

_LIBSVM = (SVC, SVR, NuSVC, NuSVR, OneClassSVM)
_BOOSTING = (GradientBoostingClassifier, GradientBoostingRegressor)
# Samples or centres of as many features as X has.
_AS_WIDE_AS_X = ("_fit_X", "cluster_centers_")


def check_contents(root: Any) -> None:
    """Refuse what is no estimator, lacks parameters, or would have foreign memory read."""
    if not isinstance(root, BaseEstimator):
        raise RefusedError(f"it holds {type(root).__name__}, and no estimator")
    for name, value in walk(root):
        if isinstance(value, BaseEstimator):
            _check_estimator(name, value)
        elif sparse.issparse(value) and hasattr(value, "check_format"):
            _check_sparse(name, value)


def _check_sparse(name: str, matrix: Any) -> None:
    try:
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise RefusedError(f"its sparse matrix {name} is damaged ({error})") from None


def _check_estimator(name: str, estimator: Any) -> None:
    kind, values = type(estimator).__name__, vars(estimator)
    missing = sorted(set(type(estimator)._get_param_names()) - set(values))
    if missing:
        raise RefusedError(f"its {kind} {name} lacks the parameters {', '.join(missing)}")
    if not _compiled_parts_fit(estimator):
        raise RefusedError(f"the parts of its {kind} {name} do not fit together")
    if "tree_" in values:
        _check_tree(name, estimator.tree_, estimator.n_features_in_)
    if "estimators_" in values:
        _check_estimators(name, estimator)
    for i, predictor in enumerate(np.ravel(np.asarray(values.get("_predictors", []), object))):
        _check_predictor(f"{name}._predictors[{i}]", predictor, estimator.n_features_in_)


def _check_estimators(name: str, estimator: Any) -> None:
    """Trees within a forest are not asked whether they know so many features."""
    n_features = getattr(estimator, "_max_features", estimator.n_features_in_)
    for part in np.ravel(np.asarray(estimator.estimators_, dtype=object)):
        if "tree_" in getattr(part, "__dict__", ()) and part.n_features_in_ != n_features:
            raise RefusedError(f"{name}.estimators_ are of another number of features")


def _check_tree(name: str, tree: Any, n_features: int) -> None:
    # The capacity is what was allocated; the arrays below are as long as the count says.
    sound = tree.node_count <= tree.capacity and tree.n_features == n_features
    if not sound or not _is_tree(
        tree.children_left,
        tree.children_right,
        tree.feature,
        leaf=tree.children_left == -1,
        n_features=n_features,
    ):
        raise RefusedError(f"its tree {name}.tree_ is damaged")


def _check_predictor(name: str, predictor: Any, n_features: int) -> None:
    nodes = predictor.nodes
    # No file of ours has categories: their encoder holds a function, which is not let in.
    if nodes["is_categorical"].any() or not _is_tree(
        nodes["left"].astype(np.int64),
        nodes["right"].astype(np.int64),
        nodes["feature_idx"],
        leaf=nodes["is_leaf"] != 0,
        n_features=n_features,
    ):
        raise RefusedError(f"its tree {name} is damaged")


def _is_tree(
    left: np.ndarray,
    right: np.ndarray,
    feature: np.ndarray,
    *,
    leaf: np.ndarray,
    n_features: int,
) -> bool:
    """Whether each inner node has children further on, and a feature that exists."""
    n, inner = len(left), np.flatnonzero(~leaf)
    children = (left[inner], right[inner])
    further = all(((child > inner) & (child < n)).all() for child in children)
    features = feature[inner]
    return bool(n and further and ((features >= 0) & (features < n_features)).all())


def walk(root: Any) -> Iterator[tuple[str, Any]]:
    """Yield each object with what leads to it, such as ``steps[0][1].backbone``, once.

    >>> from sklearn.pipeline import make_pipeline
    >>> [name for name, value in walk(make_pipeline("drop")) if value == "drop"]
    ['steps[0][1]']
    """
    waiting = [("", root)]
    seen: set[int] = set()
    while waiting:
        name, value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield name, value
        waiting.extend(_parts(name, value))


def _parts(name: str, value: Any) -> Iterable[tuple[str, Any]]:
    if _has_parts(value):
        return [(f"{name}.{key}".lstrip("."), part) for key, part in vars(value).items()]
    if isinstance(value, dict):
        return [(f"{name}[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [(f"{name}{list(where)}", part) for where, part in np.ndenumerate(value)]
    if isinstance(value, list | tuple):
        return [(f"{name}[{i}]", part) for i, part in enumerate(value)]
    return []


def _has_parts(value: Any) -> bool:
    """Whether to look into an object: estimators, and scikit-learn's own that hold some of them."""
    if isinstance(value, type) or not hasattr(value, "__dict__"):
        return False
    ours = type(value).__module__.partition(".")[0] == "sklearn" and not isinstance(value, dict)
    return ours or isinstance(value, BaseEstimator)


def _compiled_parts_fit(estimator: Any) -> bool:
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
