"""Estimates from few programs: blocks of rows, the total, the maximum, and sampled matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnla._errors import ArgumentError
from rnla._result import Status
from rnla.random import Stream
from rnla.scores import lewis_weights, lp_sensitivities, max_sensitivity, total_sensitivity
from tests import families
from tests.counts import count

MATRICES = ["gaussian", "student_t", "legendre", "low_rank_plus_sparse", "scaled_rows"]


# --- total sensitivity ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("p", [1.0, 1.5, 3.0])
def test_check_22_total_from_30_solves_is_within_ten_per_cent(
    name: str, p: float, record_property: Callable[[str, Any], None]
) -> None:
    """Ten seeds. The standard errors are at most 2.4 %, so 10 % is at least four of them: a false
    alarm has probability about 6e-5 per estimate, 1 % over all 150."""
    A = families.dense(families.FAMILIES[name](300, 6, 2))
    truth = lp_sensitivities(A, p, rng=0).total[1]
    found = [total_sensitivity(A, p, rng=s) for s in range(10)]
    errors = [abs(estimate.value / truth - 1) for estimate in found]
    record_property("check", "22 total")
    record_property("measured", max(errors))
    record_property("threshold", 0.10)
    record_property("count", 10)
    record_property("false_alarm_rate", "6e-5 per estimate")
    assert all(estimate.solves <= 30 for estimate in found)
    assert max(errors) <= 0.10
    assert np.mean([estimate.standard_error for estimate in found]) <= 0.025 * truth


def test_check_22_catches_an_average_without_the_weights() -> None:
    # Companion: n times the mean sensitivity of rows drawn by Lewis weight is far off.
    A = families.coherent(300, 6, 2)
    found = lp_sensitivities(A, 1.0, rng=0)
    w = lewis_weights(A, 1.0, rng=0).values
    rows = np.random.default_rng(0).choice(300, size=30, p=w / w.sum())
    wrong = 300 * found.values[rows].mean()
    assert abs(wrong / found.total[1] - 1) > 0.10


@pytest.mark.parametrize("p", [1.0, 1.5, 3.0, 6.0])
def test_total_is_exact_when_every_distinct_row_is_solved(p: float) -> None:
    case = families.c5_all_signs(5)
    found = total_sensitivity(case.matrix, p, rng=0)
    assert found.status is Status.EXACT
    assert found.solves == 16
    assert found.standard_error == 0.0
    assert float(found) == pytest.approx(case.sensitivities(p).sum(), rel=1e-9)


def test_total_record() -> None:
    A = families.rank_deficient(100, 6, 0)
    two = total_sensitivity(A, 2.0, rng=3)
    assert (two.value, two.solves, two.seed) == (pytest.approx(two.rank), 0, 3)
    found = total_sensitivity(A, 3.0, solves=12, rng=3)
    assert found.lower <= found.value <= found.upper
    assert 0 < found.solves <= 12
    assert found.status is Status.RANK_DEFICIENT
    assert found.passes > 0
    assert total_sensitivity(A, 3.0, solves=12, rng=3).value == found.value
    assert total_sensitivity(np.zeros((4, 2)), 1.0).value == 0.0
    with pytest.raises(ArgumentError, match="solves: got 0"):
        total_sensitivity(A, 3.0, solves=0)


def test_total_standard_error_is_honest() -> None:
    """Of 40 seeds at most 8 may miss the truth by more than two standard errors: under a normal
    law 5 % miss, and P(Bin(40, 0.05) > 8) = 3e-4."""
    A = families.student_t(400, 5, 0, dof=3.0)
    truth = lp_sensitivities(A, 3.0, rng=0).total[1]
    estimates = [total_sensitivity(A, 3.0, solves=40, rng=s) for s in range(40)]
    misses = sum(abs(e.value - truth) > 2 * e.standard_error for e in estimates)
    assert misses <= 8
    assert sum(abs(e.value - truth) > 0.05 * e.standard_error for e in estimates) > 20


@pytest.mark.slow
def test_total_against_a_sample_of_a_long_matrix() -> None:
    A = families.student_t(60_000, 5, 0, dof=3.0)
    for p in (1.0, 3.0):
        found = total_sensitivity(A, p, rng=0)
        rows = np.arange(0, 60_000, 3000)
        some = lp_sensitivities(A, p, method="exact", rows=rows, rng=0)
        assert np.all(some.upper[rows] <= some.lower[rows] * (1 + 1e-8))
        # The limit of the family from a shorter sample of the same law.
        short = total_sensitivity(A[:20_000], p, solves=200, rng=0)
        assert found.value == pytest.approx(short.value, rel=0.35)


# --- maximum -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*MATRICES, "coherent", "one_hot", "zero_rows", "rank_deficient"])
@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0])
def test_maximum_is_exact_and_its_witness_can_be_checked(name: str, p: float) -> None:
    A = families.FAMILIES[name](150, 5, 1)
    D = families.dense(A)
    truth = lp_sensitivities(A, p, rng=0).upper
    found = max_sensitivity(A, p, rng=0)
    assert found.upper == found.value == float(found)
    assert found.lower == pytest.approx(truth.max(), rel=1e-6)
    assert found.upper == pytest.approx(truth.max(), rel=1e-6)
    y = np.abs(D @ found.x)
    assert y[found.row] ** p / np.sum(y**p) == pytest.approx(found.lower, rel=1e-8)
    assert found.solves < 150


@pytest.mark.parametrize("p", [1.0, 1.5, 4.0])
def test_maximum_stopped_early_is_an_interval_within_the_promised_factor(p: float) -> None:
    for name in ("gaussian", "cauchy", "legendre", "flat"):
        A = families.FAMILIES[name](300, 6, 0)
        truth = lp_sensitivities(A, p, rng=0).upper.max()
        found = max_sensitivity(A, p, solves=1, rng=0)
        assert found.solves <= 1
        assert found.lower <= truth * (1 + 1e-8)
        assert found.upper >= truth * (1 - 1e-8)
        assert found.upper <= 1.1 * 6 ** abs(1 - p / 2) * found.lower


def test_maximum_of_a_zero_matrix() -> None:
    found = max_sensitivity(np.zeros((6, 2)), 3.0)
    assert (found.value, found.row) == (0.0, -1)
    assert not np.any(found.x)


# --- blocks --------------------------------------------------------------------------------------


def under_estimated(A: np.ndarray, p: float, signs: int | None, seed: int, block: int = 16) -> int:
    """Rows whose block estimate is below the sensitivity."""
    truth = lp_sensitivities(A, p, rng=0).lower
    found = lp_sensitivities(
        A, p, method="block", signs=signs, block_size=block, reference_rows=len(A), rng=seed
    )
    assert np.all(found.upper >= found.lower)
    return int(np.sum(found.upper < truth * (1 - 1e-8)))


@pytest.mark.slow
@pytest.mark.parametrize("p", [1.0, 3.0])
def test_check_22_blocks_rarely_under_estimate(
    p: float, record_property: Callable[[str, Any], None]
) -> None:
    """With k = 10 signs a row is missed with probability at most 2^-10 (reference: A itself), so
    more than 0.5 % of n = 400 rows has probability at most 0.4 / 3 per run by Markov's inequality;
    with k = ceil(log2(100 n)) any miss at all has probability at most 0.01 per run, 0.2 over 20
    runs (full) and 0.05 over 5 (check). The seeds are fixed, so a failure means a change."""
    A = families.student_t(400, 6, 0, dof=3.0)
    runs = count(full=20, check=5)
    record_property("check", "22 blocks")
    record_property("count", runs)
    misses = [under_estimated(A, p, 10, seed) for seed in range(runs)]
    record_property("measured", max(misses) / len(A))
    record_property("threshold", 0.005)
    record_property("false_alarm_rate", "at most 0.01 per run (union bound)")
    assert max(misses) <= 0.005 * len(A)
    assert sum(under_estimated(A, p, None, 100 + seed) for seed in range(runs)) == 0


def test_check_22_blocks_small() -> None:
    """Three runs at n = 160: any miss has probability at most 0.01 a run by the union bound."""
    A = families.coherent(160, 5, 1)
    for p in (1.0, 3.0):
        assert all(under_estimated(A, p, None, seed) == 0 for seed in range(3))


def test_check_22_blocks_catches_a_single_sign_vector() -> None:
    # Companion: one sign vector per block misses rows by the dozen.
    A = families.cauchy(200, 5, 1)
    assert under_estimated(A, 3.0, 1, 0, block=8) > 0.005 * len(A)


@pytest.mark.parametrize("p", [1.0, 3.0])
def test_block_estimates_respect_their_upper_bound(p: float) -> None:
    A = families.cauchy(120, 4, 0)
    truth = lp_sensitivities(A, p, rng=0).upper
    found = lp_sensitivities(A, p, method="block", block_size=4, reference_rows=120, rng=0)
    order = np.argsort(Stream(found.seed, "sensitivity blocks").uniform(np.arange(120)))
    for block in np.array_split(order, 30):
        assert found.upper[block].max() <= 1.05 * 4 ** (p - 1) * truth[block].sum()
    assert found.diagnostics["block_size"] == 4
    assert not found.certified


# --- sampling keeps the total --------------------------------------------------------------------


def signs_over_identity(seed: int) -> np.ndarray:
    """Faint sign vectors, of total sensitivity 137 alone at p = 6, and 12 heavy identity rows."""
    rng = np.random.default_rng(seed)
    half = families.all_signs(12)[:2048]
    return np.vstack([0.05 * half[rng.permutation(2048)], 4.0 * np.eye(12)])


def lewis_sample(A: np.ndarray, p: float, size: int, seed: int) -> np.ndarray:
    """Poisson sample of about `size` rows by Lewis weight, reweighted."""
    w = lewis_weights(A, p, tol=1e-3, rng=0).values
    q = np.minimum(1.0, size * w / w.sum())
    keep = np.random.default_rng(seed).uniform(size=len(A)) < q
    return A[keep] * q[keep, None] ** (-1 / p)


def test_I17_sampling_keeps_the_total_sensitivity() -> None:
    """Theorem: S_p(SA) <= 8 S_p(A) with probability at least 1/2 for an embedding SA. Fewer than 4
    successes in 20 runs would have probability P(Bin(20, 1/2) < 4) = 0.0013."""
    A, p = signs_over_identity(0), 6.0
    total = total_sensitivity(A, p, rng=0).value
    kept = [
        total_sensitivity(lewis_sample(A, p, 400, seed), p, rng=0).value <= 8 * total
        for seed in range(20)
    ]
    assert sum(kept) >= 4
    assert np.mean(kept) == 1.0  # what is seen at these fixed seeds


def test_I17_catches_a_sample_without_the_heavy_rows() -> None:
    A, p = signs_over_identity(0), 6.0
    total = total_sensitivity(A, p, rng=0).value
    assert total_sensitivity(A[:2048], p, rng=0).value > 8 * total


@pytest.mark.parametrize("p", [1.0, 3.0])
def test_I17_oversampled_by_sensitivity_the_total_hardly_moves(p: float) -> None:
    A = families.cauchy(600, 4, 0)
    sigma = lp_sensitivities(A, p, rng=0).values
    q = np.minimum(1.0, 60 * sigma)
    keep = np.random.default_rng(1).uniform(size=600) < q
    after = lp_sensitivities(A[keep] * q[keep, None] ** (-1 / p), p, rng=0).total[1]
    assert keep.sum() < 500
    assert after == pytest.approx(sigma.sum(), rel=0.25)
