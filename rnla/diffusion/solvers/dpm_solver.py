"""DPM-Solver and DPM-Solver++ singlestep, orders 1 to 3: Runge-Kutta stages inside every step.

From s to t with h = λ_t - λ_s, inner levels at λ_s + r1 h and λ_s + r2 h are reached by lower-order
steps, and the outputs found there give the λ-derivatives that the Taylor step needs:

    order 2:  D1 = (m_1 - m_s) / r1;  the "dpmsolver" type takes (1/2) φ_1 where "taylor" has φ_2
    order 3:  "dpmsolver" keeps the slope (m_2 - m_s) / r2, "taylor" the full quadratic

C. Lu et al., DPM-Solver (arXiv 2206.00927) and DPM-Solver++ (arXiv 2211.01095).
Cost: `order` evaluations per step; memory: the state, a stage and `order` outputs; no history.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from ..._errors import argument_error, check_choice
from ..grids import Grid
from ..plan import Evaluation, Form, Level, Plan, Stage, Step
from ..schedules import Schedule
from ._base import Solver
from ._options import numbers_of
from ._registry import register
from .exponential import coefficients, step_row

__all__ = ["DPMSolver", "singlestep"]

SinglestepType = Literal["dpmsolver", "taylor"]


@dataclass(frozen=True)
class DPMSolver(Solver):
    """DPM-Solver-1, -2, -3 (noise) and DPM-Solver++(2S), (3S) (data).

    Parameters
    ----------
    order : {1, 2, 3}, default 2
        Order and number of evaluations per step.
    form : {"eps", "x0"}, default "eps"
        Which prediction is expanded: noise (DPM-Solver) or data (DPM-Solver++).
    solver_type : {"dpmsolver", "taylor"}, default "dpmsolver"
        How derivatives enter, see the head of this file.
    nodes : tuple of float, optional
        Places r1 (and r2) of the inner levels in the step, in λ; (1/2,) and (1/3, 2/3) by default.

    Raises
    ------
    ArgumentError
        If an option is not among those listed, or nodes do not increase inside (0, 1).

    Notes
    -----
    Global order `order` for both types; the third order asks for r2 = 2/3, whatever r1. The grid
    holds the outer levels only. A step to σ = 0 or from α = 0 takes order 1 and one evaluation.

    References
    ----------
    C. Lu, Y. Zhou, F. Bao, J. Chen, C. Li, J. Zhu. DPM-Solver: a fast ODE solver for diffusion
    probabilistic model sampling in around 10 steps. arXiv 2206.00927.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.dpm_solver import DPMSolver
    >>> schedule = VPLinear()
    >>> DPMSolver(order=3).compile(schedule, make_grid(schedule, 3)).evaluations
    9
    """

    order: int = 2
    form: Form = "eps"
    solver_type: SinglestepType = "dpmsolver"
    nodes: tuple[float, ...] | None = None

    name: ClassVar[str] = "dpm_solver_2"

    def __post_init__(self) -> None:
        check_choice(self.order, "order", (1, 2, 3))
        check_choice(self.form, "form", ("eps", "x0"))
        check_choice(self.solver_type, "solver_type", ("dpmsolver", "taylor"))
        if self.nodes is not None:
            object.__setattr__(self, "nodes", numbers_of(self.nodes, "nodes"))
        inner = (0.0, *self.places, 1.0)
        if len(inner) != self.order + 1 or any(b <= a for a, b in itertools.pairwise(inner)):
            raise argument_error(
                "nodes",
                repr(self.nodes),
                f"{self.order - 1} numbers that increase inside (0, 1)",
                "Leave it out for the usual ones.",
            )

    @property
    def places(self) -> tuple[float, ...]:
        """The inner places in use."""
        usual = ((), (0.5,), (1.0 / 3.0, 2.0 / 3.0))[self.order - 1]
        return usual if self.nodes is None else self.nodes

    @property
    def label(self) -> str:
        """Name in plans and tables."""
        return f"dpm_solver_{self.order}" if self.form == "eps" else f"dpmpp_{self.order}s"

    def evaluations(self, steps: int) -> int:
        """Model calls for a grid of `steps` steps that ends above σ = 0."""
        return self.order * steps

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """`order` evaluations and as many rows per step."""
        levels = grid.levels(schedule)
        steps: list[Step] = []
        calls = 0
        for start, stop in itertools.pairwise(levels):
            finite = math.isfinite(stop.half_log_snr - start.half_log_snr)
            inner = tuple(_between(schedule, start, stop, r) for r in self.places if finite)
            steps.append(
                singlestep(
                    start, stop, inner, form=self.form, solver_type=self.solver_type, calls=calls
                )
            )
            calls += len(inner) + 1
        return Plan(self.label, tuple(steps))


def singlestep(
    start: Level,
    stop: Level,
    inner: tuple[Level, ...],
    *,
    form: Form,
    solver_type: SinglestepType,
    calls: int,
    lower: str | None = None,
) -> Step:
    """Return one singlestep of order ``len(inner) + 1``.

    Parameters
    ----------
    start, stop : Level
        Ends of the step.
    inner : tuple of Level
        None, one or two levels between them, in order.
    form, solver_type
        As in `DPMSolver`.
    calls : int
        Model calls before this step; numbers the registers.
    lower : str, optional
        A register that also gets the result of the next lower order from the same evaluations,
        for step-size control; it needs at least one inner level.

    Returns
    -------
    Step
        The stages.
    """
    outputs = [f"m{calls + k}" for k in range(len(inner) + 1)]
    lambdas = [level.half_log_snr for level in (start, *inner)]
    stages: list[Stage] = [Evaluation("x", outputs[0], start, form)]
    relaxation = ("bh2",) if solver_type == "dpmsolver" else ()
    for k, level in enumerate(inner):
        state = f"u{calls + k + 1}"
        # The stage at r1 is a first-order step, the one at r2 a Taylor step through s and r1.
        stage = coefficients(start, level, lambdas[: k + 1], form=form)
        stages.append(step_row(stage, outputs[: k + 1], target=state))
        stages.append(Evaluation(state, outputs[k + 1], level, form))
    if lower is not None:
        step = coefficients(
            start, stop, lambdas[:-1], form=form, relaxation=relaxation if len(inner) == 2 else ()
        )
        stages.append(step_row(step, outputs[:-1], target=lower))
    if len(inner) == 2 and solver_type == "dpmsolver":
        step = coefficients(start, stop, (lambdas[0], lambdas[2]), form=form)
        stages.append(step_row(step, (outputs[0], outputs[2])))
    else:
        step = coefficients(
            start, stop, lambdas, form=form, relaxation=relaxation if len(inner) == 1 else ()
        )
        stages.append(step_row(step, outputs))
    return Step(tuple(stages), start, stop)


def _between(schedule: Schedule, start: Level, stop: Level, place: float) -> Level:
    h = stop.half_log_snr - start.half_log_snr
    return schedule.level_of(start.half_log_snr + place * h)


register("dpm_solver_2", DPMSolver, aliases=("dpm_solver", "DPMSolverSinglestepScheduler"))
register("dpm_solver_3", partial(DPMSolver, order=3))
register("dpmpp_2s", partial(DPMSolver, form="x0"))
register("dpmpp_3s", partial(DPMSolver, order=3, form="x0"))
