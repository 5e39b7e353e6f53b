"""Schedules: SPEC 1.1 and 1.2, inverses, derivatives, and what bad tables are told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla import ArgumentError
from rnla.diffusion import (
    Flow,
    GeometricVE,
    MeanReverting,
    SubVP,
    Tabulated,
    Trig,
    VarianceExploding,
    VPCosine,
    VPLinear,
)

SCHEDULES = [
    VPLinear(),
    VPCosine(),
    VarianceExploding(),
    GeometricVE(),
    Flow(),
    Flow(shift=3.0),
    Trig(),
    SubVP(),
    Tabulated.linear(),
    MeanReverting(),
]
NAMES = [repr(schedule) for schedule in SCHEDULES]


def test_1_1_vp_linear_checks():
    s = VPLinear()
    got = [s.half_log_snr(t) for t in (1.0, 1e-2, 1e-3, 1e-4, 0.5)]
    expected = [
        -5.024978406659204,
        3.1080567814029703,
        4.557714932729898,
        5.7515097952693575,
        -1.2275677344107871,
    ]
    np.testing.assert_allclose(got, expected, rtol=1e-14)
    np.testing.assert_allclose(s.alpha(0.5), 0.2811828807967524, rtol=1e-14)
    np.testing.assert_allclose(s.sigma(0.5), 0.9596542020680363, rtol=1e-14)
    np.testing.assert_allclose(s.time_of(0.0), 0.25896026243279663, rtol=1e-14)


def test_1_2_ddpm_linear_table():
    table = Tabulated.linear()
    np.testing.assert_allclose(table.alphas_cumprod[-1], 4.035829765e-5, rtol=1e-9)
    np.testing.assert_allclose(table.level(1.0).rho, 157.40728, rtol=1e-7)


def test_1_2_stable_diffusion_table():
    table = Tabulated.scaled_linear()
    np.testing.assert_allclose(table.alphas_cumprod[-1], 0.004660098513, rtol=1e-9)
    np.testing.assert_allclose(table.level(table.first).rho, 14.6146412, rtol=1e-8)
    np.testing.assert_allclose(table.level(table.last).rho, 0.02916716, rtol=1e-6)


def test_1_2_cosine_table():
    table = Tabulated.cosine()
    np.testing.assert_allclose(table.alphas_cumprod[-1], 2.43e-9, rtol=2e-3)
    lams = table.half_log_snr(table.time_of_index(np.arange(1000)))
    np.testing.assert_allclose(lams[-1], -9.918, atol=5e-4)
    assert int((lams < -5.1).sum()) == 4


@pytest.mark.parametrize("schedule", SCHEDULES, ids=NAMES)
@settings(max_examples=30)
@given(u=st.floats(0.0, 1.0))
def test_1_1_time_of_inverts_half_log_snr(schedule, u):
    first = min(schedule.first, 0.999 * schedule.first if schedule.first == 1.0 else np.inf)
    t = first + u * (schedule.last - first)
    lam = float(schedule.half_log_snr(t))
    assert abs(float(schedule.half_log_snr(schedule.time_of(lam))) - lam) <= 1e-11 * (1 + abs(lam))
    np.testing.assert_allclose(float(schedule.time_of(lam)), t, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=NAMES)
def test_1_1_derivatives_agree_with_differences(schedule):
    # Off the knots of the table, where log(alpha) has kinks.
    ends = np.array([0.99 * schedule.first, max(schedule.last, 0.05 * schedule.first)])
    for t in np.linspace(ends[0], ends[1], 7) + 3e-5:
        step = 1e-6 * schedule.first
        for rate, function in (
            (schedule.d_log_alpha, schedule.log_alpha),
            (schedule.d_half_log_snr, schedule.half_log_snr),
        ):
            slope = (function(t + step) - function(t - step)) / (2 * step)
            np.testing.assert_allclose(rate(t), slope, rtol=2e-6, atol=1e-9)
        slopes = [
            (function(t + step) - function(t - step)) / (2 * step)
            for function in (schedule.alpha, schedule.sigma)
        ]
        np.testing.assert_allclose(schedule.rates(t), slopes, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=NAMES)
def test_1_1_levels_are_consistent(schedule):
    times = np.linspace(schedule.first, schedule.last, 9)[1:]
    for level in schedule.levels(times):
        assert level == schedule.level(level.time)
        np.testing.assert_allclose(level.rho, level.sigma / level.alpha, rtol=1e-13)
        again = schedule.level_of(level.half_log_snr)
        np.testing.assert_allclose(
            [again.log_alpha, again.log_sigma], [level.log_alpha, level.log_sigma], atol=1e-12
        )
    clean = schedule.level(schedule.clean)
    assert clean.is_clean
    assert clean.alpha == 1.0
    assert clean.sigma == 0.0
    assert clean.rho == 0.0
    assert schedule.level_of(np.inf) == clean


@pytest.mark.parametrize("schedule", [VPLinear(), VPCosine(), Trig(), Tabulated.linear()])
@settings(max_examples=30)
@given(t=st.floats(1e-8, 0.99))
def test_0_6_variance_is_preserved_without_cancellation(schedule, t):
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(40):
        exact = mpmath.sqrt(-mpmath.expm1(2 * mpmath.mpf(float(schedule.log_alpha(t)))))
        assert abs(float(schedule.sigma(t) / exact) - 1.0) < 1e-13


def test_1_3_shift_moves_the_half_log_snr():
    t = np.linspace(0.01, 0.99, 7)
    moved = Flow().half_log_snr(t) - Flow(shift=3.0).half_log_snr(t)
    np.testing.assert_allclose(moved, np.log(3.0), rtol=1e-13)


def test_zero_terminal_snr_is_pure_noise():
    table = Tabulated([0.9, 0.5, 0.0])
    level = table.level(1.0)
    assert (level.alpha, level.sigma, level.half_log_snr) == (0.0, 1.0, -np.inf)
    assert level.rho == np.inf


def test_discrete_model_time_is_the_index():
    table = Tabulated.linear()
    assert [table.model_time(t) for t in table.time_of_index([999, 500, 0])] == [999.0, 500.0, 0.0]
    assert table.model_time(0.50025) == pytest.approx(499.25)
    assert Tabulated(table.alphas_cumprod, rounded=True).model_time(0.50025) == 499


@pytest.mark.parametrize(
    "table", [[0.9, 0.95], [1.0, 0.5], [0.5, -0.1], [0.9, np.nan], [0.9], [[0.9, 0.5]]]
)
def test_bad_tables_are_refused(table):
    with pytest.raises(ArgumentError, match="alphas_cumprod"):
        Tabulated(table)


@pytest.mark.parametrize(
    "make",
    [
        lambda: VPLinear(beta_min=2.0, beta_max=1.0),
        lambda: VPLinear(beta_min=-1.0),
        lambda: VarianceExploding(sigma_min=1.0, sigma_max=0.5),
        lambda: Flow(shift=0.0),
        lambda: MeanReverting(0.0),
    ],
)
def test_bad_parameters_are_refused(make):
    with pytest.raises(ArgumentError, match=r"got .*; expected"):
        make()
