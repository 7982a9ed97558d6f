"""TernaryScaler against exact arithmetic, and StandardScaler with Discretizer bit by bit."""

from __future__ import annotations

import pickle
import tracemalloc
from fractions import Fraction
from functools import reduce
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from array_estimators import NAMES_WARN, with_every_check
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skembed import Discretizer, TernaryScaler

_shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=40)


def _columns(n: int, dtype, seed: int = 0) -> np.ndarray:
    """Features of every sort that makes statistics hard, 40 columns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 40))
    X[:, 8:16] = np.maximum(X[:, 8:16], 0)  # as activations are
    X[:, 16] = 0
    X[:, 17] = 0.1  # constant, and no sum of it is exact
    X[:, 18] = 1e8 / 3
    X[:, 19:24] = 0.3 * (1 + rng.normal(size=(n, 5)) * 10.0 ** -np.arange(13, 18))
    X[:, 24:32] += 10.0 ** np.arange(1, 9)  # means that dwarf the deviations
    X[:, 32:40] *= 10.0 ** np.arange(-12, 12, 3)
    return X.astype(dtype)


@NAMES_WARN
@with_every_check(TernaryScaler(), TernaryScaler(ddof=1, discretize=False))
def test_keeps_scikit_learns_contract(estimator, check):
    check(clone(estimator))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F", "strided"])
@pytest.mark.parametrize("n", [1, 2, 17, 1000, 20_011])
@pytest.mark.parametrize("block", [2**22, 3000])
def test_equals_standard_scaler_and_discretizer_bit_by_bit(dtype, order, n, block, in_blocks):
    in_blocks(block)
    X, new = _columns(n, dtype), _columns(50, dtype, seed=1)
    strided = np.repeat(X, 2, axis=1)[:, ::2]
    X = strided if order == "strided" else np.asarray(X, order=order)
    theirs = make_pipeline(StandardScaler(), Discretizer()).fit(X)
    ours = TernaryScaler().fit(X)
    for name in ("mean_", "var_", "scale_"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs[0], name), name)
    floats = clone(ours).set_params(discretize=False).fit(X)
    for Y in (X, new):
        np.testing.assert_array_equal(ours.transform(Y), theirs.transform(Y))
        np.testing.assert_array_equal(floats.transform(Y), theirs[0].transform(Y))
        assert ours.transform(Y).dtype == np.int8
        assert floats.transform(Y).dtype == dtype


@pytest.mark.slow
@given(
    st.sampled_from([np.float32, np.float64]).flatmap(
        lambda dtype: hnp.arrays(
            dtype,
            _shapes,
            elements=st.floats(-(2.0**40), 2.0**40, width=32, allow_subnormal=False),
        )
    )
)
def test_equals_them_on_anything(X):
    theirs = make_pipeline(StandardScaler(), Discretizer()).fit(X)
    np.testing.assert_array_equal(TernaryScaler().fit_transform(X), theirs.transform(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_them_on_rows_as_wide_as_a_full_network_embedding(dtype):
    X = np.maximum(np.random.default_rng(0).normal(size=(400, 12_416)), 0).astype(dtype)
    theirs = make_pipeline(StandardScaler(), Discretizer()).fit(X)
    np.testing.assert_array_equal(TernaryScaler().fit_transform(X), theirs.transform(X))


@pytest.mark.parametrize("ddof", [0, 1])
def test_is_the_method_in_exact_arithmetic(ddof):
    rng = np.random.default_rng(0)
    X = np.maximum(rng.normal(size=(30, 20)), 0)
    X[:, 3] = 0.7
    scaler = TernaryScaler(ddof=ddof).fit(X)
    codes = scaler.transform(X)
    for column in range(20):
        values = [Fraction(v) for v in X[:, column].tolist()]
        mean, var = _exact(values, ddof)
        assert scaler.mean_[column] == pytest.approx(float(mean), rel=1e-15)
        if column == 3:
            assert scaler.scale_[column] == 1
            assert not codes[:, column].any()
            continue
        assert scaler.var_[column] == pytest.approx(float(var), rel=1e-14)
        for value, code in zip(values, codes[:, column], strict=True):
            z = float(value - mean) / float(var) ** 0.5
            assert code == (-1 if z < -0.25 else 1 if z > 0.15 else 0)


def _exact(values: list[Fraction], ddof: int = 0) -> tuple[Fraction, Fraction]:
    mean = sum(values, Fraction()) / len(values)
    squares = sum(((v - mean) ** 2 for v in values), Fraction())
    return mean, squares / (len(values) - ddof)


@st.composite
def _partitions(draw):
    """A column of numbers, the places where it is cut, and the order in which parts merge."""
    values = draw(st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=40))
    cuts = draw(st.sets(st.integers(1, len(values) - 1), max_size=8))
    edges = [0, *sorted(cuts), len(values)]
    parts = [values[a:b] for a, b in pairwise(edges)]
    return values, draw(st.permutations(parts)), draw(st.booleans())


@given(_partitions())
def test_any_partition_merged_in_any_order_equals_one_fit(partition):
    values, parts, from_the_right = partition
    mean, var = _exact([Fraction(v) for v in values])
    scalers = [TernaryScaler().fit(np.array(part)[:, None]) for part in parts]
    if from_the_right:
        merged = reduce(lambda right, left: left.merge(right), reversed(scalers))
    else:
        merged = reduce(TernaryScaler.merge, scalers)
    gone = TernaryScaler()
    for part in parts:
        gone.partial_fit(np.array(part)[:, None])
    for scaler in (merged, gone):
        assert scaler.n_samples_seen_ == len(values)
        assert abs(scaler.mean_[0] - float(mean)) <= 1e-14 * 8
        # The means of parts are rounded, which the variance feels where it is far smaller.
        condition = abs(float(mean)) / float(var) ** 0.5 if var else 0
        if not var:
            assert scaler.scale_[0] == 1
        elif condition < 1e6:
            error = abs(scaler.var_[0] - float(var)) / float(var)
            assert error <= 1e-13 * max(1, condition / 100)


@pytest.mark.parametrize("n_parts", [2, 7, 100])
def test_merging_activations_keeps_thirteen_digits(n_parts):
    X = np.maximum(np.random.default_rng(0).normal(0.5, 1, size=(1000, 12)), 0)
    want = [_exact([Fraction(v) for v in column]) for column in X.T.tolist()]
    parts = [TernaryScaler().fit(part) for part in np.array_split(X, n_parts)]
    for order in (parts, parts[::-1], parts[::2] + parts[1::2]):
        merged = reduce(TernaryScaler.merge, order)
        np.testing.assert_allclose(merged.mean_, [float(m) for m, _ in want], rtol=1e-13)
        np.testing.assert_allclose(merged.var_, [float(v) for _, v in want], rtol=1e-13)


def test_merge_is_associative_and_commutative():
    a, b, c = (TernaryScaler().fit(_columns(n, np.float64, n)[:, :16]) for n in (5, 300, 40))
    one, other, turned = a.merge(b).merge(c), a.merge(b.merge(c)), c.merge(b).merge(a)
    for scaler in (other, turned):
        np.testing.assert_allclose(scaler.mean_, one.mean_, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(scaler.var_, one.var_, rtol=1e-13)
        np.testing.assert_allclose(scaler.scale_, one.scale_, rtol=1e-13)


def test_merge_leaves_both_as_they_are():
    a, b = TernaryScaler().fit([[1.0], [2.0]]), TernaryScaler().fit([[3.0]])
    before = pickle.dumps((a, b))
    merged = a.merge(b)
    merged.mean_ += 1
    assert pickle.dumps((a, b)) == before
    assert (a.n_samples_seen_, b.n_samples_seen_, merged.n_samples_seen_) == (2, 1, 3)


def test_features_constant_in_parts_alone_are_not_constant():
    a, b = TernaryScaler().fit([[0.1]] * 7), TernaryScaler().fit([[0.3]] * 7)
    assert a.merge(a).scale_[0] == 1
    assert a.merge(b).scale_[0] == pytest.approx(0.1, rel=1e-14)


@pytest.mark.parametrize("value", [0.1, -1e8 / 3, 1e-300, 123456.789])
def test_constant_features_stay_constant_in_any_number_of_parts(value):
    scaler = TernaryScaler()
    for n in (1, 3, 1000, 17, 1):
        scaler.partial_fit(np.full((n, 1), value))
    assert scaler.scale_[0] == 1
    assert not scaler.transform(np.full((3, 1), value)).any()


def test_partial_fit_in_one_piece_is_fit():
    X = _columns(100, np.float32)
    one, other = TernaryScaler().fit(X), TernaryScaler().partial_fit(X)
    np.testing.assert_array_equal(one.var_, other.var_)
    other.partial_fit(X)
    assert other.n_samples_seen_ == 200
    assert other.fit(X).n_samples_seen_ == 100


def test_sample_variance_needs_two_rows_in_the_end():
    scaler = TernaryScaler(ddof=1).partial_fit([[1.0, 5.0]])
    assert np.isnan(scaler.var_).all()
    with pytest.raises(ValueError, match=r"n_samples=1: .* needs 2 rows"):
        scaler.transform([[1.0, 5.0]])
    scaler.partial_fit([[2.0, 5.0]])
    np.testing.assert_allclose(scaler.scale_, [0.5**0.5, 1])
    with pytest.raises(ValueError, match="n_samples=1"):
        TernaryScaler(ddof=1).fit([[1.0, 5.0]])
    parts = [TernaryScaler(ddof=1).partial_fit([[v, 5.0]]) for v in (1.0, 2.0)]
    np.testing.assert_array_equal(parts[0].merge(parts[1]).var_, scaler.var_)


@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        (StandardScaler(), TypeError, "got StandardScaler"),
        (TernaryScaler(lower=-0.5), ValueError, r"lower is -0\.25 here and -0\.5 there"),
        (TernaryScaler(ddof=1), ValueError, "ddof is 0 here and 1 there"),
        (TernaryScaler(discretize=False), ValueError, "discretize is True here and False"),
    ],
)
def test_merge_refuses_others(other, error, message):
    X = [[1.0, 2.0], [2.0, 2.0]]
    with pytest.raises(error, match=message):
        TernaryScaler().fit(X).merge(other.fit(X))


@pytest.mark.parametrize("ddof", [0, 1])
def test_statistics_make_the_scaler_that_has_them(ddof):
    X = _columns(100, np.float64)
    fitted = TernaryScaler(ddof=ddof).fit(X[:60])
    population = TernaryScaler().fit(X[:60]).var_
    made = TernaryScaler.from_statistics(fitted.mean_, population, 60, ddof=ddof)
    np.testing.assert_array_equal(made.scale_, fitted.scale_)
    np.testing.assert_array_equal(made.transform(X), fitted.transform(X))
    rest = TernaryScaler(ddof=ddof).fit(X[60:])
    np.testing.assert_array_equal(made.merge(rest).var_, fitted.merge(rest).var_)
    assert made.partial_fit(X[60:]).n_samples_seen_ == 100


def test_statistics_of_an_unknown_number_of_rows_transform_and_do_not_merge():
    X = _columns(50, np.float32)
    fitted = TernaryScaler().fit(X)
    made = TernaryScaler.from_statistics(fitted.mean_, np.square(fitted.scale_))
    np.testing.assert_array_equal(made.scale_, fitted.scale_)  # to the last bit
    np.testing.assert_array_equal(made.transform(X), fitted.transform(X))
    for learn in (lambda: made.merge(fitted), lambda: made.partial_fit(X)):
        with pytest.raises(ValueError, match="without n_samples"):
            learn()


@pytest.mark.parametrize(
    ("statistics", "message"),
    [
        (([1.0, 2.0], [1.0]), r"mean has shape \(2,\) and var has \(1,\)"),
        (([[1.0]], [[1.0]]), r"need \(n_features,\)"),
        (([1.0], [-1.0]), "var not negative"),
        (([np.nan], [1.0]), "must be finite"),
        (([1.0], [1.0], 0), "needs 1 rows"),
    ],
)
def test_statistics_are_checked(statistics, message):
    with pytest.raises(ValueError, match=message):
        TernaryScaler.from_statistics(*statistics)


def test_the_sample_variance_of_statistics_needs_their_number():
    with pytest.raises(ValueError, match="ddof=1 needs n_samples"):
        TernaryScaler.from_statistics([1.0], [1.0], ddof=1)
    with pytest.raises(ValueError, match="needs 2 rows"):
        TernaryScaler.from_statistics([1.0], [1.0], 1, ddof=1)


def test_merge_refuses_other_features():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 2.0]})
    named, plain = TernaryScaler().fit(frame), TernaryScaler().fit(frame.to_numpy())
    renamed = TernaryScaler().fit(frame.rename(columns={"b": "c"}))
    with pytest.raises(ValueError, match="here are 2 and there 1"):
        plain.merge(TernaryScaler().fit([[1.0]]))
    with pytest.raises(ValueError, match="column 1 is 'b' here and 'c' there"):
        named.merge(renamed)
    with pytest.raises(ValueError, match="only here do they have names"):
        named.merge(plain)
    with pytest.raises(ValueError, match="only there do they have names"):
        plain.merge(named)
    assert named.merge(named).get_feature_names_out().tolist() == ["a", "b"]
    with pytest.raises(NotFittedError):
        named.merge(TernaryScaler())
    with pytest.raises(NotFittedError):
        TernaryScaler().merge(named)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("method", ["fit", "partial_fit", "transform"])
def test_refuses_what_is_not_finite_and_names_the_row(value, method):
    scaler = TernaryScaler().fit(np.eye(4))
    X = np.eye(4)
    X[2, 1] = value
    with pytest.raises(ValueError, match=r"in 1 of 4 rows \(2\), and TernaryScaler"):
        getattr(scaler, method)(X)
    assert scaler.n_samples_seen_ == 4


def test_refuses_values_whose_statistics_overflow_or_vanish():
    with pytest.raises(ValueError, match=r"columns \[1\] are so large"):
        TernaryScaler().fit([[1.0, 1e200], [2.0, -1e200]])
    # Each half is constant.
    halves = [TernaryScaler().fit([[v]]) for v in (1e200, -1e200)]
    with pytest.raises(ValueError, match=r"columns \[0\] are so large"):
        halves[0].merge(halves[1])
    tiny = TernaryScaler().fit([[0.0], [1e-60]])
    assert tiny.transform([[0.0], [1e-60]]).tolist() == [[-1], [1]]
    with pytest.raises(ValueError, match=r"columns \[0\] are too small for float32"):
        tiny.transform(np.zeros((1, 1), np.float32))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_refuses_thresholds_in_the_wrong_order(method):
    with pytest.raises(ValueError, match=r"lower=1 is above upper=0\.15"):
        getattr(TernaryScaler(lower=1), method)([[0.0], [1.0]])


@pytest.mark.slow
def test_memory_is_a_block_and_not_a_copy():
    X = np.random.default_rng(0).random((4000, 12_416), np.float32)  # 199 MB
    tracemalloc.start()
    scaler = TernaryScaler().fit(X)
    fitting = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    scaler.transform(X)
    transforming = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fitting < X.nbytes / 2
    assert transforming < X.nbytes / 2  # of which the result is a half


def test_html_links_to_the_documentation():
    html = TernaryScaler().fit(np.eye(3))._repr_html_()
    assert "https://skembed.readthedocs.io/en/stable/api/skembed.TernaryScaler.html" in html
