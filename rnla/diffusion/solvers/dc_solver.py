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
from ..plan import Plan
from ..schedules import Schedule
from ..transforms.dynamic_compensation import check_points, dynamic_compensation
from ._base import Solver
from ._options import numbers_of
from ._registry import get_solver, register
from ._transformed import Transformed
from .unipc import UniPC

__all__ = ["DCSolver"]


@dataclass(frozen=True)
class DCSolver(Transformed):
    """A solver with dynamic compensation.

    Parameters
    ----------
    base : Solver or str, optional
        A multistep solver; `UniPC` of order 3 by default.
    ratios : tuple of float, default ()
        Compensation ratio of every step; missing ones are 1, which changes nothing.
    points : int, default 3
        Number of outputs through which the newest one is interpolated.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the base is no solver, or the ratios are no numbers.

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", get_solver(self.base))
        object.__setattr__(self, "ratios", numbers_of(self.ratios, "ratios"))
        check_points(self.points)

    @property
    def _compensates(self) -> bool:
        return any(ratio != 1.0 for ratio in self.ratios)

    @property
    def global_order(self) -> int:
        """That of the solver underneath; 1 with a ratio other than 1."""
        return 1 if self._compensates else self.base.global_order

    @property
    def invariant(self) -> bool:
        """Only with all ratios 1: the compensation interpolates in time."""
        return self.base.invariant and not self._compensates

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """The compensated plan of the solver underneath."""
        plan = self.base.compile(schedule, grid)
        return dynamic_compensation(plan, self.ratios, points=self.points)


register("dc_solver", DCSolver)
