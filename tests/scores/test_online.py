"""Online scores: check 16 against extended precision, the theorems of SPEC 1.11-1.12, bad input."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla.scores import OnlineScores, leverage_scores, online_scores
from rnla.scores.lewis import lewis_weights
from tests import families

NAMES = sorted(set(families.FAMILIES) - {"near_deficient", "vandermonde", "augmentation"})


@st.composite
def matrices(draw, n=60, d=4):
    name = draw(st.sampled_from(NAMES))
    return families.dense(families.FAMILIES[name](n, d, draw(st.integers(0, 2**16))))


# --- Check 16: growth beyond the range of float64 -------------------------------------------------


def extended_precision_scores(rows, exponents, p, digits):
    """Online scores in coordinates of a basis picked from the rows, in `digits` decimal digits."""
    with mpmath.workdps(digits):
        echelon, gram, scores = [], [], []
        for row, exponent in zip(rows, exponents, strict=True):
            a = [mpmath.ldexp(mpmath.mpf(float(value)), int(exponent)) for value in row]
            c = []
            for pivot, known in echelon:
                c.append(a[pivot] / known[pivot])
                a = [left - c[-1] * right for left, right in zip(a, known, strict=True)]
            size = [abs(value) for value in a]
            # In these digits a vector of the span leaves nothing that is not absurdly small.
            if max(size) > mpmath.mpf(10) ** (-digits // 2):
                echelon.append((size.index(max(size)), a))
                for line in gram:
                    line.append(mpmath.mpf(0))
                gram.append([mpmath.mpf(0)] * len(echelon))
                c.append(mpmath.mpf(1))
                w = mpmath.mpf(1)
            else:
                w = min(mpmath.mpf(1), quadratic_form(gram, c) ** (mpmath.mpf(p) / 2))
            scores.append(float(w))
            factor = w ** (1 - mpmath.mpf(2) / mpmath.mpf(p))
            for i, left in enumerate(c):
                for j, right in enumerate(c):
                    gram[i][j] += factor * left * right
        return np.array(scores)


def quadratic_form(gram, c):
    """c^T gram^-1 c by Cholesky."""
    k = len(c)
    L = [[mpmath.mpf(0)] * k for _ in range(k)]
    y = []
    for i in range(k):
        for j in range(i + 1):
            left = gram[i][j] - sum(L[i][t] * L[j][t] for t in range(j))
            L[i][j] = mpmath.sqrt(left) if i == j else left / L[j][j]
        y.append((c[i] - sum(L[i][t] * y[t] for t in range(i))) / L[i][i])
    return sum(value**2 for value in y)


def growth(steps):
    """1.5^step as mantissa and binary exponent, without overflow."""
    logarithm = np.asarray(steps) * math.log2(1.5)
    exponent = np.floor(logarithm).astype(np.int64)
    return 2.0 ** (logarithm - exponent), exponent


def growing_stream(kind, n=2001, d=4, seed=0):
    """Rows times 1.5^i, i = 0 ... n-1, in three orders; returns rows and binary exponents."""
    rng = np.random.default_rng(seed)
    rows, steps = rng.standard_normal((n, d)), np.arange(n)
    if kind == "echo":
        # Two rows of three return to a scale of the recent past: scores between 0 and 1.
        steps = np.maximum(0, steps - np.where(steps % 3, rng.integers(0, 30, n), 0))
    if kind == "shelf":
        # One direction is seen at the start only, at scale 1, and again at the very end.
        rows[10 : n - 6, 0] = 0.0
        rows[n - 6 :, 1:] = 0.0
        steps = np.where(steps >= n - 6, 0, steps)
    if kind == "last":
        rows[: n - 1, -1] = 0.0
    mantissa, exponents = growth(steps)
    return rows * mantissa[:, None], exponents


def worst_relative_error(scores, expected):
    """Infinite if a score is not a number of [0, 1]."""
    if not (np.all(scores >= 0.0) and np.all(scores <= 1.0)):
        return np.inf
    return float(np.max(np.abs(scores - expected) / expected))


@pytest.mark.parametrize(
    "kind, p", [("every", 2.0), ("echo", 2.0), ("shelf", 2.0), ("last", 2.0), ("echo", 1.0)]
)
def test_check_16_growth_by_one_half_a_row(kind, p, record_property):
    """1.5^2000 = 10^352 is no float64: rows come with binary exponents. No false alarm."""
    rows, exponents = growing_stream(kind)
    scores = OnlineScores(p, rows.shape[1]).update(rows, exponents=exponents)
    expected = extended_precision_scores(rows, exponents, p, digits=1000)
    error = worst_relative_error(scores, expected)
    if kind in ("echo", "shelf"):
        assert np.count_nonzero(expected < 0.9) > 3, "this stream should have small scores"
    record_property("check", 16)
    record_property("measured", error)
    record_property("threshold", 1e-6)
    record_property("count", len(rows))
    record_property("false_alarm_rate", 0)
    assert error <= 1e-6


def test_check_16_catches_the_inverse_updated_by_sherman_morrison():
    rows, exponents = growing_stream("echo", n=300)
    rows = np.ldexp(rows, exponents[:, None].astype(int))
    d = rows.shape[1]
    scores = np.ones(len(rows))
    inverse = np.linalg.inv(rows[:d].T @ rows[:d])
    for i in range(d, len(rows)):
        direction = inverse @ rows[i]
        square = rows[i] @ direction
        scores[i] = min(1.0, square)
        inverse -= np.outer(direction, direction) / (1.0 + square)
    expected = extended_precision_scores(rows, np.zeros(len(rows)), 2.0, digits=400)
    assert worst_relative_error(scores, expected) > 1e-6
    online = OnlineScores(2.0, d).update(rows)
    assert worst_relative_error(online, expected) <= 1e-6


# --- Theorems -------------------------------------------------------------------------------------


@given(matrices(), st.sampled_from([1.0, 1.5, 2.0, 3.0, 6.0]))
def test_I1_scores_lie_in_the_unit_interval_and_sum_to_at_least_the_rank(A, p):
    result = online_scores(A, p)
    assert result.values.min() >= 0.0
    assert result.values.max() <= 1.0
    assert np.array_equal(result.values == 0.0, ~A.any(axis=1))
    assert result.rank == np.linalg.matrix_rank(A / np.maximum(np.abs(A).max(axis=0), 1e-300))
    assert result.values.sum() >= result.rank - 1e-8


@given(matrices())
def test_I9_online_leverage_is_at_least_the_offline_leverage(A):
    offline = np.asarray(leverage_scores(A, rng=0))
    assert np.all(online_scores(A).values >= offline * (1 - 1e-8) - 1e-12)


@given(matrices(), st.sampled_from([1.0, 1.5]))
def test_definition_1_12_online_lewis_weights_dominate_for_p_below_two(A, p):
    offline = np.asarray(lewis_weights(A, p, tol=1e-10, rng=0))
    assert np.all(online_scores(A, p).values >= offline * (1 - 1e-7) - 1e-12)


@given(matrices(), st.sampled_from([1.0, 1.5, 3.0, 4.0]))
def test_definition_1_12_online_lewis_weights_are_one_sided_for_every_p(A, p):
    w = online_scores(A, p).values
    A, w = A[w > 0], w[w > 0]
    leverage = np.asarray(leverage_scores(A * (w ** (0.5 - 1 / p))[:, None], rng=0))
    assert np.all(leverage <= w * (1 + 1e-7) + 1e-12)


@given(matrices(), st.sampled_from([1.0, 2.0, 4.0]), st.floats(1e-3, 1e3))
def test_sum_with_ridge_is_at_most_the_growth_of_the_determinant(A, p, ridge):
    # w <= 1 and, for s = w^(1-2/p) a^T M^-1 a, log2 det grows by log2(1 + s) with s = w below 1.
    state = OnlineScores(p, A.shape[1], ridge=ridge)
    state.update(A)
    bits = 2 * np.log2(np.abs(np.diag(state.R))).sum() - A.shape[1] * math.log2(ridge)
    assert state.total <= bits * (1 + 1e-9) + 1e-9


@given(matrices(), st.integers(0, 2**16), st.sampled_from([1.0, 2.0, 3.0]))
def test_I2_column_operations_leave_scores_alone(A, seed, p):
    rng = np.random.default_rng(seed)
    scores = online_scores(A, p).values
    powers = 2.0 ** rng.integers(-200, 200, size=A.shape[1])
    np.testing.assert_array_equal(online_scores(A * powers, p).values, scores)
    G = rng.standard_normal((4, 4)) + 4 * np.eye(4) if A.shape[1] == 4 else np.eye(A.shape[1])
    # Entries that cancel in A G are rounded there, relative to the largest entry of their row.
    if families_are_tame(A):
        np.testing.assert_allclose(online_scores(A @ G, p).values, scores, rtol=1e-6)


def families_are_tame(A):
    """Whether rounding the entries of A cannot move a score by more than about 1e-8."""
    size = np.abs(A[A != 0])
    return size.size > 0 and size.max() / size.min() < 1e6 and np.linalg.matrix_rank(A) == 4


@given(matrices(), st.lists(st.integers(0, 60), max_size=5), st.sampled_from([1.0, 2.0]))
def test_C6_blocks_do_not_matter(A, cuts, p):
    whole = OnlineScores(p, A.shape[1])
    expected = whole.update(A)
    parts = OnlineScores(p, A.shape[1])
    pieces = [piece for piece in np.split(A, sorted(cuts)) if len(piece)]
    got = np.concatenate([parts.update(piece) for piece in pieces])
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(parts.R, whole.R)
    assert parts.rows == whole.rows == len(A)


def test_I10_a_repeated_row_scores_one_over_its_count():
    scores = online_scores(np.repeat([[2.0, 1.0]], 6, axis=0)).values
    np.testing.assert_allclose(scores, [1, 1, 1 / 2, 1 / 3, 1 / 4, 1 / 5], rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_extreme_scales(scale):
    A = families.gaussian(200, 4, seed=1)
    scores = online_scores(A).values
    np.testing.assert_allclose(online_scores(A * scale).values, scores, rtol=1e-12)
    columns = np.array([1.0, scale, 1.0 / scale, 1.0])
    np.testing.assert_allclose(online_scores(A * columns).values, scores, rtol=1e-12)


# --- Kinds of input, records, errors --------------------------------------------------------------


def test_sparse_rows_give_the_scores_of_dense_rows():
    A = sp.csr_array(families.sparse_power_law(300, 6, 0))
    before = A.copy()
    np.testing.assert_array_equal(online_scores(A, 1.0).values, online_scores(A.toarray(), 1.0))
    assert (before != A).nnz == 0


def test_float32_stays_float32():
    A = families.gaussian(50, 3).astype(np.float32)
    scores = OnlineScores(2.0, 3).update(A)
    assert scores.dtype == online_scores(A).values.dtype == np.float32
    np.testing.assert_allclose(scores, online_scores(A.astype(float)).values, rtol=1e-6)


def test_the_factor_is_that_of_the_reweighted_rows():
    A = families.gaussian(80, 3)
    for p in (1.0, 2.0, 4.0):
        state = OnlineScores(p, 3, ridge=0.5)
        w = state.update(A)
        M = 0.5 * np.eye(3) + (A * (w ** (1 - 2 / p))[:, None]).T @ A
        np.testing.assert_allclose(state.R.T @ state.R, M, rtol=1e-10)


def test_the_record_says_what_was_found():
    A = families.rank_deficient(60, 5, 0)
    result = online_scores(A)
    assert (result.kind, result.rank < 5, result.status.name) == (
        "online leverage",
        True,
        "RANK_DEFICIENT",
    )
    assert result.passes == 2
    assert result.condition >= 1.0
    assert online_scores(A, 1.0).kind == "online lewis"
    assert repr(OnlineScores(1.0, 2)) == "OnlineScores(p=1, d=2, rows=0, rank=0, total=0)"


def test_a_bad_block_leaves_the_state_as_it_was():
    state = OnlineScores(2.0, 3)
    state.update(np.eye(3))
    R = state.R
    with pytest.raises(rnla.ArgumentError, match=r"^block: got 1 row.* row 1"):
        state.update(np.array([[1.0, 2.0, 3.0], [np.nan, 0.0, 0.0]]))
    with pytest.raises(rnla.ArgumentError, match="block: got 2 columns; expected 3 columns"):
        state.update(np.ones((2, 2)))
    with pytest.raises(rnla.ArgumentTypeError, match="exponents"):
        state.update(np.ones((2, 3)), exponents=[0.5, 1.0])
    with pytest.raises(rnla.ArgumentError, match="exponents"):
        state.update(np.ones((2, 3)), exponents=[1])
    with pytest.raises(rnla.ArgumentError, match="exponents"):
        state.update(np.ones((1, 3)), exponents=[2**30])
    np.testing.assert_array_equal(state.R, R)
    assert state.rows == 3


@pytest.mark.parametrize(
    "arguments, name",
    [
        ({"p": 0.5, "d": 2}, "p"),
        ({"p": math.inf, "d": 2}, "p"),
        ({"p": 2.0, "d": 0}, "d"),
        ({"p": 2.0, "d": 2, "ridge": -1.0}, "ridge"),
    ],
)
def test_bad_parameters_are_named(arguments, name):
    with pytest.raises(rnla.RnlaError, match=f"^{name}: got"):
        OnlineScores(**arguments)
