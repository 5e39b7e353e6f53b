"""DPM-Solver++ multistep and its SDE variants (3.5, 3.10, 3.13-3.15)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rnla._errors import ArgumentError
from rnla.diffusion import FixedNoise, Grid, VarianceExploding, VPLinear, get_solver, make_grid
from rnla.diffusion.plan import Plan
from rnla.diffusion.solvers.dpm_solver_pp import DPMSolverMultistep
from tests.diffusion.fixtures import (
    STARTS,
    VP,
    assert_golden,
    error,
    log_snr_grid,
    run,
    sine_noise,
    slope,
)
from tests.diffusion.impulse import impulse_response
from tests.diffusion.polynomials import polynomial_error

PUBLISHED = "as_published_code"


def _solver(**options: Any) -> DPMSolverMultistep:
    return DPMSolverMultistep(**({"lower_order_final": False} | options))


# The "corrected" rows start up with exact second-order steps, the published ones with midpoints.
GOLDEN: list[tuple[dict[str, Any], tuple[float, float], tuple[float, float]]] = [
    ({"order": 1}, (0.020795116647, -0.327135341083), (1.122780774042, 0.183283387290)),
    ({}, (0.157065785916, -0.422856189340), (1.334679839102, 0.274613448917)),
    (
        {"solver_type": "taylor"},
        (0.189739768520, -0.439399371895),
        (1.378127259663, 0.293462886175),
    ),
    (
        {"order": 3, "variant": PUBLISHED},
        (0.233334175723, -0.471576538090),
        (1.309206983969, 0.271250846472),
    ),
    (
        {"order": 3, "variant": PUBLISHED, "lower_order_final": True},
        (0.233270006714, -0.380650074844),
        (1.351848578546, 0.320910437144),
    ),
    (
        {"order": 3, "solver_type": "taylor"},
        (0.248086456631, -0.480820437048),
        (1.287483592956, 0.265147864607),
    ),
    ({"form": "eps"}, (0.121385583547, -0.402053892525), (1.256886049543, 0.236859843613)),
    (
        {"form": "eps", "order": 3, "variant": PUBLISHED},
        (0.143077801383, -0.413507245168),
        (1.262233678111, 0.230448423946),
    ),
    (
        {"form": "eps", "order": 3, "solver_type": "taylor"},
        (0.151889131248, -0.418260275711),
        (1.267461318788, 0.229935554671),
    ),
]


@pytest.mark.parametrize(("options", "a", "d"), GOLDEN)
def test_3_13_golden(options: dict[str, Any], a: Any, d: Any) -> None:
    assert_golden(run(_solver(**options), log_snr_grid(8)), a, d)


@pytest.mark.parametrize(
    ("kind", "options", "a", "d"),
    [
        (
            "time_uniform",
            {"order": 1},
            (0.071879360643, -0.240468459314),
            (1.104829009622, 0.265041631807),
        ),
        ("time_uniform", {}, (0.295501158498, -0.344230223200), (1.471632299036, 0.622624185885)),
        (
            "time_quadratic",
            {"order": 1},
            (0.064369673868, -0.359571233208),
            (1.165816569899, 0.223921806352),
        ),
        ("time_quadratic", {}, (0.181990268421, -0.493112125659), (1.310064906498, 0.264374369411)),
    ],
)
def test_3_13_golden_other_grids(kind: str, options: dict[str, Any], a: Any, d: Any) -> None:
    assert_golden(run(_solver(**options), make_grid(VP, 8, kind, last=1e-2)), a, d)


def test_3_6_final_thresholds() -> None:
    """Orders fall at the end below 10 steps by default; 15 is the other published threshold."""
    for steps, default, diffusers in ((9, True, True), (10, False, True), (15, False, False)):
        grid = log_snr_grid(steps)
        for limit, lowered in ((10, default), (15, diffusers)):
            plan = _solver(order=3, lower_order_final=limit).compile(VP, grid)
            terms = [len(step.stages[-1].terms) - 1 for step in plan.steps]  # type: ignore[union-attr]
            assert terms[:3] == [1, 2, 3]
            assert terms[-2:] == ([2, 1] if lowered else [3, 3])
    assert DPMSolverMultistep().lower_order_final == 10


@pytest.mark.parametrize("form", ["x0", "eps"])
def test_18_1_polynomials(form: str) -> None:
    """Order p reproduces degree p - 1; the first failure has the printed size."""
    sign = 0 if form == "x0" else 1
    for order in (1, 2, 3):
        solver = _solver(order=order, form=form, solver_type="taylor")
        for k in range(order):
            assert abs(polynomial_error(solver, k, start_up=order - 1)) <= 3e-14
    first_failures = (
        ({"solver_type": "taylor"}, 2, (-0.2512, 0.9517)),
        ({}, 1, (-0.02998, -0.1391)),
        ({"order": 3}, 3, (-0.3731, 0.6697)),
        ({"order": 3, "variant": PUBLISHED}, 2, (-0.06918, 0.1230)),
    )
    for options, k, expected in first_failures:
        solver = _solver(form=form, **options)
        value = polynomial_error(solver, k, start_up=solver.order - 1)
        assert value == pytest.approx(expected[sign], abs=6e-5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"order": 1}, 1),
        ({}, 2),
        ({"form": "eps"}, 2),
        ({"solver_type": "taylor"}, 2),
        ({"order": 3}, 3),
        ({"order": 3, "form": "eps"}, 3),
        ({"order": 3, "variant": PUBLISHED}, 2),
    ],
)
def test_18_5_orders(options: dict[str, Any], expected: int) -> None:
    solver = _solver(**options)
    assert solver.global_order == expected
    # The second-order term of the published third order takes over from 160 steps on.
    counts = (160, 320, 640) if solver.variant == PUBLISHED else (80, 160, 320)
    assert slope(solver, counts=counts) == pytest.approx(expected, abs=0.25)


def test_3_5_errors_of_the_missing_factor() -> None:
    """The published third order loses to the corrected one from about 40 steps on, not before."""
    coded = [error(run(_solver(order=3, variant=PUBLISHED), log_snr_grid(n))) for n in (20, 80)]
    right = [error(run(_solver(order=3), log_snr_grid(n))) for n in (20, 80)]
    assert coded == pytest.approx([1.21e-2, 6.20e-4], rel=5e-3)
    assert coded[0] < right[0]
    assert right[1] < coded[1]


VE = VarianceExploding(0.05, 20.0)


MEAN, VARIANCE = 0.0012297435641339357, 0.49189435129466397
SDE_ERRORS: list[tuple[dict[str, Any], tuple[float, float, float, float]]] = [
    ({"order": 1}, (1.5e-1, 8.1e-2, 4.3e-2, 2.2e-2)),
    ({"solver_type": "taylor"}, (4.9e-2, 1.2e-2, 2.9e-3, 7.1e-4)),
    ({}, (1.9e-2, 5.3e-3, 1.4e-3, 3.4e-4)),
    ({"order": 3, "variant": PUBLISHED}, (2.2e-2, 4.3e-3, 9.9e-4, 2.4e-4)),
    ({"order": 3}, (1.4e-2, 2.4e-3, 5.1e-4, 1.2e-4)),
    ({"order": 3, "variant": "diffusers_sde"}, (8.1e-2, 3.8e-2, 1.8e-2, 8.4e-3)),
]


@pytest.mark.parametrize(("options", "expected"), SDE_ERRORS)
def test_3_15_sde_without_monte_carlo(options: dict[str, Any], expected: Any) -> None:
    solver = _solver(eta=1.0, **options)
    errors = []
    for steps in (16, 32, 64, 128):
        mean, variance = impulse_response(solver, VE, make_grid(VE, steps))
        assert mean == pytest.approx(MEAN, rel=1e-12)
        errors.append(abs(variance - VARIANCE))
    assert errors == pytest.approx(expected, rel=0.06)
    observed = math.log2(errors[2] / errors[3])
    assert observed == pytest.approx(solver.global_order, abs=0.25)


@pytest.mark.parametrize(("eta", "form"), [(0.5, "x0"), (0.25, "eps"), (1.0, "eps"), (2.0, "x0")])
@pytest.mark.parametrize("order", [1, 2])
def test_3_15_marginal_variance(eta: float, form: str, order: int) -> None:
    """For every noise level the variance carried from the exact start tends to the exact end."""
    solver = _solver(order=order, eta=eta, form=form, solver_type="taylor")
    target = 0.49 + 0.05**2
    errors = []
    for steps in (128, 256):
        mean, variance = impulse_response(solver, VE, make_grid(VE, steps))
        errors.append(abs(mean**2 * (0.49 + 400.0) + variance - target))
    assert math.log2(errors[0] / errors[1]) >= order - 0.3


def test_18_6_sde_at_zero_noise_is_the_ode() -> None:
    for form in ("x0", "eps"):
        ode = _solver(order=3, form=form).compile(VP, log_snr_grid(8))
        sde = _solver(order=3, form=form, eta=0.0).compile(VP, log_snr_grid(8))
        assert ode == sde
        assert not sde.stochastic


def test_18_6_first_order_sde_is_the_posterior() -> None:
    """0.8: q(x_t | x_s, x_0), coefficients and variance."""
    plan = _solver(order=1, eta=1.0).compile(VP, log_snr_grid(8))
    for step in plan.steps:
        s, t = step.start, step.stop
        shrink = -math.expm1(-2.0 * (t.half_log_snr - s.half_log_snr))
        row = step.stages[-1]
        expected = (s.alpha / t.alpha * t.sigma**2 / s.sigma**2, t.alpha * shrink)
        assert [term.coefficient for term in row.terms] == pytest.approx(expected, rel=1e-13)  # type: ignore[union-attr]
        assert row.noise.coefficient == pytest.approx(t.sigma * math.sqrt(shrink), rel=1e-13)  # type: ignore[union-attr]


def test_18_8_evaluations_and_json() -> None:
    for options in ({}, {"order": 3, "eta": 1.0}, {"form": "eps"}):
        plan = _solver(**options).compile(VP, log_snr_grid(8))
        assert plan.evaluations == _solver(**options).evaluations(8) == 8
        assert Plan.from_json(plan.to_json()) == plan
        assert plan.stochastic == _solver(**options).stochastic


def test_final_clean_level_and_names() -> None:
    grid = make_grid(VPLinear(), 6, end="zero")
    plan = get_solver("dpmpp_3m").compile(VPLinear(), grid)
    assert len(plan.steps[-1].stages[-1].terms) == 1  # type: ignore[union-attr]
    assert np.isfinite(run("dpmpp_3m", grid, schedule=VPLinear())).all()
    for name in ("dpmpp_2m", "dpm_solver_2m", "dpmpp_2m_sde", "dpmpp_3m_sde", "dpm_solver_3m"):
        assert get_solver(name).compile(VP, Grid([1.0, 0.5, 0.1])).evaluations == 2


@pytest.mark.parametrize(
    "options",
    [
        {"order": 4},
        {"form": "v"},
        {"solver_type": "euler"},
        {"eta": -0.5},
        {"variant": "fast"},
        {"variant": "diffusers_sde"},
        {"variant": "diffusers_sde", "eta": 1.0, "form": "eps"},
    ],
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="got"):
        DPMSolverMultistep(**options)


@pytest.mark.parametrize(
    ("options", "a", "d"),
    [
        ({}, (0.202457318524, -0.427630256791), (1.313664905874, 0.255608300018)),
        (
            {"eta": 1.0},
            (-1.135665324976, 0.159952753993),
            (-1.147556475432, 0.195957556667),
        ),
        (
            {"eta": 1.0, "solver_type": "taylor"},
            (-1.232753690717, 0.197434684828),
            (-1.269783677974, 0.242605121036),
        ),
        (
            {"eta": 1.0, "order": 3, "variant": PUBLISHED, "solver_type": "taylor"},
            (-1.105593255994, 0.166655542371),
            (-1.236804679983, 0.254864960546),
        ),
        (
            {"solver_type": "taylor"},
            (0.223730016786, -0.437120594369),
            (1.334651883346, 0.263475353836),
        ),
    ],
)
def test_2_6_golden(options: dict[str, Any], a: Any, d: Any) -> None:
    """The k-diffusion samplers 2m, 2m_sde (midpoint, heun), 3m_sde and 2m_sde at η = 0."""
    values = run(
        _solver(**options),
        make_grid(VE, 8),
        schedule=VE,
        x=20.0 * STARTS,
        noise=FixedNoise(sine_noise),
    )
    assert_golden(values, a, d)
