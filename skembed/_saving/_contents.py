"""What came out of a file: that estimators are whole, and that no number leads out of an array.

scikit-learn follows the nodes of a tree, and scipy the indices of a sparse matrix, without looking
whether they are there. A file that was made by hand could so have memory read that is not theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from ._archive import RefusedError
from ._compiled import compiled_parts_fit
from ._walk import walk


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
    if not compiled_parts_fit(estimator):
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
