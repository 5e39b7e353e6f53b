"""Batches of small problems in compiled loops against each problem alone, in NumPy and LAPACK."""

from __future__ import annotations

import numpy as np
import pytest

import rnla
import rnla.calibration._course as course
import rnla.calibration._equilibration as equilibration
import rnla.calibration._small_steps as steps
from rnla.calibration import Problem, canonical_correlation, polish
from rnla.calibration._ambiguity import is_ambiguous
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


@pytest.mark.parametrize("model", MODELS)
def test_any_number_of_threads_gives_the_same_bits(model, monkeypatch):
    """Parts of a batch are solved in threads, each part by itself."""
    monkeypatch.setattr(course, "_PART", 2 * SIZES[model][0] * SIZES[model][2])
    Y, A = measured(model, complex, False, False)
    found = []
    for threads in ("1", "2", "8"):
        monkeypatch.setenv("RNLA_THREADS", threads)
        found.append(rnla.calibrate(Y, A, **options(model)))
    for other in found[1:]:
        for name in ("gains", "signal", "sigma", "residual_variance"):
            np.testing.assert_array_equal(getattr(other, name), getattr(found[0], name))


DESIGNS = {  # few measurements, so that gaps are small
    "repeated": ((40, 30, 2), (64, 40, 2), (128, 100, 2)),
    "diverse": ((40, 20, 3), (64, 24, 3), (128, 60, 3)),
    "snapshots": ((40, 20, 4), (64, 24, 3), (128, 60, 4)),
}


@pytest.mark.parametrize("model", MODELS)
def test_second_correlations_of_a_batch_and_the_verdicts_they_lead_to(model):
    """Against all singular values, around the limit max(3 (1 - sigma_1), 0.001) of the gap.

    The search ends where sigma_2^2 is known to 0.001; verdicts have to be those of the exact
    numbers where the gap is a tenth from the limit, and agree with each problem alone everywhere.
    """
    rng = np.random.default_rng(7)
    verdicts = []
    for m, n, p in DESIGNS[model]:
        A = complex_normal(rng, 1 if model == "snapshots" else p, m, n)
        x = complex_normal(rng, 12, 1 if model == "repeated" else p, n)
        d = np.exp(2j * np.pi * rng.random((12, m)))
        Y = d[:, None, :] * (A @ x[..., None])[..., 0]
        noise = np.sqrt(n) * np.geomspace(0.01, 0.8, 12)
        Y += noise[:, None, None] * complex_normal(rng, *Y.shape)
        problem = Problem(Y, A, model=model)
        found = canonical_correlation(problem)
        matrix, square = equilibration.Equilibration(problem).matrices()
        values = np.linalg.svd(matrix, compute_uv=False)[:, :2]
        exact = np.sqrt(values) if square else values
        np.testing.assert_allclose(found.sigma[:, 0], exact[:, 0], rtol=1e-10)
        assert (found.sigma[:, 1] < exact[:, 1] + 1e-12).all()
        np.testing.assert_allclose(found.sigma[:, 1], exact[:, 1], rtol=0, atol=1e-3)
        alone = [canonical_correlation(Problem(one, A, model=model)) for one in Y]
        limit = np.maximum(3.0 * (1.0 - exact[:, 0]), 1e-3)
        ratio = (exact[:, 0] - exact[:, 1]) / limit
        clear = np.abs(ratio - 1.0) > 0.1
        verdict = is_ambiguous(found.sigma[:, 0], found.gap)
        np.testing.assert_array_equal(verdict[clear], ratio[clear] < 1.0)
        assert verdict.tolist() == [bool(is_ambiguous(one.sigma[0], one.gap)) for one in alone]
        verdicts.extend(verdict)
    assert 4 < sum(verdicts) < len(verdicts) - 4
