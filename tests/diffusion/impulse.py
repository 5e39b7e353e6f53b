"""Laws of stochastic samplers without drawing: 3.15.

For a linear model a sampler is linear in its start and in every draw of noise, so one run on unit
impulses gives the factor of the start and the variance of the end exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnla.diffusion import FixedNoise, Gaussian, Grid, Schedule, get_solver, sample

DEVIATION = 0.7


def scalar_gaussian(deviation: float = DEVIATION) -> Gaussian:
    """N(0, deviation^2), one coordinate."""
    return Gaussian([0.0], [[deviation**2]])


def impulse_response(
    solver: Any, schedule: Schedule, grid: Grid, model: Any = None
) -> tuple[float, float]:
    """Factor c and variance v of the end: x_end = c x_start + N(0, v), for scalar linear models."""
    model = scalar_gaussian() if model is None else model
    plan = get_solver(solver).compile(schedule, grid)
    draws = 1 + max(
        (stage.noise.draw for stage in plan.stages if getattr(stage, "noise", None) is not None),
        default=-1,
    )
    # Sample 0 starts at 1 without noise; sample 1 + n starts at 0 and sees a one at draw n.
    start = np.zeros((1 + draws, 1))
    start[0] = 1.0

    def unit(draw: int) -> Any:
        z = np.zeros((1 + draws, 1))
        z[1 + draw] = 1.0
        return z

    end = sample(
        model, start, solver=solver, schedule=schedule, grid=grid, noise=FixedNoise(unit)
    ).values[:, 0]
    return float(end[0]), float((end[1:] ** 2).sum())


def exact_law(start: float, stop: float, deviation: float = DEVIATION) -> tuple[float, float]:
    """Conditional factor and variance of x at rho=stop given x at rho=start, reverse SDE, VE."""
    before, after = deviation**2 + start**2, deviation**2 + stop**2
    # x_stop = x0 + stop eps and x_start = x_stop + independent noise.
    return after / before, after * (before - after) / before
