"""Solvers of flow matching: Euler, Heun and midpoint along straight paths.

The velocity of the path alpha = 1 - t, sigma = t is u = eps - x0 = (x - x0) / t (Lipman et al.,
ICLR 2023; Liu, Gong, Liu, ICLR 2023). On another path the same method runs on x / (alpha + sigma)
with t = sigma / (alpha + sigma). Euler's method here is DDIM. One or two evaluations a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from ..._errors import check_choice
from ..grids import Grid
from ..plan import Form, Plan, Step
from ..schedules import Schedule
from ._base import Solver
from ._registry import register
from ._two_stage import STRAIGHT, two_stage

__all__ = ["FlowMatching"]

_NODES = {"euler": None, "heun": 1.0, "midpoint": 0.5}


@dataclass(frozen=True)
class FlowMatching(Solver):
    """Steps along the velocity eps - x0.

    Parameters
    ----------
    method : {"euler", "heun", "midpoint"}
        Heun averages the velocities at both ends, the midpoint rule takes the one at half time. A
        step of Heun to sigma = 0 is Euler's, as there is no velocity there.

    Raises
    ------
    ArgumentError
        If the method is another.

    Notes
    -----
    Global order 1 for Euler and 2 for the others, at one and two evaluations per step.

    References
    ----------
    Y. Lipman and others. Flow matching for generative modeling. arXiv 2210.02747.
    X. Liu, C. Gong, Q. Liu. Flow straight and fast: learning to generate and transfer data with
    rectified flow. arXiv 2209.03003.

    Examples
    --------
    >>> FlowMatching("heun").order
    2
    """

    method: str = "euler"

    name: ClassVar[str] = "flow_matching"

    def __post_init__(self) -> None:
        check_choice(self.method, "method", _NODES)

    @property
    def order(self) -> int:
        return 1 if self.method == "euler" else 2

    @property
    def form(self) -> Form:
        return "x0"

    def evaluations(self, steps: int) -> int:
        return self.order * steps

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        steps, call = [], 0
        for start, stop in pairwise(grid.levels(schedule)):
            stages = two_stage(
                schedule, STRAIGHT, start, stop, source="x", call=call, node=_NODES[self.method]
            )
            call += 1 if len(stages) == 2 else 2
            steps.append(Step(stages, start, stop))
        return Plan(self.name, tuple(steps))


def _heun() -> FlowMatching:
    return FlowMatching("heun")


def _midpoint() -> FlowMatching:
    return FlowMatching("midpoint")


register("flow_euler", FlowMatching, aliases=("FlowMatchEulerDiscreteScheduler",))
register("flow_heun", _heun, aliases=("FlowMatchHeunDiscreteScheduler",))
register("flow_midpoint", _midpoint)
