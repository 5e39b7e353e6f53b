"""MR Sampler: fast solvers of mean-reverting diffusion, orders 1 to 3, one evaluation a step.

With y = x - mu and y0 = x0 - mu a mean-reverting process is an ordinary Gaussian path, so its
solvers are the exponential integrators of DPM-Solver++ with Taylor weights, in either form and as
ODE or SDE (Li, Fang, Zhao, Lu, Yang and Xu, "MRS", arXiv 2502.07856; the identity is ours). This
file has what its published code does otherwise: its schedule of orders, and a third-order step that
lacks a factor 2. `sample_mean_reverting` shifts the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ..._errors import argument_error, check_choice, check_positive
from ..grids import Grid
from ..plan import Form, Plan
from ..schedules import Schedule
from ._base import Solver, warm_up_orders
from ._registry import register
from .dpm_solver_pp import multistep_plan

__all__ = ["MRSampler", "published_orders"]


def published_orders(steps: int, order: int) -> tuple[int, ...]:
    """Orders of the steps in the published code.

    They rise as usual; on grids of fewer than ten steps they fall again towards the last step but
    one, and the last step has full order.

    Examples
    --------
    >>> published_orders(8, 3)
    (1, 2, 3, 3, 3, 2, 1, 3)
    """
    orders = [min(order, k + 1) for k in range(steps)]
    if steps < 10:
        for k in range(order - 1, steps - 1):
            orders[k] = min(order, steps - 1 - k)
    return tuple(orders)


@dataclass(frozen=True)
class MRSampler(Solver):
    """Multistep exponential integrators with Taylor weights, for mean-reverting diffusion.

    Parameters
    ----------
    order : {1, 2, 3}, default 2
    form : {"x0", "eps"}, default "x0"
        Data or noise prediction; the paper finds data prediction stabler.
    eta : float, default 0
        0 for the ODE, 1 for the reverse SDE.
    variant : {"consistent", "as_published_code"}
        The published code has orders of its own on short grids, see `published_orders`, and its
        third order lacks a factor 2, which makes it second order.

    Raises
    ------
    ArgumentError
        If an option is out of range, or the variant has no such step.

    Notes
    -----
    One evaluation per step; memory: the state and `order` outputs. Global order `order`, and 2 at
    most with noise. The state is that less its mean: see `sample_mean_reverting`.

    References
    ----------
    A. Li and others. MRS: a fast sampler for mean reverting diffusion based on ODE and SDE solvers.
    arXiv 2502.07856.

    Examples
    --------
    >>> MRSampler(order=3).order
    3
    """

    order: int = 2
    form: Form = "x0"
    eta: float = 0.0
    variant: Literal["consistent", "as_published_code"] = "consistent"

    name: ClassVar[str] = "mr_sampler"

    def __post_init__(self) -> None:
        check_choice(self.order, "order", (1, 2, 3))
        check_choice(self.form, "form", ("x0", "eps"))
        check_choice(self.variant, "variant", ("consistent", "as_published_code"))
        check_positive(self.eta, "eta", allow_zero=True)
        if self.variant == "as_published_code" and self.order == 3 and self.eta > 0.0:
            raise argument_error(
                "order",
                f"3 with eta={self.eta}",
                "1 or 2: the published code has no third-order SDE",
                'Pass order=2 or variant="consistent".',
            )

    @property
    def stochastic(self) -> bool:
        """Whether the sampler draws noise."""
        return self.eta > 0.0

    def orders(self, grid: Grid, schedule: Schedule) -> tuple[int, ...]:
        """The order of every step."""
        levels = grid.levels(schedule)
        if self.variant == "consistent":
            return warm_up_orders(levels, self.order)
        orders = published_orders(grid.steps, self.order)
        return tuple(
            1 if level.is_clean else order for order, level in zip(orders, levels[1:], strict=True)
        )

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """One evaluation and one row per step."""
        orders = self.orders(grid, schedule)
        weaker = self.variant == "as_published_code"
        factors = [("none", "half") if weaker and order == 3 else () for order in orders]
        levels = grid.levels(schedule)
        return multistep_plan(self.name, levels, orders, factors, form=self.form, eta=self.eta)


register("mr_sampler", MRSampler)
