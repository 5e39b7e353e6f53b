"""UniPC: a predictor-corrector of the exponential-integrator family at one model call per step.

UniP-p is the order-p multistep step; UniC-p repeats it with the model output at the predicted state
as one more node, which raises the order to p + 1. The output at the *predicted* state stays in the
history, so a step costs one call. With r_j = (λ_j - λ_n)/h and D_j = (m_j - m_n)/r_j,

    x_t = base - pre · Σ_j w_j D_j,   Σ_j w_j r_j^{i-1} = i! z φ_{i+1}(z),  i = 1, 2, …

(z = -h and pre = α_t in the x0 form, z = h and pre = σ_t in the eps form). W. Zhao et al., UniPC
(arXiv 2302.04867). The published coefficients use the shortcut w_1 = B/2 wherever the system has
one unknown, with B = z ("bh1") or e^z - 1 ("bh2"); everywhere else B cancels.
Cost: N evaluations for N steps; memory: the state, the predicted state and `order` outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from ..._errors import check_choice
from ..grids import Grid
from ..interpolation import derivative_weights
from ..phi import phi
from ..plan import Evaluation, Form, Level, Plan, Stage, Step
from ..schedules import Schedule
from ._base import Solver, warm_up_orders
from ._options import check_lowering, whole_numbers_of
from ._registry import register
from .dpm_solver_pp import lowers
from .exponential import Coefficients, Relaxation, coefficients, step_row

__all__ = ["UniPC"]


@dataclass(frozen=True)
class UniPC(Solver):
    """UniPC-p, with either shortcut or none.

    Parameters
    ----------
    order : {1, 2, 3, 4}, default 3
        Order p of the predictor; with the corrector the method has order p + 1.
    form : {"x0", "eps"}, default "x0"
        Which prediction is interpolated.
    solver_type : {"bh2", "bh1", "vary_coeff"}, default "bh2"
        The shortcut for UniP-2 and UniC-1: (e^z - 1)/2, z/2, or none, the system solved.
    corrector : bool, default True
        Whether to correct; without it this is UniP-p.
    disable_corrector : tuple of int, default ()
        Numbers of single steps that are not corrected.
    lower_order_final : bool or int, default True
        As in `DPMSolverMultistep`.
    variant : {"consistent", "as_published_code"}, default "consistent"
        "vary_coeff" only: the published corrector weighs the new point by the wrong entry of the
        inverse and the wrong φ, which makes it first order for p of at least 2.

    Raises
    ------
    ArgumentError
        If an option is not among those listed.

    Notes
    -----
    The last step is predicted only. Step n < p uses order n + 1 in predictor and corrector.
    Order 4 is the same construction; the published program stops at 3 in practice.

    References
    ----------
    W. Zhao, L. Bai, Y. Rao, J. Zhou, J. Lu. UniPC: a unified predictor-corrector framework for fast
    sampling of diffusion models. arXiv 2302.04867.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.unipc import UniPC
    >>> schedule = VPLinear()
    >>> UniPC(order=3).compile(schedule, make_grid(schedule, 8)).evaluations
    8
    """

    order: int = 3
    form: Form = "x0"
    solver_type: Literal["bh2", "bh1", "vary_coeff"] = "bh2"
    corrector: bool = True
    disable_corrector: tuple[int, ...] = ()
    lower_order_final: bool | int = True
    variant: Literal["consistent", "as_published_code"] = "consistent"

    name: ClassVar[str] = "unipc"

    def __post_init__(self) -> None:
        check_choice(self.order, "order", (1, 2, 3, 4))
        check_choice(self.form, "form", ("x0", "eps"))
        check_choice(self.solver_type, "solver_type", ("bh2", "bh1", "vary_coeff"))
        check_lowering(self.lower_order_final)
        disabled = whole_numbers_of(self.disable_corrector, "disable_corrector")
        object.__setattr__(self, "disable_corrector", disabled)
        choices = ("consistent", "as_published_code")
        check_choice(
            self.variant, "variant", choices if self.solver_type == "vary_coeff" else choices[:1]
        )

    @property
    def label(self) -> str:
        """Name in plans and tables."""
        return f"uni{'pc' if self.corrector else 'p'}_{self.order}_{self.solver_type}"

    @property
    def global_order(self) -> int:
        """Order of convergence: one more than `order` if every step is corrected, 2 at most if the
        last step is always of first order."""
        corrected = self.corrector and not self.disable_corrector
        if corrected and self.variant == "as_published_code" and self.order > 1:
            return 1
        order = self.order + 1 if corrected else self.order
        return min(2, order) if self.lower_order_final is True else order

    def predictor(self, order: int) -> tuple[Relaxation, ...]:
        """Factor on the slope in UniP of the given order."""
        return (self.solver_type,) if order == 2 and self.solver_type != "vary_coeff" else ()

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """Per step a predictor row, the evaluation at the next level, and a corrector row."""
        levels = grid.levels(schedule)
        lower = lowers(self.lower_order_final, grid.steps)
        lambdas = [level.half_log_snr for level in levels]
        last = len(levels) - 2
        steps = []
        for n, order in enumerate(warm_up_orders(levels, self.order, lower_order_final=lower)):
            recent = range(n, n - order, -1)
            outputs = [f"m{j}" for j in recent]
            correct = self.corrector and n < last and n not in self.disable_corrector
            step = coefficients(
                levels[n],
                levels[n + 1],
                [lambdas[j] for j in recent],
                form=self.form,
                relaxation=self.predictor(order),
            )
            state = f"u{n}" if correct else "x"
            stages: list[Stage] = [step_row(step, outputs, target=state)]
            if n == 0:
                stages.insert(0, Evaluation("x", "m0", levels[0], self.form))
            if n < last:
                stages.append(Evaluation(state, f"m{n + 1}", levels[n + 1], self.form))
            if correct:
                nodes = [lambdas[n], lambdas[n + 1], *(lambdas[j] for j in recent[1:])]
                step = self.corrected(levels[n], levels[n + 1], nodes)
                stages.append(step_row(step, [outputs[0], f"m{n + 1}", *outputs[1:]]))
            steps.append(Step(tuple(stages), levels[n], levels[n + 1]))
        return Plan(self.label, tuple(steps))

    def corrected(self, start: Level, stop: Level, nodes: list[float]) -> Coefficients:
        """Return UniC's multipliers; nodes are the start, the new point, then the history."""
        shortcut = len(nodes) == 2 and self.solver_type != "vary_coeff"
        step = coefficients(
            start,
            stop,
            nodes,
            form=self.form,
            relaxation=(self.solver_type,) if shortcut else (),
        )
        if self.variant == "consistent" or len(nodes) == 2:
            return step
        return _published_vary(start, stop, nodes, form=self.form)


def _published_vary(start: Level, stop: Level, nodes: list[float], *, form: Form) -> Coefficients:
    """Return the published "vary_coeff" corrector, which is first order.

    The sum over derivatives stops one short for the history, and the new point is weighed by the
    entry of the last derivative in that sum with the φ of the one beyond it.
    """
    h = stop.half_log_snr - start.half_log_snr
    z, pre = (-h, -stop.alpha) if form == "x0" else (h, -stop.sigma)
    offsets = [(node - start.half_log_snr) / h for node in nodes]
    count = len(nodes) - 1
    slopes = derivative_weights(offsets, count=count + 1)
    weights = [
        sum(z * phi(k + 1, z) * slopes[k][j] for k in range(1, count)) for j in range(len(nodes))
    ]
    weights[1] = z * phi(count + 1, z) * slopes[count - 1][1]
    weights[0] = z * phi(1, z) - sum(weights[1:])
    base = coefficients(start, stop, nodes[:1], form=form)
    return Coefficients(base.state, tuple(pre * weight for weight in weights))


register("unipc", UniPC, aliases=("UniPCMultistepScheduler",))
register("unip", partial(UniPC, corrector=False))
