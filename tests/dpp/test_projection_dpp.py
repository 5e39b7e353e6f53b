"""`projection_dpp`: its law by enumeration, its cost, every home of rows, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla.dpp import ground_set, projection_dpp
from rnla.dpp._rejection import accept
from rnla.dpp._together import accept_draws
from rnla.dpp.projection_dpp import _Source
from rnla.tall import single_threaded_blas
from tests.certify.homes import streamed
from tests.counts import count
from tests.dpp.reference import (
    chi_square,
    orthonormal,
    projection_law,
    sequential_rejection,
    small_features,
)

ALARM = 1e-4  # false-alarm rate of every chi-square test here


def record(record_property, check, measured, threshold, draws, rate):
    record_property("check", check)
    record_property("measured", measured)
    record_property("threshold", threshold)
    record_property("count", draws)
    record_property("false_alarm_rate", rate)


# --- check 11: the law ---------------------------------------------------------------------------


def law_p_value(method, draws, weights=None):
    A = small_features()
    sample = projection_dpp(A, draws=draws, method=method, weights=weights, rng=11)
    scaled = A if weights is None else A * np.sqrt(weights)[:, None]
    return chi_square(sample.indices, projection_law(scaled), len(A))


@pytest.mark.parametrize("method", ["chain", "rejection"])
def test_check_11_law_over_all_subsets(method, record_property):
    """6000 draws, 56 subsets of 8 rows; false alarm 1e-4, fixed seed."""
    p = law_p_value(method, 6_000)
    record(record_property, f"11 {method}", p, ALARM, 6_000, ALARM)
    assert p >= ALARM


@pytest.mark.slow
@pytest.mark.parametrize("method", ["chain", "rejection"])
def test_check_11_law_with_many_draws(method, record_property):
    """2e5 draws (3e4 in `make check`); false alarm 1e-4 at either count."""
    draws = count(full=200_000, check=30_000)
    p = law_p_value(method, draws)
    record(record_property, f"11 {method}", p, ALARM, draws, ALARM)
    assert p >= ALARM


def test_check_11_one_proposal_at_a_time_has_the_same_law():
    """The plain sampler that the blocks stand for, 4000 draws; false alarm 1e-4."""
    A = small_features()
    U, rng = orthonormal(A), np.random.default_rng(3)
    drawn = np.array([sequential_rejection(U, rng)[0] for _ in range(4_000)])
    assert chi_square(drawn, projection_law(A), len(A)) >= ALARM


def test_check_11_catches_rows_drawn_by_leverage_alone():
    """Companion: distinct rows drawn by their scores have the marginals nearly right, no more."""
    A = small_features()
    leverage = (orthonormal(A) ** 2).sum(axis=1)
    rng = np.random.default_rng(0)
    keys = rng.exponential(size=(6_000, len(A))) / leverage
    drawn = np.argsort(keys, axis=1)[:, :3]
    assert chi_square(drawn, projection_law(A), len(A)) < ALARM


def test_check_11_catches_an_accept_test_against_the_wrong_envelope():
    """Companion: accepting with probability rho instead of rho / tau must be seen."""
    A = small_features()
    ground = ground_set(A)
    source = _Source(ground, 0)
    propose = source.of(range(6_000))

    def wrong(which, start, size):
        batch = propose(which, start, size)
        batch.envelope[:] = 1.0
        return batch

    drawn = accept_draws(wrong, 6_000, 3, cap=10_000, first=source.first)[0]
    assert chi_square(drawn, projection_law(A), len(A)) < ALARM


def test_weights_are_masses_of_the_points():
    """6000 draws; false alarm 1e-4. Without the weights the test fails."""
    weights = np.array([1.0, 4.0, 0.0, 2.0, 0.5, 9.0, 1.0, 3.0])
    A = small_features()
    sample = projection_dpp(A, draws=6_000, weights=weights, method="rejection", rng=4)
    scaled = A * np.sqrt(weights)[:, None]
    assert chi_square(sample.indices, projection_law(scaled), len(A)) >= ALARM
    assert chi_square(sample.indices, projection_law(A), len(A)) < ALARM
    again = projection_dpp(A, draws=50, weights=4.0 * weights, method="rejection", rng=4)
    assert np.array_equal(again.indices, sample.indices[:50])


@pytest.mark.parametrize("method", ["chain", "rejection"])
def test_the_basis_does_not_matter(method):
    """P1: other features of the same space, the same rows but for rounding."""
    rng = np.random.default_rng(8)
    A = rng.standard_normal((300, 6))
    T = rng.standard_normal((6, 6)) * np.logspace(0, 5, 6)
    one = projection_dpp(A, draws=40, method=method, rng=2)
    two = projection_dpp(A @ T, draws=40, method=method, rng=2)
    assert np.allclose(one.marginals, two.marginals, rtol=1e-8)
    law = [np.log(np.abs(np.linalg.det(orthonormal(B)[one.indices]))) for B in (A, A @ T)]
    assert np.allclose(*law, atol=1e-8)


# --- check 14: cost and orthogonality ------------------------------------------------------------


@pytest.mark.parametrize("m, n, draws", [(20, 400, 200), (105, 3000, 40)])
def test_check_14_mean_number_of_proposals(m, n, draws, record_property):
    """m H_m within 4 standard errors of the exact variance: false alarm 6.4e-5."""
    A = np.random.default_rng(1).standard_normal((n, m))
    sample = projection_dpp(A, draws=draws, method="rejection", rng=5)
    k = np.arange(1, m + 1)
    mean, variance = float((m / k).sum()), float((m / k * (m / k - 1)).sum())
    z = abs(sample.proposals.mean() - mean) / math.sqrt(variance / draws)
    record(record_property, f"14 m={m}", z, 4.0, draws, 6.4e-5)
    assert z <= 4.0
    assert np.all(np.diff(sample.indices, axis=1) > 0)


def test_check_14_catches_proposals_that_are_thrown_away():
    """Companion: a sampler that throws every tenth proposal away is 10 % dearer, and is caught."""
    m, draws = 20, 400
    A = np.random.default_rng(1).standard_normal((400, m))
    sample = projection_dpp(A, draws=draws, method="rejection", rng=5)
    k = np.arange(1, m + 1)
    mean, variance = float((m / k).sum()), float((m / k * (m / k - 1)).sum())
    z = abs(sample.proposals.mean() * 10 / 9 - mean) / math.sqrt(variance / draws)
    assert z > 4.0


def orthogonality(m, n):
    U = np.random.default_rng(2).standard_normal((n, m))
    source = _Source(ground_set(U), 3)
    propose = source.of(range(1))
    with single_threaded_blas():
        kept = accept(
            lambda start, count: propose(np.arange(1), start, count).of(0),
            m,
            cap=200 * m,
            first=source.first,
        )[2]
    return float(np.abs(kept.basis @ kept.basis.T - np.eye(m)).max())


def test_check_14_directions_stay_orthonormal():
    assert orthogonality(120, 2000) <= 1e-14


@pytest.mark.slow
def test_check_14_directions_stay_orthonormal_for_many_columns():
    assert orthogonality(990, 4000) <= 1e-14


# --- check 20: homes, draws ----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["chain", "rejection"])
def test_check_20_same_rows_for_every_home(method, tmp_path):
    da = pytest.importorskip("dask.array")
    A = np.random.default_rng(7).standard_normal((5_000, 6))
    np.save(tmp_path / "A.npy", A)
    options = {"draws": 5, "method": method, "rng": 9}
    here = projection_dpp(A, **options)
    for home in (
        tmp_path / "A.npy",
        [A[:1000], A[1000:1700], A[1700:]],
        streamed(A, memory=700_000),
        da.from_array(A, chunks=(1024, 6)),
        da.from_array(A, chunks=(777, 6)),
    ):
        there = projection_dpp(home, **options)
        assert np.array_equal(there.indices, here.indices)
        assert np.array_equal(there.weights, here.weights)
        assert np.array_equal(there.proposals, here.proposals)


def test_check_20_sparse_rows_and_float32():
    A = sp.random_array((3_000, 8), density=0.3, rng=np.random.default_rng(1), format="csr")
    one = projection_dpp(A, draws=10, rng=1)
    assert one.rank == 8
    assert np.array_equal(one.indices, projection_dpp(A.tocsc(), draws=10, rng=1).indices)
    small = A.toarray().astype(np.float32)
    sample = projection_dpp(small, draws=10, rng=1)
    assert sample.indices.shape == (10, 8)


def test_check_20_draw_k_depends_on_the_seed_and_k_alone():
    A = np.random.default_rng(3).standard_normal((2_000, 12))
    many = projection_dpp(A, draws=7, rng=21)
    one = projection_dpp(A, rng=21)
    assert one.indices.ndim == 1
    assert one.draws == 1
    assert np.array_equal(one.indices, many.indices[0])
    assert np.array_equal(projection_dpp(A, draws=3, rng=21).indices, many.indices[:3])
    assert not np.array_equal(many.indices[0], many.indices[1])
    assert not np.array_equal(projection_dpp(A, rng=22).indices, one.indices)


# --- check 21: bad input, rank, caps -------------------------------------------------------------


def test_check_21_a_cap_raises_with_what_was_accepted():
    A = np.random.default_rng(3).standard_normal((2_000, 12))
    with pytest.raises(rnla.ConvergenceError, match="proposals in a row were rejected") as caught:
        projection_dpp(A, cap=1, method="rejection", rng=0)
    assert 0 < len(caught.value.result) < 12


def test_check_21_dependent_features_are_named():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((500, 4)) @ rng.standard_normal((4, 7))
    for method in ("chain", "rejection"):
        sample = projection_dpp(A, draws=3, method=method, rng=0)
        assert sample.rank == 4
        assert sample.indices.shape == (3, 4)
        assert sample.status is rnla.Status.RANK_DEFICIENT


def test_check_21_rows_that_cannot_be_told_apart():
    """Law with repeated and zero rows: 4000 draws, false alarm 1e-4."""
    A = small_features(6, 2)
    A[3], A[4] = A[1], 0.0
    sample = projection_dpp(A, draws=4_000, method="rejection", rng=1)
    assert chi_square(sample.indices, projection_law(A), 6) >= ALARM
    assert not (sample.indices == 4).any()


@pytest.mark.parametrize(
    "change, match",
    [
        ({"A": np.full((4, 2), np.nan)}, "NaN"),
        ({"A": np.zeros((4, 2))}, "numerical rank 0"),
        ({"A": np.ones(3)}, "dimension"),
        ({"draws": 0}, "draws"),
        ({"method": "fast"}, "method"),
        ({"weights": [1.0, 2.0]}, "weights"),
        ({"weights": [1.0, -1.0, 1.0, 1.0]}, "weights"),
        ({"weights": np.zeros(4)}, "weights"),
        ({"cap": 0}, "cap"),
        ({"rng": -1}, "rng"),
    ],
)
def test_check_21_bad_input(change, match):
    options = {"A": np.eye(4, 2), **change}
    with pytest.raises(rnla.RnlaError, match=match):
        projection_dpp(options.pop("A"), **options)


def test_few_rows_extreme_units_and_single_columns():
    assert projection_dpp(np.eye(3), rng=0).indices.tolist() == [0, 1, 2]
    assert projection_dpp(np.ones((1, 1)), rng=0).indices.tolist() == [0]
    wide = np.random.default_rng(0).standard_normal((3, 6))
    assert projection_dpp(wide, rng=0).indices.tolist() == [0, 1, 2]
    A = np.random.default_rng(0).standard_normal((400, 3))
    units = np.array([1e-300, 1.0, 1e300])
    assert np.array_equal(
        projection_dpp(A * units, draws=5, rng=0).indices, projection_dpp(A, draws=5, rng=0).indices
    )


# --- the record ----------------------------------------------------------------------------------


def test_pooled_draws_estimate_sums_of_squares_without_bias():
    """Repeated DPP, 3000 draws in one sample: G near I.

    E ||G - I||_F^2 <= m (m - 1) / r (SPEC P17); a distance of five times its root has probability
    at most 1/25 by Markov's inequality alone, and less than 1e-6 in the normal approximation.
    """
    A = small_features(30, 3)
    sample = projection_dpp(A, draws=3_000, method="rejection", rng=6)
    rows = sample.row_sample()
    assert int(rows.multiplicities.sum()) == 9_000
    G = (rows @ orthonormal(A)).T @ (rows @ orthonormal(A))
    assert np.linalg.norm(G - np.eye(3)) <= 5.0 * math.sqrt(6 / 3_000)


def test_repr_and_passes():
    sample = projection_dpp(np.random.default_rng(0).standard_normal((50, 3)), rng=0)
    assert "projection DPP" in repr(sample)
    assert sample.passes >= 2
    assert np.allclose(sample.weights, 1.0 / sample.marginals[sample.indices])


# --- the ground set ------------------------------------------------------------------------------


def ill_conditioned():
    return np.vander(np.linspace(0.0, 1.0, 20_000), 9) @ np.diag(np.logspace(0, 8, 9))


@pytest.mark.parametrize(
    "A, weights",
    [
        (ill_conditioned(), None),
        (ill_conditioned(), np.linspace(0.0, 2.0, 20_000)),
        (sp.csr_array(ill_conditioned()), None),
        (np.random.default_rng(0).standard_normal((20_000, 5)).astype(np.float32), None),
        (np.random.default_rng(0).standard_normal((20_000, 5)) * [1e-300, 1, 1, 1, 1e300], None),
    ],
    ids=["ill-conditioned", "weighted", "sparse", "float32", "units"],
)
def test_features_are_orthonormal_and_belong_to_the_scores(A, weights):
    ground = ground_set(A, weights=weights)
    U = ground.features(np.arange(ground.n))
    assert np.abs(U.T @ U - np.eye(ground.rank)).max() < 1e-9
    lengths = (U**2).sum(axis=1)
    positive = ground.leverage > 0.0
    assert np.allclose(lengths[positive], ground.leverage[positive], rtol=1e-8)
    assert not lengths[~positive].any()
    points = np.array([2.0**-53, 0.5, 1.0 - 2.0**-53])
    assert np.all(ground.propose(points)[1] > 0.0)


def test_laws_without_weights_give_no_row_sample():
    with pytest.raises(rnla.ArgumentError, match="weights"):
        rnla.dpp.k_dpp(np.eye(3), 2, rng=0).row_sample()
