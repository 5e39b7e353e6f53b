"""The sampler of EDM: Euler, Heun and their relatives in rho, with optional churn.

Karras, Aittala, Aila, Laine (NeurIPS 2022), Algorithms 1 and 2 and the two-stage family of their
appendix. Churn raises the noise level by a factor 1 + gamma before every step and adds the noise
that belongs to it. Written for rho = sigma / alpha and x / alpha, so it is the same method on every
path. Two evaluations a step, one for a step to sigma = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from ..._errors import argument_error, check_positive
from ..grids import Grid
from ..plan import Form, Level, Noise, Plan, Row, Stage, Step, Term
from ..schedules import Schedule
from ._base import Solver
from ._registry import register
from ._two_stage import RHO, two_stage

__all__ = ["EDM"]


@dataclass(frozen=True)
class EDM(Solver):
    """Two-stage steps in rho, with churn.

    Parameters
    ----------
    node : float or None
        Where the second slope is taken, as a fraction of the step: 1.0 is Heun's method, 0.5 the
        midpoint rule, 2/3 Ralston's; None leaves the second slope out, which is Euler's method.
    churn : float
        S_churn: gamma = min(churn / steps, sqrt(2) - 1). 0 adds no noise.
    churn_min, churn_max : float
        Churn only where rho is between these.
    noise_scale : float
        S_noise: the standard deviation of the noise that is added.

    Raises
    ------
    ArgumentError
        If a number is out of range.

    Notes
    -----
    Global order 2, without a second slope 1; memory: two states and two outputs.
    The step to sigma = 0, if the grid ends there, is Euler's: N steps cost 2N - 1 evaluations then.
    The noise of churn moves the state up to a higher level, so it is not an increment of the path
    of `BrownianNoise`.

    References
    ----------
    T. Karras, M. Aittala, T. Aila, S. Laine. Elucidating the design space of diffusion-based
    generative models. arXiv 2206.00364.

    Examples
    --------
    >>> EDM(churn=40.0, churn_min=0.05, churn_max=50.0, noise_scale=1.003).stochastic
    True
    >>> EDM().evaluations(18), EDM(node=None).evaluations(18)
    (36, 18)
    """

    node: float | None = 1.0
    churn: float = 0.0
    churn_min: float = 0.0
    churn_max: float = math.inf
    noise_scale: float = 1.0

    name: ClassVar[str] = "edm"

    def __post_init__(self) -> None:
        check_positive(self.churn, "churn", allow_zero=True)
        check_positive(self.noise_scale, "noise_scale", allow_zero=True)
        check_positive(self.churn_min, "churn_min", allow_zero=True)
        if self.churn_max != math.inf:
            check_positive(self.churn_max, "churn_max", allow_zero=True)
        if self.node is not None and check_positive(self.node, "node") > 1.0:
            raise argument_error(
                "node", repr(self.node), "a fraction above 0 and at most 1", "Pass 1.0 for Heun."
            )

    @property
    def order(self) -> int:
        return 1 if self.node is None else 2

    @property
    def form(self) -> Form:
        return "x0"

    @property
    def stochastic(self) -> bool:
        return self.churn > 0.0

    def evaluations(self, steps: int) -> int:
        return steps if self.node is None else 2 * steps

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        steps = []
        call = 0
        gamma = min(self.churn / grid.steps, math.sqrt(2.0) - 1.0)
        for n, (start, stop) in enumerate(pairwise(grid.levels(schedule))):
            stages: tuple[Stage, ...] = ()
            source, level = "x", start
            if gamma > 0.0 and self.churn_min <= start.rho <= self.churn_max:
                level = schedule.level_of(start.half_log_snr - math.log1p(gamma))
                stages = (self._raise(n, start, level),)
                source = "churned"
            node = None if stop.is_clean else self.node
            body = two_stage(schedule, RHO, level, stop, source=source, call=call, node=node)
            call += 1 if len(body) == 2 else 2
            steps.append(Step(stages + body, start, stop))
        return Plan(self.name, tuple(steps))

    def _raise(self, n: int, start: Level, raised: Level) -> Row:
        added = self.noise_scale * raised.alpha * math.sqrt(raised.rho**2 - start.rho**2)
        noise = Noise(added, n, raised, start)
        return Row("churned", (Term("x", raised.alpha / start.alpha),), noise)


def _euler() -> EDM:
    return EDM(node=None)


def _midpoint() -> EDM:
    return EDM(node=0.5)


def _stochastic() -> EDM:
    return EDM(churn=40.0, churn_min=0.05, churn_max=50.0, noise_scale=1.003)


register("edm", EDM, aliases=("edm_heun", "edm_sampler"))
register("edm_euler", _euler)
register("edm_midpoint", _midpoint)
register("edm_stochastic", _stochastic)
