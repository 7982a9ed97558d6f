"""Image estimators of which each has one mistake that somebody has made somewhere."""

from __future__ import annotations

import numpy as np
from image_estimators import CentredColour, MeanColour, MeanForUnreadable, Stateless
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted


class DropsUnreadable(MeanColour):
    def _images(self, X):
        images = []
        for row, item in enumerate(self._items(X)):
            try:
                images.append(self._decoded(row, item))
            except ValueError:
                continue
        return images


class ZeroForUnreadable(MeanColour):
    def _decoded(self, row, item):
        try:
            return super()._decoded(row, item)
        except ValueError:
            return np.zeros((8, 8, 3), np.uint8)


class SaysNotWhichRow(MeanColour):
    def _decoded(self, row, item):
        try:
            return super()._decoded(row, item)
        except ValueError:
            raise ValueError("An image cannot be read.") from None


class WarnsNotWhichRow(MeanForUnreadable):
    def _decoded(self, row, item):
        return super()._decoded("?", item)


class LearnsFromUnreadable(MeanForUnreadable):
    def fit(self, X, y=None):
        super().fit(X)
        rows = self._rows(self._images(X))
        self.mean_ = np.nan_to_num(rows).mean(axis=0)
        return self


class CentresOnTheBatch(MeanColour):
    def _rows(self, images):
        rows = super()._rows(images)
        return rows - rows.mean(axis=0)


class AddsThePosition(MeanColour):
    def _rows(self, images):
        rows = super()._rows(images)
        return rows + np.arange(len(rows))[:, None]


class MergesRepeated(MeanColour):
    def _images(self, X):
        images = super()._images(X)
        return list({image.tobytes(): image for image in images}.values())


class FlatForOne(MeanColour):
    def _rows(self, images):
        rows = super()._rows(images)
        return rows[0] if len(rows) == 1 else rows


class GivesNaN(MeanColour):
    def _rows(self, images):
        rows = super()._rows(images)
        rows[:, 0] = np.nan
        return rows


class GivesObjects(MeanColour):
    def _rows(self, images):
        return super()._rows(images).astype(object)


class WritesToImages(MeanColour):
    def _rows(self, images):
        for image in images:
            image[0, 0] = 0
        return super()._rows(images)


class MutatesAParameter(MeanColour):
    def fit(self, X, y=None):
        self.options["fitted"] = True
        return super().fit(X)


class ReplacesAParameter(MeanColour):
    def fit(self, X, y=None):
        self.options = {}
        return super().fit(X)


class AddsAPublicAttribute(MeanColour):
    def fit(self, X, y=None):
        self.width = 6
        return super().fit(X)


class SetsAnAttributeInInit(MeanColour):
    def __init__(self, scale="unit", options=None):
        super().__init__(scale, options)
        self.network = "built"


class ChecksInInit(MeanColour):
    def __init__(self, scale="unit", options=None):
        if scale not in ("unit", "grey"):
            raise ValueError(scale)
        super().__init__(scale, options)


class ChecksNoParameter(MeanColour):
    def fit(self, X, y=None):
        return self


class ReturnsNothingFromFit(MeanColour):
    def fit(self, X, y=None):
        super().fit(X)


class LearnsMoreEachFit(CentredColour):
    def fit(self, X, y=None):
        fits = getattr(self, "fits_", 0) + 1
        super().fit(X)
        self.fits_ = fits
        self.mean_ = self.mean_ * fits
        return self


class CountsItsCalls(MeanColour):
    def _rows(self, images):
        self.calls_ = getattr(self, "calls_", 0) + 1
        return super()._rows(images)


class FitTransformDiffers(MeanColour):
    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X) * 2


class SaysStatelessAndLearns(CentredColour):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class SaysItLearnsAndIsStateless(MeanColour):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        return tags


class CarriesItsNetwork(MeanColour):
    def fit(self, X, y=None):
        self._network = np.random.default_rng(0).bytes(100_000)
        return super().fit(X)


class CannotBePickled(MeanColour):
    def fit(self, X, y=None):
        self._network = lambda pixels: pixels
        return super().fit(X)


class ForgetsWhenPickled(CentredColour):
    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "mean_": np.zeros(6)} if "mean_" in state else state


class TakesListsOnly(MeanColour):
    def _items(self, X):
        if not isinstance(X, list):
            raise TypeError("X must be a list.")
        return super()._items(X)


class TakesTheColumnNameForAnImage(MeanColour):
    def _items(self, X):
        if hasattr(X, "columns"):
            return list(X)
        return super()._items(X)


class RepeatsAName(MeanColour):
    def get_feature_names_out(self, input_features=None):
        return np.array(["mean"] * 3 + ["std"] * 3, dtype=object)


class NamesTooFew(MeanColour):
    def get_feature_names_out(self, input_features=None):
        return super().get_feature_names_out()[:-1]


class HasNoNames(Stateless):
    def fit(self, X, y=None):
        MeanColour().fit(X)
        return self

    def transform(self, X):
        return MeanColour().transform(X)


class LosesTheIndex(MeanColour, auto_wrap_output_keys=None):
    def set_output(self, *, transform=None):
        self._as_frame = transform is not None
        return self

    def transform(self, X):
        rows = super().transform(X)
        if not getattr(self, "_as_frame", False):
            return rows
        import pandas as pd

        return pd.DataFrame(rows, columns=self.get_feature_names_out())


class ClonesWithoutParameters(MeanColour):
    def __sklearn_clone__(self):
        return type(self)()


class TakesALoneImage(MeanColour):
    def _items(self, X):
        if getattr(X, "dtype", None) == np.uint8:
            return [X]
        return super()._items(X)


class TakesATable(MeanColour):
    def _decoded(self, row, item):
        if isinstance(item, np.ndarray) and item.ndim == 1:
            return np.zeros((1, 1, 3), np.uint8)
        return super()._decoded(row, item)


class TakesNothing(MeanColour):
    def _items(self, X):
        return super()._items(X) if len(X) else []

    def _rows(self, images):
        return super()._rows(images) if images else np.zeros((0, 6))


class MixinComesLast(BaseEstimator, TransformerMixin):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags = MeanColour().__sklearn_tags__().transformer_tags
        tags.requires_fit = False
        return tags

    fit, transform = HasNoNames.fit, HasNoNames.transform
    get_feature_names_out = MeanColour.get_feature_names_out


class StandardisesByTestSet(CentredColour):
    def transform(self, X):
        check_is_fitted(self)
        rows = self._rows(self._images(X))
        return (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-9)
