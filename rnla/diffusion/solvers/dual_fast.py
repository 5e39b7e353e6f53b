"""DualFast on a solver: predictions extrapolated away from those of noisier levels.

`rnla.diffusion.transforms.dual_fast` applied to the plan of another solver (arXiv 2506.13058). The
paper could only be read through descriptions; what tau and c are is our reading, and an argument.
Cost: no evaluation beyond those of the base solver.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..grids import Grid
from ..plan import Form, Plan
from ..schedules import Schedule
from ..transforms.dual_fast import Reference, dual_fast
from ._base import Solver
from ._registry import register
from .ddim import DDIM

__all__ = ["DualFast"]


@dataclass(frozen=True)
class DualFast(Solver):
    """A solver whose noise predictions are (1 + c) eps(x_t, t) - c eps(x_tau, tau).

    Parameters
    ----------
    base : Solver, default DDIM()
    strength : float or tuple of float, default 0
        The number c, for all evaluations or for each. Our reading.
    reference : {"previous", "first"}, default "previous"
        Which noisier evaluation is tau. Our reading.

    Notes
    -----
    The global order is that of the base solver if c is 0. With DDIM and c = 1/2 it is 2; every
    other constant c gives 1.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.dual_fast import DualFast
    >>> DualFast(strength=0.25).compile(VPLinear(), make_grid(VPLinear(), 8)).evaluations
    8
    """

    base: Solver = field(default_factory=DDIM)
    strength: float | tuple[float, ...] = 0.0
    reference: Reference = "previous"

    name: ClassVar[str] = "dual_fast"

    @property
    def order(self) -> int:
        return self.base.order

    @property
    def global_order(self) -> int:
        if not isinstance(self.strength, tuple):
            if self.strength == 0.0:
                return self.base.global_order
            if self.strength == 0.5 and self.reference == "previous" and self.base == DDIM():
                return 2
        return 1

    @property
    def form(self) -> Form:
        return self.base.form

    @property
    def stochastic(self) -> bool:
        return self.base.stochastic

    @property
    def invariant(self) -> bool:
        return self.base.invariant

    def evaluations(self, steps: int) -> int:
        return self.base.evaluations(steps)

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """The plan of the base solver with extrapolated predictions."""
        plan = self.base.compile(schedule, grid)
        return dual_fast(plan, strength=self.strength, reference=self.reference)


register("dual_fast", lambda: DualFast(strength=0.5))
