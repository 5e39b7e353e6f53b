"""DC-Solver: a multistep solver whose newest output is dynamically compensated.

UniPC keeps the output at the predicted state but continues from the corrected one; under strong
guidance the mismatch costs accuracy. DC-Solver makes up for it with one ratio per step, found on
ten samples (`rnla.diffusion.search_compensation`) or predicted from guidance and number of steps
(`rnla.diffusion.RatioRegression`). W. Zhao et al., DC-Solver (ECCV 2024, arXiv 2409.03755).
Cost: that of the solver underneath, and three stored outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..grids import Grid
from ..plan import Form, Plan
from ..schedules import Schedule
from ..transforms.dynamic_compensation import dynamic_compensation
from ._base import Solver
from ._registry import register
from .unipc import UniPC

__all__ = ["DCSolver"]


@dataclass(frozen=True)
class DCSolver(Solver):
    """A solver with dynamic compensation.

    Parameters
    ----------
    base : Solver, optional
        A multistep solver; `UniPC` of order 3 by default.
    ratios : tuple of float, default ()
        Compensation ratio of every step; missing ones are 1, which changes nothing.
    points : int, default 3
        Number of outputs through which the newest one is interpolated.

    Notes
    -----
    With all ratios 1 this is `base`. Ratios belong to one number of steps: a ratio fixed while the
    grid is refined lowers the order to 1.

    References
    ----------
    W. Zhao, H. Wang, J. Zhou, J. Lu. DC-Solver: improving predictor-corrector diffusion sampler via
    dynamic compensation. ECCV 2024, arXiv 2409.03755.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.dc_solver import DCSolver
    >>> schedule = VPLinear()
    >>> plan = DCSolver(ratios=(1.0, 1.0, 1.05, 1.05)).compile(schedule, make_grid(schedule, 5))
    >>> plan.solver, plan.evaluations
    ('dc_unipc_3_bh2', 5)
    """

    base: Solver = field(default_factory=UniPC)
    ratios: tuple[float, ...] = ()
    points: int = 3

    name: ClassVar[str] = "dc_solver"

    @property
    def order(self) -> int:
        """Order of the solver underneath, which ratios other than 1 lower."""
        return self.base.order

    @property
    def form(self) -> Form:
        """The prediction that the solver underneath combines."""
        return self.base.form

    @property
    def stochastic(self) -> bool:
        """Whether the solver underneath adds noise."""
        return self.base.stochastic

    @property
    def invariant(self) -> bool:
        """Only with all ratios 1: the compensation interpolates in time."""
        return self.base.invariant and all(ratio == 1.0 for ratio in self.ratios)

    def evaluations(self, steps: int) -> int:
        """Model calls, those of the solver underneath."""
        return self.base.evaluations(steps)

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """Return the compensated plan of the solver underneath."""
        plan = self.base.compile(schedule, grid)
        return dynamic_compensation(plan, self.ratios, points=self.points)


register("dc_solver", DCSolver)
