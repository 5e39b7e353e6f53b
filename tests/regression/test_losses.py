"""Losses against their definitions: derivatives, conjugates, majorising curvatures, extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla.regression import Huber, Logistic, Power

LOSSES = [Power(1.1), Power(1.5), Power(2.0), Power(3.0), Power(8.0), Huber(1.3), Logistic()]
RESIDUALS = np.array([-4.0, -1.31, -1.0, -0.3, 0.2, 0.9, 1.29, 2.5, 6.0])


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_slopes_and_curvatures_are_derivatives(loss):
    h = 1e-5
    value, slope, curvature = loss.expand(RESIDUALS)
    np.testing.assert_allclose(value, loss.value(RESIDUALS), rtol=1e-13)
    numeric = (loss.value(RESIDUALS + h) - loss.value(RESIDUALS - h)) / (2 * h)
    np.testing.assert_allclose(slope, numeric, rtol=1e-7, atol=1e-9)
    numeric = (loss.expand(RESIDUALS + h)[1] - loss.expand(RESIDUALS - h)[1]) / (2 * h)
    np.testing.assert_allclose(curvature, numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_fenchel_young_holds_with_equality_at_the_slope(loss):
    value, slope, _ = loss.expand(RESIDUALS)
    np.testing.assert_allclose(
        loss.conjugate(slope), slope * RESIDUALS - value, rtol=1e-11, atol=1e-11
    )
    low, high = max(loss.domain[0], -50.0), min(loss.domain[1], 50.0)
    u = np.linspace(low, high, 41)[:, None]
    assert np.all(u * RESIDUALS - loss.value(RESIDUALS) <= loss.conjugate(u) + 1e-10)


@given(st.sampled_from(LOSSES[:5]), st.floats(0.01, 100.0))
def test_powers_are_homogeneous(loss, t):
    scaled = loss.value(t * RESIDUALS)
    np.testing.assert_allclose(scaled, t**loss.degree * loss.value(RESIDUALS), rtol=1e-10)


@pytest.mark.parametrize("loss", [Huber(0.5), Huber(2.0), Logistic()], ids=lambda loss: loss.name)
def test_smoothness_bounds_every_curvature(loss):
    r = np.linspace(-10, 10, 1001)
    assert loss.expand(r)[2].max() <= loss.smoothness * (1 + 1e-15)
    assert loss.expand(r)[2].max() >= 0.99 * loss.smoothness


def test_primal_dual_curvature_lies_between_newton_and_its_largest():
    loss, r = Power(1.2), RESIDUALS
    plain = loss.expand(r)[2]
    slopes = loss.expand(r)[1]
    np.testing.assert_allclose(loss.expand(r, slopes)[2], plain, rtol=1e-12)
    for dual in (0.0 * r, -slopes, 100.0 * slopes):
        ratio = loss.expand(r, dual)[2] / plain
        assert np.all(ratio >= 1.0 - 1e-12)
        assert np.all(ratio <= (3.0 - 1.2) / 0.2 + 1e-9)


def test_values_below_the_floor_are_exact_and_curvature_is_finite():
    loss = Power(1.3, floor=1e-3)
    r = np.array([0.0, 1e-7, -1e-4, 0.5])
    value, slope, curvature = loss.expand(r)
    np.testing.assert_allclose(value, np.abs(r) ** 1.3)
    assert np.all(np.isfinite(curvature))
    assert slope[0] == 0.0


def test_no_denormals_and_no_overflow_for_extreme_residuals():
    r = np.array([0.0, 1e-300, -1e-200, 1e-30, 1.0])
    for loss in (Power(1.01), Power(3.0), Power(50.0, floor=1e-10)):
        for part in loss.expand(r):
            assert np.all(np.isfinite(part))
        curvature = loss.expand(r)[2]
        assert np.all((curvature == 0.0) | (curvature > 1e-300))
    value, slope, curvature = Logistic().expand(np.array([-1e5, 1e5]))
    np.testing.assert_allclose(value, [1e5, 0.0], atol=1e-200)
    np.testing.assert_allclose(slope, [-1.0, 0.0], atol=1e-200)
    assert np.all(np.isfinite(curvature))


def test_bad_parameters_are_refused():
    with pytest.raises(rnla.ArgumentError, match="p: got 1"):
        Power(1.0)
    with pytest.raises(rnla.ArgumentError, match="p: got"):
        Power(0.5)
    with pytest.raises(rnla.ArgumentError, match="threshold"):
        Huber(0.0)
