"""Small parts for TenCropClassifier: embedders, classifiers and images whose votes are known."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression

from skembed import PretrainedEmbedder, TenCropClassifier

SIZE = 64


def ten_crop_model(classifier=None, **options) -> TenCropClassifier:
    embedder = PretrainedEmbedder(**{"image_size": SIZE, **options})
    return TenCropClassifier(embedder, classifier or LogisticRegression(max_iter=1000))


class FirstPixels(TransformerMixin, BaseEstimator):
    """An embedder of another make: the first three values of an image; keeps what it saw."""

    def fit(self, X, y=None):
        self.seen_ = [np.asarray(x) for x in X]
        self.labels_ = y
        return self

    def transform(self, X):
        return np.array([np.asarray(x).ravel()[:3] for x in X], dtype=float)


class Threshold(ClassifierMixin, BaseEstimator):
    """Says by the first feature alone: below 100 the first class, below 200 the second, ..."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(X[:, 0] // 100).astype(int)]


class Rows(Threshold):
    """The same; keeps the rows that it learns from."""

    def fit(self, X, y):
        self.rows_ = X
        return super().fit(X, y)


class Scored(Threshold):
    """The same, with a decision function that is the second and the third feature."""

    def decision_function(self, X):
        if len(self.classes_) == 2:
            return X[:, 1] - X[:, 2]
        return np.stack([np.zeros(len(X)), X[:, 1], X[:, 2]], axis=1)


def ten_crops(pictures, fraction=0.875) -> list[np.ndarray]:
    """The four corners of each picture and its centre, and these mirrored."""
    crops = []
    for picture in pictures:
        height, width = picture.shape[:2]
        side = round(fraction * min(height, width))
        down, right = height - side, width - side
        places = [(0, 0), (0, right), (down, 0), (down, right)]
        places.append((round(down / 2), round(right / 2)))
        five = [picture[top : top + side, left : left + side] for top, left in places]
        crops += [*five, *(crop[:, ::-1] for crop in five)]
    return crops


def quartered(*values, side=8) -> np.ndarray:
    """An image of four flat quarters: top left, top right, bottom left, bottom right."""
    image = np.zeros((2 * side, 2 * side, 3), np.uint8)
    for (top, left), value in zip([(0, 0), (0, 1), (1, 0), (1, 1)], values, strict=True):
        image[top * side :, left * side :][:side, :side] = value
    return image
