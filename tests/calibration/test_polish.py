"""Alternating least squares: a minimum of the likelihood, constraints, weak sensors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla._errors import ArgumentError
from rnla.calibration import (
    PartialHadamard,
    Problem,
    _signal_step,
    gain_step,
    polish,
    relative_error,
)
from tests.calibration.cases import MODELS, complex_normal, draw, draw_batch

SIZES = {"repeated": (16, 10, 4), "diverse": (16, 8, 6), "snapshots": (16, 8, 6)}


def gradient(problem, d, x):
    """Of the cost in the conjugates of d and x."""
    r = problem.weighted(problem.predict(d, x) - problem.data)
    of_gains = (problem.synthesis(x).conj() * r).sum(axis=-2)
    return of_gains, problem.analysis(d.conj()[..., None, :] * r)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_end_is_a_stationary_point(model, weighted):
    case = draw(model, *SIZES[model], snr=20.0)
    weights = np.random.default_rng(0).uniform(0, 2, case.Y.shape) if weighted else None
    problem = Problem(case.Y, case.A, model=model, weights=weights)
    found = polish(problem, case.d, max_sweeps=1000, tol=1e-12)
    for part in gradient(problem, found.gains, found.signal):
        assert np.abs(part).max() < 1e-3 * np.sqrt(found.costs[-1])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("constraint", [None, "phase", "positive", "span", "callable"])
@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_check_23_constraints_are_met_and_the_cost_never_rises(model, constraint, seed):
    case = draw(model, *SIZES[model], snr=10.0, gains="mild", seed=seed)
    rng = np.random.default_rng(seed)
    basis = complex_normal(rng, 16, 3)
    given_ = {"span": basis, "callable": np.conj}.get(constraint, constraint)
    if constraint == "callable":
        given_ = lambda d: np.where(np.abs(d) > 0, d, 0)  # noqa: E731
    found = polish(Problem(case.Y, case.A, model=model), case.d, constraint=given_, max_sweeps=20)
    assert (np.diff(found.costs) <= 1e-12 * found.costs[0]).all()
    if constraint == "phase":
        np.testing.assert_allclose(np.abs(found.gains), 1.0, atol=1e-14)
    elif constraint == "positive":
        assert (found.gains.imag == 0).all()
        assert (found.gains.real >= 0).all()
    elif constraint == "span":
        outside = found.gains - basis @ np.linalg.lstsq(basis, found.gains, rcond=None)[0]
        assert np.abs(outside).max() < 1e-13


def test_check_23_notices_a_projection_that_is_not_the_minimiser():
    """Must fail: moduli drawn to one before the weights of the sum are applied raise the cost."""
    case = draw("repeated", 16, 10, 4, snr=0.0)
    wrong = polish(Problem(case.Y, case.A), case.d, constraint=lambda d: np.abs(d), max_sweeps=20)
    assert (np.diff(wrong.costs) > 1e-12 * wrong.costs[0]).any()


@pytest.mark.parametrize("model", MODELS)
def test_batches_and_missing_values(model):
    case = draw_batch(model, *SIZES[model], 2, snr=20.0)
    Y = case.Y.copy()
    Y[0, 1, 3] = np.nan
    both = polish(Problem(Y, case.A, model=model), case.d, max_sweeps=5)
    for b in range(2):
        one = polish(Problem(Y[b], case.A, model=model), case.d[b], max_sweeps=5)
        np.testing.assert_allclose(both.gains[b], one.gains, atol=1e-8)
        np.testing.assert_allclose(both.signal[b], one.signal, atol=1e-8)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("limit", ["_whitening._DENSE_ENTRIES", "_signal_step._GRAM_ENTRIES"])
def test_iterative_signal_steps_agree_with_direct_ones(model, limit, monkeypatch):
    case = draw(model, *SIZES[model], snr=20.0)
    Y = case.Y.copy()
    Y[0, 1] = np.nan
    problem = Problem(Y, case.A, model=model)
    direct = polish(problem, case.d, max_sweeps=5)
    monkeypatch.setattr(f"rnla.calibration.{limit}", 0)
    iterated = polish(problem, case.d, max_sweeps=5)
    np.testing.assert_allclose(iterated.gains, direct.gains, atol=1e-9)
    np.testing.assert_allclose(iterated.signal, direct.signal, atol=1e-9)


def test_structured_real_operators():
    rng = np.random.default_rng(1)
    operators = PartialHadamard(16, rng.choice([-1.0, 1.0], size=(4, 10)))
    d, x = rng.uniform(0.5, 1.5, 16), rng.standard_normal(10)
    found = polish(Problem(d * operators.apply(x), operators), d + 0.01, tol=1e-12)
    assert found.gains.dtype == float
    assert relative_error(found.gains, d) < 1e-8


def test_a_sensor_without_signal_gets_no_gain():
    case = draw("repeated", 16, 10, 4)
    problem = Problem(np.where(np.arange(16) == 3, np.nan, case.Y), case.A)
    found = polish(problem, case.d)
    assert found.gains[3] == 0
    assert np.isfinite(found.gains).all()
    assert gain_step(problem, found.signal)[3] == 0


@pytest.mark.parametrize(
    "options, message",
    [
        ({"constraint": "negative"}, "constraint"),
        ({"constraint": np.ones((3, 2))}, "constraint"),
        ({"constraint": lambda d: d[:3]}, "constraint"),
        ({"constraint": lambda d: d * np.nan}, "constraint"),
        ({"max_sweeps": 0}, "max_sweeps"),
        ({"tol": 0.0}, "tol"),
        ({"gains": np.ones(3)}, "gains"),
        ({"gains": np.full(16, np.nan)}, "gains"),
    ],
)
def test_bad_options(options, message):
    case = draw("repeated", 16, 10, 4)
    gains = options.pop("gains", case.d)
    with pytest.raises(ArgumentError, match=message):
        polish(Problem(case.Y, case.A), gains, **options)


def test_few_strong_sensors_are_preconditioned_by_a_sketch(monkeypatch):
    """Products of conjugate gradients where 24 of 512 sensors carry nearly all of the weight."""
    monkeypatch.setattr(_signal_step, "_GRAM_ENTRIES", 0)
    case = draw("repeated", 512, 96, 4, snr=40.0)
    d = case.d * np.where(np.arange(512) % 21 == 0, 30.0, 0.3)
    problem = Problem(case.Y / case.d * d, case.A)
    counts, signals = [], []
    for rows in (4, 0):  # 0: never
        monkeypatch.setattr(_signal_step, "_EFFECTIVE_ROWS", rows)
        found = polish(problem, d, max_sweeps=3, tol=1e-15)
        counts.append(found.products)
        signals.append(found.signal)
    assert relative_error(signals[0], signals[1]) < 1e-10
    assert counts[0] < 0.7 * counts[1]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("constraint", [None, "phase", "positive", "span"])
def test_extrapolation_needs_fewer_sweeps_and_ends_no_higher(model, constraint):
    """Median of five seeds; the companion is the plain iteration, which is the slower one."""
    sweeps = []
    for seed in range(5):
        case = draw(model, 24, 12, 16, snr=20.0, gains="mild", seed=seed)
        given_ = np.fft.fft(np.eye(24))[:, :6] if constraint == "span" else constraint
        problem = Problem(case.Y, case.A, model=model)
        fast, plain = (
            polish(problem, case.d, constraint=given_, max_sweeps=500, accelerate=accelerate)
            for accelerate in (True, False)
        )
        assert fast.converged
        assert fast.costs[-1] <= plain.costs[-1] * (1 + 1e-8)
        assert (np.diff(fast.costs) <= 1e-12 * fast.costs[0]).all()
        sweeps.append([fast.sweeps, plain.sweeps])
    fast, plain = np.median(sweeps, axis=0)
    assert fast <= plain + 1
    assert model == "repeated" or fast < 0.6 * plain
