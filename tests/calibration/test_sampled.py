"""A start from few snapshots: which, how good, and how much work it saves."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import ArgumentError, Status, calibrate
from rnla.calibration import DenseOperators, Problem, relative_error
from rnla.calibration.sampled import sample_snapshots, snapshot_leverages
from tests.calibration.cases import complex_normal, draw


def test_leverages_are_those_of_the_signals():
    """Without noise the rows of Y are x_l (D A)^T: the same column space as that of the x_l."""
    case = draw("snapshots", 24, 6, 40)
    found = snapshot_leverages(Problem(case.Y, case.A, model="snapshots"))
    Q = np.linalg.qr(case.x)[0]
    np.testing.assert_allclose(found, (np.abs(Q) ** 2).sum(axis=1), atol=1e-10)
    assert found.sum() == pytest.approx(6)


def test_snapshots_that_carry_everything_are_taken():
    """Six of 400 snapshots see two unknowns that the others do not."""
    case = draw("snapshots", 24, 6, 400)
    rare = np.arange(100, 106)
    x = case.x.copy()
    x[:, 4:] = 0.0
    x[rare] = case.x[rare]
    problem = Problem(case.d * (x @ case.A.T), case.A, model="snapshots")
    taken = sample_snapshots(problem, 60, seed=3)
    assert len(set(taken)) == 60
    assert np.isin(rare, taken).sum() >= 4
    # Companion: a uniform sample of 60 has four of them with probability 0.006.
    uniform = np.random.default_rng(0).choice(400, 60, replace=False)
    assert np.isin(rare, uniform).sum() < 4


def test_few_sweeps_over_all_snapshots_are_nearly_the_best():
    """Medians of three seeds: 128 of 1024 snapshots, 20 dB."""
    errors = []
    for seed in range(3):
        case = draw("snapshots", 64, 16, 1024, snr=20.0, seed=seed)
        options = {"model": "snapshots", "standard_errors": False}
        few = calibrate(case.Y, case.A, sample=128, **options)
        best = calibrate(case.Y, case.A, **options)
        alone = calibrate(case.Y[:128], case.A, **options)
        errors.append([relative_error(one.gains, case.d) for one in (few, best, alone)])
        assert few.status is Status.OK
        assert few.sweeps <= 3
        assert few.signal.shape == (1024, 16)
        assert "sample" in few.reason
    few, best, alone = np.median(errors, axis=0)
    assert few < 1.25 * best
    # Companion: the sample by itself.
    assert alone > 2 * best


class Counting(DenseOperators):
    """One map with orthonormal columns that counts the vectors it meets."""

    scalar_gram = 1.0
    count = 0

    def _apply(self, X):
        self.count += X.size // X.shape[-1]
        return super()._apply(X)

    def _adjoint(self, U):
        self.count += U.size // U.shape[-1]
        return super()._adjoint(U)


def test_it_saves_products():
    """Vectors that meet the operator: less than half of those of the solution on everything."""
    rng = np.random.default_rng(0)
    A = np.linalg.qr(complex_normal(rng, 32, 8))[0]
    d, x = draw("snapshots", 32, 8, 8).d, complex_normal(rng, 1024, 8)
    Y = d * (x @ A.T) + 0.05 * complex_normal(rng, 1024, 32)
    counts = []
    for options in ({}, {"sample": 64}):
        maps = Counting(A)
        found = calibrate(Y, maps, model="snapshots", standard_errors=False, **options)
        assert relative_error(found.gains, d) < 0.02
        counts.append(maps.count)
    assert 0 < counts[1] < counts[0] / 2


def test_what_is_refused():
    case = draw("snapshots", 32, 24, 40)
    with pytest.raises(ArgumentError, match="sample"):
        calibrate(case.Y, case.A, model="snapshots", sample=3)
    with pytest.raises(ArgumentError, match="sample"):
        calibrate(case.Y, case.A, model="snapshots", sample=30, robust=True)
    with pytest.raises(ArgumentError, match="sample"):
        calibrate(case.Y, case.A, model="snapshots", sample=30, polish=None)
    other = draw("diverse", 32, 12, 6)
    with pytest.raises(ArgumentError, match="sample"):
        calibrate(other.Y, other.A, model="diverse", sample=4)


def test_a_sample_of_everything_is_everything():
    case = draw("snapshots", 24, 8, 12, snr=30.0)
    found = calibrate(case.Y, case.A, model="snapshots", sample=100)
    whole = calibrate(case.Y, case.A, model="snapshots")
    np.testing.assert_array_equal(found.gains, whole.gains)
