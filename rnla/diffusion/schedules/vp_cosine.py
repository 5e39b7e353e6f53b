"""The variance-preserving cosine schedule of Nichol and Dhariwal (ICML 2021), in continuous time.

alpha = cos(pi (t + s) / (2 (1 + s))) / cos(pi s / (2 (1 + s))) and sigma^2 = 1 - alpha^2. The SNR
falls to 0 at t = 1, so sampling starts a little before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..._errors import check_positive
from ._base import Values
from ._saturating import Saturating

__all__ = ["VPCosine"]


@dataclass(frozen=True)
class VPCosine(Saturating):
    """Variance preserving, with alpha a cosine of time.

    Parameters
    ----------
    s : float
        Offset that keeps the noise at the clean end from vanishing too fast.
    first, last : float
        Where sampling starts and stops by default. Beyond time 0.9946 the SNR dives.

    Examples
    --------
    >>> schedule = VPCosine()
    >>> round(float(schedule.time_of(schedule.half_log_snr(0.25))), 12)
    0.25
    """

    s: float = 0.008
    first: float = 0.9946
    last: float = 1e-3

    name: ClassVar[str] = "vp_cosine"

    def __post_init__(self) -> None:
        check_positive(self.s, "s", allow_zero=True)
        check_positive(self.first, "first")
        check_positive(self.last, "last")

    @property
    def limit(self) -> float:
        return 1.0

    @property
    def _speed(self) -> float:
        """Angle per unit of time."""
        return 0.5 * math.pi / (1.0 + self.s)

    def log_alpha(self, time: npt.ArrayLike) -> Values:
        # cos(a + d) / cos(a) = 1 - (2 sin(d/2)^2 + tan(a) sin(d)): nothing cancels near t = 0.
        angle = self._speed * np.asarray(time, dtype=np.float64)
        drop = 2.0 * np.sin(0.5 * angle) ** 2 + math.tan(self._speed * self.s) * np.sin(angle)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log1p(-drop))[()]

    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        offset = self._speed * self.s
        log_alpha = self._log_alpha_at(half_log_snr)
        adjacent = np.exp(log_alpha) * math.cos(offset)
        square = -np.expm1(2.0 * log_alpha) * math.cos(offset) ** 2 + math.sin(offset) ** 2
        angle = np.arctan2(np.sqrt(square), adjacent)
        return np.asarray(angle / self._speed - self.s)[()]

    def d_log_alpha(self, time: npt.ArrayLike) -> Values:
        angle = self._speed * (np.asarray(time, dtype=np.float64) + self.s)
        return np.asarray(-self._speed * np.tan(angle))[()]
