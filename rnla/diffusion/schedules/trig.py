"""The trigonometric path: alpha = cos t, sigma = sin t, an arc from data to noise.

Albergo, Boffi, Vanden-Eijnden (2023); with time up to arctan of the largest noise it is TrigFlow
(Lu, Song, ICLR 2025).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..._errors import check_positive
from ._base import Schedule, Values

__all__ = ["Trig"]


@dataclass(frozen=True)
class Trig(Schedule):
    """alpha = cos t, sigma = sin t for t in [0, pi/2].

    Parameters
    ----------
    first, last : float
        Where sampling starts and stops by default: rho = 80 and 0.002.

    Examples
    --------
    >>> round(float(Trig().time_of(0.0)) * 4.0, 6)
    3.141593
    """

    first: float = math.atan(80.0)
    last: float = math.atan(0.002)

    name: ClassVar[str] = "trig"

    def __post_init__(self) -> None:
        check_positive(self.first, "first")
        check_positive(self.last, "last")

    @property
    def limit(self) -> float:
        return 0.5 * math.pi

    def log_alpha(self, time: npt.ArrayLike) -> Values:
        t = np.asarray(time, dtype=np.float64)
        # The first form keeps its digits near 0, the second near pi / 2.
        near = np.log1p(-2.0 * np.sin(0.5 * np.minimum(t, 1.0)) ** 2)
        far = np.log(np.cos(np.maximum(t, 0.5)))
        return np.asarray(np.where(t < 0.75, near, far))[()]

    def log_sigma(self, time: npt.ArrayLike) -> Values:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.sin(np.asarray(time, dtype=np.float64))))[()]

    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        lam = np.asarray(half_log_snr, dtype=np.float64)
        return np.asarray(np.arctan(np.exp(-lam)))[()]

    def d_log_alpha(self, time: npt.ArrayLike) -> Values:
        return np.asarray(-np.tan(np.asarray(time, dtype=np.float64)))[()]

    def d_half_log_snr(self, time: npt.ArrayLike) -> Values:
        t = np.asarray(time, dtype=np.float64)
        with np.errstate(divide="ignore"):
            return np.asarray(-2.0 / np.sin(2.0 * t))[()]

    def rates(self, time: float) -> tuple[float, float]:
        return -math.sin(time), math.cos(time)
