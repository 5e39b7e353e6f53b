"""18.1 for every registered solver: the polynomials it integrates exactly, and the first it misses.

The model is a power of a variable whatever the state, so the probability-flow equation is an
integral, taken here interval by interval with 40 Gauss-Legendre nodes. A solver has the variable
and the prediction in which it extrapolates: x0 or eps as polynomials in λ for the exponential
integrators, eps in ρ or in time for DEIS and Runge-Kutta, ε - x0 in σ/(α + σ) for flow matching.
A solver that registers itself without a line in the table fails the first test.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnla.diffusion import (
    Grid,
    Level,
    VarianceExploding,
    ZeroNoise,
    get_solver,
    prepare,
    solver_names,
)
from rnla.diffusion.execute import run_step
from rnla.diffusion.plan import Evaluation
from rnla.diffusion.solvers.unipc import UniPC

from .polynomials import VP, X_FIRST, polynomial_grid

VE = VarianceExploding()
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)


@dataclasses.dataclass(frozen=True)
class Case:
    """What a solver is supposed to reproduce."""

    kind: str  # prediction of the model
    variable: str
    degree: int  # the highest one that is exact
    start_up: int = 0  # steps that are replaced by the exact state
    printed: float | None = None  # error of degree + 1 where the table has it
    grid: str = "uneven"  # or steps equal in rho
    eta: float = 0.0
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


FULL = {"lower_order_final": False}
CASES = {
    # DDIM and its relatives: constants.
    **dict.fromkeys(("ddim", "edm_euler", "euler"), Case("x0", "lambda", 0)),
    **dict.fromkeys(("ddpm", "euler_ancestral"), Case("x0", "lambda", 0, eta=1.0)),
    # Exponential integrators: order p reproduces degree p - 1, one half in place of a weight none.
    "dpmpp_2m": Case("x0", "lambda", 0, 1, -0.02998, options=FULL),
    "k_dpmpp_2m": Case("x0", "lambda", 0, 1, -0.02998),
    "dpm_solver_2m": Case("eps", "lambda", 0, 1, -0.1391, options=FULL),
    "dpmpp_3m": Case("x0", "lambda", 2, 2, -0.3731, options=FULL),
    "dpm_solver_3m": Case("eps", "lambda", 2, 2, 0.6697, options=FULL),
    "dpmpp_2m_sde": Case("x0", "lambda", 0, 1, eta=1.0, options=FULL),
    "k_dpmpp_2m_sde": Case("x0", "lambda", 0, 1, eta=1.0),
    "dpmpp_3m_sde": Case("x0", "lambda", 2, 2, eta=1.0, options=FULL),
    "k_dpmpp_3m_sde": Case("x0", "lambda", 2, 2, eta=1.0),
    **dict.fromkeys(("dpm_solver_2", "dpm_solver_fast"), Case("eps", "lambda", 0)),
    "dpmpp_2s": Case("x0", "lambda", 0),
    "dpm_solver_3": Case("eps", "lambda", 1),
    "dpmpp_3s": Case("x0", "lambda", 1),
    "dpm_solver_adaptive": Case("eps", "lambda", 1),
    # The last step has no corrector, so the whole of UniPC-3 reproduces what UniP-3 does.
    "unip": Case("x0", "lambda", 2, 2, -0.3731, options=FULL),
    "unipc": Case("x0", "lambda", 2, 2, options=FULL),
    "dc_solver": Case("x0", "lambda", 2, 2, options={"base": UniPC(lower_order_final=False)}),
    "usf": Case("x0", "lambda", 2, 2, -0.3731),
    "mr_sampler": Case("x0", "lambda", 1, 1, -0.2512),
    "heavy_ball_dpmpp_2m": Case("x0", "lambda", 0),
    "deis_log_rho": Case("eps", "lambda", 1, 1, 0.9517),
    # Polynomials in time and in rho.
    "deis": Case("eps", "time", 3, 3),
    "lms": Case("eps", "rho", 3, 3),
    **{f"deis_tab{r}": Case("eps", "time", r, r) for r in range(4)},
    **{f"deis_rhoab{r}": Case("eps", "rho", r, r) for r in range(4)},
    **dict.fromkeys(("edm", "heun", "edm_midpoint"), Case("eps", "rho", 1)),
    "edm_stochastic": Case("eps", "rho", 1),
    "dpm_2": Case("eps", "rho", 0),
    **dict.fromkeys(("dpm_2_ancestral", "dpmpp_2s_ancestral"), Case("eps", "rho", 0)),
    "dpmpp_sde": Case("x0", "lambda", 0),
    "rho_rk_euler": Case("eps", "rho", 0),
    **dict.fromkeys(("rho_rk_heun2", "rho_rk_midpoint2"), Case("eps", "rho", 1)),
    **dict.fromkeys(("rho_rk_heun3", "rho_rk_ralston3", "rho_rk_vdh3"), Case("eps", "rho", 2)),
    # The quadrature of these three is Simpson's rule.
    **dict.fromkeys(("rho_rk_kutta3", "rho_rk_ssprk3", "rho_rk_classical4"), Case("eps", "rho", 3)),
    # Adams-Bashforth weights: steps equal in rho. Velocities: once the filter forgot its start.
    "ipndm": Case("eps", "rho", 3, 3, grid="equal"),
    "pndm": Case("eps", "rho", 3, 3, grid="equal"),
    "plms": Case("eps", "rho", 3, 3, grid="equal"),
    "s_pndm": Case("eps", "rho", 1, 1, grid="equal"),
    "dual_fast": Case("eps", "rho", 1, 1, grid="equal"),
    "ghvb": Case("eps", "rho", 3, 40, grid="equal"),
    **dict.fromkeys(("heavy_ball", "nesterov"), Case("eps", "rho", 0, 40, grid="equal")),
    # Straight paths.
    "flow_euler": Case("flow", "clock", 0),
    **dict.fromkeys(("flow_heun", "flow_midpoint"), Case("flow", "clock", 1)),
}

VARIABLES: dict[str, Callable[[Level], float]] = {
    "lambda": lambda level: level.half_log_snr,
    "rho": lambda level: level.rho,
    "time": lambda level: level.time,
    "clock": lambda level: level.sigma / (level.alpha + level.sigma),
}


def _integral(case: Case, k: int, schedule: Any, start: Level, stop: Level) -> float:
    """Of the k-th power over a step, against the exponential that goes with the prediction."""
    a, b = start.half_log_snr, stop.half_log_snr
    levels = [schedule.level_of(float(v)) for v in 0.5 * (a + b) + 0.5 * (b - a) * NODES]
    power = np.array([VARIABLES[case.variable](level) ** k for level in levels])
    lam = np.array([level.half_log_snr for level in levels])
    if case.kind == "eps":
        weight = -np.exp(-lam)
    elif case.kind == "x0":
        weight = (1.0 + case.eta) * np.exp((1.0 + case.eta) * lam)
    else:  # d(σ/(α + σ))/dλ
        weight = -1.0 / (4.0 * np.cosh(0.5 * lam) ** 2)
    return float(0.5 * (b - a) * (WEIGHTS * weight * power).sum())


def _scale(case: Case, level: Level) -> float:
    """The state divided by this moves by the integral."""
    if case.kind == "eps":
        return level.alpha
    if case.kind == "x0":
        return level.sigma * math.exp(-case.eta * level.half_log_snr)
    return level.alpha + level.sigma


def _steps_of(solver: Any, case: Case, model: Any, schedule: Any, grid: Grid) -> Any:
    """Pairs of the levels between which the model was integrated, and a function for the step."""
    if not solver.prescribed:
        start = grid.levels(schedule)[0]
        for state in solver.states(model, np.full((1, 1), X_FIRST), schedule, grid):
            yield start, state.level, state
            start = state.level
        return
    for step in solver.compile(schedule, grid).steps:
        # Churn starts above the level of the step, an ancestral step ends below.
        shown = [stage.level for stage in step.stages if isinstance(stage, Evaluation)]
        start = max([step.start, *shown], key=lambda level: level.rho)
        stop = step.stop
        if solver.name in ("ancestral", "dpmpp_sde"):
            up = stop.rho * math.sqrt(1.0 - (stop.rho / step.start.rho) ** 2)
            stop = schedule.level_of(-math.log(math.sqrt(stop.rho**2 - min(up, stop.rho) ** 2)))
        yield start, stop, step


def reproduction_error(solver: Any, case: Case, k: int) -> float:
    """Error at the end for the k-th power, after exact states for the start-up."""
    if case.grid == "equal":
        schedule: Any = VE
        grid = Grid(np.linspace(3.0, 0.6, 61))
    else:
        schedule, grid = VP, polynomial_grid()

    class Power:
        prediction, takes_level = case.kind, True

        def __call__(self, x: Any, level: Level) -> Any:
            return np.full_like(x, VARIABLES[case.variable](level) ** k)

    model = prepare(Power(), schedule)
    x = X_FIRST
    registers: dict[str, Any] = {"x": np.full((1, 1), x)}
    previous = grid.levels(schedule)[0]
    for n, (start, stop, step) in enumerate(_steps_of(solver, case, model, schedule, grid)):
        moved = _integral(case, k, schedule, start, stop)
        # What lies between the levels of the grid and those of the step is noise, which is 0.
        after = step.stop if solver.prescribed else stop
        divisor = _scale(case, previous) * _ratio(case, start, previous)
        x = _scale(case, after) * _ratio(case, stop, after) * (x / divisor + moved)
        previous = after
        if solver.prescribed:
            registers = run_step(step, registers, model, ZeroNoise())
            if n < case.start_up:
                registers["x"] = np.full((1, 1), x)
        else:
            registers = {"x": step.x}
    return float(registers["x"][0, 0] - x)


def _ratio(case: Case, inner: Level, outer: Level) -> float:
    """Scale at the inner level over that at the outer, for the same x/α."""
    if inner is outer:
        return 1.0
    return _scale(case, inner) / inner.alpha * outer.alpha / _scale(case, outer)


def test_18_1_every_registered_solver_has_a_line() -> None:
    assert set(CASES) == set(solver_names())


@pytest.mark.parametrize("name", CASES)
def test_18_1_polynomials(name: str) -> None:
    case = CASES[name]
    solver = dataclasses.replace(get_solver(name), **case.options)
    for k in range(case.degree + 1):
        assert abs(reproduction_error(solver, case, k)) <= 1e-11
    missed = reproduction_error(solver, case, case.degree + 1)
    assert abs(missed) > 1e-6
    if case.printed is not None:
        assert missed == pytest.approx(case.printed, abs=6e-5)
