"""A12 and A13: rows fall as the theorems say, nothing is lost, and the distortion stays small."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.stats
import threadpoolctl
from hypothesis import given
from hypothesis import strategies as st

from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.random import Stream
from rnla.sampling import flattening_recursion, root_leverage_recursion
from rnla.sampling.flattening_recursion import half_binomial
from rnla.tall import TallMatrix, as_tall
from tests import families


@pytest.fixture(autouse=True)
def one_blas_thread():
    """Matrices here are thin: threads that wait for each other would take most of the time."""
    with threadpoolctl.threadpool_limits(1):
        yield


def dense(M) -> np.ndarray:
    if isinstance(M, TallMatrix):
        M = M.take(np.arange(M.shape[0]))
    return M.toarray() if sp.issparse(M) else np.asarray(M)


def leverage(M) -> np.ndarray:
    """Leverage scores by QR; zero on dependent columns is not needed in these tests."""
    A = dense(M)
    if A.shape[0] < A.shape[1]:
        A = np.vstack([A, np.zeros((A.shape[1] - A.shape[0], A.shape[1]))])
    U, s, _ = np.linalg.svd(A, full_matrices=False) if A.shape[0] < 5_000 else (None,) * 3
    if U is None:
        R = np.linalg.qr(A, mode="r")
        return np.sum(np.linalg.solve(R.T, A.T) ** 2, axis=0)
    U = U[:, s > 1e-10 * s[0]] if s[0] > 0 else U[:, :0]
    return np.sum(U**2, axis=1)[: dense(M).shape[0]]


def found_distortion(A: np.ndarray, B: np.ndarray, p: float, steps: int = 8) -> float:
    """Largest | ||Bx||_p^p / ||Ax||_p^p - 1 | that gradient ascent finds from 16 starts."""
    rng = np.random.default_rng(0)
    d = A.shape[1]
    R = np.linalg.qr(A, mode="r")
    basis = np.linalg.solve(R, np.eye(d))
    pencil = np.linalg.eigh(basis.T @ (B.T @ B) @ basis)[1]
    worst = 0.0

    def power_sum(M, X):
        value, gradient = np.zeros(X.shape[1]), np.zeros(X.shape)
        for a in range(0, len(M), 100_000):
            y = M[a : a + 100_000] @ X
            slope = np.sign(y) if p == 1.0 else np.sign(y) * np.abs(y) ** (p - 1.0)
            value += np.sum(slope * y, axis=0)
            gradient += M[a : a + 100_000].T @ slope
        return value, gradient

    for sign in (1.0, -1.0):
        Z = np.hstack([rng.standard_normal((d, 10)), pencil[:, :3], pencil[:, -3:]])
        Z /= np.linalg.norm(Z, axis=0)
        for step in range(steps):
            above, up = power_sum(B, basis @ Z)
            below, down = power_sum(A, basis @ Z)
            worst = max(worst, float(np.abs(above / below - 1.0).max()))
            slope = sign * (basis.T @ (up / above - down / below))
            slope -= Z * np.sum(Z * slope, axis=0)
            length = np.maximum(np.linalg.norm(slope, axis=0), 1e-300)
            Z = Z + slope / length * (0.5 * 0.7**step)
            Z /= np.linalg.norm(Z, axis=0)
    return worst


# --- A12: root leverage --------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gaussian", "coherent", "student_t"])
def test_check_24_root_leverage_recursion_small(family, record_property):
    """n = 20 000, d = 10, p = 1: at most 3 rounds to 30 d log n rows, found distortion <= 0.5.

    By eps = 0.5 and delta = 0.01 the promise itself fails with probability at most 0.01.
    """
    n, d = 20_000, 10
    A = getattr(families, family)(n, d, 1)
    result = root_leverage_recursion(A, 1.0, leverage=leverage, eps=0.5, rng=0)
    distortion = found_distortion(A, result @ A, 1.0)
    record_property("check", f"24 {family} n={n}")
    record_property("measured", distortion)
    record_property("threshold", 0.5)
    record_property("count", 1)
    assert result.sizes[min(3, result.rounds)] <= 30 * d * np.log(n)
    assert distortion <= 0.5


@pytest.mark.slow
def test_check_24_root_leverage_recursion(record_property):
    """n = 10^6, d = 20, p = 1: at most 3 rounds to 30 d log n rows, found distortion <= 0.5.

    By eps = 0.5 and delta = 0.01 the promise itself fails with probability at most 0.01.
    """
    n, d = 1_000_000, 20
    A = families.gaussian(n, d, 1)
    result = root_leverage_recursion(A, 1.0, leverage=leverage, eps=0.5, max_rounds=3, rng=0)
    distortion = found_distortion(A, result @ A, 1.0)
    record_property("check", "24 gaussian n=10^6")
    record_property("measured", distortion)
    record_property("threshold", 0.5)
    record_property("count", 1)
    record_property("sizes", list(result.sizes))
    assert result.rounds <= 3
    assert result.sample.size <= 30 * d * np.log(n)
    assert distortion <= 0.5


def test_check_24_the_search_sees_a_sample_that_is_too_small():
    """Companion: 1.5 d rows by the same scores exceed 0.5, and the search finds it."""
    A = families.gaussian(20_000, 10, 1)
    rows = np.random.default_rng(0).choice(20_000, size=15, replace=False)
    assert found_distortion(A, A[rows] * (20_000 / 15), 1.0) > 0.5


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
def test_A12_row_counts_contract_towards_the_fixed_point(p):
    """On uniform leverage m goes to L d^(p/2) m^(1-p/2) for p <= 2, and at once to L d^(p/2) above.

    Within 8 % for leverage that is not quite uniform, plus 4 Poisson standard deviations.
    """
    n, d, factor = 20_000, 5, 6.0
    A = families.gaussian(n, d, 3)
    result = root_leverage_recursion(
        A, p, leverage=leverage, oversampling=factor, max_rounds=10, rng=0
    )
    assert result.rounds >= (2 if p < 2 else 1)
    for before, after in itertools.pairwise(result.sizes):
        expected = factor * d ** (p / 2) * before ** max(0.0, 1 - p / 2)
        assert abs(np.log(after / expected)) < 0.08 + 4.0 / np.sqrt(expected)


def test_A12_weights_are_the_product_of_the_rounds():
    A = families.gaussian(20_000, 4, 0)
    result = root_leverage_recursion(A, 1.0, leverage=leverage, rng=5)
    sample = result.sample
    np.testing.assert_allclose(sample.weights * sample.probabilities, 1.0, rtol=1e-13)
    assert sample.n == 20_000
    assert sample.size == result.sizes[-1]
    # Horvitz-Thompson estimate of n, within 5 standard errors of the last rounds' Poisson draws.
    error = np.sqrt(np.sum(sample.weights**2))
    assert abs(sample.weights.sum() - 20_000) < 5 * error


def test_A12_never_loses_rank_even_if_asked_for_too_little():
    """oversampling = 0.2 would keep too few rows: such rounds are drawn again or dropped."""
    A = families.gaussian(3_000, 8, 0)
    for seed in range(10):
        result = root_leverage_recursion(A, 1.0, leverage=leverage, oversampling=0.2, rng=seed)
        assert np.linalg.matrix_rank(result @ A) == 8
    without_check = np.random.default_rng(0).choice(3_000, size=6, replace=False)
    assert np.linalg.matrix_rank(A[without_check]) < 8


@pytest.mark.parametrize("wrap", [sp.csr_array, as_tall, np.asfortranarray])
def test_A12_does_not_depend_on_the_kind_of_matrix(wrap):
    A = families.gaussian(5_000, 3, 0)
    plain = root_leverage_recursion(A, 1.0, leverage=leverage, rng=2)
    other = root_leverage_recursion(wrap(A), 1.0, leverage=leverage, rng=2)
    np.testing.assert_array_equal(plain.sample.indices, other.sample.indices)


def test_A12_zero_rows_are_dropped_and_rank_deficiency_is_kept():
    A = families.gaussian(5_000, 3, 0)
    A[::2] = 0.0
    A = np.column_stack([A, A[:, 0]])

    def truncated(M):
        U, s, _ = np.linalg.svd(dense(M), full_matrices=False)
        return np.sum(U[:, s > 1e-10 * s[0]] ** 2, axis=1)

    result = root_leverage_recursion(A, 1.0, leverage=truncated, rng=1)
    assert np.all(result.sample.indices % 2 == 1)
    assert np.linalg.matrix_rank(result @ A) == 3


# --- A13: flattening -----------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2_000), min_size=1, max_size=30), st.integers(0, 2**63))
def test_half_binomial_stays_in_range_and_is_keyed_by_row(counts, seed):
    counts, rows = np.array(counts), 7 * np.arange(len(counts))
    stream = Stream(seed, "test")
    drawn = half_binomial(counts, rows, stream, 3)
    assert np.all((drawn >= 0) & (drawn <= counts))
    for i in range(len(counts)):
        assert half_binomial(counts[i : i + 1], rows[i : i + 1], stream, 3)[0] == drawn[i]


@pytest.mark.parametrize("size", [1, 5, 32, 33, 200])
def test_half_binomial_has_the_binomial_distribution(size):
    """Chi-square over 20 000 rows, pooled to expected counts of 20; rejects with rate 1e-4."""
    drawn = half_binomial(np.full(20_000, size), np.arange(20_000), Stream(1, "test"), 0)
    assert chi_square(drawn, size) > 1e-4


def test_half_binomial_test_catches_half_a_bit():
    """Companion: Binomial(31, 1/2) passed off as Binomial(32, 1/2)."""
    drawn = half_binomial(np.full(20_000, 31), np.arange(20_000), Stream(1, "test"), 0)
    assert chi_square(drawn, 32) < 1e-12


def chi_square(drawn: np.ndarray, size: int) -> float:
    expected = scipy.stats.binom(size, 0.5).pmf(np.arange(size + 1)) * drawn.size
    observed = np.bincount(drawn, minlength=size + 1)
    inner = expected >= 20
    observed = np.append(observed[inner], observed[~inner].sum())
    expected = np.append(expected[inner], expected[~inner].sum())
    if expected[-1] < 20:
        observed = np.append(observed[:-2], observed[-2:].sum())
        expected = np.append(expected[:-2], expected[-2:].sum())
    return float(scipy.stats.chisquare(observed, expected).pvalue)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=300).map(np.array),
    st.data(),
    st.integers(0, 2**63),
)
def test_A13_reaches_its_size_with_consistent_weights(sensitivities, data, seed):
    size = data.draw(st.integers(1, sensitivities.size))
    result = flattening_recursion(sensitivities, size, p=4.0, rng=seed)
    sample = result.sample
    assert sample.size <= size
    assert np.all(sensitivities[sample.indices] > 0.0)
    np.testing.assert_allclose(
        sample.weights * sample.probabilities, sample.multiplicities, rtol=1e-12
    )
    assert sample.multiplicities.sum() == result.sizes[-1]
    for before, after in itertools.pairwise(result.sizes):
        assert after <= 15 / 16 * before


def test_A13_heavy_rows_survive():
    """20 rows carry half of the total sensitivity: split, they are kept, with weights near 1.

    About 25 copies each before each of two halvings: weights have a standard deviation near 0.28,
    so that 1.4 is five of them for 400 weights.
    """
    sensitivities = np.full(4_000, 20 / 4_000)
    sensitivities[:20] = 1.0
    for seed in range(20):
        sample = flattening_recursion(sensitivities, 1_200, p=4.0, rng=seed).sample
        assert np.array_equal(sample.indices[:20], np.arange(20))
        assert np.all(np.abs(sample.weights[:20] - 1.0) < 1.4)


def test_A13_catches_halving_without_flattening():
    """Companion: with the split constant out of reach, heavy rows are lost like any other."""
    sensitivities = np.full(4_000, 20 / 4_000)
    sensitivities[:20] = 1.0
    sample = flattening_recursion(sensitivities, 500, split=1e6, p=4.0, rng=0).sample
    assert np.count_nonzero(sample.indices < 20) < 15


def test_A13_embeds_a_polynomial_basis_for_p_4():
    """Legendre, d = 5, p = 4: sensitivities from the certified bound, 1000 of 20 000 rows."""
    A = families.legendre(20_000, 5)
    bound = np.minimum(1.0, 20_000 * leverage(A) ** 2)
    sample = flattening_recursion(bound, 1_000, p=4.0, rng=0).sample
    assert found_distortion(A, sample @ A, 4.0) < 0.5


@pytest.mark.parametrize(
    ("call", "kind", "name"),
    [
        (lambda A: root_leverage_recursion(A, 0.5, leverage=leverage), ArgumentError, "p"),
        (lambda A: root_leverage_recursion(A, np.nan, leverage=leverage), ArgumentError, "p"),
        (lambda A: root_leverage_recursion(A, 1, leverage=leverage, eps=2), ArgumentError, "eps"),
        (
            lambda A: root_leverage_recursion(A, 1, leverage=leverage, delta=0),
            ArgumentError,
            "delta",
        ),
        (
            lambda A: root_leverage_recursion(A, 1, leverage=leverage, oversampling=0),
            ArgumentError,
            "oversampling",
        ),
        (
            lambda A: root_leverage_recursion(A, 1, leverage=leverage, max_rounds=0),
            ArgumentError,
            "max_rounds",
        ),
        (
            lambda A: root_leverage_recursion(A, 1, leverage=lambda M: np.ones(3)),
            ArgumentError,
            "leverage",
        ),
        (
            lambda A: root_leverage_recursion(A, 1, leverage=lambda M: -np.ones(M.shape[0])),
            ArgumentError,
            r"leverage\(A\)",
        ),
        (lambda A: root_leverage_recursion(A[0], 1, leverage=leverage), ArgumentError, "A"),
        (lambda A: flattening_recursion([], 1), ArgumentError, "sensitivities"),
        (lambda A: flattening_recursion([1.0, np.nan], 1), ArgumentError, "sensitivities"),
        (lambda A: flattening_recursion([1.0, 1.0], 3), ArgumentError, "size"),
        (lambda A: flattening_recursion([1.0, 1.0], 1, split=1), ArgumentError, "split"),
        (lambda A: flattening_recursion([1.0, 1.0], 1.0), ArgumentTypeError, "size"),
    ],
)
def test_bad_input_is_a_typed_error_with_a_remedy(call, kind, name):
    with pytest.raises(kind, match=rf"(?s)^{name}: got .*; expected .*\. [A-Z].*\.$"):
        call(np.ones((50, 2)) + np.eye(50, 2))
