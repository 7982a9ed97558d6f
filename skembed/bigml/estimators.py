"""Deepnets as estimators of scikit-learn: they are trained, and only predict."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ._create import deepnet_of
from ._model import Deepnet
from ._settings import Settings
from ._weights import weights_of

_KINDS = {
    "numeric": "a regression: use DeepnetRegressor",
    "categorical": "a classifier: use DeepnetClassifier",
    "bounding_box": "an object detector: use bigml.create_model",
}


class _DeepnetEstimator(BaseEstimator):
    """What both estimators have: the deepnet's parameters, and no training."""

    _kind: str

    def __init__(
        self,
        spec: Any,
        *,
        settings: Settings | Mapping[str, Any] | None = None,
        feature_names: Sequence[str] | None = None,
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        self.spec = spec
        self.settings = settings
        self.feature_names = feature_names
        self.weights = weights

    def fit(self, X: Any, y: Any = None) -> NoReturn:
        """Refuse: a deepnet is trained already.

        Parameters
        ----------
        X, y : object
            Not looked at.

        Raises
        ------
        NotImplementedError
            Always. In what fits its estimators, as a search or a cross-validation does, wrap the
            deepnet: ``sklearn.frozen.FrozenEstimator(deepnet)``.
        """
        del X, y
        raise NotImplementedError(
            f"A {type(self).__name__} is trained already, and cannot be fitted: call predict. "
            "Where an estimator is fitted on the way (cross_val_score, Pipeline.fit), give "
            "sklearn.frozen.FrozenEstimator(deepnet)."
        )

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The names of the columns, in the order of a row."""
        names = self._names()
        if not names:
            raise AttributeError(
                "The document does not tell the names of its columns; give feature_names."
            )
        return np.array(names, object)

    @property
    def n_features_in_(self) -> int:
        """How many columns a row has."""
        return self._deepnet().n_columns

    def _deepnet(self) -> Deepnet:
        found = deepnet_of(self.spec, self.settings, weights_of(self.weights))
        if found.kind != self._kind:
            raise ValueError(f"{type(self).__name__} got {_KINDS[found.kind]}.")
        return found

    def _names(self) -> tuple[str, ...]:
        deepnet = self._deepnet()
        if self.feature_names is None:
            return deepnet.feature_names
        names = tuple(map(str, self.feature_names))
        if len(names) != deepnet.n_columns or len(set(names)) < len(names):
            raise ValueError(
                f"feature_names must be {deepnet.n_columns} different names, one for each column "
                f"of a row; got {list(names)}."
            )
        return names

    def _answers(self, X: Any) -> np.ndarray:
        return self._deepnet().answer(X, self._names())


class DeepnetClassifier(ClassifierMixin, _DeepnetEstimator):
    """A trained deepnet of BigML, as a classifier of scikit-learn.

    Parameters
    ----------
    spec : dict, str or path
        The document, or its JSON file (compressed by gzip or not).
    settings : dict, Settings or None, default=None
        How images come in; see :class:`Settings`.
    feature_names : sequence of str or None, default=None
        What the columns of a row are called, for documents that do not tell. Data frames are read
        by these names, in any order; without them, by position.
    weights : str or path, optional
        A file of weights that take the place of the document's; see :func:`create_model`.

    Attributes
    ----------
    classes_ : array of shape (n_classes,), object
        The classes, as texts.
    feature_names_in_ : array of shape (n_columns,), object
        The names of the columns; only where they are known.
    n_features_in_ : int
        How many columns a row has.

    See Also
    --------
    DeepnetRegressor : The same for numbers.
    create_model : The same as a function of rows.

    Notes
    -----
    `fit` is refused, for the deepnet is trained. A clone or a pickle holds the parameters only;
    the network is built once in a process.

    Examples
    --------
    >>> import pandas as pd
    >>> from skembed.bigml import DeepnetClassifier
    >>> spec = {
    ...     "preprocess": [{"type": "numeric", "index": 0, "mean": 10.0, "stdev": 2.0}],
    ...     "layers": [
    ...         {
    ...             "type": "dense",
    ...             "weights": [[-1.0, 1.0]],
    ...             "offset": [0.0, 0.0],
    ...             "activation_function": "softmax",
    ...         }
    ...     ],
    ...     "output_exposition": {"type": "categorical", "values": ["cold", "warm"]},
    ... }
    >>> deepnet = DeepnetClassifier(spec, feature_names=["temperature"])
    >>> deepnet.predict(pd.DataFrame({"temperature": [3, 20]}))
    array(['cold', 'warm'], dtype=object)
    >>> deepnet.predict_proba([[10.0]])
    array([[0.5, 0.5]], dtype=float32)
    """

    _kind = "categorical"

    @property
    def classes_(self) -> np.ndarray:
        """The classes, as texts, in the order of the probabilities."""
        return np.array(self._deepnet().classes, object)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class.

        Parameters
        ----------
        X : data frame, list of rows, or array of shape (n_rows, n_columns)
            Rows; None or NaN where a value is missing.

        Returns
        -------
        array of shape (n_rows, n_classes), float32
            Columns in the order of `classes_`.
        """
        return self._answers(X)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : data frame, list of rows, or array of shape (n_rows, n_columns)
            Rows; None or NaN where a value is missing.

        Returns
        -------
        array of shape (n_rows,), object
            Texts.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class DeepnetRegressor(RegressorMixin, _DeepnetEstimator):
    """A trained deepnet of BigML, as a regressor of scikit-learn.

    Parameters
    ----------
    spec : dict, str or path
        The document, or its JSON file (compressed by gzip or not).
    settings : dict, Settings or None, default=None
        How images come in; see :class:`Settings`.
    feature_names : sequence of str or None, default=None
        What the columns of a row are called, for documents that do not tell. Data frames are read
        by these names, in any order; without them, by position.
    weights : str or path, optional
        A file of weights that take the place of the document's; see :func:`create_model`.

    Attributes
    ----------
    feature_names_in_ : array of shape (n_columns,), object
        The names of the columns; only where they are known.
    n_features_in_ : int
        How many columns a row has.

    See Also
    --------
    DeepnetClassifier : The same for classes.
    create_model : The same as a function of rows.

    Examples
    --------
    >>> from skembed.bigml import DeepnetRegressor
    >>> spec = {
    ...     "preprocess": [{"type": "numeric", "index": 0, "mean": 10.0, "stdev": 2.0}],
    ...     "layers": [{"type": "dense", "weights": [[3.0]], "offset": [0.0]}],
    ...     "output_exposition": {"type": "numeric", "mean": 100.0, "stdev": 10.0},
    ... }
    >>> DeepnetRegressor(spec).predict([[12.0], [None]])
    array([130., 100.], dtype=float32)
    """

    _kind = "numeric"

    def predict(self, X: Any) -> np.ndarray:
        """Return a number for each row.

        Parameters
        ----------
        X : data frame, list of rows, or array of shape (n_rows, n_columns)
            Rows; None or NaN where a value is missing.

        Returns
        -------
        array of shape (n_rows,), float32
            Numbers, as the deepnet was trained on.
        """
        return self._answers(X)[:, 0]
