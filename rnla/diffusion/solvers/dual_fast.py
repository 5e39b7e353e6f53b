"""DualFast on a solver: predictions extrapolated away from those of noisier levels.

`rnla.diffusion.transforms.dual_fast` applied to the plan of another solver (arXiv 2506.13058). The
paper could only be read through descriptions; what tau and c are is our reading, and an argument.
Cost: no evaluation beyond those of the base solver.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..._errors import check_choice, check_finite
from ..grids import Grid
from ..plan import Plan
from ..schedules import Schedule
from ..transforms.dual_fast import Reference, dual_fast
from ._base import Solver
from ._options import numbers_of
from ._registry import get_solver, register
from ._transformed import Transformed
from .ddim import DDIM

__all__ = ["DualFast"]


@dataclass(frozen=True)
class DualFast(Transformed):
    """A solver whose noise predictions are (1 + c) eps(x_t, t) - c eps(x_tau, tau).

    Parameters
    ----------
    base : Solver or str, default DDIM()
    strength : float or tuple of float, default 0
        The number c, for all evaluations or for each. Our reading.
    reference : {"previous", "first"}, default "previous"
        Which noisier evaluation is tau. Our reading.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the base is no solver, or the strengths are no numbers.

    Notes
    -----
    The global order is that of the base solver if c is 0. With DDIM and c = 1/2 it is 2; every
    other constant c gives 1.

    References
    ----------
    DualFast: dual-speedup framework for fast sampling of diffusion models. arXiv 2506.13058.

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", get_solver(self.base))
        check_choice(self.reference, "reference", ("previous", "first"))
        if isinstance(self.strength, int | float):
            check_finite(self.strength, "strength")
        else:
            object.__setattr__(self, "strength", numbers_of(self.strength, "strength"))

    @property
    def global_order(self) -> int:
        if not isinstance(self.strength, tuple):
            if self.strength == 0.0:
                return self.base.global_order
            if self.strength == 0.5 and self.reference == "previous" and self.base == DDIM():
                return 2
        return 1

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """The plan of the base solver with extrapolated predictions."""
        plan = self.base.compile(schedule, grid)
        return dual_fast(plan, strength=self.strength, reference=self.reference)


register("dual_fast", lambda: DualFast(strength=0.5))
