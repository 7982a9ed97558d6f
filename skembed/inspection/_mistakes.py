"""Images that a classifier takes for another class, and labels that it does not believe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import Bunch, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from ..estimators.full_network import FullNetworkEmbedder
from ..evaluation import Evaluation, evaluate
from ..evaluation._classifiers import decisions_of
from ..evaluation._labels import as_labels
from ..images import as_items, describe
from ._readout import as_pipeline, of_layers


def confusions(clf: Any, X: Any, y: Any, *, cv: int | None = None, groups: Any = None) -> Bunch:
    """Return which images a classifier takes for another class.

    Parameters
    ----------
    clf : Pipeline, or search over one
        It begins with an embedder and ends with a classifier; fitted, unless `cv` is given.
    X : sequence of images, of length n_samples
        Images that `clf` was not fitted on, unless `cv` is given.
    y : array-like of shape (n_samples,)
        Their classes.
    cv : int, optional
        Predict each image by a clone of `clf` that was fitted on the other of so many folds, as
        ``skembed classify`` does. By default, `clf` predicts as it is.
    groups : array-like of shape (n_samples,), optional
        With `cv`, images of one group are never in both train and test; by default, exact copies
        of an image are a group.

    Returns
    -------
    Bunch
        With the attributes

        errors : pandas.DataFrame
            Indexed by the images' positions in X, the worst first: ``image`` (what a message
            calls it: the path, for a file), ``true``, ``predicted`` and ``score``, how far the
            decision for the predicted class lies above that for the true one.
        predictions : pandas.DataFrame of shape (n_samples, 4)
            The same of every image, in X's order; unreadable ones are left out. The score is 0
            where the prediction is right.
        matrix : pandas.DataFrame of shape (n_classes, n_classes)
            How many images of each class (rows) were taken for each class (columns).
        pairs : pandas.DataFrame
            Pairs of classes with the number of errors, ``true``, ``predicted`` and ``times``; the
            most frequent first.
        folds : pandas.Series or None
            With `cv`, the fold that tested each image, indexed by its position in X, from 0.

    Raises
    ------
    TypeError
        If `clf` is no such pipeline.
    NotFittedError
        If it is not fitted, and `cv` is not given.
    ValueError
        If X and y differ in length, a label is missing, or a class has fewer than two images, with
        `cv`.

    See Also
    --------
    label_suspects : Errors that may be the label's.
    ConfusionsDisplay : The picture.
    sklearn.metrics.ConfusionMatrixDisplay : The picture of `matrix`.

    Examples
    --------
    >>> from skimage import data
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import LinearSVC
    >>> from skembed import PretrainedEmbedder, inspection
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> clf = make_pipeline(PretrainedEmbedder(image_size=64), LinearSVC())
    >>> clf = clf.fit(X, ["cup", "cat", "person"])
    >>> found = inspection.confusions(clf, X, ["cup", "cat", "cat"])
    >>> found.errors[["true", "predicted"]]
      true predicted
    2  cat    person
    """
    pipeline, items, y = _checked(clf, X, y)
    if cv is not None:
        found, rows = _cross_validated(pipeline, items, y, cv, groups)
        counted = _confusions(items, rows, found.labels, found.classes, found.decisions)
        counted.folds = pd.Series(found.folds, index=rows, name="fold")
        return counted
    check_is_fitted(pipeline)
    classes = pipeline[-1].classes_
    own = np.isin(y, classes)
    if not own.all():
        raise ValueError(
            f"y holds {y[~own].tolist()[0]!r}, a class that clf was not fitted on."
        )
    rows = pipeline[:-1].transform(items)  # once, for decisions and predictions
    return _confusions(items, np.arange(len(y)), y, classes, decisions_of(pipeline[-1], rows))


def label_suspects(
    clf: Any, X: Any, y: Any, *, cv: int = 5, groups: Any = None
) -> pd.DataFrame:
    """Return the images whose label a cross-validated classifier does not believe.

    Parameters
    ----------
    clf : Pipeline, or search over one
        It begins with an embedder and ends with a classifier; fitted or not.
    X : sequence of images, of length n_samples
        Each goes through the network once, whatever the folds.
    y : array-like of shape (n_samples,)
        The labels.
    cv : int, default=5
        Folds; fewer are made where a class has fewer images.
    groups : array-like of shape (n_samples,), optional
        Images of one group are never in both train and test; by default, exact copies of an image
        are a group.

    Returns
    -------
    pandas.DataFrame
        Indexed by the images' positions in X, the worst first: ``image`` (the path, for a file),
        ``label``, ``suggested`` (the most probable class), ``probability`` of the label and
        ``suggested_probability``. Only images whose label is not the most probable class. In
        ``attrs["notes"]`` is what a reader has to know: fewer folds, copies, unreadable images.

    Raises
    ------
    TypeError
        If `clf` is no such pipeline.
    ValueError
        If X and y differ in length, a label is missing, or a class has fewer than two images.

    See Also
    --------
    confusions : Every error, by pairs of classes.

    Notes
    -----
    Probabilities are the softmax of the decisions of folds that have not seen the image, divided
    by the one number that gives the labels the highest likelihood (temperature scaling). So a
    classifier without probabilities, such as LinearSVC, has them too, and one that is too sure is
    corrected.

    A wrong label is among the first where most labels are right. An image that is merely
    difficult is there as well: look at it before its label is changed.

    Examples
    --------
    >>> from skimage import data
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skembed import PretrainedEmbedder, inspection
    >>> X = [
    ...     image[y : y + 140, :140]
    ...     for image in (data.brick(), data.grass())
    ...     for y in (0, 90, 180, 270)
    ... ]
    >>> labels = ["brick"] * 3 + ["grass"] * 5  # the fourth is of a wall
    >>> clf = make_pipeline(PretrainedEmbedder(image_size=64), LogisticRegression())
    >>> inspection.label_suspects(clf, X, labels)[["label", "suggested"]]
       label suggested
    3  grass     brick
    """
    pipeline, items, y = _checked(clf, X, y)
    found, rows = _cross_validated(pipeline, items, y, cv, groups)
    suspects = suspects_of(found)
    suspects.index = pd.Index(rows[suspects.index.to_numpy()])
    suspects.insert(0, "image", [describe(items[row]) for row in suspects.index])
    return suspects


def suspects_of(found: Evaluation) -> pd.DataFrame:
    """Return the suspects of an evaluation, without their images, by positions in it."""
    probabilities, classes = found.probabilities, found.classes
    own = np.searchsorted(classes, found.labels)
    best, row = probabilities.argmax(axis=1), np.arange(len(own))
    margin = probabilities[row, best] - probabilities[row, own]
    order = np.argsort(-margin, kind="stable")
    order = order[(best != own)[order]]
    table = pd.DataFrame(
        {
            "label": found.labels[order],
            "suggested": classes[best[order]],
            "probability": probabilities[order, own[order]],
            "suggested_probability": probabilities[order, best[order]],
        },
        index=order,
    )
    table.attrs["notes"] = list(found.notes)
    return table


def _checked(clf: Any, X: Any, y: Any) -> tuple[Pipeline, list[Any], np.ndarray]:
    pipeline = as_pipeline(clf)
    embedder: Any = pipeline[0]
    items = as_items(X, root=embedder.root)
    check_consistent_length(items, y)
    return pipeline, items, as_labels(y, len(items))


def _cross_validated(
    pipeline: Pipeline, items: list[Any], y: np.ndarray, cv: int, groups: Any
) -> tuple[Evaluation, np.ndarray]:
    """The evaluation of a pipeline, and the positions of the images that were readable."""
    embedder, classifier = _halves(pipeline)
    groups = None if groups is None else np.asarray(groups)
    found = evaluate(embedder, items, y, n_folds=cv, groups=groups, classifier=classifier)
    rows = np.arange(len(items))
    if embedder.on_error == "nan" and found.report is not None:
        rows = np.delete(rows, [image.row for image in found.report.unreadable])
    return found, rows


def _halves(pipeline: Pipeline) -> tuple[Any, Any]:
    """The part that learns nothing from images, and an unfitted classifier on its rows.

    What a FullNetworkEmbedder learns from its training images is learnt in each fold anew.
    """
    embedder, *rest = [step for _, step in pipeline.steps]
    if isinstance(embedder, FullNetworkEmbedder):
        rest = [embedder._new_scaler(), *rest]
        embedder = of_layers(embedder, embedder.layers)
    return embedder, clone(make_pipeline(*rest))


def _confusions(
    items: list[Any],
    rows: np.ndarray,
    y: np.ndarray,
    classes: np.ndarray,
    decisions: np.ndarray,
) -> Bunch:
    best, own = decisions.argmax(axis=1), np.searchsorted(classes, y)
    row = np.arange(len(y))
    predictions = pd.DataFrame(
        {
            "image": [describe(items[at]) for at in rows],
            "true": y,
            "predicted": classes[best],
            "score": decisions[row, best] - decisions[row, own],
        },
        index=rows,
    )
    order = np.argsort(-predictions["score"].to_numpy(), kind="stable")
    matrix = np.zeros((len(classes), len(classes)), int)
    np.add.at(matrix, (own, best), 1)
    return Bunch(
        errors=predictions.iloc[order[(best != own)[order]]],
        predictions=predictions,
        matrix=pd.DataFrame(
            matrix,
            index=pd.Index(classes, name="true"),
            columns=pd.Index(classes, name="predicted"),
        ),
        pairs=_pairs(matrix, classes),
        folds=None,
    )


def _pairs(matrix: np.ndarray, classes: np.ndarray) -> pd.DataFrame:
    true, predicted = np.nonzero(matrix * ~np.eye(len(matrix), dtype=bool))
    times = matrix[true, predicted]
    order = np.argsort(-times, kind="stable")
    return pd.DataFrame(
        {
            "true": classes[true[order]],
            "predicted": classes[predicted[order]],
            "times": times[order],
        }
    )
