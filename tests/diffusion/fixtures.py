"""GMM-A, the fixture of almost every golden number, and what goes with it.

Three isotropic Gaussians in the plane, four starting points A, B, C, D taken as states at the
noisiest level, and reference end points of the probability-flow ODE.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnla.diffusion import (
    Gaussian,
    GaussianMixture,
    Grid,
    Level,
    Schedule,
    VPLinear,
    make_grid,
    sample,
)

STARTS = np.array([[0.5, -0.3], [-1.2, 0.8], [0.1, 1.5], [2.0, -0.7]])
STARTS.setflags(write=False)

WEIGHTS = (0.5, 0.3, 0.2)
MEANS = ((-1.0, 0.0), (1.0, 0.5), (0.0, -1.2))
DEVIATIONS = (0.3, 0.2, 0.4)

VP = VPLinear()

# End points at time 1e-2 and 1e-3, of starts A, B, C, D at time 1 (DOP853, rtol 1e-13).
REFERENCE_1E2 = np.array(
    [
        [0.19066277380192, -0.4486167764011],
        [-1.2430171787424, 0.22680392011293],
        [0.69487595660447, 0.70624791184733],
        [1.27761728186868, 0.22986736708162],
    ]
)
REFERENCE_1E3 = np.array(
    [
        [0.18968480295071, -0.45339131693778],
        [-1.24167133752154, 0.22467740288662],
        [0.70244883345281, 0.70221122385558],
        [1.27248467791661, 0.23621704869895],
    ]
)


def gmm_a() -> GaussianMixture:
    """The mixture GMM-A; it is a model for `sample`, on every schedule."""
    return GaussianMixture(WEIGHTS, MEANS, deviations=DEVIATIONS)


def plane_gaussian() -> Gaussian:
    """N((.7, -.4), [[.5, .2], [.2, .3]]) of 13.5."""
    return Gaussian([0.7, -0.4], [[0.5, 0.2], [0.2, 0.3]])


def log_snr_grid(steps: int, schedule: Schedule = VP, *, last: float = 1e-2) -> Grid:
    """The grid of 3.13 and of the orders: lambda uniform from time 1 to 1e-2."""
    return make_grid(schedule, steps, "log_snr", last=last)


def run(
    solver: Any, grid: Grid, *, schedule: Schedule = VP, x: Any = STARTS, **options: Any
) -> Any:
    """End points of the starts under a solver and GMM-A."""
    model = options.pop("model", None) or gmm_a()
    return sample(model, x, solver=solver, schedule=schedule, grid=grid, **options).values


def constant_end(x: Any, start: Level, stop: Level, value: Any, form: str) -> tuple[Any, float]:
    """Where the flow of a constant prediction takes `x`, and its factor of `x` (18.2)."""
    if form == "x0":
        ratio = stop.sigma / start.sigma
        return ratio * x + (stop.alpha - start.alpha * ratio) * value, ratio
    ratio = stop.alpha / start.alpha
    return ratio * x + (stop.sigma - start.sigma * ratio) * value, ratio


def assert_golden(values: Any, a: Any, d: Any, *, tolerance: float = 1e-10) -> None:
    """Starts A and D against printed digits."""
    np.testing.assert_allclose(values[0], a, rtol=0.0, atol=tolerance)
    np.testing.assert_allclose(values[3], d, rtol=0.0, atol=tolerance)


def error(values: Any, reference: Any = REFERENCE_1E2) -> float:
    """Largest absolute error over the batch."""
    return float(np.abs(values - reference).max())


def slope(solver: Any, *, counts: tuple[int, ...] = (80, 160, 320), **options: Any) -> float:
    """Observed order by 0.11: least-squares slope of log error over the counts of steps."""
    errors = [error(run(solver, log_snr_grid(n), **options)) for n in counts]
    return float(-np.polyfit(np.log(counts), np.log(errors), 1)[0])


def sine_noise(draw: int, shape: tuple[int, ...] = (4, 2)) -> Any:
    """The deterministic noise of 2.6: z[j, k] = sin(1 + n + 2j + 3k) for draw n."""
    batch, d = shape
    return np.sin(1.0 + draw + 2.0 * np.arange(batch)[:, None] + 3.0 * np.arange(d)[None, :])
