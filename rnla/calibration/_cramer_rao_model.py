"""What both ways to the Cramer-Rao bound share: the model in double precision."""

from __future__ import annotations

import numpy as np

from .operators._base import Array
from .problem import Problem

__all__ = ["model_parts", "seen"]


def model_parts(problem: Problem, d: Array, x: Array) -> tuple[Array, Array, Array]:
    """W^{1/2}, W^{1/2} A x, and its squares summed over l, in double precision."""
    wide = np.result_type(problem.dtype, np.float64)
    root = np.ones((problem.p, problem.m))
    if problem.weights is not None:
        root = np.sqrt(problem.weights.astype(np.float64))
    v = root * problem.synthesis(x).astype(wide)
    return root, v, np.asarray((v.real**2 + v.imag**2).sum(axis=-2))


def seen(g: Array) -> Array:
    """Sensors about which the data say something."""
    return np.asarray(g > np.finfo(np.float64).eps * g.max(initial=0.0))
