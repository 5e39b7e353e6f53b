"""Solvers side by side: error against the number of evaluations, and the order observed.

The model is a distribution whose denoiser is exact, so what is left is the error of the solver. The
reference is the probability-flow ODE integrated to high accuracy (DOP853, Hairer, Nørsett and
Wanner 1993) in x / alpha as a function of log(sigma / alpha). Cost: 560 steps of each solver for
its order, and the evaluations asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentError, argument_error, check_size
from .grids import Grid, make_grid
from .models import GaussianMixture, prepare
from .plan import Level
from .sampling import sample
from .schedules import Schedule, VPLinear
from .solvers import Solver, get_solver, solver_names

__all__ = ["Comparison", "compare", "exact_flow", "example_mixture", "grid_of_evaluations"]

Vector = npt.NDArray[np.float64]

_STARTS = ((0.5, -0.3), (-1.2, 0.8), (0.1, 1.5), (2.0, -0.7))
_COUNTS = (80, 160, 320)  # steps from which the order is read
_NOISIEST = -5.0  # half log-SNR at which a path that begins at pure noise is entered
_ROUNDING = 1e-11  # errors below this say nothing about the order


def example_mixture() -> GaussianMixture:
    """Three Gaussians in the plane, GMM-A of the tests: the model of every comparison."""
    means = ((-1.0, 0.0), (1.0, 0.5), (0.0, -1.2))
    return GaussianMixture((0.5, 0.3, 0.2), means, deviations=(0.3, 0.2, 0.4))


def exact_flow(
    model: Any, x: npt.ArrayLike, start: Level, stop: Level, *, schedule: Schedule
) -> Vector:
    """The solution at `stop` of the probability-flow ODE that is at `x` at `start`.

    Parameters
    ----------
    model : callable
        As for `sample`.
    x : array_like, shape (batch, …)
    start, stop : Level
        The latter cleaner, with sigma above 0.
    schedule : Schedule

    Returns
    -------
    ndarray
        Like `x`, to about 1e-12.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian, VPLinear
    >>> start, stop = VPLinear().levels([1.0, 0.1])
    >>> x = exact_flow(Gaussian(np.zeros(1), np.eye(1)), [[1.5]], start, stop, schedule=VPLinear())
    >>> x.round(9).tolist()  # data of unit variance: the flow does nothing
    [[1.5]]
    """
    from scipy.integrate import solve_ivp

    x = np.asarray(x, dtype=np.float64)
    prepared = prepare(model, schedule)

    def slope(log_rho: float, y: Vector) -> Vector:
        level = schedule.level_of(-log_rho)
        eps = prepared(level.alpha * y.reshape(x.shape), level, "eps")
        return np.asarray(level.rho * eps).ravel()

    ends = (-start.half_log_snr, -stop.half_log_snr)
    solved = solve_ivp(
        slope, ends, (x / start.alpha).ravel(), method="DOP853", rtol=1e-12, atol=1e-13
    )
    return np.asarray(stop.alpha * solved.y[:, -1].reshape(x.shape))


def grid_of_evaluations(
    solver: Solver, schedule: Schedule, evaluations: int, kind: str, *, first: float, last: float
) -> Grid | None:
    """The finest grid on which a solver calls the model at most so often; None if there is none."""
    for steps in range(evaluations, 0, -1):
        if solver.evaluations(steps) > evaluations:
            continue
        grid = make_grid(schedule, steps, kind, first=first, last=last)
        try:
            plan = solver.compile(schedule, grid)
        except ArgumentError:  # too few steps for this solver
            return None
        if plan.evaluations <= evaluations:
            return grid
    return None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Errors of solvers.

    Attributes
    ----------
    solvers : tuple of str
    evaluations : tuple of int
    errors : ndarray, shape (solvers, evaluations)
        Largest absolute error of a coordinate; nan where a solver cannot do with so few calls.
    orders : ndarray, shape (solvers,)
        Slope of the error between 80 and 320 steps; nan if it drowns in rounding.
    expected : tuple of int
        The order in theory.
    schedule : Schedule
    kind : str
        Spacing of the grid.
    """

    solvers: tuple[str, ...]
    evaluations: tuple[int, ...]
    errors: Vector
    orders: Vector
    expected: tuple[int, ...]
    schedule: Schedule
    kind: str

    def rows(self) -> list[dict[str, Any]]:
        """One mapping for each solver, in the order of the last column."""
        found = []
        for i in np.argsort(np.where(np.isnan(self.errors[:, -1]), np.inf, self.errors[:, -1])):
            row: dict[str, Any] = {"solver": self.solvers[i]}
            for count, error in zip(self.evaluations, self.errors[i], strict=True):
                row[str(count)] = float(error)
            row["order"], row["expected"] = float(self.orders[i]), self.expected[i]
            found.append(row)
        return found

    def __str__(self) -> str:
        width = max(len(name) for name in self.solvers)
        head = "".join(f"{count:>11}" for count in self.evaluations)
        lines = [f"{'solver':{width}}{head}   order  expected"]
        for row in self.rows():
            cells = "".join(f"{_cell(row[str(count)], '.2e'):>11}" for count in self.evaluations)
            order = _cell(row["order"], ".2f")
            lines.append(f"{row['solver']:{width}}{cells}{order:>8}{row['expected']:>10}")
        return "\n".join(lines)


def _cell(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def compare(
    solvers: Iterable[str | Solver] | None = None,
    *,
    schedule: Schedule | None = None,
    evaluations: Sequence[int] = (5, 8, 10, 20),
    grid: str = "log_snr",
    last: float = 1e-2,
    model: Any = None,
    x: npt.ArrayLike = _STARTS,
) -> Comparison:
    """Error of deterministic solvers at given numbers of evaluations, and their orders.

    Parameters
    ----------
    solvers : iterable of str or Solver, optional
        All that are deterministic and take the steps of a grid, by default.
    schedule : Schedule, optional
        `VPLinear` by default.
    evaluations : sequence of int
        Numbers of calls of the model (NFE).
    grid : str
        Spacing, a kind of `make_grid`.
    last : float
        Time at which sampling stops, above sigma = 0.
    model : callable, optional
        The model; three Gaussians in the plane by default.
    x : array_like, shape (batch, …)
        States at the first level of the schedule, in units of its sigma.

    Returns
    -------
    Comparison
        Prints as a table.

    Raises
    ------
    ArgumentError
        For stochastic solvers, whose end points have no error, for solvers that choose their own
        steps, and for numbers of evaluations below 1.

    Examples
    --------
    >>> print(compare(["ddim", "dpmpp_2m"], evaluations=[10]))
    solver           10   order  expected
    dpmpp_2m   3.85e-02    1.89         2
    ddim       2.90e-01    1.03         1
    """
    schedule = VPLinear() if schedule is None else schedule
    evaluations = tuple(check_size(count, name="evaluations") for count in evaluations)
    chosen = _choose(solvers)
    model = example_mixture() if model is None else model
    first = _first(schedule)
    start, stop = make_grid(schedule, 1, first=first, last=last).levels(schedule)
    states = np.asarray(x, dtype=np.float64) * start.sigma
    reference = exact_flow(model, states, start, stop, schedule=schedule)

    def error(solver: Solver, steps: Grid | None) -> float:
        if steps is None:
            return math.nan
        end = sample(model, states, solver=solver, schedule=schedule, grid=steps, check=False)
        return float(np.abs(np.asarray(end.values) - reference).max())

    def spaced(solver: Solver, count: int) -> Grid | None:
        return grid_of_evaluations(solver, schedule, count, grid, first=first, last=last)

    errors = np.array(
        [[error(one, spaced(one, count)) for count in evaluations] for one in chosen.values()]
    )
    fine = [
        [error(one, make_grid(schedule, steps, grid, first=first, last=last)) for steps in _COUNTS]
        for one in chosen.values()
    ]
    return Comparison(
        tuple(chosen),
        evaluations,
        errors,
        np.array([_slope(row) for row in fine]),
        tuple(one.global_order for one in chosen.values()),
        schedule,
        grid,
    )


def _first(schedule: Schedule) -> float:
    """Where sampling begins: at a level with a finite SNR."""
    if math.isfinite(float(schedule.half_log_snr(schedule.first))):
        return schedule.first
    return float(schedule.time_of(_NOISIEST))


def _choose(solvers: Iterable[str | Solver] | None) -> dict[str, Solver]:
    if solvers is None:
        every = {name: get_solver(name) for name in solver_names()}
        return {name: one for name, one in every.items() if not one.stochastic and one.prescribed}
    chosen: dict[str, Solver] = {}
    for given in solvers:
        one = get_solver(given)
        name = given if isinstance(given, str) else repr(one)
        if one.stochastic or not one.prescribed:
            raise argument_error(
                "solvers",
                name,
                "deterministic solvers on a grid",
                "Leave it out: a single end point of it is not right or wrong.",
            )
        chosen[name] = one
    return chosen


def _slope(errors: list[float]) -> float:
    if not min(errors) > _ROUNDING:
        return math.nan
    return float(-np.polyfit(np.log(_COUNTS), np.log(errors), 1)[0])
