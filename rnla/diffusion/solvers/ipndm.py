"""iPNDM: Adams-Bashforth steps on the noise prediction, one model call per step.

x_t = DDIM step along (55 e_n - 59 e_{n-1} + 37 e_{n-2} - 9 e_{n-3}) / 24, with orders 1, 2, 3 in
the first steps: the "improved" PNDM of Zhang and Chen, arXiv 2204.13902, which replaces the
Runge-Kutta start of Liu, Ren, Lin and Zhao, arXiv 2202.09778.
Cost: one evaluation per step; memory: the state and `order` model outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from ..._errors import check_size
from ..grids import Grid
from ..plan import Evaluation, Form, Plan, Step
from ..schedules import Schedule
from ._adams_bashforth import mixture
from ._base import Solver
from ._registry import register
from ._transfer import transfer

__all__ = ["IPNDM"]


@dataclass(frozen=True)
class IPNDM(Solver):
    """Adams-Bashforth in rho = sigma / alpha with the weights of equal steps.

    Parameters
    ----------
    order : int, default 4
        Of the formula: the number of noise predictions combined, 1 to 5. One is DDIM.

    Raises
    ------
    ArgumentError
        If `order` is not between 1 and 5.

    Notes
    -----
    Global order 2 on grids that are not uniform in rho, whatever `order` above 1 is: the weights
    are those of equal steps. `DEIS` has the weights of the actual ones.

    References
    ----------
    Q. Zhang, Y. Chen. Fast sampling of diffusion models with exponential integrator.
    arXiv 2204.13902.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.ipndm import IPNDM
    >>> IPNDM().compile(VPLinear(), make_grid(VPLinear(), 10)).evaluations
    10
    """

    order: int = 4

    name: ClassVar[str] = "ipndm"

    def __post_init__(self) -> None:
        check_size(self.order, 5, name="order")

    @property
    def global_order(self) -> int:
        return min(self.order, 2)

    @property
    def form(self) -> Form:
        return "eps"

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """One evaluation and one row per step."""
        levels = grid.levels(schedule)
        outputs: list[str] = []
        steps = []
        for n, (start, stop) in enumerate(pairwise(levels)):
            outputs.append(f"m{n}")
            row = transfer(start, stop, mixture(outputs, self.order))
            steps.append(Step((Evaluation("x", f"m{n}", start, "eps"), row), start, stop))
        return Plan(self.name, tuple(steps))


register("ipndm", IPNDM, aliases=("IPNDMScheduler",))
