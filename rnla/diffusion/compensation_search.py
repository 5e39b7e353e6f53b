"""Search for the compensation ratios of DC-Solver, step after step, without derivatives.

Each ratio is chosen so that the state after its step, averaged over a few samples, is closest to
the state of a fine run at the same level; then it is kept and the next one is sought. The published
search back-propagates through the network (AdamW, 20 to 40 iterations per step); a golden-section
search over the one number does the same with evaluations only. W. Zhao et al., DC-Solver (ECCV
2024, arXiv 2409.03755).
Cost: `iterations` + 2 model calls per step on the few samples, and the fine run.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_size
from ._arrays import as_state
from ._checks import check_instance
from .execute import run_plan, run_step
from .grids import Grid, make_grid
from .models import PreparedModel, prepare
from .plan import STATE, Plan
from .prediction import Prediction
from .schedules import Schedule
from .solvers import Solver
from .solvers.dc_solver import DCSolver
from .solvers.dpm_solver_pp import DPMSolverMultistep
from .transforms.dynamic_compensation import dynamic_compensation

__all__ = ["CompensationSearch", "golden_section", "reference_states", "search_compensation"]

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CompensationSearch:
    """Ratios found and what they gained.

    Attributes
    ----------
    solver : DCSolver
        The solver with the ratios.
    ratios : ndarray of float64, shape (steps,)
        Compensation ratios; the first ``points - 1`` are 1.
    losses : ndarray of float64, shape (steps,)
        Mean squared distance to the fine run after every step.
    uncompensated : ndarray of float64, shape (steps,)
        The same if this step's ratio were 1, the earlier ones being those found; never smaller.
    evaluations : int
        Model calls of the search, those of the fine run not counted.
    """

    solver: DCSolver
    ratios: Values
    losses: Values
    uncompensated: Values
    evaluations: int


def search_compensation(
    model: Any,
    x: Any,
    *,
    schedule: Schedule,
    grid: Grid,
    solver: Solver | None = None,
    prediction: str | Prediction | None = None,
    targets: Sequence[Any] | None = None,
    bracket: tuple[float, float] = (0.0, 2.0),
    iterations: int = 15,
    points: int = 3,
    refinement: int = 20,
) -> CompensationSearch:
    """Find the compensation ratios of a solver on a grid.

    Parameters
    ----------
    model : callable
        As for `sample`; with its guidance, for which the ratios then hold.
    x : array, shape (samples, ...)
        States at the first level; ten samples are usual.
    schedule : Schedule
        The noise schedule.
    grid : Grid
        The few-step grid to tune.
    solver : Solver, optional
        The solver to compensate; `UniPC` of order 3 by default.
    prediction : str or Prediction, optional
        What the model returns; by default its attribute `prediction`.
    targets : sequence of array, optional
        The state to come close to after every step; by default those of `reference_states`.
    bracket : (float, float), default (0, 2)
        Interval of the search.
    iterations : int, default 15
        Evaluations of the golden-section search per step.
    points : int, default 3
        Number of outputs that are interpolated.
    refinement : int, default 20
        Steps of the fine run for every step of the grid.

    Returns
    -------
    CompensationSearch
        The ratios, and the losses with and without them.

    Raises
    ------
    ArgumentError
        If the targets do not match the steps, or the solver adds noise.

    Notes
    -----
    The loss of a step includes predictor, evaluation and corrector, as published. It is a
    polynomial of the ratio of degree ``2 (points - 1)`` if the model is linear; in general it may
    have several minima, so the ratio 1 is tried as well and kept if nothing beats it.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian, VPLinear, make_grid
    >>> from rnla.diffusion.compensation_search import search_compensation
    >>> model = Gaussian(np.zeros(2), np.diag([0.5, 0.1]))
    >>> x, schedule = np.random.default_rng(0).normal(size=(10, 2)), VPLinear()
    >>> found = search_compensation(model, x, schedule=schedule, grid=make_grid(schedule, 5))
    >>> bool((found.losses <= found.uncompensated).all())
    True
    """
    x = as_state(x)
    check_instance(grid, Grid, "grid", example="make_grid(schedule, 20)")
    check_size(iterations, name="iterations")
    dc = DCSolver(points=points) if solver is None else DCSolver(solver, points=points)
    if dc.stochastic:
        raise argument_error(
            "solver", "one that adds noise", "a deterministic solver", "Set its eta to 0."
        )
    prepared = prepare(model, schedule, prediction)
    if targets is None:
        targets = reference_states(prepared, x, schedule=schedule, grid=grid, refinement=refinement)
    if len(targets) != grid.steps:
        raise argument_error(
            "targets",
            f"{len(targets)} states for {grid.steps} steps",
            "one state after every step",
            "Leave it out, or give the state at every level of the grid but the first.",
        )
    plan = dc.base.compile(schedule, grid)
    ratios = [1.0] * grid.steps
    losses, uncompensated = np.zeros(grid.steps), np.zeros(grid.steps)
    registers: dict[str, Any] = {STATE: x}
    calls = prepared.evaluations
    for n in range(grid.steps):
        advance = partial(_advance, plan, ratios[:n], registers, prepared, points)
        loss = partial(_loss, advance, targets[n])
        losses[n] = uncompensated[n] = loss(1.0)
        if n >= points - 1:
            ratio, value = golden_section(loss, bracket, iterations=iterations)
            if value < losses[n]:
                ratios[n], losses[n] = ratio, value
        registers = advance(ratios[n])
    solver = DCSolver(dc.base, tuple(ratios), points)
    return CompensationSearch(
        solver, np.array(ratios), losses, uncompensated, prepared.evaluations - calls
    )


def _advance(
    plan: Plan,
    before: list[float],
    registers: dict[str, Any],
    model: PreparedModel,
    points: int,
    ratio: float,
) -> dict[str, Any]:
    """Return the registers after the step whose ratio is tried."""
    trial = dynamic_compensation(plan, [*before, ratio], points=points)
    return run_step(trial.steps[len(before)], registers, model)


def _loss(advance: Callable[[float], dict[str, Any]], target: Any, ratio: float) -> float:
    return float(((advance(ratio)[STATE] - target) ** 2).mean())


def reference_states(
    model: PreparedModel, x: Any, *, schedule: Schedule, grid: Grid, refinement: int = 20
) -> tuple[Any, ...]:
    """Return the states of a fine run at every level of a grid but the first.

    Parameters
    ----------
    model : callable
        ``model(x, level, form)``, as `prepare` makes it.
    x : array, shape (samples, ...)
        States at the first level.
    schedule : Schedule
        The noise schedule.
    grid : Grid
        The levels.
    refinement : int, default 20
        Steps of third order for every step of the grid, equal in half log-SNR. A step that ends at
        σ = 0 or begins at α = 0 is uniform in time instead.

    Returns
    -------
    tuple of array
        One state for every step of the grid.
    """
    refinement = check_size(refinement, name="refinement")
    times: list[float] = []
    levels = grid.levels(schedule)
    for start, stop in itertools.pairwise(levels):
        finite = math.isfinite(stop.half_log_snr - start.half_log_snr)
        kind = "log_snr" if finite else "time_uniform"
        part = make_grid(schedule, refinement, kind, first=start.time, last=stop.time)
        times += part.times[:-1].tolist()
    fine = Grid(np.array([*times, levels[-1].time]))
    plan = DPMSolverMultistep(order=3, solver_type="taylor").compile(schedule, fine)
    states = list(run_plan(plan, x, model))
    return tuple(state.x for state in states[refinement - 1 :: refinement])


def golden_section(
    function: Callable[[float], float], bracket: tuple[float, float], *, iterations: int
) -> tuple[float, float]:
    """Return the best point seen by a golden-section search, and its value.

    Parameters
    ----------
    function : callable
        Of one number; with one minimum in the bracket the search closes in on it.
    bracket : (float, float)
        Ends of the interval, in order.
    iterations : int
        Number of evaluations; each after the second shrinks the interval by 0.618.

    Returns
    -------
    (float, float)
        The point and its value.

    Raises
    ------
    ArgumentError
        If the bracket is empty.

    Examples
    --------
    >>> from rnla.diffusion.compensation_search import golden_section
    >>> round(golden_section(lambda u: (u - 0.3) ** 2, (0.0, 2.0), iterations=30)[0], 4)
    0.3
    """
    low, high = bracket
    if not low < high:
        raise argument_error("bracket", repr(bracket), "two numbers in order", "Pass (0.0, 2.0).")
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    seen: dict[float, float] = {}
    left, right = high - golden * (high - low), low + golden * (high - low)
    for _ in range(iterations):
        for point in (left, right):
            if point not in seen and len(seen) < iterations:
                seen[point] = function(point)
        if seen[left] <= seen.get(right, math.inf):
            high, right = right, left
            left = high - golden * (high - low)
        else:
            low, left = left, right
            right = low + golden * (high - low)
        if len(seen) >= iterations:
            break
    best = min(seen, key=lambda point: seen[point])
    return best, seen[best]
