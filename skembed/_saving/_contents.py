"""What came out of a file: that estimators are whole, and that trees do not lead astray.

scikit-learn follows the nodes of a tree without looking whether they are there. A file that was
made by hand could so have memory read that is not the tree's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ._archive import RefusedError
from ._walk import walk


def check_contents(root: Any) -> None:
    """Refuse what is no estimator, lacks parameters, or holds a tree that leaves itself."""
    if not isinstance(root, BaseEstimator):
        raise RefusedError(f"it holds {type(root).__name__}, and no estimator")
    for name, value in walk(root):
        if isinstance(value, BaseEstimator):
            _check_estimator(name, value)
        elif type(value).__name__ == "TreePredictor":
            _check_predictor(name, value)


def _check_estimator(name: str, estimator: Any) -> None:
    missing = sorted(set(type(estimator)._get_param_names()) - set(vars(estimator)))
    if missing:
        kind = type(estimator).__name__
        raise RefusedError(f"its {kind} {name} lacks the parameters {', '.join(missing)}")
    if "tree_" in vars(estimator):
        _check_tree(name, estimator.tree_, estimator.n_features_in_)
    if "estimators_" in vars(estimator) and "estimators_features_" not in vars(estimator):
        for part in np.ravel(np.asarray(estimator.estimators_, dtype=object)):
            if "tree_" in vars(part) and part.n_features_in_ != estimator.n_features_in_:
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


def _check_predictor(name: str, predictor: Any) -> None:
    nodes = predictor.nodes
    sets = min(len(predictor.binned_left_cat_bitsets), len(predictor.raw_left_cat_bitsets))
    bad_set = (nodes["is_categorical"] != 0) & (nodes["bitset_idx"] >= sets)
    if bad_set.any() or not _is_tree(
        nodes["left"].astype(np.int64),
        nodes["right"].astype(np.int64),
        nodes["feature_idx"],
        leaf=nodes["is_leaf"] != 0,
        n_features=np.iinfo(np.int32).max,
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
