"""All canonical correlations: against a dense SVD, with bases, batches, missing data, coil maps."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import rnla
from rnla.calibration import (
    PartialFourier,
    Problem,
    canonical_correlation,
    correlation_spectrum,
    simulate_coil_maps,
)
from tests.calibration.cases import MODELS, complex_normal, draw, draw_batch, draw_real
from tests.calibration.dense import canonical_correlations

MODULE = sys.modules["rnla.calibration.correlation_spectrum"]
SIZES = {"repeated": (16, 10, 4), "diverse": (16, 8, 6), "snapshots": (16, 8, 6)}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("snr", [None, 10.0])
def test_they_are_the_singular_values_of_the_dense_matrix(model, snr, monkeypatch):
    monkeypatch.setattr(MODULE, "_BLOCK", 500)
    case = draw(model, *SIZES[model], snr=snr)
    sigma = correlation_spectrum(Problem(case.Y, case.A, model=model))
    expected = canonical_correlations(case.Y, case.A, model)
    assert sigma.shape == (16,)
    np.testing.assert_allclose(sigma[: len(expected)], expected[:16], atol=1e-7)
    np.testing.assert_allclose(sigma[: len(expected)] ** 2, expected[:16] ** 2, atol=1e-12)
    np.testing.assert_allclose(sigma[len(expected) :], 0.0, atol=1e-7)


def test_the_leading_two_are_those_of_the_iteration():
    case = draw("repeated", 24, 16, 4, snr=20.0)
    problem = Problem(case.Y, case.A)
    found = canonical_correlation(problem)
    sigma = correlation_spectrum(problem)
    np.testing.assert_allclose(sigma[0], found.sigma[0], atol=1e-12)
    np.testing.assert_allclose(sigma[1], found.sigma[1], rtol=1e-2)


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_is_its_problems(model):
    case = draw_batch(model, *SIZES[model], 3, snr=20.0)
    together = correlation_spectrum(Problem(case.Y, case.A, model=model))
    for row, Y in zip(together, case.Y, strict=True):
        one = correlation_spectrum(Problem(Y, case.A, model=model))
        np.testing.assert_allclose(row**2, one**2, atol=1e-12)


def test_bases_real_data_and_implicit_operators():
    rng = np.random.default_rng(0)
    B = complex_normal(rng, 24, 5)
    case = draw("repeated", 24, 16, 1)
    Y = case.Y / case.d / (B @ complex_normal(rng, 5))
    sigma = correlation_spectrum(Problem(Y, case.A, gain_basis=B))
    expected = canonical_correlations(Y, case.A, "repeated", B)
    np.testing.assert_allclose(sigma**2, expected[:5] ** 2, atol=1e-12)
    real = draw_real(12, 6, 3)
    sigma = correlation_spectrum(Problem(real.Y, real.A))
    expected = canonical_correlations(real.Y, real.A, "repeated")
    np.testing.assert_allclose(sigma[: len(expected)] ** 2, expected**2, atol=1e-12)
    fourier = PartialFourier(16, np.where(rng.random((3, 9)) < 0.5, -1.0, 1.0))
    Y = rng.standard_normal(16) * fourier.apply(rng.standard_normal(9))
    sigma = correlation_spectrum(Problem(Y, fourier))
    expected = canonical_correlations(Y, fourier.dense(), "repeated")
    np.testing.assert_allclose(sigma[: len(expected)] ** 2, expected**2, atol=1e-12)


def test_missing_sensors_have_none_of_their_own():
    case = draw("repeated", 16, 10, 5)
    Y = case.Y.copy()
    Y[:, 3] = np.nan
    Y[:2, 5] = np.nan
    sigma = correlation_spectrum(Problem(Y, case.A))
    kept = np.arange(16) != 3
    weights = np.isfinite(Y[:, kept])
    rooted = weights[..., None] * case.A[:, kept]
    expected = canonical_correlations(np.nan_to_num(Y[:, kept]), rooted, "repeated")
    np.testing.assert_allclose(sigma[: len(expected)] ** 2, expected**2, atol=1e-12)
    np.testing.assert_allclose(sigma[len(expected) :], 0.0, atol=1e-7)


def test_coil_maps_leave_a_whole_space_of_answers():
    """SPEC E6: at least eight correlations near one; rough signals through the same A have one."""
    data = simulate_coil_maps(size=16, rng=0)
    sigma = correlation_spectrum(Problem(data.Y, data.operators, model="snapshots"))
    assert (1.0 - sigma < 1e-4).sum() >= 8
    x = complex_normal(np.random.default_rng(0), 8, data.operators.shape[1])
    rough = Problem(data.gains * (x @ data.operators.T), data.operators, model="snapshots")
    assert (1.0 - correlation_spectrum(rough) < 1e-2).sum() == 1


def test_large_problems_are_refused(monkeypatch):
    monkeypatch.setattr(MODULE, "_LARGEST", 15)
    case = draw("repeated", 16, 10, 4)
    with pytest.raises(rnla.ArgumentError, match=r"^problem: got 16 gains"):
        correlation_spectrum(Problem(case.Y, case.A))
