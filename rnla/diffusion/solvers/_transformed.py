"""Solvers made of another solver by a transform of its plan."""

from __future__ import annotations

from ..plan import Form
from ._base import Solver

__all__ = ["Transformed"]


class Transformed(Solver):
    """Base of solvers that change the plan of `base`, and are like it in all they do not change.

    Attributes
    ----------
    base : Solver
    """

    base: Solver

    @property
    def order(self) -> int:
        return self.base.order

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
