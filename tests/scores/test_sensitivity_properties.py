"""Inequalities I1-I10, I15 and I16 as they concern sensitivities, on random and hard matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla.scores import leverage_scores, lewis_weights, lp_sensitivities
from tests import families

POWERS = [1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
# M1-M5, M11, M12.
NAMES = [
    "gaussian", "cauchy", "student_t", "coherent", "block_identity", "hadamard", "scaled_rows",
    "scaled_columns", "duplicated_rows", "zero_rows", "rank_deficient", "near_deficient",
]  # fmt: skip
SLACK = 1e-8


def sensitivities(A: np.ndarray, p: float) -> np.ndarray:
    """Exact sensitivities: the upper ends, after checking that the intervals are tight."""
    found = lp_sensitivities(A, p, method="exact", rng=0)
    assert np.all(found.upper <= found.lower * (1 + 1e-9))
    return found.upper


@st.composite
def matrices(draw: st.DrawFn, *, largest: int = 40) -> np.ndarray:
    """A matrix of one of the families, n <= largest, d <= 5."""
    d = draw(st.integers(1, 5))
    n = draw(st.integers(2 * d + 2, largest))
    name = draw(st.sampled_from(NAMES))
    return families.dense(families.FAMILIES[name](n, d, draw(st.integers(0, 1000))))


def assert_below(small: np.ndarray, large: np.ndarray, slack: float = SLACK) -> None:
    """Elementwise small <= large up to a relative 1e-8."""
    assert np.all(small <= large * (1 + slack) + 1e-300)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("p", POWERS)
def test_check_02_inequalities_between_scores(name: str, p: float) -> None:
    """I1, I3, I4, I5 and I6 at once; zero violations beyond 1e-8.

    Rounding moves every score of a matrix of condition kappa by 2e-16 kappa, so the near-deficient
    family (kappa = 1e10) is allowed that much.
    """
    A = families.dense(families.FAMILIES[name](70, 5, 11))
    found = lp_sensitivities(A, p, method="exact", rng=0)
    sigma, r, n = found.upper, found.rank, len(A)
    tau = leverage_scores(A, rng=0).values
    lewis = lewis_weights(A, p, tol=1e-10, rng=0)
    w = lewis.values
    assert np.all((sigma >= 0) & (sigma <= 1))
    slack = max(SLACK, 1e-15 * lewis.condition)
    if p <= 2:
        assert_below(r ** (p / 2 - 1) * w, sigma, slack)
        assert_below(sigma, w, slack)
        assert_below(n ** (p / 2 - 1) * tau ** (p / 2), sigma, slack)
        assert_below(sigma, tau ** (p / 2), slack)
        assert r ** (p / 2) * (1 - slack) <= sigma.sum() <= r * (1 + slack)
    else:
        assert_below(w, sigma, slack)
        assert_below(sigma, r ** (p / 2 - 1) * w, slack)
        assert_below(tau ** (p / 2), sigma, slack)
        assert_below(sigma, np.minimum(1.0, n ** (p / 2 - 1) * tau ** (p / 2)), slack)
        assert r * (1 - slack) <= sigma.sum() <= r ** (p / 2) * (1 + slack)


def test_check_02_notices_lewis_weights_of_another_p() -> None:
    # Companion: with the weights of p = 1.6 in place of p = 1, I3 must be seen to fail.
    A = families.coherent(70, 5, 11)
    wrong = lewis_weights(A, 1.6, tol=1e-10, rng=0).values
    sigma = sensitivities(A, 1.0)
    with pytest.raises(AssertionError):
        assert_below(sigma, wrong)


@given(matrices(), st.sampled_from(POWERS))
@settings(max_examples=40)
def test_I1_between_zero_and_one_and_zero_for_zero_rows(A: np.ndarray, p: float) -> None:
    sigma = sensitivities(A, p)
    assert np.all((sigma >= 0) & (sigma <= 1))
    np.testing.assert_array_equal(sigma == 0, ~np.any(A != 0, axis=1))


@given(st.integers(0, 1000), st.sampled_from(POWERS), st.floats(-8, 8))
@settings(max_examples=25)
def test_I2_invariant_under_changes_of_variables_scale_and_order(
    seed: int, p: float, exponent: float
) -> None:
    rng = np.random.default_rng(seed)
    A = rng.standard_t(2.0, size=(30, 4))
    G = rng.standard_normal((4, 4)) + 3.0 * np.eye(4)
    order = rng.permutation(30)
    sigma = sensitivities(A, p)
    np.testing.assert_allclose(sensitivities(A @ G, p), sigma, rtol=SLACK)
    np.testing.assert_allclose(sensitivities(-(10.0**exponent) * A, p), sigma, rtol=SLACK)
    np.testing.assert_allclose(sensitivities(A[order], p), sigma[order], rtol=SLACK)


@given(matrices(), st.sampled_from([1.0, 1.3, 1.5, 2.0]))
@settings(max_examples=30)
def test_I3_lewis_weights_bound_sensitivities_below_two(A: np.ndarray, p: float) -> None:
    lewis = lewis_weights(A, p, tol=1e-10, rng=0)
    sigma = sensitivities(A, p)
    assert_below(max(lewis.rank, 1) ** (p / 2 - 1) * lewis.values, sigma)
    assert_below(sigma, lewis.values)


@given(matrices(), st.sampled_from([2.0, 2.5, 3.0, 4.0, 6.0]))
@settings(max_examples=30)
def test_I4_lewis_weights_bound_sensitivities_above_two(A: np.ndarray, p: float) -> None:
    lewis = lewis_weights(A, p, tol=1e-10, rng=0)
    sigma = sensitivities(A, p)
    assert_below(lewis.values, sigma)
    assert_below(sigma, lewis.rank ** (p / 2 - 1) * lewis.values)


@given(matrices(), st.sampled_from(POWERS))
@settings(max_examples=30)
def test_I5_total_lies_between_powers_of_the_rank(A: np.ndarray, p: float) -> None:
    found = lp_sensitivities(A, p, rng=0)
    ends = sorted((found.rank ** (p / 2), float(found.rank)))
    assert ends[0] * (1 - SLACK) <= found.total[0]
    assert found.total[1] <= ends[1] * (1 + SLACK)


@given(matrices(), st.sampled_from(POWERS))
@settings(max_examples=30)
def test_I6_leverage_bounds_sensitivities(A: np.ndarray, p: float) -> None:
    tau, n = leverage_scores(A, rng=0).values, len(A)
    sigma = sensitivities(A, p)
    plain, scaled = tau ** (p / 2), n ** (p / 2 - 1) * tau ** (p / 2)
    assert_below(np.minimum(plain, scaled), sigma)
    assert_below(sigma, np.minimum(np.maximum(plain, scaled), 1.0))


@given(st.integers(10, 200), st.integers(1, 8), st.integers(0, 1000))
@settings(max_examples=20)
def test_I7_root_leverage_sums(n: int, d: int, seed: int) -> None:
    A = families.student_t(max(n, d), d, seed)
    n, tau = len(A), leverage_scores(A, rng=0).values
    for p in (1.0, 1.5):
        assert np.sum(tau ** (p / 2)) <= n ** (1 - p / 2) * d ** (p / 2) * (1 + SLACK)
    for p in (3.0, 4.0, 6.0):
        scores = np.minimum(1.0, n ** (p / 2 - 1) * tau ** (p / 2))
        assert np.sum(scores) <= 2 * n ** (1 - 2 / p) * d * (1 + SLACK)


@given(matrices(largest=30))
@settings(max_examples=20)
def test_I8_largest_sensitivity_grows_with_p_but_not_too_fast(A: np.ndarray) -> None:
    largest = [sensitivities(A, p).max() for p in POWERS]
    assert_below(np.array(largest[:-1]), np.array(largest[1:]))
    for p, low in zip(POWERS, largest, strict=True):
        for q, high in zip(POWERS, largest, strict=True):
            if q >= p:
                assert high <= low ** (q / p) * len(A) ** (q / p - 1) * (1 + SLACK)


@given(st.integers(0, 1000), st.sampled_from(POWERS), st.integers(1, 10))
@settings(max_examples=25)
def test_I9_more_rows_never_raise_a_sensitivity(seed: int, p: float, extra: int) -> None:
    rng = np.random.default_rng(seed)
    A, more = rng.standard_t(2.0, size=(25, 4)), rng.standard_cauchy((extra, 4))
    assert_below(sensitivities(np.vstack([A, more]), p)[:25], sensitivities(A, p))


@given(st.integers(0, 1000), st.sampled_from(POWERS), st.integers(2, 6), st.integers(0, 19))
@settings(max_examples=25)
def test_I10_splitting_a_row_splits_its_sensitivity(
    seed: int, p: float, copies: int, row: int
) -> None:
    A = families.student_t(20, 3, seed)
    split = np.vstack([np.delete(A, row, axis=0), np.repeat(A[[row]], copies, axis=0)])
    split[-copies:] /= copies ** (1 / p)
    sigma, after = sensitivities(A, p), sensitivities(split, p)
    np.testing.assert_allclose(after[:19], np.delete(sigma, row), rtol=SLACK)
    np.testing.assert_allclose(after[19:], sigma[row] / copies, rtol=SLACK)
    assert after.sum() == pytest.approx(sigma.sum(), rel=SLACK)


@given(st.integers(0, 1000), st.sampled_from(POWERS))
@settings(max_examples=20)
def test_I15_small_perturbations_keep_the_total(seed: int, p: float) -> None:
    rng = np.random.default_rng(seed)
    A = families.legendre(50, 4)
    E = rng.standard_normal(A.shape)
    allowed = np.linalg.svd(A, compute_uv=False)[-1] / (2 * len(A) ** (1 + 1 / p))
    E *= allowed / np.linalg.norm(E, 2)
    assert sensitivities(A + E, p).sum() <= 2**p * (sensitivities(A, p).sum() + 1)


@given(st.integers(0, 1000), st.sampled_from([1.0, 2.0, 3.0, 4.0, 6.0]))
@settings(max_examples=20)
def test_I16_low_rank_plus_sparse_rows(seed: int, p: float) -> None:
    d, k, s = 6, 1, 1
    A = families.low_rank_plus_sparse(60, d, seed, rank=k, nonzeros=s)
    assert sensitivities(A, p).sum() <= d**s * (k + s) ** p * (1 + SLACK)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, 4.0, 6.0])
@pytest.mark.parametrize("degree", [2, 4, 7])
def test_I16_polynomials(p: float, degree: int) -> None:
    one = families.legendre(120, degree + 1)
    assert sensitivities(one, p).sum() <= (p * degree + 1) * (1 + SLACK)
    d = math.comb(degree + 2, 2)
    two = families.total_degree(150, d, 0, variables=2)
    assert sensitivities(two, p).sum() <= (p * degree + 1) ** 2 * (1 + SLACK)
