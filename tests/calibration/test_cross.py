"""Explicit small matrices against the products that they replace."""

from __future__ import annotations

import numpy as np
import pytest

import rnla.calibration._cross as module
from rnla.calibration import Problem, canonical_correlation, polish
from rnla.calibration._cross import cross_adjoint, cross_matrix, matvec, normal_matrix
from rnla.calibration._whitening import whiten
from tests.calibration.cases import MODELS, complex_normal, draw

SIZES = {"repeated": (16, 10, 4), "diverse": (16, 8, 6), "snapshots": (16, 8, 6)}


@pytest.mark.parametrize("own", [False, True], ids=["shared", "own"])
@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_match_the_products(model, weighted, batch, own):
    rng = np.random.default_rng(0)
    m, n, p = SIZES[model]
    A = complex_normal(rng, *(batch if own else ()), 1 if model == "snapshots" else p, m, n)
    weights = rng.uniform(0.5, 2.0, (*batch, p, m)) if weighted else None
    problem = Problem(complex_normal(rng, *batch, p, m), A, model=model, weights=weights)
    whitening = whiten(problem)
    y = whitening.rooted(problem.data)
    s = complex_normal(rng, *batch, m)
    expected = (y.conj() * whitening.project(y * s[..., None, :])).sum(axis=-2)
    scale = rng.uniform(0.5, 2.0, (*batch, m))
    C, H = cross_matrix(problem, whitening, y), normal_matrix(problem, whitening, y, scale)
    assert (C is not None) == (model == "repeated")
    if C is not None:
        t = cross_adjoint(C, s)
        np.testing.assert_allclose(t, whitening.analysis(y * s[..., None, :]), atol=1e-12)
        np.testing.assert_allclose(matvec(C, t), expected, atol=1e-12)
    elif H is not None:
        np.testing.assert_allclose(matvec(H, s / scale) / scale, expected, atol=1e-12)
    else:
        assert weighted or (own and batch)


@pytest.mark.parametrize("model", MODELS)
def test_results_are_those_without_them(model, monkeypatch):
    case = draw(model, *SIZES[model], snr=30.0)
    problem = Problem(case.Y, case.A, model=model)
    explicit = canonical_correlation(problem), polish(problem, case.d, tol=1e-12)
    monkeypatch.setattr(module, "_ENTRIES", 0)
    implicit = canonical_correlation(problem), polish(problem, case.d, tol=1e-12)
    np.testing.assert_allclose(explicit[0].sigma, implicit[0].sigma, atol=1e-12)
    np.testing.assert_allclose(explicit[0].inverse_gains, implicit[0].inverse_gains, atol=1e-9)
    np.testing.assert_allclose(explicit[0].signal, implicit[0].signal, atol=1e-9)
    np.testing.assert_allclose(explicit[1].gains, implicit[1].gains, atol=1e-9)
