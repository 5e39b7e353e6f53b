"""Gains whose reciprocals lie in a subspace: the polish keeps to it and attains the error bound."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from rnla import ArgumentError, calibrate
from rnla.calibration import relative_error, simulate
from rnla.calibration._reciprocal_subspace import ReciprocalSubspace
from rnla.calibration.self_calibration import METHODS
from tests.calibration.cases import MODELS, complex_normal

SIZES = {"repeated": (24, 12, 6), "diverse": (24, 8, 6), "snapshots": (24, 8, 10)}


def outside(basis, s):
    """Share of s outside of the span."""
    Q = np.linalg.qr(basis)[0]
    return np.linalg.norm(s - Q @ (Q.conj().T @ s)) / np.linalg.norm(s)


def standardised(model, **options):
    """Mean squares of errors over standard errors, and chi2, over 24 seeds at 40 dB."""
    m, n, p = SIZES[model]
    squares, chi2 = [], []
    for seed in range(24):
        data = simulate(model, m=m, n=n, p=p, gain_subspace=8, snr=40.0, rng=seed)
        found = calibrate(
            data.Y,
            data.operators,
            model=model,
            gain_basis=data.gain_basis,
            noise=data.noise_std,
            max_sweeps=200,
            **options,
        )
        assert outside(data.gain_basis, found.inverse_gains) < 1e-12
        chi2.append(found.chi2)
        for a, b, error in (
            (found.gains, data.gains, found.gains_error),
            (found.signal, data.signal, found.signal_error),
        ):
            c = np.vdot(b, a) / np.vdot(b, b)
            squares.append(np.mean(np.abs(a - c * b) ** 2 / error**2))
    return np.mean(squares[::2]), np.mean(squares[1::2]), np.mean(chi2)


@pytest.mark.parametrize("model", MODELS)
def test_standard_errors_and_chi2_hold_with_a_basis(model):
    """24 seeds of at least 7 complex gain and 11 signal unknowns: 168 and 264 exponential numbers,
    correlated within a seed; limits of 30 per cent are 3.9 standard deviations at worst, 1e-4.
    Chi2 has 24 times 90 degrees of freedom or more: 9 per cent are four deviations, 6e-5.
    """
    gains, signal, chi2 = standardised(model)
    assert abs(gains - 1) < 0.3
    assert abs(signal - 1) < 0.3
    assert abs(chi2 - 1) < 0.09
    # Companion: the linear method alone does not attain them.
    gains, signal, chi2 = standardised(model, polish=None)
    assert signal > 1.4
    assert chi2 > 1.4


@pytest.mark.parametrize("real", [False, True])
def test_the_step_is_the_minimiser(real):
    """Against a general nonlinear least-squares solver."""
    rng = np.random.default_rng(0)
    m, k = 12, 3

    def draw(*shape):
        return rng.normal(size=shape) if real else complex_normal(rng, *shape)

    basis, v = draw(m, k), draw(k)
    below = rng.uniform(0.1, 2.0, m)
    below[3] = 0.0  # a sensor without data
    target = 1.0 / (basis @ v) * (1.0 + 0.1 * draw(m))
    start = basis @ (v * (1.0 + 0.05 * draw(k)))
    known = np.arange(m) != 5
    step = ReciprocalSubspace(basis, np.where(known, 7.0 * start, 100.0), known)
    np.testing.assert_allclose(step.gains, 1.0 / (7.0 * start))
    d = step.restrict(below * target, below)

    def residual(z):
        w = z if real else z[:k] + 1j * z[k:]
        r = np.sqrt(below) * (1.0 / (basis @ w) - target)
        return r if real else np.concatenate([r.real, r.imag])

    z = v if real else np.concatenate([v.real, v.imag])
    best = least_squares(residual, z, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    cost = np.sum(below * np.abs(d - target) ** 2)
    assert cost == pytest.approx(2 * best.cost, rel=1e-9)
    assert outside(basis, 1.0 / d) < 1e-13
    # Companion: the nearest reciprocals are not the answer.
    s = basis @ np.linalg.lstsq(basis, 1.0 / target, rcond=None)[0]
    assert np.sum(below * np.abs(1.0 / s - target) ** 2) > 1.05 * cost


def test_costs_never_rise_and_batches_are_what_their_problems_are():
    data = simulate("diverse", m=24, n=8, p=6, gain_subspace=8, snr=20.0, rng=0)
    other = simulate("diverse", m=24, n=8, p=6, gain_subspace=8, snr=20.0, rng=1)
    Y = np.stack([data.Y, other.gains * data.clean / data.gains + other.noise])
    options = {"model": "diverse", "gain_basis": data.gain_basis}
    both = calibrate(Y, data.operators, **options)
    assert (np.diff(both.costs, axis=0) <= 1e-12 * both.costs[0]).all()
    assert "within the subspace" in both.reason
    for one, gains in zip(Y, both.gains, strict=True):
        alone = calibrate(one, data.operators, **options)
        np.testing.assert_allclose(alone.gains, gains, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_sensors_without_data_get_the_gain_that_the_basis_implies(method):
    data = simulate("repeated", m=24, n=12, p=6, gain_subspace=6, rng=0)
    Y = data.Y.copy()
    Y[:, [2, 20]] = np.nan
    found = calibrate(Y, data.operators, gain_basis=data.gain_basis, method=method)
    assert found.flagged.tolist() == [2, 20]
    assert relative_error(found.gains, data.gains) < 1e-10


def test_columns_of_any_size_that_the_data_can_tell_apart():
    data = simulate("repeated", m=24, n=12, p=6, gain_subspace=3, rng=0)
    basis = data.gain_basis * np.array([1e-200, 1.0, 1e150])
    found = calibrate(data.Y, data.operators, gain_basis=basis)
    assert relative_error(found.gains, data.gains) < 1e-10
    steps = np.kron(np.eye(4), np.ones((6, 1)))
    Y = np.where(np.arange(24) < 6, np.nan, data.Y)
    with pytest.raises(ArgumentError, match="gain_basis: got dependent columns there"):
        calibrate(Y, data.operators, gain_basis=steps)


def test_one_prior_is_enough():
    data = simulate("diverse", m=24, n=8, p=6, gain_subspace=8, rng=0)
    with pytest.raises(ArgumentError, match="constraint: got one with a gain_basis"):
        calibrate(
            data.Y,
            data.operators,
            model="diverse",
            gain_basis=data.gain_basis,
            constraint="phase",
        )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("constraint", ["phase", "positive", "basis"])
def test_chi2_counts_the_unknowns_that_a_constraint_leaves(model, constraint):
    """16 seeds with 100 degrees of freedom or more: 12 per cent are five deviations at worst."""
    m, n, p = SIZES[model]
    basis = np.fft.fft(np.eye(m))[:, :4]
    chi2, free = [], []
    for seed in range(16):
        data = simulate(model, m=m, n=n, p=p, snr=30.0, rng=seed)
        d = {"phase": data.gains / np.abs(data.gains), "positive": np.abs(data.gains)}.get(
            constraint, basis @ complex_normal(np.random.default_rng(seed), 4)
        )
        Y = d * data.clean / data.gains + data.noise
        found = calibrate(
            Y,
            data.operators,
            model=model,
            constraint=basis if constraint == "basis" else constraint,
            noise=data.noise_std,
            max_sweeps=200,
        )
        chi2.append(found.chi2)
        free.append(found.degrees_of_freedom)
    assert abs(np.mean(chi2) - 1) < 0.12
    unknowns = {"phase": 12, "positive": 12, "basis": 3}[constraint] + data.signal.size
    assert free[0] == m * p - unknowns
    # Companion: with all gains counted it is too large.
    assert np.mean(chi2) * free[0] / (m * p - m + 1 - data.signal.size) > 1.03
