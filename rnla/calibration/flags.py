"""Sensors to distrust: missing, weak or without gain (SPEC A9).

A sensor with one value has a gain of its own for it and says nothing about the signal; one with a
weak signal has a small column in K, which the plain linear methods take for the solution.
"""

from __future__ import annotations

import enum
import math

import numpy as np

from .._result import IntArray
from ._squares import squares
from .operators._base import Array
from .problem import Problem

__all__ = ["SensorFlag", "sensor_flags"]

_WEAK = 1e-3  # of the median mean square
_WEAK_IN_NOISE = 5.0  # times the variance of the noise


class SensorFlag(enum.IntFlag):
    """What is unusual about a sensor; flags add up."""

    GOOD = 0
    MISSING = 1
    """Fewer than two values: the gain is what fits them, or zero."""
    WEAK = 2
    """Mean square below 5 noise variances, or 1e-3 of the median where the noise is not known."""
    NO_GAIN = 4
    """The gain found is zero."""


def sensor_flags(problem: Problem) -> IntArray:
    """Flags that the data alone justify.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    ndarray of int, shape (..., m)
        Sums of `SensorFlag`.

    Notes
    -----
    Works on arrays in host memory.
    """
    counts = problem.valid_counts
    flags = np.where(counts < 2, int(SensorFlag.MISSING), 0).astype(np.int64)
    if problem.p == 1:
        flags[counts == 1] = 0
    weak = _weak(problem, counts)
    flags[weak & (counts > 0)] |= int(SensorFlag.WEAK)
    return flags


def _weak(problem: Problem, counts: Array) -> Array:
    measured = counts > 0
    if problem.noise is not None:
        mean = problem.gamma() / np.maximum(counts, 1)
        size = np.sqrt(mean) * problem.scale[..., 0].astype(np.float64)
        return np.asarray(size < math.sqrt(_WEAK_IN_NOISE) * problem.noise)
    mean = squares(problem.data, "...lm", "...m") / np.maximum(counts, 1)
    known = np.where(measured, mean, np.nan)
    return np.asarray(mean < _WEAK * np.nanmedian(known, axis=-1, keepdims=True))
