"""The base class of embedders whose columns are channels of a network's layers."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._choices import POOLINGS
from .._sklearn_compat import StrOptions
from ._image_transformer import ImageTransformer


class LayerEmbedder(ImageTransformer):
    """An embedder each of whose columns is a channel of a layer, pooled over space."""

    layers: Any
    pooling: Any

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 - scikit-learn's protocol
        **ImageTransformer._parameter_constraints,
        "layers": [str, Integral, list, tuple],
        "pooling": [StrOptions(set(POOLINGS))],
    }

    @property
    def layer_slices_(self) -> dict[str, slice]:
        """The columns of each layer."""
        return self._checked_spec().network.layer_slices

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for each column: ``block1_conv1__017``, or the class of a prediction.

        Parameters
        ----------
        input_features : ignored
            Present for scikit-learn's sake.

        Returns
        -------
        array of str, of shape (n_features,)
            Unique names, in the order of the columns.
        """
        check_is_fitted(self)
        return np.asarray(self._checked_spec().network.feature_names, dtype=object)

    @property
    def _layers(self) -> Any:
        return self.layers

    @property
    def _pooling(self) -> str:
        return self.pooling
