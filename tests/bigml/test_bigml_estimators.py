"""Deepnets in scikit-learn."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from deepnets import classifier, dense
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score
from sklearn.utils.validation import check_is_fitted

import skembed
from skembed.bigml import DeepnetClassifier, DeepnetRegressor, create_model

FLOWERS = {
    "preprocess": [
        {"type": "numeric", "index": 1, "mean": 2.0, "stdev": 4.0},
        {"type": "categorical", "index": 0, "values": ["1", "2"]},
    ],
    "layers": [dense([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]], None, "softmax")],
    "output_exposition": {"type": "categorical", "values": ["left", "right"]},
}
NAMES = ["kind", "length"]
DEEPNET = DeepnetClassifier(FLOWERS, feature_names=NAMES)
ROWS = [[1, 2.0], [2, 6.0], [None, None], [1, -10.0]]


def expected(rows):
    x = np.array([
        [0.0 if length is None else (length - 2) / 4, kind == 1, kind == 2]
        for kind, length in rows
    ])  # fmt: skip
    e = np.exp(x @ [[1, 0], [0, 2], [3, 0]])
    return e / e.sum(1, keepdims=True)


def test_rows_and_frames_of_all_libraries():
    proba = expected(ROWS)
    columns = dict(zip(NAMES, zip(*ROWS, strict=True), strict=True))
    # pandas makes floats of integers where one is missing
    for X in (ROWS, pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)):
        np.testing.assert_allclose(DEEPNET.predict_proba(X), proba, rtol=1e-6)
    shuffled = pd.DataFrame(columns)[["length", "kind"]].assign(other="x")
    np.testing.assert_allclose(DEEPNET.predict_proba(shuffled), proba, rtol=1e-6)
    assert DEEPNET.predict(ROWS).tolist() == ["right", "left", "left", "right"]


def test_attributes():
    assert DEEPNET.classes_.tolist() == ["left", "right"]
    assert DEEPNET.feature_names_in_.tolist() == NAMES
    assert DEEPNET.n_features_in_ == 2
    unnamed = DeepnetClassifier(FLOWERS)
    assert not hasattr(unnamed, "feature_names_in_")
    by_position = pd.DataFrame(ROWS, columns=["a", "b"])
    np.testing.assert_allclose(unnamed.predict_proba(by_position), expected(ROWS), rtol=1e-6)
    with pytest.raises(ValueError, match="The frame has 1 columns; the deepnet takes 2"):
        unnamed.predict(by_position[["a"]])
    with pytest.raises(ValueError, match="2 different names"):
        DeepnetClassifier(FLOWERS, feature_names=["a"]).predict(ROWS)


def test_it_is_trained():
    check_is_fitted(DEEPNET)
    with pytest.raises(NotImplementedError, match="FrozenEstimator"):
        DEEPNET.fit(ROWS, ["left"] * 4)
    rows = np.array([[1, 2.0], [2, 6.0]] * 6, object)
    labels = np.array(["right", "left"] * 6, object)
    scores = cross_val_score(FrozenEstimator(DEEPNET), rows, labels, cv=3)
    assert scores.tolist() == [1.0] * 3


def test_clones_pickles_and_saved_files_hold_parameters(tmp_path):
    skembed.save(DEEPNET, tmp_path / "deepnet.skops")
    copies = (
        clone(DEEPNET),
        pickle.loads(pickle.dumps(DEEPNET)),  # noqa: S301 - ours
        skembed.load(tmp_path / "deepnet.skops"),
    )
    for copy in copies:
        assert copy.get_params() == DEEPNET.get_params()
        np.testing.assert_array_equal(copy.predict_proba(ROWS), DEEPNET.predict_proba(ROWS))


def test_a_changed_dict_is_another_deepnet():
    spec = classifier(1, [dense([[1.0]])], 1)
    assert create_model(spec)([2]).tolist() == [[2.0]]
    spec["layers"][0]["weights"][0][0] = 5.0
    assert create_model(spec)([2]).tolist() == [[10.0]]


def test_the_wrong_estimator():
    with pytest.raises(ValueError, match="got a classifier: use DeepnetClassifier"):
        DeepnetRegressor(FLOWERS).predict(ROWS)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([["1"]], "Row 0 has 1 values; the deepnet takes 2"),
        ([["1", 2], ["1"]], "Row 1 has 1 values"),
        ([["1", 2], ["1", "x"]], "Row 1 has 'x' in column 'length', which takes numbers"),
        ([["1", float("inf")]], "Row 0 has inf in column 'length'; numbers are finite"),
        (np.zeros((2, 2, 2, 2)), r"an array of shape \(2, 2, 2, 2\)"),
    ],
)
def test_rows_that_are_refused(rows, says):
    with pytest.raises(ValueError, match=says):
        DEEPNET.predict(rows)


def test_calls():
    deepnet = create_model(FLOWERS)
    assert deepnet([]).shape == (0, 2)
    assert deepnet(["1", 2]).shape == (1, 2)
    for wrong in (("1", 2), [("1", 2)], {"kind": "1"}, [{"kind": "1"}], None):
        with pytest.raises(TypeError, match=r"Got|is a"):
            deepnet(wrong)
    assert repr(deepnet) == "<Deepnet: 2 classes, 2 inputs>"


def test_one_of_two_values():
    """BigML knows no mean of such a column, and its library fails where a value is missing."""
    spec = classifier(1, [dense([[1.0]])], 1)
    spec["preprocess"] = [{"type": "numeric", "index": 0, "zero_value": 2.0, "one_value": 4.0}]
    deepnet = create_model(spec)
    assert deepnet([[2], [4], [5]]).ravel().tolist() == [0.0, 1.0, 1.5]
    with pytest.raises(ValueError, match="Row 1 has no value in column 0"):
        deepnet([[2], [None]])


def test_a_standard_deviation_of_zero_divides_by_one():
    spec = classifier(1, [dense([[1.0]])], 1)
    spec["preprocess"][0] |= {"mean": 1.0, "stdev": 0.0}
    assert create_model(spec)([4]).tolist() == [[3.0]]


def test_rows_of_many_batches():
    rows = np.arange(2100, dtype=float)[:, None]
    found = create_model(classifier(1, [dense([[2.0]])], 1))(rows)
    np.testing.assert_array_equal(found, 2 * rows)
