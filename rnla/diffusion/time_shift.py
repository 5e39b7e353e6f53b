"""Time-Shift sampler: continue from the level whose variance the state has, not from the nominal.

Exposure bias: after a step the pixel variance of a sample differs from that of training inputs at
the same level. Li, Qu, Yao, Sun and Moens, "Alleviating exposure bias in diffusion models through
sampling with shifted time steps" (arXiv 2305.15583), look for the level in a window around the
nominal one whose variance matches, sample by sample, and go on from there. No evaluations more; one
reduction over the state a step. The rule takes 1 - ᾱ for the variance of a training input, which
leaves the variance of the data out: see `noise_variance` and `data_variance`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from .._errors import ArgumentTypeError, argument_error, check_choice, check_positive, check_whole
from .._result import FloatArray, IntArray
from ._arrays import namespace, on_host, taken
from .execute import State, run_step
from .grids import Grid
from .models import PreparedModel
from .plan import STATE, Evaluation, Form, Level, Plan, Step
from .schedules import Schedule, Tabulated
from .solvers import Solver, get_solver

__all__ = ["TimeShift", "data_variance", "matching_index", "noise_variance", "sample_variance"]

LevelVariance = Callable[[Level], float]


def noise_variance(level: Level) -> float:
    """σ²: the variance of an input of the paper, exact for data of no variance.

    Examples
    --------
    >>> from rnla.diffusion.schedules import Tabulated
    >>> table = Tabulated.linear()
    >>> round(noise_variance(table.level(table.time_of_index(258))), 7)
    0.4997553
    """
    return level.sigma**2


def data_variance(deviation: float) -> LevelVariance:
    """α² s² + σ² for data of standard deviation s, as a function of the level.

    Parameters
    ----------
    deviation : float
        s. With s = 1 it is 1 at all levels of a variance-preserving schedule, and no level can be
        told from another.
    """
    square = check_positive(deviation, "deviation", allow_zero=True) ** 2
    return lambda level: level.alpha**2 * square + level.sigma**2


def sample_variance(x: Any) -> FloatArray:
    """Unbiased variance of the coordinates of each sample, float64 on the host, shape (batch,)."""
    flat = x.reshape((x.shape[0], -1))
    count = int(flat.shape[1])
    if count < 2:
        raise argument_error(
            "x", f"shape {tuple(x.shape)}", "at least two coordinates a sample", "See more of it."
        )
    rest = flat - flat.mean(1)[:, None]
    squares = namespace(x).sum(rest * rest, 1)
    return np.asarray(on_host(squares), dtype=np.float64) / (count - 1)


def matching_index(
    variances: FloatArray,
    schedule: Tabulated,
    *,
    low: int = 0,
    high: int | None = None,
    level_variance: LevelVariance = noise_variance,
) -> IntArray:
    """The index of a table whose variance is nearest, for each sample.

    Parameters
    ----------
    variances : ndarray, shape (batch,)
    schedule : Tabulated
    low, high : int, optional
        First and last index to choose from; all by default.
    level_variance : callable, default `noise_variance`
        Variance of a training input at a level.

    Returns
    -------
    ndarray of int, shape (batch,)

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion.schedules import Tabulated
    >>> matching_index(np.array([0.1, 0.5, 0.9, 0.99]), Tabulated.linear())
    array([ 97, 258, 475, 673])
    """
    last = schedule.size - 1
    indices = np.arange(max(low, 0), min(last if high is None else high, last) + 1)
    if indices.size == 0:
        raise argument_error(
            "high", high, f"an index from low={low} to {last}", "Widen the window."
        )
    expected = np.array(
        [level_variance(level) for level in schedule.levels(schedule.time_of_index(indices))]
    )
    distance = np.abs(np.asarray(variances, dtype=np.float64)[:, None] - expected)
    return np.asarray(indices[np.argmin(distance, axis=1)], dtype=np.int64)


@dataclass(frozen=True)
class TimeShift(Solver):
    """A solver whose steps begin at the level that the variance of the state suggests.

    Parameters
    ----------
    base : str or Solver, default "ddim"
        Any solver that is compiled to a plan.
    window : int, default 30
        Width of the window of indices, half on either side of the nominal index.
    cutoff : int, default 300
        Levels of this index and below are taken as they are.
    level_variance : callable, default `noise_variance`
        Variance of a training input at a level; `data_variance(s)` counts that of the data.
    variant : {"paper", "as_published_code"}
        After a step the paper looks for the matching level of the new state, tells the network that
        time and steps on from there. The published code looks, before a step, for the level near
        its *target* that matches the state it starts from, and steps there; the network is told
        nominal times throughout, and the next step starts from the nominal level.

    Notes
    -----
    Samples with different levels take steps with different coefficients. They are run in groups of
    equal level, a call of the model for each group; the evaluations counted are those of a sample.
    The window stays strictly between the neighbouring levels of the grid, so that no step goes
    backwards: our reading. With window 0, or a cutoff of the largest index, it is the base solver.
    The first level is never shifted. Settings of the authors' code: 100 steps of F-PNDM, window 5
    and cutoff 550; 5 steps, 30 and 300. There the window is half the width in one repository.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian, make_grid, sample
    >>> from rnla.diffusion.schedules import Tabulated
    >>> table = Tabulated.linear()
    >>> model = Gaussian(np.zeros(64), np.zeros((64, 64)))
    >>> x = np.random.default_rng(0).standard_normal((2, 64))
    >>> grid = make_grid(table, 5, "leading")
    >>> found = sample(model, x, solver=TimeShift(), schedule=table, grid=grid)
    >>> found.evaluations
    4
    """

    base: str | Solver = "ddim"
    window: int = 30
    cutoff: int = 300
    level_variance: LevelVariance = noise_variance
    variant: Literal["paper", "as_published_code"] = "paper"

    name: ClassVar[str] = "time_shift"

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", get_solver(self.base))
        check_whole(self.window, "window", example=30)
        check_whole(self.cutoff, "cutoff", example=300)
        check_choice(self.variant, "variant", ("paper", "as_published_code"))

    @property
    def _base(self) -> Solver:
        return get_solver(self.base)

    @property
    def order(self) -> int:
        """Of the base solver; the shift is not a matter of step size."""
        return self._base.order

    @property
    def form(self) -> Form:
        """Of the base solver."""
        return self._base.form

    @property
    def stochastic(self) -> bool:
        """Whether the base solver adds noise."""
        return self._base.stochastic

    @property
    def invariant(self) -> bool:
        """No: variances are those of x, not of x / alpha."""
        return False

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """The base solver's plan, in which no level is shifted."""
        return self._base.compile(schedule, grid)

    def evaluations(self, steps: int) -> int:
        """Calls of the model a sample sees."""
        return self._base.evaluations(steps)

    def states(
        self, model: PreparedModel, x: Any, schedule: Schedule, grid: Grid, noise: Any
    ) -> Iterator[State]:
        """Run from `x`, choosing levels as the states come."""
        table = _check_table(schedule)
        plan = self.compile(table, grid)
        if len(plan.steps) != grid.steps:
            raise argument_error(
                "base",
                f"{plan.solver}, with {len(plan.steps)} steps on a grid of {grid.steps}",
                "a solver with a step for each interval of the grid",
                "Pass base='ddim', or any multistep solver.",
            )
        model.check_plan(plan)
        return self._run(model, x, table, grid, noise, plan)

    def _run(
        self, model: PreparedModel, x: Any, table: Tabulated, grid: Grid, noise: Any, plan: Plan
    ) -> Iterator[State]:
        nominal = [round(time * table.size - 1.0) for time in grid.times]
        plans: dict[tuple[int, int], Plan] = {}
        registers: Mapping[str, Any] = {STATE: x}
        evaluations = 0
        for n, step in enumerate(plan.steps):
            model.step = n
            at = n if self.variant == "paper" else n + 1
            chosen = self._choose(registers[STATE], nominal, at, table)
            if chosen is None:
                after = run_step(step, registers, model, noise)
            else:
                steps = {}
                for index in np.unique(chosen):
                    key = at, int(index)
                    if key not in plans:
                        times = np.array(grid.times)
                        if index != nominal[at]:
                            times[at] = table.time_of_index(int(index))
                        plans[key] = self.compile(table, Grid(times, grid.kind))
                    steps[int(index)] = plans[key].steps[n]
                after = _run_groups(steps, chosen, registers, model, noise)
            registers = {name: array for name, array in after.items() if name in plan.keeps[n]}
            evaluations += sum(isinstance(stage, Evaluation) for stage in step.stages)
            yield State(registers[STATE], step.stop, n + 1, evaluations, registers)

    def _choose(self, x: Any, nominal: list[int], at: int, table: Tabulated) -> IntArray | None:
        """Index of the level for each sample; None where all samples stay at the nominal one."""
        half = self.window // 2
        if half == 0 or at == 0 or at >= len(nominal) - 1 or nominal[at] <= self.cutoff:
            return None
        low = max(nominal[at] - half, nominal[at + 1] + 1)
        high = min(nominal[at] + half, nominal[at - 1] - 1)
        if low > high:
            return None
        found = matching_index(
            sample_variance(x), table, low=low, high=high, level_variance=self.level_variance
        )
        return None if np.all(found == nominal[at]) else found


def _run_groups(
    steps: Mapping[int, Step],
    chosen: IntArray,
    registers: Mapping[str, Any],
    model: PreparedModel,
    noise: Any,
) -> dict[str, Any]:
    """One step of every group of samples, and the samples back in their order."""
    parts: list[dict[str, Any]] = []
    members: list[IntArray] = []
    for index, step in steps.items():
        rows = np.flatnonzero(chosen == index)
        members.append(rows)
        own = {name: taken(array, rows) for name, array in registers.items()}
        parts.append(run_step(step, own, model, _part_of(noise, registers[STATE], rows)))
    back = np.argsort(np.concatenate(members))
    after = {}
    for name in parts[0]:
        arrays = [part[name] for part in parts]
        whole = arrays[0] if len(arrays) == 1 else namespace(arrays[0]).concatenate(arrays)
        after[name] = taken(whole, back)
    return after


def _part_of(noise: Any, whole: Any, rows: IntArray) -> Any:
    """The noise of some samples of a batch: that of the batch, cut."""
    if noise is None:
        return None
    return lambda draw, like, interval: taken(noise(draw, whole, interval), rows)


def _check_table(schedule: Schedule) -> Tabulated:
    if not isinstance(schedule, Tabulated):
        raise argument_error(
            "schedule",
            type(schedule).__name__,
            "a table of levels, among which to look for a variance",
            "Pass rnla.diffusion.schedules.Tabulated.linear(), say.",
            kind=ArgumentTypeError,
        )
    return schedule
