"""The reduced eigenproblem against dense matrices, its lack of bias, its estimate of the noise."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.linalg

from rnla import ArgumentError
from rnla.calibration import (
    Problem,
    canonical_correlation,
    elimination,
    relative_error,
)
from tests.calibration import dense
from tests.calibration.cases import MODELS, complex_normal, draw, draw_batch

SIZES = {"repeated": (12, 7, 4), "diverse": (12, 5, 4), "snapshots": (12, 5, 5)}


def reference(Y, A, model, weights, basis=None):
    """S and diag(c - h) from stacked matrices, and the smallest generalised pair."""
    left, right = dense.stacked(Y, A, model, basis)
    root = np.sqrt(weights).reshape(-1, 1)
    Q = np.linalg.qr(root * right)[0]
    S = (root * left).conj().T @ (root * left - Q @ (Q.conj().T @ (root * left)))
    h = (np.abs(Q) ** 2).sum(axis=1).reshape(Y.shape).sum(axis=0)
    N = np.diag(np.count_nonzero(weights, axis=0) - h)
    N = N if basis is None else basis.conj().T @ N @ basis
    values, vectors = scipy.linalg.eigh(S, N)
    return values[:2], vectors[:, 0] if basis is None else basis @ vectors[:, 0], h


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("with_basis", [False, True])
def test_the_pair_is_that_of_the_dense_matrices(model, with_basis):
    rng = np.random.default_rng(3)
    case = draw(model, *SIZES[model], snr=15.0)
    basis = complex_normal(rng, 12, 4) if with_basis else None
    weights = rng.random(case.Y.shape)
    weights[0, 2] = 0.0
    problem = Problem(case.Y, case.A, model=model, weights=weights, gain_basis=basis)
    found = elimination(problem)
    values, s, h = reference(problem.data, case.A, model, weights, basis)
    np.testing.assert_allclose(found.eigenvalue, values[0], rtol=1e-8)
    np.testing.assert_allclose(found.second, values[1], rtol=1e-8)
    np.testing.assert_allclose(found.leverages, h, rtol=1e-8)
    assert relative_error(found.inverse_gains, s) < 1e-8
    assert found.leverages.sum() == pytest.approx(problem.signal_size)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("normalisation", ["noise", "gains"])
def test_exact_data_give_exact_gains(model, normalisation):
    case = draw(model, *SIZES[model])
    problem = Problem(case.Y, case.A, model=model)
    found = elimination(problem, normalisation=normalisation)
    assert relative_error(found.inverse_gains, 1.0 / case.d) < 1e-11
    assert relative_error(found.signal, case.x) < 1e-11
    assert abs(found.eigenvalue) < 1e-13


def unequal_leverages(p, seed):
    """Six of 24 rows of the map are three times as large, and their gains as much smaller."""
    rng = np.random.default_rng(seed)
    size = np.where(np.arange(24) < 6, 3.0, 1.0)
    A = size[:, None] * complex_normal(rng, 24, 8)
    d = rng.uniform(0.5, 1.5, 24) * np.exp(2j * np.pi * rng.random(24)) / size
    clean = d * (complex_normal(rng, p, 8) @ A.T)
    sigma = np.sqrt(0.1 * np.mean(np.abs(clean) ** 2))
    return Problem(clean + sigma * complex_normal(rng, p, 24), A, model="snapshots"), d, sigma


def test_rows_of_unequal_leverage_do_not_bias_the_gains():
    """Four times the snapshots halve the error; without the correction nothing is gained.

    Medians of five seeds, whose factor scatters by about 15 per cent; the errors without the
    correction are seven times as large.
    """
    errors = {}
    for p in (400, 1600):
        found = []
        for seed in range(5):
            problem, d, _ = unequal_leverages(p, seed)
            answers = (
                elimination(problem),
                elimination(problem, normalisation="gains"),
                canonical_correlation(problem),
            )
            found.append([relative_error(one.inverse_gains, 1.0 / d) for one in answers])
        errors[p] = np.median(found, axis=0)
    assert errors[1600][0] < 0.65 * errors[400][0]
    assert (errors[1600][1:] > 0.8 * errors[400][1:]).all()
    assert (errors[1600][1:] > 5 * errors[1600][0]).all()


def test_the_eigenvalue_estimates_the_noise():
    """Within 5 per cent with 25,600 residuals; 10 to 30 per cent too small with few."""
    problem, _, sigma = unequal_leverages(1600, 0)
    estimate = elimination(problem).eigenvalue * problem.scale[0, 0] ** 2
    assert 0.95 < estimate / sigma**2 < 1.05
    few = []
    for seed in range(5):
        case = draw("repeated", 64, 32, 8, snr=20.0, seed=seed)
        small = Problem(case.Y, case.A)
        few.append(elimination(small).eigenvalue * small.scale[0, 0] ** 2 / case.sigma**2)
    assert 0.7 < np.median(few) < 1.0
    # Companion: without the normalisation it is the values per sensor times too large.
    plain = elimination(problem, normalisation="gains").eigenvalue * problem.scale[0, 0] ** 2
    assert plain > 100 * sigma**2


def test_weak_and_missing_sensors_take_no_part():
    case = draw("repeated", 32, 12, 6, snr=40.0, dead=[3], dead_gain=1e-3)
    Y = case.Y.copy()
    Y[:, 7] = np.nan
    found = elimination(Problem(Y, case.A))
    assert np.flatnonzero(~found.usable).tolist() == [3, 7]
    assert (found.inverse_gains[[3, 7]] == 0).all()
    assert relative_error(found.signal, case.x) < 0.02


def test_a_batch_gives_what_its_problems_give():
    case = draw_batch("diverse", 12, 5, 4, 3, snr=20.0)
    together = elimination(Problem(case.Y, case.A, model="diverse"))
    for b in range(3):
        one = elimination(Problem(case.Y[b], case.A, model="diverse"))
        assert relative_error(together.inverse_gains[b], one.inverse_gains) < 1e-10
        np.testing.assert_allclose(together.eigenvalue[b], one.eigenvalue)


def test_what_is_refused(monkeypatch):
    case = draw("repeated", 12, 7, 4, missing=0.1)
    problem = Problem(case.Y, case.A, weights=case.weights)
    with pytest.raises(ArgumentError, match="normalisation"):
        elimination(problem, normalisation="signal")
    monkeypatch.setattr("rnla.calibration._whitening._DENSE_ENTRIES", 0)
    with pytest.raises(ArgumentError, match="canonical_correlation"):
        elimination(problem)
    monkeypatch.setattr(sys.modules[elimination.__module__], "_SENSORS", 11)
    with pytest.raises(ArgumentError, match="12 sensors"):
        elimination(problem)
