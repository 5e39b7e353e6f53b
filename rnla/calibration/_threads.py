"""One BLAS thread for small problems: there a second one costs more than it gives.

And for transforms, which have threads of their own.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Concatenate, ParamSpec, TypeVar, cast

from ..tall import single_threaded_blas
from .problem import Problem

__all__ = ["blas_threads", "with_few_threads"]

P = ParamSpec("P")
R = TypeVar("R")
_SMALL = 2**22  # multiply-adds of a product with all operators


def blas_threads(problem: Problem) -> AbstractContextManager[None]:
    """The context in which to do the dense algebra of a problem."""
    size = problem.p * problem.m * problem.n * math.prod(problem.batch_shape)
    alone = size <= _SMALL or problem.operators.diagonals is not None
    return single_threaded_blas() if alone else nullcontext()


def with_few_threads(
    function: Callable[Concatenate[Problem, P], R],
) -> Callable[Concatenate[Problem, P], R]:
    """Run a function of a problem in `blas_threads`."""

    @functools.wraps(function)
    def wrapped(problem: Problem, *args: P.args, **kwargs: P.kwargs) -> R:
        with blas_threads(problem):
            return function(problem, *args, **kwargs)

    return cast(Callable[Concatenate[Problem, P], R], wrapped)
