"""Random numbers of the simulators: gains, complex normals, the size of noise.

Every number depends on the seed, its purpose and its place alone.
"""

from __future__ import annotations

import math

import numpy as np

from .._errors import ArgumentTypeError, argument_error, check_finite, check_positive
from .._result import FloatArray
from ..random import Stream

__all__ = ["check_decibels", "check_probability", "complex_normal", "noise_level", "random_gains"]

_MILD = math.pi / 6.0
_DECIBELS = 3000
_LOGARITHM = 300.0  # of a gain


def complex_normal(seed: int, purpose: str, rows: int, columns: int) -> FloatArray:
    """CN(0, 1) numbers, shape (rows, columns), keyed by seed, purpose and row."""
    pairs = Stream(seed, purpose).normal(range(rows), 2 * columns)
    values: FloatArray = pairs.view(np.complex128) * math.sqrt(0.5)
    return values


def noise_level(clean: FloatArray, snr: float | None) -> float:
    """sigma with 10 log10(mean |clean|^2 / sigma^2) = snr; 0 for snr=None."""
    level = check_decibels(snr)
    if level is None:
        return 0.0
    return math.sqrt(float(np.mean(np.abs(clean) ** 2))) * math.pow(10.0, -level / 20.0)


def check_decibels(snr: object) -> float | None:
    """A signal-to-noise ratio that powers can be computed from, or raise."""
    if snr is None:
        return None
    level = check_finite(snr, "snr")
    if abs(level) > _DECIBELS:
        expected = f"decibels between -{_DECIBELS} and {_DECIBELS}"
        raise argument_error("snr", snr, expected, "Leave it out for data without noise.")
    return level


def check_probability(value: object, name: str) -> float:
    """A probability below one, or raise."""
    probability = check_positive(value, name, allow_zero=True)
    if probability >= 1.0:
        raise argument_error(name, probability, "a probability below 1", f"Pass {name}=0.1.")
    return probability


def random_gains(kind: object, m: int, seed: int, *, spread: float = 1.0) -> FloatArray:
    """Gains "mild", "random" or "log-normal" as `simulate` describes them, shape (m,)."""
    if not isinstance(kind, str):
        expected, remedy = "'mild', 'random' or 'log-normal'", "Pass gains='random'."
        got = type(kind).__name__
        raise argument_error("gains", got, expected, remedy, kind=ArgumentTypeError)
    magnitude = 0.5 + Stream(seed, "calibration gain magnitude").uniform(range(m))
    phase = 2.0 * Stream(seed, "calibration gain phase").uniform(range(m)) - 1.0
    if kind == "mild":
        phase *= _MILD
    elif kind in ("random", "log-normal"):
        phase *= math.pi
    else:
        expected = "'mild', 'random', 'log-normal' or an array of gains"
        raise argument_error("gains", repr(kind), expected, "Pass gains='random'.")
    if kind == "log-normal":
        normal = Stream(seed, "calibration gain logarithm").normal(range(m))[:, 0]
        magnitude = np.exp(np.clip(spread * normal, -_LOGARITHM, _LOGARITHM))
    gains: FloatArray = magnitude * np.exp(1j * phase)
    return gains
