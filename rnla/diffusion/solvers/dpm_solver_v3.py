"""DPM-Solver-v3: an exponential integrator whose linear part is measured on the model.

With the model's statistics l, s, b (`ModelStatistics`) the probability-flow equation becomes
d(x / alpha) / d lambda = -l (x / alpha) - f, f = (sigma eps - l x) / alpha, and f' is about
s f + b. The exact solution over a step is, with integrals L, S of l, s from lambda_s,
E = e^(L + S), B the integral of e^(-S) b, and g = e^(-S) f - B,

    x_t = e^(-L_t) [ (alpha_t / alpha_s) x_s - alpha_t (C_t + sum_k E_k g^(k)) ],

C_t the integral of E B and E_k that of E (lambda - lambda_s)^k / k!. The derivatives g^(k) come
from earlier steps, and in the corrector also from the end of the step, evaluated at the predicted
state.
Zheng, Lu, Chen and Zhu, DPM-Solver-v3, NeurIPS 2023 (arXiv 2310.13268).
Cost: one evaluation per step; memory: the state and `order` + 1 arrays, and in the plan a few
coefficients of the size of a state for each step.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ..._errors import ArgumentTypeError, argument_error, check_choice, check_size
from ..grids import Grid
from ..interpolation import derivative_weights
from ..model_statistics import ModelStatistics
from ..plan import ONE, Evaluation, Form, Level, Plan, Row, Stage, Step, Term
from ..schedules import Schedule
from ._base import Solver, warm_up_orders
from ._statistics_window import Window
from ._transfer import transfer

__all__ = ["DPMSolverV3"]

Array = npt.NDArray[np.float64]
Corrector = Literal["all", "half", "half_as_published_code", "none"]
_CORRECTORS = ("all", "half", "half_as_published_code", "none")


@dataclass(frozen=True, eq=False)
class DPMSolverV3(Solver):
    """DPM-Solver-v3, multistep predictor and corrector.

    Parameters
    ----------
    statistics : ModelStatistics
        Of the model; the levels have to cover the grid.
    order : {1, 2, 3}, default 2
        Of the predictor; step k < `order` uses order k.
    corrector : {"all", "half", "half_as_published_code", "none"}, default "all"
        Which steps are corrected: all but the last; those that end in the cleaner half of the
        times (t <= 1/2 of the first time), as the paper says; those that end in the noisier half,
        as its program does; none.
    pseudo_predictor, pseudo_corrector : bool, default False
        Take the k-th derivative from the newest k + 1 points only ("pseudo order"), which is
        steadier for very few steps; the predictor or corrector then has order 2 at most.
    lower_order_final : bool, default True
        Lower the order to the number of steps left.
    round_to_grid : bool, default False
        Move the levels of the grid to those of the table, as the published program does, instead
        of integrating parts of cells.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If an option is not among those listed.

    Notes
    -----
    Global order `order` of the predictor alone, and one more if all steps are corrected, with the
    caps of pseudo orders; 2 at most with `lower_order_final`, as the last step has order 1. The
    statistics change the constant, not the order. The corrector costs no evaluation: f at the end
    of the step is kept as it was at the predicted state. A step to sigma = 0 is the DDIM step.
    There is no entry in the registry, because there are no statistics without a model.

    References
    ----------
    K. Zheng, C. Lu, J. Chen, J. Zhu. DPM-Solver-v3: improved diffusion ODE solver with empirical
    model statistics. arXiv 2310.13268.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian, VPLinear, make_grid, sample
    >>> from rnla.diffusion.model_statistics import ModelStatistics
    >>> from rnla.diffusion.solvers.dpm_solver_v3 import DPMSolverV3
    >>> schedule, model = VPLinear(), Gaussian([0.7], [[0.25]])
    >>> levels = np.linspace(*schedule.half_log_snr(np.array([1.0, 1e-3])), 1200)
    >>> solver = DPMSolverV3(ModelStatistics.gaussian(levels, [0.25]), order=1)
    >>> grid = make_grid(schedule, 2)
    >>> end = sample(model, np.array([[1.0]]), solver=solver, schedule=schedule, grid=grid).values
    >>> start, *_, stop = grid.levels(schedule)
    >>> bool(abs(end - model.flow(np.array([[1.0]]), start, stop)) < 1e-5)
    True
    """

    statistics: ModelStatistics
    order: int = 2
    corrector: Corrector = "all"
    pseudo_predictor: bool = False
    pseudo_corrector: bool = False
    lower_order_final: bool = True
    round_to_grid: bool = False

    name: ClassVar[str] = "dpm_solver_v3"

    def __post_init__(self) -> None:
        if not isinstance(self.statistics, ModelStatistics):
            raise argument_error(
                "statistics",
                type(self.statistics).__name__,
                "a ModelStatistics",
                "Estimate it with estimate_statistics(model, data).",
                kind=ArgumentTypeError,
            )
        check_size(self.order, 3, name="order")
        check_choice(self.corrector, "corrector", _CORRECTORS)

    @property
    def global_order(self) -> int:
        order = min(self.order, 2) if self.pseudo_predictor else self.order
        if self.corrector == "all":
            order += 1
        if self.lower_order_final or (self.pseudo_corrector and self.corrector != "none"):
            return min(order, 2)
        return order

    @property
    def form(self) -> Form:
        return "eps"

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """One evaluation and two or three rows per step."""
        levels = grid.levels(schedule)
        if self.round_to_grid:
            levels = _rounded(schedule, levels, self.statistics.half_log_snr)
        orders = warm_up_orders(levels, self.order, lower_order_final=self.lower_order_final)
        half = 0.5 * (schedule.first + schedule.clean)
        stages: list[Stage] = [
            Evaluation("x", "m0", levels[0], "eps"),
            self._residual(0, "x", levels[0]),
        ]
        steps = []
        for n, (start, stop) in enumerate(pairwise(levels)):
            if stop.is_clean:
                stages.append(transfer(start, stop, {f"m{n}": 1.0}))
            else:
                last = n == len(levels) - 2
                corrected = not last and _is_corrected(self.corrector, stop.time <= half)
                target = f"u{n + 1}" if corrected else "x"
                recent = list(range(n, n - orders[n], -1))
                stages.append(self._row(levels, n, recent, target, self.pseudo_predictor))
                if not last:
                    stages.append(Evaluation(target, f"m{n + 1}", stop, "eps"))
                    stages.append(self._residual(n + 1, target, stop))
                if corrected:
                    nodes = [n, n + 1, *recent[1:]]
                    stages.append(self._row(levels, n, nodes, "x", self.pseudo_corrector))
            steps.append(Step(tuple(stages), start, stop))
            stages = []
        return Plan(f"{self.name}_{self.order}", tuple(steps))

    def _residual(self, n: int, source: str, level: Level) -> Row:
        """The row f = (sigma eps - l x) / alpha."""
        point = level.half_log_snr
        l = Window(self.statistics, point, [point]).l_at_origin
        terms = (Term(f"m{n}", level.rho), Term(source, _number(-l / level.alpha)))
        return Row(f"f{n}", terms)

    def _row(
        self, levels: tuple[Level, ...], n: int, nodes: list[int], target: str, pseudo: bool
    ) -> Row:
        """The step from level n to n + 1 with g known at the nodes, the first of them n."""
        start, stop = levels[n], levels[n + 1]
        origin, end = start.half_log_snr, stop.half_log_snr
        points = [levels[j].half_log_snr for j in nodes]
        window = Window(self.statistics, origin, [end, *points])
        moments = window.moments(end, len(nodes))
        offsets = [point - origin for point in points]
        weights: list[Any] = [0.0] * len(nodes)  # of g at the nodes
        for k, moment in enumerate(moments):
            count = k + 1 if pseudo else len(nodes)
            of_derivative = derivative_weights(offsets[:count], count=k + 1)[k]
            for j, weight in enumerate(of_derivative):
                weights[j] = weights[j] + weight * moment
        growth = np.exp(-window.at(end)[0])
        terms = [Term("x", _number(growth * np.exp(stop.log_alpha - start.log_alpha)))]
        constant = window.drift(end)
        for j, node in enumerate(nodes):
            _, S, B = window.at(points[j])
            coefficient = -stop.alpha * growth * weights[j] * np.exp(-S)
            terms.append(Term(f"f{node}", _number(coefficient)))
            constant = constant - weights[j] * B
        if np.any(self.statistics.b):
            terms.append(Term(ONE, _number(-stop.alpha * growth * constant)))
        return Row(target, tuple(terms))


def _is_corrected(corrector: Corrector, clean_half: bool) -> bool:
    if corrector == "half":
        return clean_half
    if corrector == "half_as_published_code":
        return not clean_half
    return corrector == "all"


def _rounded(schedule: Schedule, levels: tuple[Level, ...], table: Array) -> tuple[Level, ...]:
    """The levels moved to the nearest of the table."""
    moved = []
    for level in levels:
        nearest = float(table[np.argmin(np.abs(table - level.half_log_snr))])
        moved.append(level if level.is_clean else schedule.level_of(nearest))
    for step, (start, stop) in enumerate(pairwise(moved)):
        if not stop.half_log_snr > start.half_log_snr:
            raise argument_error(
                "round_to_grid",
                f"two levels of the grid at one of the table in step {step}",
                "a table finer than the grid",
                "Leave round_to_grid out, or estimate the statistics at more levels.",
            )
    return tuple(moved)


def _number(value: Any) -> Any:
    """A Python float for a single number, the array otherwise."""
    return float(value) if np.ndim(value) == 0 else np.asarray(value, dtype=np.float64)
