"""Discretizer against its definition, value by value, and among scikit-learn's own."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from array_estimators import NAMES_WARN, with_every_check
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import get_tags

from skembed import Discretizer

_finite = st.floats(allow_nan=False, allow_infinity=False)


@NAMES_WARN
@with_every_check(Discretizer(), Discretizer(-1.0, 0.5, dtype="float32"))
def test_keeps_scikit_learns_contract(estimator, check):
    check(clone(estimator))


@given(st.lists(_finite, min_size=1), _finite, _finite)
def test_is_the_definition(values, one, other):
    lower, upper = min(one, other), max(one, other)
    want = [-1 if v < lower else 1 if v > upper else 0 for v in values]
    got = Discretizer(lower, upper).transform([values])
    assert got.tolist() == [want]
    assert got.dtype == np.int8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threshold", [float, np.float64, np.float32])
def test_both_thresholds_give_zero_in_either_precision(dtype, threshold):
    if threshold is np.float32 and dtype is np.float64:
        lower, upper = dtype(np.float32(-0.25)), dtype(np.float32(0.15))
    else:
        lower, upper = dtype(-0.25), dtype(0.15)
    X = np.array([[lower, upper], [np.nextafter(lower, -1), np.nextafter(upper, 1)]], dtype)
    got = Discretizer(threshold(-0.25), threshold(0.15)).transform(X)
    assert got.tolist() == [[0, 0], [-1, 1]]


@pytest.mark.parametrize("dtype", ["int8", "float32", "float64"])
def test_dtype_of_the_result(dtype):
    X = np.array([[-1, 0, 1]], np.float32)
    for got in (
        Discretizer(dtype=dtype).transform(X),
        Discretizer(dtype=dtype).fit_transform(X),
    ):
        assert got.dtype == dtype
        assert got.tolist() == [[-1, 0, 1]]
        assert not np.signbit(got[0, 1])


def test_infinite_thresholds_leave_out_a_side():
    X = [[-1e300, 0.0, 1e300]]
    assert Discretizer(-np.inf, 0).transform(X).tolist() == [[0, 0, 1]]
    assert Discretizer(0, np.inf).transform(X).tolist() == [[-1, 0, 0]]


def test_blocks_make_no_difference(in_blocks):
    X = np.random.default_rng(0).normal(size=(101, 7)).astype(np.float32)
    whole = Discretizer().transform(X)
    in_blocks(20)
    for Y in (X, np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(Discretizer().transform(Y), whole)


def test_integers_are_values_too():
    assert Discretizer().transform(np.array([[-3, 0, 3]], np.int8)).tolist() == [[-1, 0, 1]]


@pytest.mark.parametrize("dtype", ["int8", "float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", ["fit", "transform"])
def test_refuses_what_is_not_finite_and_names_the_rows(dtype, value, method, in_blocks):
    X = np.zeros((50, 3))
    X[[7, 30], [2, 0]] = value
    in_blocks(12)
    with pytest.raises(ValueError, match=r"NaN or infinite values in 2 of 50 rows \(7, 30\)"):
        getattr(Discretizer(dtype=dtype), method)(X)


def test_names_the_first_ten_rows_only():
    with pytest.raises(
        ValueError, match=r"in 20 of 20 rows \(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, \.\.\."
    ):
        Discretizer().transform(np.full((20, 1), np.nan))


@pytest.mark.parametrize("method", ["fit", "transform"])
def test_refuses_thresholds_in_the_wrong_order(method):
    with pytest.raises(ValueError, match=r"lower=0\.15 is above upper=-0\.25.*swapped"):
        getattr(Discretizer(0.15, -0.25), method)([[0.0]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int16"}, "'dtype' parameter.*'float32'.*'int16'"),
        ({"lower": np.nan}, "'lower' parameter"),
        ({"upper": "0.15"}, "'upper' parameter"),
    ],
)
def test_refuses_bad_parameters_unfitted_too(options, message):
    with pytest.raises(ValueError, match=message):
        Discretizer(**options).transform([[0.0]])


def test_needs_no_fitting():
    assert get_tags(Discretizer()).requires_fit is False
    frame = pd.DataFrame({"a": [-1.0, 1.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Discretizer().transform(frame).tolist() == [[-1], [1]]
        assert make_pipeline(FunctionTransformer(), Discretizer()).transform(frame).shape == (
            2,
            1,
        )
    assert Discretizer().get_feature_names_out(["a"]).tolist() == ["a"]


def test_fitted_it_knows_its_features():
    frame = pd.DataFrame({"a": [-1.0, 1.0], "b": [0.0, 0.2]})
    discretizer = Discretizer().fit(frame)
    assert discretizer.get_feature_names_out().tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        discretizer.transform(frame.rename(columns={"b": "c"}))
    with pytest.raises(ValueError, match="X has 3 features"):
        Discretizer().fit(frame.to_numpy()).transform(np.zeros((2, 3)))


def test_frames_in_and_out():
    frame = pd.DataFrame({"a": [-1.0, 1.0], "b": [0.0, 0.2]}, index=["x", "y"])
    for given_, library in ((frame, pd), (pl.from_pandas(frame), pl)):
        discretizer = Discretizer().set_output(transform=library.__name__)
        got = discretizer.fit_transform(given_)
        assert isinstance(got, library.DataFrame)
        assert list(got.columns) == ["a", "b"]
        assert got.to_numpy().tolist() == [[-1, 0], [1, 1]]
        assert got.to_numpy().dtype == np.int8
    pandas = Discretizer().set_output(transform="pandas").fit_transform(frame)
    assert pandas.index.tolist() == ["x", "y"]


def test_html_links_to_the_documentation():
    html = make_pipeline(StandardScaler(), Discretizer())._repr_html_()
    assert "https://skembed.readthedocs.io/en/stable/api/skembed.Discretizer.html" in html


def test_a_mistyped_choice_is_told_with_the_nearest_one():
    with pytest.raises(ValueError, match=r"'dtype' parameter.*Did you mean 'int8'\?"):
        Discretizer(dtype="int7").fit(np.eye(3))
