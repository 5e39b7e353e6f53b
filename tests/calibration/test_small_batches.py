"""Batches of small problems in compiled loops against each problem alone, in NumPy and LAPACK."""

from __future__ import annotations

import numpy as np
import pytest

import rnla
import rnla.calibration._equilibration as equilibration
import rnla.calibration._small_steps as steps
from rnla.calibration import Problem, canonical_correlation, polish
from tests.calibration.cases import MODELS, complex_normal

SIZES = {"repeated": (24, 11, 5), "diverse": (24, 8, 6), "snapshots": (24, 8, 6)}
COUNT = 6


def measured(model, kind, missing, own):
    """Noisy measurements of several problems, and their operators."""
    rng = np.random.default_rng(3)
    m, n, p = SIZES[model]
    maps = 1 if model == "snapshots" else p

    def numbers(*shape):
        return complex_normal(rng, *shape) if kind is complex else rng.standard_normal(shape)

    A = numbers(*((COUNT,) if own else ()), maps, m, n)
    x = numbers(COUNT, 1 if model == "repeated" else p, n)
    d = numbers(COUNT, m)
    Y = d[:, None, :] * (A @ x[..., None])[..., 0]
    Y = Y + 0.01 * numbers(*Y.shape)
    if missing:
        Y[rng.random(Y.shape) < 0.1] = np.nan
    return Y, A


def options(model):
    return {"model": model, "standard_errors": False}


@pytest.mark.parametrize("own", [False, True], ids=["shared", "own operators"])
@pytest.mark.parametrize("missing", [False, True], ids=["", "missing"])
@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("model", MODELS)
def test_a_batch_is_each_of_its_problems(model, kind, missing, own, monkeypatch):
    Y, A = measured(model, kind, missing, own)
    together = rnla.calibrate(Y, A, **options(model))
    monkeypatch.setattr(steps, "_LARGEST", 0)
    monkeypatch.setattr(equilibration, "_SMALL", 0)
    plain = rnla.calibrate(Y, A, **options(model))
    for k in range(COUNT):
        alone = rnla.calibrate(Y[k], A[k] if own else A, **options(model))
        for batch in (together, plain):
            assert batch.statuses[k] == alone.status
            np.testing.assert_allclose(batch.gains[k], alone.gains, rtol=0, atol=2e-6)
            np.testing.assert_allclose(batch.sigma[k, 0], alone.sigma[0], rtol=1e-11)
            np.testing.assert_allclose(batch.sigma[k, 1], alone.sigma[1], rtol=2e-2)
            np.testing.assert_allclose(
                batch.residual_variance[k], alone.residual_variance, rtol=1e-8
            )


@pytest.mark.parametrize("model", MODELS)
def test_the_loops_are_used_where_they_are_meant_to_be(model, monkeypatch):
    """Double precision and small; single precision, one problem and many unknowns are not."""
    used = []
    for name in ("signal_step", "gain_sums"):
        monkeypatch.setattr(steps.als_sweep, name, counted(getattr(steps.als_sweep, name), used))
    Y, A = measured(model, complex, False, False)
    for values, expected in ((Y, True), (Y[0], False), (Y.astype(np.complex64), False)):
        operators = A.astype(values.dtype)
        problem = Problem(values, operators, model=model)
        polish(problem, np.ones(values.shape[:-2] + values.shape[-1:]), max_sweeps=2)
        assert bool(used) == expected
        used.clear()


def counted(function, calls):
    def wrapped(*args, **kwargs):
        calls.append(function)
        return function(*args, **kwargs)

    return wrapped


def test_sensors_without_gains_leave_a_signal_of_least_size():
    """Fewer gains than unknowns: the matrix is positive by its ridge alone, or not at all."""
    Y, A = measured("repeated", complex, False, False)
    d = np.ones(Y[:, 0].shape, dtype=complex)
    d[0] = 0.0
    problem = Problem(Y, A)
    found = polish(problem, d, max_sweeps=1)
    assert np.isfinite(found.gains).all()
    assert np.isfinite(found.signal).all()


@pytest.mark.parametrize("model", MODELS)
def test_costs_of_every_problem_fall_until_it_ends(model):
    Y, A = measured(model, complex, True, False)
    problem = Problem(Y, A, model=model)
    start = canonical_correlation(problem).inverse_gains
    run = polish(problem, 1.0 / start)
    assert run.converged.all()
    assert (np.diff(run.costs, axis=0) <= 1e-12 * run.costs[:-1]).all()
