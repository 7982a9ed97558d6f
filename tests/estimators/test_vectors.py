"""Norms, int8 and cosine, against statements of their formulas in plain Python.

They are called by themselves: no network gives ties and infinities to order.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import cosine_similarity as pairwise

from skembed import cosine_similarity
from skembed.estimators._vectors import INT8, l2_normalize

_floats = st.floats(-4, 4, width=32)


def _round_half_away(x: float) -> int:
    return math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1)


@given(st.lists(_floats, min_size=1, max_size=20))
def test_quantize_is_round_half_away_of_128_v_clipped(values):
    rows = np.array([values], np.float32)
    # 128 v is exact in float32, so the formula on Python floats is the whole truth.
    want = [min(127, max(-128, _round_half_away(128.0 * v))) for v in rows[0].tolist()]
    assert INT8.of(rows).tolist() == [want]
    assert INT8.of(rows).dtype == np.int8


@pytest.mark.parametrize(
    ("v", "want"),
    [
        (0.5 / 128, 1),  # ties go away from zero,
        (-0.5 / 128, -1),  # on both sides
        (1.5 / 128, 2),
        (-1.5 / 128, -2),
        (2.5 / 128, 3),  # np.rint would say 2
        (np.nextafter(np.float32(0.5), np.float32(0)) / 128, 0),  # floor(x + 0.5) would say 1
        (0.0, 0),
        (1.0, 127),
        (-1.0, -128),
        (0.99, 127),
        (5.0, 127),
        (-5.0, -128),
        (3e38, 127),  # 128 times this is no float32
        (-3e38, -128),
    ],
)
def test_quantize_at_ties_and_limits(v, want):
    assert INT8.of(np.array([[v]], np.float32)).tolist() == [[want]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_quantize_refuses_what_is_not_finite_and_names_the_row(value):
    rows = np.zeros((4, 3), np.float32)
    rows[2, 1] = value
    with pytest.raises(ValueError, match=r"finite values; rows \[2\] are not"):
        INT8.of(rows)


@given(st.lists(_floats, min_size=1, max_size=20))
def test_normalized_rows_have_norm_one_or_zero(values):
    row = np.array([values], np.float32)
    normalized = l2_normalize(row)
    norm = math.sqrt(sum(v * v for v in row[0].tolist()))
    if norm < 1e-15:  # squares of less are lost in float32
        return
    np.testing.assert_allclose(normalized[0], [v / norm for v in row[0].tolist()], 2e-6, 1e-30)
    assert normalized.dtype == np.float32


def test_normalize_leaves_zeros_and_nan():
    rows = np.array([[0, 0], [3, 4], [np.nan, np.nan]], np.float32)
    want = np.array([[0, 0], [0.6, 0.8], [np.nan, np.nan]], np.float32)
    np.testing.assert_array_equal(l2_normalize(rows), want)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_normalize_neither_overflows_nor_underflows(scale):
    rows = np.array([[3, 4]], np.float32) * np.float32(scale)
    np.testing.assert_allclose(l2_normalize(rows), [[0.6, 0.8]], rtol=1e-6)


@pytest.mark.parametrize(
    ("u", "v", "want"),
    [
        ([1, 1, 0, 0], [0, 1, 1, 0], 0.5),
        ([1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], 0.5),
        ([1.0, 2.0], [-1.0, -2.0], -1.0),
        ([3.0], [5.0], 1.0),
        ([1.0, 0.0], [0.0, 1.0], 0.0),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8])
def test_cosine_of_known_vectors(u, v, want, dtype):
    assert cosine_similarity(np.array(u, dtype), np.array(v, dtype)) == pytest.approx(
        want, abs=1e-15
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 50))
def test_cosine_agrees_with_scikit_learn_s(seed, n):
    u, v = np.random.default_rng(seed).normal(size=(2, n))
    assert cosine_similarity(u, v) == pytest.approx(pairwise([u], [v])[0, 0], abs=1e-12)
    assert cosine_similarity(u, v) == cosine_similarity(v, u)


@given(st.integers(0, 2**32 - 1), st.integers(1, 2000))
def test_cosine_is_never_beyond_one(seed, n):
    u = np.random.default_rng(seed).normal(size=n).astype(np.float32)
    assert -1 <= cosine_similarity(u, -u) <= cosine_similarity(u, u) <= 1


def test_cosine_of_int8_does_not_overflow():
    u = np.full(1280, -128, np.int8)
    assert cosine_similarity(u, u) == 1.0


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_cosine_does_not_depend_on_scale(scale):
    u, v = np.array([1.0, 1.0, 0.0]) * scale, np.array([0.0, 1.0, 1.0]) * scale
    assert cosine_similarity(u, v) == pytest.approx(0.5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.integers(1, 50))
def test_cosines_of_all_pairs_agree_with_scikit_learn_s_and_with_one_pair_s(seed, n, m, width):
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=(n, width)), rng.normal(size=(m, width))
    cosines = cosine_similarity(u, v)
    assert cosines.shape == (n, m)
    assert cosines.dtype == np.float64
    np.testing.assert_allclose(cosines, pairwise(u, v), atol=1e-12)
    assert cosines[-1, -1] == pytest.approx(cosine_similarity(u[-1], v[-1]), abs=1e-15)


@pytest.mark.parametrize("n", [0, 3])
def test_cosines_with_a_set_of_no_rows(n):
    assert cosine_similarity(np.ones((n, 4)), np.ones((0, 4))).shape == (n, 0)


_INT8 = np.array([1, 2], np.int8)


@pytest.mark.parametrize(
    ("u", "v", "message"),
    [
        ([1.0, 2.0], _INT8, "u is float64 and v is int8"),
        (_INT8, np.array([1, 2], np.float32), "u is int8 and v is float32"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "u has 2 values and v has 3"),
        ([], [1.0], "u is empty"),
        ([1.0], [], "v is empty"),
        ([0.0, 0.0], [1.0, 2.0], "norm zero"),
        (np.array([0, 0], np.int8), _INT8, "norm zero"),
        ([np.nan, 1.0], [1.0, 1.0], "u holds values that are not finite"),
        ([1.0, 1.0], [1.0, np.inf], "v holds values that are not finite"),
        ([[1.0, 2.0]], [1.0, 2.0], r"u has shape \(1, 2\) and v has \(2,\)"),
        ([[[1.0]]], [[1.0]], r"u has shape \(1, 1, 1\); allowed"),
        ([[1.0, 2.0], [0.0, 0.0]], [[1.0, 2.0]], "Row 1 of u has norm zero"),
        ([[1.0, 2.0]], [[1.0, 2.0], [1.0, np.nan]], "v holds .* not finite in row 1"),
        ([[1.0, 2.0]], [[1.0, 2.0, 3.0]], "u has 2 values and v has 3"),
        ([[1.0, 2.0]], np.array([[1, 2]], np.int8), "u is float64 and v is int8"),
        (np.array([1, 2], np.uint8), _INT8, r"u is uint8: .* u\.view\('int8'\)"),
        (["a", "b"], [1.0, 2.0], "u holds <U1"),
    ],
)
def test_cosine_refuses(u, v, message):
    with pytest.raises(ValueError, match=message):
        cosine_similarity(u, v)
