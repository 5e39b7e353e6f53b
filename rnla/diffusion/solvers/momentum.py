"""Heavy-ball and Nesterov momentum on a solver of one evaluation per step.

The velocity v_n = (1 - beta) v_{n-1} + beta u_n takes the place of the solver's direction u_n:
`rnla.diffusion.transforms.heavy_ball` applied to the plan of another solver. Wizadwongsa et al.,
Diffusion sampling with momentum for mitigating divergence artifacts, ICLR 2024 (arXiv 2307.11118).
Cost: that of the base solver and one more array.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..grids import Grid
from ..plan import Plan
from ..schedules import Schedule
from ..transforms.heavy_ball import check_beta, heavy_ball
from ._base import Solver
from ._registry import get_solver, register
from ._transformed import Transformed
from .dpm_solver_pp import DPMSolverMultistep
from .ipndm import IPNDM

__all__ = ["Momentum"]


@dataclass(frozen=True)
class Momentum(Transformed):
    """A multistep solver with momentum.

    Parameters
    ----------
    base : Solver or str, default IPNDM()
        Of one evaluation and one row per step: iPNDM, DEIS, DPM-Solver++ multistep, DDIM.
    beta : float, default 0.8
        Share of the newest direction in the velocity, in (0, 1]; 1 is the base solver.
    nesterov : bool, default False
        Move along (1 - beta) v + beta u instead of v.

    Raises
    ------
    ArgumentError
        If `beta` is out of range, the base is no solver, or a step of it is more than one row.

    Notes
    -----
    Global order 1 for beta below 1. On the real axis heavy ball multiplies the length of the base
    solver's stability interval by (2 - beta) / beta; see `rnla.diffusion.stability`. The velocity
    is made of predictions after their conversion to the solver's form, whatever the network
    predicts.

    References
    ----------
    S. Wizadwongsa, W. Chinchuthakun, P. Khungurn, A. Raj, S. Suwajanakorn. Diffusion sampling with
    momentum for mitigating divergence artifacts. arXiv 2307.11118.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.momentum import Momentum
    >>> plan = Momentum(beta=0.9).compile(VPLinear(), make_grid(VPLinear(), 10))
    >>> plan.solver, plan.evaluations
    ('heavy_ball_ipndm', 10)
    """

    base: Solver = field(default_factory=IPNDM)
    beta: float = 0.8
    nesterov: bool = False

    name: ClassVar[str] = "heavy_ball"

    def __post_init__(self) -> None:
        check_beta(self.beta)
        object.__setattr__(self, "base", get_solver(self.base))

    @property
    def global_order(self) -> int:
        return self.base.global_order if self.beta == 1.0 else 1

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """The plan of the base solver with momentum."""
        return heavy_ball(self.base.compile(schedule, grid), beta=self.beta, nesterov=self.nesterov)


register("heavy_ball", Momentum, aliases=("hb", "PLMSWithHBScheduler"))
register("nesterov", lambda: Momentum(nesterov=True), aliases=("PLMSWithNTScheduler",))
register(
    "heavy_ball_dpmpp_2m",
    lambda: Momentum(DPMSolverMultistep(order=2)),
    aliases=("MomentumDPMSolverMultistepScheduler",),
)
