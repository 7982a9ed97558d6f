"""TenCropClassifier: a classifier that sees each image by ten crops."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, cast

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    clone,
    is_classifier,
)
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from .._errors import ImageError
from .._sklearn_compat import EstimatorMixin, HasMethods, Interval, fit_context
from ..images import as_items
from ._class_scores import scoring_method
from ._crops import (
    N_CROPS,
    Source,
    color_space,
    fills_in,
    raising,
    root,
    takes_numbers_as_they_are,
    ten_crops,
)


def _classifier_has(method: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        getattr(getattr(self, "classifier_", self.classifier), method)
        return True

    return check


class TenCropClassifier(EstimatorMixin, MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """Classify images by ten crops each: the corners and the centre, and these mirrored.

    In training every crop is a row with its image's label; in prediction the crops of an image
    vote. Data are split by images, so the crops of one image are never on both sides of a fold.

    Parameters
    ----------
    embedder : transformer of images
        Such as :class:`PretrainedEmbedder` or :class:`FullNetworkEmbedder`, or a pipeline that
        begins with one.
    classifier : classifier
        Of the features.
    crop : float in (0, 1], default=0.875
        The side of the square crops as a part of the upright image's shorter side, rounded to
        a pixel: 224 of 256.

    Attributes
    ----------
    embedder_ : transformer
        The fitted clone of `embedder`; what it learnt, it learnt from the crops. Its `on_error`
        is ``"raise"`` where it was ``"nan"``: an image that cannot be read has no crops, and gets
        no label. With ``"mean"``, the mean of all crops stands for each of its ten.
    classifier_ : classifier
        The fitted clone of `classifier`.
    classes_ : array of shape (n_classes,)
        The labels, sorted.

    See Also
    --------
    PretrainedEmbedder : The last layer of a network.
    FullNetworkEmbedder : All layers; ten crops are part of its authors' code.

    Notes
    -----
    The embedder's own preparation follows the crop. One that takes the centre of its images,
    as ``"efficientnet_lite0"`` does, takes the centre of each crop; with ``resize="warp"`` it
    takes the whole crop.

    Crops are cut when the embedder reads them, in its threads; an image stays decoded only as
    long as one of its crops waits for the network. The embedder keeps each crop's row as it
    does an image's, so a second fit runs no network. It has to decode the images again.

    Images are decoded in full, whatever the embedder's `decoding`: crops are arrays of uint8 to it.
    A model without a preparation takes floats as they are, so with such a one floats are refused.

    Examples
    --------
    >>> from skimage import data
    >>> from sklearn.svm import LinearSVC
    >>> from skembed import PretrainedEmbedder, TenCropClassifier
    >>> X = [data.brick(), data.brick().T, data.grass(), data.grass().T]
    >>> model = TenCropClassifier(PretrainedEmbedder(image_size=64), LinearSVC())
    >>> model = model.fit(X, ["brick", "brick", "grass", "grass"])
    >>> model.predict([data.brick()[:300, :300]])
    array(['brick'], dtype='<U5')
    >>> model.predict_crops([data.grass()[:300, :300]]).shape
    (1, 10)
    """

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 - scikit-learn's protocol
        "embedder": [HasMethods(["fit", "transform"])],
        "classifier": [HasMethods(["fit", "predict"])],
        "crop": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, embedder: Any, classifier: Any, *, crop: float = 0.875) -> None:
        self.embedder = embedder
        self.classifier = classifier
        self.crop = crop

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags

    @fit_context(prefer_skip_nested_validation=False)  # what is nested is not ours to trust
    def fit(self, X: Any, y: Any) -> TenCropClassifier:
        """Fit the embedder, where it learns, and the classifier on ten crops of each image.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`PretrainedEmbedder.transform`.
        y : sequence of shape (n_samples,)
            A label for each image, of at least two classes.

        Returns
        -------
        TenCropClassifier
            Itself.

        Raises
        ------
        ImageError
            If an image cannot be read, unless the embedder has ``on_error="mean"``; the
            message has its row in X.
        ValueError
            If `y` is not one label an image, of two classes or more.
        """
        if not is_classifier(self.classifier):
            raise ValueError(f"classifier={self.classifier!r} is not a classifier.")
        items = as_items(X, root=root(self.embedder))
        y = _labels(y)
        check_consistent_length(items, y)
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError(
                f"y has one class ({classes.tolist()[0]!r}); a classifier needs at least two."
            )
        labels = np.repeat(y, N_CROPS)
        embedder = raising(self.embedder)
        features = self._embedded(
            embedder, items, lambda crops: _fit_transform(embedder, crops, labels)
        )
        classifier = cast(Any, clone(self.classifier)).fit(features, labels)
        self.embedder_, self.classifier_, self.classes_ = embedder, classifier, classes
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the label that most of an image's crops have.

        Where labels have equally many, the one with the highest score wins, the sum over the
        ten crops of the classifier's decision function or else its probability; without
        either, or where these are equal too, the one that comes first in `classes_`.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`fit`.

        Returns
        -------
        array of shape (n_samples,)
            Of the labels' dtype.
        """
        features = self._features(X)
        votes = self.classifier_.predict(features).reshape(-1, N_CROPS)
        counts = (votes[..., None] == self.classes_).sum(axis=1)
        tied = counts == counts.max(axis=1, keepdims=True)
        best = tied.argmax(axis=1)
        if (tied.sum(axis=1) > 1).any() and (scores := self._scores(features)) is not None:
            best = np.where(tied, scores, -np.inf).argmax(axis=1)
        return self.classes_[best]

    def predict_crops(self, X: Any) -> np.ndarray:
        """Return the label of each crop.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`fit`.

        Returns
        -------
        array of shape (n_samples, 10)
            Top left, top right, bottom left, bottom right, centre; then the same five, each
            mirrored left to right.
        """
        features = self._features(X)
        return self.classifier_.predict(features).reshape(-1, N_CROPS)

    @available_if(_classifier_has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mean of the crops' probabilities.

        Its largest entry need not be what :meth:`predict` says, which counts labels.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`fit`.

        Returns
        -------
        array of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        features = self._features(X)
        return _mean_over_crops(self.classifier_.predict_proba(features))

    @available_if(_classifier_has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the mean of the crops' decision functions.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`fit`.

        Returns
        -------
        array of shape (n_samples,) or (n_samples, n_columns)
            The columns are the classifier's.
        """
        features = self._features(X)
        return _mean_over_crops(self.classifier_.decision_function(features))

    def _features(self, X: Any) -> Any:
        """The rows of the ten crops of each image, image by image."""
        check_is_fitted(self)
        self._validate_params()
        items = as_items(X, root=root(self.embedder_))
        return self._embedded(self.embedder_, items, self.embedder_.transform)

    def _embedded(self, embedder: Any, items: list[Any], embed: Callable[[Any], Any]) -> Any:
        """What `embed` makes of the crops, or an error that names the row of an image."""
        sources, crops = ten_crops(
            items,
            self.crop,
            color_space(embedder),
            only_uint8=takes_numbers_as_they_are(embedder),
        )
        if fills_in(embedder):  # and tells which
            return embed(crops)
        try:
            features = embed(crops)
        except ValueError:  # an ImageError names the row of a crop
            _raise_first_error(sources)
            raise
        _raise_first_error(sources)  # which an embedder of another make may have swallowed
        return features

    def _scores(self, features: Any) -> np.ndarray | None:
        """The classifier's score of each image for each class, if it has one a class."""
        method = scoring_method(self.classifier_)
        if not method:
            return None
        scores = _mean_over_crops(getattr(self.classifier_, method)(features))
        return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores


def _labels(y: Any) -> np.ndarray:
    if y is None:
        raise ValueError("TenCropClassifier requires y to be passed, but the target y is None.")
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    return y


def _fit_transform(embedder: Any, crops: Any, labels: np.ndarray) -> Any:
    if hasattr(embedder, "fit_transform"):  # which may read the crops once instead of twice
        return embedder.fit_transform(crops, labels)
    return embedder.fit(crops, labels).transform(crops)


def _mean_over_crops(values: Any) -> np.ndarray:
    values = np.asarray(values)
    return values.reshape(-1, N_CROPS, *values.shape[1:]).mean(axis=1)


def _raise_first_error(sources: list[Source]) -> None:
    """Raise for the first image that could not be read, if there is one."""
    for source in sources:
        if source.error is not None:
            raise ImageError(
                f"Row {source.row}: {source.error} An image that cannot be read gets no label: "
                "leave its row out, or give the embedder on_error='mean'."
            ) from source.error
