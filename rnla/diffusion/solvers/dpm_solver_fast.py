"""DPM-Solver-fast: singlesteps of mixed order that use a given number of evaluations exactly.

With K = floor(NFE/3) + 1 steps of orders 3, 3, …, 3 the last ones are lowered so that the orders
add up to NFE: …, 2, 1 if NFE is a multiple of 3; …, 1 and …, 2 for remainders 1 and 2. C. Lu et
al., DPM-Solver, section 3.4 (arXiv 2206.00927).
Cost: exactly NFE evaluations; memory as for DPM-Solver-3.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

from ..._errors import check_choice
from ..grids import Grid, make_grid
from ..plan import Form, Level, Plan, Step
from ..schedules import Schedule
from ._base import Solver
from ._registry import register
from .dpm_solver import SinglestepType, singlestep

__all__ = ["DPMSolverFast", "fast_orders"]


@dataclass(frozen=True)
class DPMSolverFast(Solver):
    """DPM-Solver-fast: the grid's number of steps is the budget of evaluations.

    Parameters
    ----------
    order : {3, 2}, default 3
        Highest order of a step.
    form : {"eps", "x0"}, default "eps"
        Which prediction is expanded.
    solver_type : {"dpmsolver", "taylor"}, default "dpmsolver"
        As in `DPMSolver`.

    Raises
    ------
    ArgumentError
        If an option is not among those listed.

    Notes
    -----
    On a grid uniform in λ that ends above σ = 0 the outer steps are of equal size in λ and the
    inner levels at the usual places. On every other grid the NFE + 1 levels of the grid itself are
    used: a step of order k spans k of its intervals and its inner levels are those in between.
    Where such a span ends at σ = 0 or begins at α = 0 it is taken in steps of order 1.

    References
    ----------
    C. Lu, Y. Zhou, F. Bao, J. Chen, C. Li, J. Zhu. DPM-Solver. arXiv 2206.00927.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.dpm_solver_fast import DPMSolverFast
    >>> schedule = VPLinear()
    >>> plan = DPMSolverFast().compile(schedule, make_grid(schedule, 10))
    >>> plan.evaluations, len(plan.steps)
    (10, 4)
    """

    order: int = 3
    form: Form = "eps"
    solver_type: SinglestepType = "dpmsolver"

    name: ClassVar[str] = "dpm_solver_fast"

    def __post_init__(self) -> None:
        check_choice(self.order, "order", (2, 3))
        check_choice(self.form, "form", ("eps", "x0"))
        check_choice(self.solver_type, "solver_type", ("dpmsolver", "taylor"))

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """Singlesteps of orders `fast_orders`, for a budget of ``grid.steps`` evaluations."""
        levels = grid.levels(schedule)
        orders = fast_orders(grid.steps, self.order)
        uniform = grid.kind in ("log_snr", "exponential") and not levels[-1].is_clean
        if uniform:
            first, last = float(grid.times[0]), float(grid.times[-1])
            outer = make_grid(schedule, len(orders), first=first, last=last).levels(schedule)
        spans: list[tuple[Level, ...]] = []
        calls = 0
        for k, order in enumerate(orders):
            span = levels[calls : calls + order + 1]
            if uniform:
                low, high = outer[k].half_log_snr, outer[k + 1].half_log_snr
                inner = (low + j * (high - low) / order for j in range(1, order))
                span = (outer[k], *map(schedule.level_of, inner), outer[k + 1])
            infinite = span[-1].is_clean or span[0].alpha == 0.0
            spans += itertools.pairwise(span) if infinite else [span]
            calls += order
        steps: list[Step] = []
        calls = 0
        for start, *between, stop in spans:
            step = singlestep(
                start,
                stop,
                tuple(between),
                form=self.form,
                solver_type=self.solver_type,
                calls=calls,
            )
            steps.append(step)
            calls += len(between) + 1
        return Plan(self.name, tuple(steps))


def fast_orders(evaluations: int, order: int = 3) -> tuple[int, ...]:
    """Return the orders of the steps for a budget of evaluations.

    Parameters
    ----------
    evaluations : int
        The budget, at least 1.
    order : {3, 2}, default 3
        Highest order.

    Returns
    -------
    tuple of int
        They add up to `evaluations`.

    Examples
    --------
    >>> from rnla.diffusion.solvers.dpm_solver_fast import fast_orders
    >>> fast_orders(9), fast_orders(10), fast_orders(11), fast_orders(7, 2)
    ((3, 3, 2, 1), (3, 3, 3, 1), (3, 3, 3, 2), (2, 2, 2, 1))
    """
    whole, rest = divmod(evaluations, order)
    if order == 3 and rest == 0:
        return (3,) * (whole - 1) + (2, 1)
    return (order,) * whole + ((rest,) if rest else ())


register("dpm_solver_fast", DPMSolverFast, aliases=("sample_dpm_fast",))
