"""Explicit Runge-Kutta methods in rho = sigma / alpha: the single-step DEIS (rhoRK).

With y = x / alpha the probability-flow equation is dy / drho = eps(alpha y, t(rho)), to which any
explicit Runge-Kutta method applies (Zhang and Chen, arXiv 2204.13902; the second-order one with
both ends is the Heun sampler of Karras et al., NeurIPS 2022). Every stage is a DDIM step from the
start of the interval along a mixture of the slopes so far.
Cost: as many evaluations per step as the method has stages; memory: the state and the slopes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import ClassVar

from ..._errors import check_choice
from ..grids import Grid
from ..plan import Evaluation, Form, Level, Plan, Stage, Step
from ..schedules import Schedule
from ._base import Solver
from ._registry import register
from ._transfer import transfer

__all__ = ["TABLEAUS", "RhoRungeKutta", "Tableau"]


@dataclass(frozen=True)
class Tableau:
    """An explicit Runge-Kutta method.

    Attributes
    ----------
    stages : tuple of tuple of float
        Row i: weights of the slopes before stage i + 1; they sum to its place in the step.
    weights : tuple of float
        Of all slopes, of sum 1.
    order : int
    """

    stages: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]
    order: int


#: The methods by name: Euler; Heun and midpoint; Kutta, Heun, van der Houwen and Wray, Ralston,
#: strong-stability-preserving (Shu and Osher); the classical one.
TABLEAUS: dict[str, Tableau] = {
    "euler": Tableau((), (1.0,), 1),
    "heun2": Tableau(((1.0,),), (1 / 2, 1 / 2), 2),
    "midpoint2": Tableau(((1 / 2,),), (0.0, 1.0), 2),
    "kutta3": Tableau(((1 / 2,), (-1.0, 2.0)), (1 / 6, 2 / 3, 1 / 6), 3),
    "heun3": Tableau(((1 / 3,), (0.0, 2 / 3)), (1 / 4, 0.0, 3 / 4), 3),
    "vdh3": Tableau(((8 / 15,), (1 / 4, 5 / 12)), (1 / 4, 0.0, 3 / 4), 3),
    "ralston3": Tableau(((1 / 2,), (0.0, 3 / 4)), (2 / 9, 1 / 3, 4 / 9), 3),
    "ssprk3": Tableau(((1.0,), (1 / 4, 1 / 4)), (1 / 6, 1 / 6, 2 / 3), 3),
    "classical4": Tableau(
        ((1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6), 4
    ),
}


@dataclass(frozen=True)
class RhoRungeKutta(Solver):
    """Explicit Runge-Kutta in rho on the noise prediction.

    Parameters
    ----------
    method : str, default "kutta3"
        A name of `TABLEAUS`.

    Raises
    ------
    ArgumentError
        If the name is not one of them.

    Notes
    -----
    Global order as named. A step to sigma = 0 is the DDIM step, since nothing can be evaluated
    there.

    References
    ----------
    Q. Zhang, Y. Chen. Fast sampling of diffusion models with exponential integrator.
    arXiv 2204.13902.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.rho_rk import RhoRungeKutta
    >>> RhoRungeKutta("classical4").compile(VPLinear(), make_grid(VPLinear(), 5)).evaluations
    20
    """

    method: str = "kutta3"

    name: ClassVar[str] = "rho_rk"

    def __post_init__(self) -> None:
        check_choice(self.method, "method", TABLEAUS)

    @property
    def order(self) -> int:
        return TABLEAUS[self.method].order

    @property
    def form(self) -> Form:
        return "eps"

    def evaluations(self, steps: int) -> int:
        return steps * len(TABLEAUS[self.method].weights)

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """As many evaluations per step as the method has stages."""
        tableau = TABLEAUS[self.method]
        levels = grid.levels(schedule)
        steps = []
        calls = 0
        for start, stop in pairwise(levels):
            stages: list[Stage] = [Evaluation("x", f"m{calls}", start, "eps")]
            weights = tableau.weights
            if stop.is_clean:
                weights = (1.0,)
            else:
                for number, slopes in enumerate(tableau.stages, start=1):
                    level = _inside(schedule, start, stop, sum(slopes))
                    share = {f"m{calls + j}": a / sum(slopes) for j, a in enumerate(slopes)}
                    state, output = f"u{calls + number}", f"m{calls + number}"
                    stages.append(transfer(start, level, share, target=state))
                    stages.append(Evaluation(state, output, level, "eps"))
            final = {f"m{calls + j}": b for j, b in enumerate(weights)}
            steps.append(Step((*stages, transfer(start, stop, final)), start, stop))
            calls += len(weights)
        return Plan(f"{self.name}_{self.method}", tuple(steps))


def _inside(schedule: Schedule, start: Level, stop: Level, place: float) -> Level:
    """The level whose rho lies at `place` of the way from start to stop."""
    if abs(place - 1.0) < 1e-12:
        return stop
    return schedule.level_of(-math.log((1.0 - place) * start.rho + place * stop.rho))


for _method in TABLEAUS:
    register(f"rho_rk_{_method}", partial(RhoRungeKutta, _method))
