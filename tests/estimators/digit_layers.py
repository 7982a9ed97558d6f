"""Columns of chosen layers, which models on the sum of kernels are compared with; and kernels.

The kernels are asked for by themselves, because a model or its score does not show one of them.
"""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import FunctionTransformer, StandardScaler, normalize

from skembed import TernaryScaler
from skembed.estimators._layer_columns import layer_columns
from skembed.estimators._layer_grams import LayerGrams
from skembed.estimators._layer_scaling import scaling

N = 80  # of the 240 rows of digits, those that are learnt from
# What each value of `scaling` means, by transformers that are tested elsewhere.
SCALERS = {
    "power": lambda: FunctionTransformer(lambda Z: normalize(np.sign(Z) * np.sqrt(np.abs(Z)))),
    "none": FunctionTransformer,
    "standard": StandardScaler,
    "ternary": TernaryScaler,
}


def concatenated(clf, X_train, X, weight=None):
    """The chosen layers side by side, scaled, centred and weighted as the kernels' sum is."""
    parts = []
    for name in clf.selected_layers_:
        Z_train, Z = X_train[:, clf.layers_[name]], X[:, clf.layers_[name]]
        scaler = SCALERS[clf.scaling]().fit(Z_train)
        Z_train, Z = (np.asarray(scaler.transform(A), float) for A in (Z_train, Z))
        mean = np.average(Z_train, axis=0, weights=weight)
        size = np.average(np.square(Z_train - mean).sum(axis=1), weights=weight)
        parts.append((Z - mean) * np.sqrt(clf.layer_weights_[name] / size))
    return np.hstack(parts)


def kernels(X, layers, kind, fold, *weightings):
    """The kernels of a fold for each weighting of the layers: train by train, test by train."""
    columns = layer_columns(layers, None, X.shape[1])
    grams = LayerGrams(X, columns, scaling(kind), [fold])
    return [next(iter(grams.kernels(np.asarray(weights)))) for weights in weightings]
