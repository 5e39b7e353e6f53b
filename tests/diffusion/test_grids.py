"""Grids of levels: 1.3, 1.5, and what bad ones are told."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.diffusion import (
    Flow,
    GeometricVE,
    Grid,
    Tabulated,
    VarianceExploding,
    VPLinear,
    make_grid,
    sample,
)
from rnla.diffusion.grids import GRID_KINDS

from .fixtures import STARTS, VP, gmm_a

VE = VarianceExploding()
DDPM = Tabulated.linear()
CONTINUOUS = [kind for kind in GRID_KINDS if kind not in ("leading", "trailing", "linspace")]


def test_1_3_edm_grid():
    expected = [
        80,
        57.58598472,
        40.7855738,
        28.3745846,
        19.35245298,
        12.91008238,
        8.400935309,
        5.315194522,
        3.256821520,
        1.923339837,
        1.088170637,
        0.5853481232,
        0.2964422845,
        0.1395164687,
        0.05994731124,
        0.02293451837,
        0.00752801996,
        0.002,
        0,
    ]
    grid = make_grid(VE, 18, "karras", end="zero")
    np.testing.assert_allclose(grid.times, expected, rtol=2e-9)
    assert grid.steps == 18


def test_1_3_k_diffusion_vp_grid_is_vp_linear():
    times = make_grid(VP, 12, "time_uniform", last=1e-3).times
    rho = np.sqrt(np.expm1(0.5 * 19.9 * times**2 + 0.1 * times))
    np.testing.assert_allclose(VP.rho(times), rho, rtol=1e-12)


@pytest.mark.parametrize(
    "kind, uniform",
    [
        ("log_snr", VP.half_log_snr),
        ("exponential", lambda t: np.log(VP.rho(t))),
        ("time_uniform", lambda t: t),
        ("time_quadratic", np.sqrt),
        ("karras", lambda t: VP.rho(t) ** (1 / 7)),
        ("polyexponential", VP.half_log_snr),
    ],
)
def test_1_3_kinds_are_uniform_in_what_they_say(kind, uniform):
    times = make_grid(VP, 9, kind, last=1e-2).times
    assert (times[0], times[-1]) == (1.0, 1e-2)
    steps = np.diff(uniform(times))
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)


def test_1_3_powers():
    times = make_grid(VP, 9, "time_power", power=3.0, last=1e-3).times
    np.testing.assert_allclose(np.diff(np.cbrt(times)), -0.1, rtol=1e-12)
    lams = VP.half_log_snr(make_grid(VP, 4, "polyexponential", power=2.0, last=1e-2).times)
    share = (lams[-1] - lams) / (lams[-1] - lams[0])
    np.testing.assert_allclose(share, np.linspace(1.0, 0.0, 5) ** 2, atol=1e-12)


@pytest.mark.parametrize("schedule", [VP, VE, GeometricVE(), Flow(), DDPM])
@pytest.mark.parametrize("kind", CONTINUOUS)
def test_1_5_ends(schedule, kind):
    first = 0.99 if isinstance(schedule, Flow) else None
    if isinstance(schedule, GeometricVE) and kind.startswith("time_") and kind != "time_uniform":
        schedule = VP  # its times reach 0, which a power leaves where it is
    stop = make_grid(schedule, 6, kind, first=first)
    zero = make_grid(schedule, 6, kind, first=first, end="zero")
    denoise = make_grid(schedule, 6, kind, first=first, end="denoise")
    assert (stop.steps, zero.steps, denoise.steps) == (6, 6, 7)
    np.testing.assert_array_equal(denoise.times[:-1], stop.times)
    assert stop.times[-1] == zero.times[-2] == schedule.last
    assert not stop.levels(schedule)[-1].is_clean
    for grid in (zero, denoise):
        assert grid.levels(schedule)[-1].is_clean


@pytest.mark.parametrize(
    "kind, offset, first_three, last",
    [
        ("leading", 0, [900, 800, 700], 0),
        ("leading", 1, [901, 801, 701], 1),
        ("trailing", 0, [999, 899, 799], 99),
        ("linspace", 0, [999, 888, 777], 0),
    ],
)
def test_1_3_discrete_spacings(kind, offset, first_three, last):
    grid = make_grid(DDPM, 10, kind, end="zero", offset=offset)
    index = np.round(grid.times[:-1] * 1000) - 1
    assert index[:3].tolist() == first_three
    assert (index[-1], grid.times[-1]) == (last, 0.0)
    stop = make_grid(DDPM, 10, kind, end="sigma_min", offset=offset)
    assert stop.times[-1] == DDPM.last
    assert stop.steps == (9 if last == 0 else 10)


def test_a_grid_is_not_what_was_passed_in():
    times = np.array([1.0, 0.5])
    grid = Grid(times)
    times[0] = 0.7
    assert grid.times[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        grid.times[0] = 0.7


def test_bad_input_non_monotone_grids_name_the_step():
    with pytest.raises(ArgumentError, match=r"time 0\.2 followed by 0\.4 at step 1"):
        Grid([1.0, 0.2, 0.4])
    with pytest.raises(ArgumentError, match=r"time 0\.2 followed by 0\.2 at step 1"):
        Grid([1.0, 0.2, 0.2])
    with pytest.raises(ArgumentError, match="followed by nan at step 0"):
        Grid([1.0, np.nan])
    with pytest.raises(ArgumentError, match=r"times of shape \(1,\)"):
        Grid([1.0])


def test_bad_input_sigma_zero_inside_a_grid_names_the_step():
    with pytest.raises(ArgumentError, match=r"sigma = 0 at step 1 \(time 0\)"):
        sample(gmm_a(), STARTS, solver="ddim", grid=Grid([1.0, 0.0, -0.5]))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: make_grid(VP, 0), "steps: got 0"),
        (lambda: make_grid(VP, 5, "uniform"), "kind: got 'uniform'"),
        (lambda: make_grid(VP, 5, end="nowhere"), "end: got 'nowhere'"),
        (lambda: make_grid(VP, 5, "leading"), "kind: got 'leading' with VPLinear"),
        (lambda: make_grid(DDPM, 10, "leading", offset=200), "offset: got 200"),
        (lambda: make_grid(Flow(), 5), "first: got time 1 with half log-SNR -inf"),
        (lambda: make_grid(VP, 5, last=0.0), "last: got time 0 with half log-SNR inf"),
        (lambda: make_grid(VPLinear(), 5, "karras", power=-1.0), "power"),
    ],
)
def test_bad_input_messages(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
