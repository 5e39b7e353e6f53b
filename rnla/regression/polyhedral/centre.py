"""Responses far from zero: with an intercept, a number near them is subtracted, and added back.

The fit of b + c has the intercept of the fit of b plus c, and the same loss. Computed at c = 1e9,
that loss would have lost nine digits. Cost: a few rows, and one row vector where it pays.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..._result import FloatArray
from ...tall import rows
from .._input import Problem

__all__ = ["centred"]

_ROWS = 1025  # evenly spaced, looked at for the median
_FAR = 16.0  # times the spread of the responses: four bits lost
_LARGE = 1e300  # beyond, differences may overflow


def centred(problem: Problem) -> tuple[Any, FloatArray]:
    """Return responses with their median near zero, and what was subtracted from each column."""
    b = problem.b
    k = 1 if problem.single else b.shape[1]
    n = problem.A.shape[0]
    if not problem.intercept:
        return b, np.zeros(k)
    at = np.unique(np.linspace(0, n - 1, min(n, _ROWS)).astype(np.int64))
    if problem.weights is not None:
        at = at[rows.at(problem.weights, at) > 0.0]
    if not at.size:
        return b, np.zeros(k)
    seen = rows.at(b, at).reshape(at.size, k)
    median = np.partition(seen, at.size // 2, axis=0)[at.size // 2]  # a response, so finite
    spread = np.median(np.abs(seen / 2.0 - median / 2.0), axis=0)
    far = (np.abs(median) / 2.0 > _FAR * spread) & (np.abs(median) < _LARGE)
    centre: FloatArray = np.where(far, median, 0.0)
    if not centre.any():
        return b, centre
    return rows.each(partial(_minus, centre[0] if problem.single else centre), b), centre


def _minus(centre: Any, b: FloatArray) -> FloatArray:
    difference: FloatArray = b - centre
    return difference
