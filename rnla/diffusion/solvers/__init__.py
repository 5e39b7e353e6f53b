"""Solvers, one file each; `get_solver` finds them by name."""

from __future__ import annotations

from ._base import Solver
from ._registry import get_solver, register, solver_aliases, solver_names

__all__ = ["Solver", "get_solver", "register", "solver_aliases", "solver_names"]
