"""The polynomial test of 18.1: a model that is λ^k whatever the state, and the exact solution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rnla.diffusion import Grid, VPLinear
from rnla.diffusion.execute import run_step

NODES = (-2.0, -1.6, -1.0, -0.7, 0.0, 0.3, 1.1, 1.4, 2.0)
X_FIRST = 0.7
# λ = 2 is at time 0.05 and λ = -2 at 0.57: inside the schedule.
VP = VPLinear()


def polynomial_grid() -> Grid:
    """The uneven nodes of 18.1 as times."""
    return Grid(VP.time_of(np.array(NODES)))


def _antiderivative(k: int, lam: float, sign: int) -> float:
    """Of e^(sign λ) λ^k, by parts."""
    lower = k * _antiderivative(k - 1, lam, sign) if k else 0.0
    return (lam**k * math.exp(sign * lam) - lower) / sign


def exact(k: int, lam: float, form: str) -> float:
    """The state at λ when x0 (or eps) is λ^k and x(-2) = 0.7."""
    alpha = [1.0 / math.sqrt(1.0 + math.exp(-2.0 * v)) for v in (NODES[0], lam)]
    sigma = [1.0 / math.sqrt(1.0 + math.exp(2.0 * v)) for v in (NODES[0], lam)]
    if form == "x0":
        integral = _antiderivative(k, lam, 1) - _antiderivative(k, NODES[0], 1)
        return sigma[1] * (X_FIRST / sigma[0] + integral)
    integral = _antiderivative(k, lam, -1) - _antiderivative(k, NODES[0], -1)
    return alpha[1] * (X_FIRST / alpha[0] - integral)


def polynomial_error(solver: Any, k: int, *, start_up: int) -> float:
    """Error at λ = 2 for the model λ^k; the first `start_up` steps end at the exact state."""
    plan = solver.compile(VP, polynomial_grid())
    registers: dict[str, Any] = {"x": np.full((1, 1), X_FIRST)}

    def model(x: Any, level: Any, form: str) -> Any:
        assert form == solver.form
        return np.full_like(x, level.half_log_snr**k)

    for n, step in enumerate(plan.steps):
        registers = run_step(step, registers, model)
        if n < start_up:
            registers["x"] = np.full((1, 1), exact(k, NODES[n + 1], solver.form))
    return float(registers["x"][0, 0] - exact(k, NODES[-1], solver.form))
