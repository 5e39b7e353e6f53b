"""Solvers by name, with the names that other packages use for them.

A module registers its classes and presets when it is first loaded; `get_solver` loads every module
of this folder whose name does not begin with an underscore.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from ..._errors import ArgumentTypeError, argument_error
from ._base import Solver

__all__ = ["get_solver", "register", "solver_aliases", "solver_names"]

_FACTORIES: dict[str, Callable[[], Any]] = {}
_ALIASES: dict[str, str] = {}


def register(name: str, factory: Callable[[], Any], *, aliases: Sequence[str] = ()) -> None:
    """Make ``get_solver(name)`` call `factory`, a solver class or a function without arguments.

    Parameters
    ----------
    name : str
    factory : callable
        Returns the solver with its default options.
    aliases : sequence of str
        Other names: class names of diffusers, ``sample_*`` of k-diffusion.

    Raises
    ------
    ArgumentError
        If a name is taken.

    Examples
    --------
    >>> from rnla.diffusion.solvers import DDIM
    >>> register("ddim", lambda: DDIM(eta=0.5))
    Traceback (most recent call last):
    ...
    rnla._errors.ArgumentError: name: got 'ddim'; expected a new name. Register every solver once.
    """
    if name in _FACTORIES or name in _ALIASES:
        raise argument_error("name", repr(name), "a new name", "Register every solver once.")
    _FACTORIES[name] = factory
    for alias in aliases:
        if alias in _FACTORIES or alias in _ALIASES:
            raise argument_error("aliases", repr(alias), "a new name", "Use every alias once.")
        _ALIASES[alias] = name


@cache
def _load() -> None:
    package = importlib.import_module("rnla.diffusion.solvers")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"rnla.diffusion.solvers.{module.name}")


def solver_names() -> tuple[str, ...]:
    """Names of all solvers, in order.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> "ddim" in solver_names()
    True
    """
    _load()
    return tuple(sorted(_FACTORIES))


def solver_aliases() -> dict[str, str]:
    """All aliases, with the name that each stands for.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> solver_aliases()["DDIMScheduler"]
    'ddim'
    """
    _load()
    return dict(sorted(_ALIASES.items()))


def get_solver(solver: str | Solver) -> Solver:
    """The solver of a name or alias, with its default options; a solver is returned as it is.

    Parameters
    ----------
    solver : str or Solver

    Returns
    -------
    Solver

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If there is none of that name, or the argument is neither.

    Examples
    --------
    >>> get_solver("ddim").order
    1
    """
    if isinstance(solver, Solver):
        return solver
    if not isinstance(solver, str):
        raise argument_error(
            "solver",
            type(solver).__name__,
            "a name or a solver object",
            "Pass solver='ddim', or rnla.diffusion.solvers.ddim.DDIM(eta=1.0).",
            kind=ArgumentTypeError,
        )
    _load()
    factory = _FACTORIES.get(_ALIASES.get(solver, solver))
    if factory is None:
        raise argument_error(
            "solver",
            repr(solver),
            "one of " + ", ".join(solver_names()),
            "Pass one of these names, or an alias listed by solver_aliases().",
        )
    made: Solver = factory()
    return made
