"""What a solver is: a record of options that compiles a grid into a plan."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from ..execute import State, run_plan
from ..grids import Grid
from ..models import PreparedModel
from ..plan import Form, Level, Plan
from ..schedules import Schedule

__all__ = ["Solver", "warm_up_orders"]


class Solver(ABC):
    """Base of all solvers; each is a frozen dataclass of its options.

    Attributes
    ----------
    name : str
        Under which it is registered.
    """

    name: ClassVar[str]

    @property
    @abstractmethod
    def order(self) -> int:
        """Order by which the method is named."""

    @property
    def global_order(self) -> int:
        """Order of convergence on smooth problems, for a stochastic solver the weak one."""
        return self.order

    @property
    @abstractmethod
    def form(self) -> Form:
        """The prediction that it combines."""

    @property
    def stochastic(self) -> bool:
        """Whether it adds noise."""
        return False

    @property
    def invariant(self) -> bool:
        """Whether it sees the path through rho and x / alpha only, so all paths are alike to it."""
        return True

    @property
    def prescribed(self) -> bool:
        """Whether it takes the steps of the grid; False for solvers that choose their own."""
        return type(self).states is Solver.states

    @abstractmethod
    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """The plan of this solver on a grid.

        Parameters
        ----------
        schedule : Schedule
        grid : Grid
            Its times on that schedule, from noisy to clean.

        Returns
        -------
        Plan

        Raises
        ------
        ArgumentError
            If the solver cannot take the steps of the grid.
        """

    def evaluations(self, steps: int) -> int:
        """Calls of the model for `steps` steps that end above sigma = 0."""
        return steps

    def states(
        self, model: PreparedModel, x: Any, schedule: Schedule, grid: Grid, noise: Any
    ) -> Iterator[State]:
        """Run from `x`; solvers that choose their steps as they go replace this."""
        plan = self.compile(schedule, grid)
        model.check_plan(plan)
        return run_plan(plan, x, model, noise)


def warm_up_orders(
    levels: tuple[Level, ...], order: int, *, lower_order_final: bool = False
) -> tuple[int, ...]:
    """Order of every step of a multistep method of the given order.

    Step k has k earlier outputs, so it starts as 1, 2, …; `lower_order_final` lets it fall again to
    1 at the end; and a step to sigma = 0 has order 1, because nothing else is finite there.
    """
    steps = len(levels) - 1
    orders = []
    for k in range(steps):
        p = min(order, k + 1)
        if lower_order_final:
            p = min(p, steps - k)
        orders.append(1 if levels[k + 1].is_clean else p)
    return tuple(orders)
