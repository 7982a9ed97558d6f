"""Small image estimators as other projects write them, which are right."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from skembed.testing import image_estimator_checks


class Stateless(TransformerMixin, BaseEstimator):
    """A transformer of images that learns nothing."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.requires_fit = False
        return tags


class MeanColour(Stateless):
    """The mean and standard deviation of each channel; stateless."""

    _parameter_constraints = {  # noqa: RUF012 - scikit-learn's protocol
        "scale": [StrOptions({"unit", "grey"})],
        "options": [dict, None],
    }

    def __init__(self, scale="unit", options=None):
        self.scale = scale
        self.options = options

    def fit(self, X, y=None):
        self._validate_params()
        self._images(X)
        return self

    def transform(self, X):
        return self._rows(self._images(X))

    def get_feature_names_out(self, input_features=None):
        names = [f"{kind}_{c}" for kind in ("mean", "std") for c in ("red", "green", "blue")]
        return np.array(names, dtype=object)

    def _rows(self, images):
        divisor = 255.0 if self.scale == "unit" else 1.0
        pixels = [image.reshape(-1, 3) / divisor for image in images]
        return np.array([[*p.mean(axis=0), *p.std(axis=0)] for p in pixels])

    def _images(self, X):
        return [self._decoded(row, item) for row, item in enumerate(self._items(X))]

    def _items(self, X):
        if isinstance(X, str | bytes) or getattr(X, "dtype", None) == np.uint8:
            raise TypeError("X is one image.")
        names = getattr(X, "column_names", getattr(X, "columns", None))
        if names is not None:
            X = X[names[0]]
        if hasattr(X, "to_pylist"):
            X = X.to_pylist()
        items = list(X)
        if not items:
            raise ValueError("X is empty.")
        return items

    def _decoded(self, row, item):
        if isinstance(item, np.ndarray) and item.ndim == 3 and item.shape[2] == 3:
            return item
        if isinstance(item, np.ndarray):
            raise ValueError(f"Row {row} has shape {item.shape}.")
        try:
            file = io.BytesIO(item) if isinstance(item, bytes) else item
            return np.asarray(Image.open(file).convert("RGB"))
        except OSError as error:
            raise ValueError(f"Row {row}: {error}") from error


class CentredColour(MeanColour):
    """The same minus the mean of the images it was fitted on; it learns."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        return tags

    def fit(self, X, y=None):
        self._validate_params()
        self.mean_ = self._rows(self._images(X)).mean(axis=0)
        return self

    def transform(self, X):
        check_is_fitted(self)
        return self._rows(self._images(X)) - self.mean_

    def get_feature_names_out(self, input_features=None):
        check_is_fitted(self)
        return super().get_feature_names_out()


class MeanForUnreadable(CentredColour):
    """What cannot be read gets a row of zeros, the mean of the others, and a warning."""

    def fit(self, X, y=None):
        self._validate_params()
        rows = self._rows(self._images(X))
        self.mean_ = np.nanmean(rows, axis=0)
        return self

    def transform(self, X):
        return np.nan_to_num(super().transform(X))

    def _decoded(self, row, item):
        try:
            return super()._decoded(row, item)
        except ValueError as error:
            if not isinstance(item, bytes):
                raise
            warnings.warn(str(error), UserWarning, stacklevel=2)
            return np.full((1, 1, 3), np.nan)


class NearestColour(ClassifierMixin, BaseEstimator):
    """The class whose mean colour is nearest: a classifier of images."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        return tags

    def fit(self, X, y):
        rows = MeanColour().transform(X)
        self.classes_ = np.unique(y)
        self.centres_ = np.array([rows[np.asarray(y) == c].mean(axis=0) for c in self.classes_])
        return self

    def predict(self, X):
        check_is_fitted(self)
        rows = MeanColour().transform(X)
        distances = np.linalg.norm(rows[:, None] - self.centres_, axis=2)
        return self.classes_[distances.argmin(axis=1)]


def default_images() -> list[np.ndarray]:
    """The images that checks use when none are given."""
    return image_estimator_checks(MeanColour())[0].case.images


def encoded_images() -> list[bytes]:
    """The default images as PNG files, which columns of pyarrow can hold."""
    encoded = []
    for image in default_images():
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        encoded.append(file.getvalue())
    return encoded
