"""The straight path of flow matching and rectified flow: alpha = 1 - t, sigma = t.

Lipman et al. (ICLR 2023), Liu, Gong, Liu (ICLR 2023). A shift s of the time,
t' = s t / (1 + (s - 1) t), moves the half log-SNR by -log s (Esser et al., ICML 2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..._errors import check_positive
from ._base import Schedule, Values

__all__ = ["Flow"]


@dataclass(frozen=True)
class Flow(Schedule):
    """Straight lines from data to noise.

    Parameters
    ----------
    shift : float
        The shift s; 1 leaves the time alone. The network is told the shifted time t' = sigma.
    last : float
        Where sampling stops by default. It starts at pure noise, time 1.

    Examples
    --------
    >>> Flow().level(0.25).alpha, Flow().level(0.25).sigma
    (0.75, 0.25)
    >>> round(Flow(shift=3.0).level(0.5).sigma, 12)
    0.75
    """

    shift: float = 1.0
    last: float = 1e-3

    name: ClassVar[str] = "flow"

    def __post_init__(self) -> None:
        check_positive(self.shift, "shift")
        check_positive(self.last, "last")

    @property
    def first(self) -> float:
        return 1.0

    @property
    def limit(self) -> float:
        return 1.0

    def log_alpha(self, time: npt.ArrayLike) -> Values:
        t = np.asarray(time, dtype=np.float64)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log1p(-t) - np.log1p((self.shift - 1.0) * t))[()]

    def log_sigma(self, time: npt.ArrayLike) -> Values:
        t = np.asarray(time, dtype=np.float64)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.shift * t) - np.log1p((self.shift - 1.0) * t))[()]

    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        unshifted = np.asarray(half_log_snr, dtype=np.float64) + math.log(self.shift)
        with np.errstate(over="ignore"):
            return np.asarray(1.0 / (1.0 + np.exp(unshifted)))[()]

    def d_log_alpha(self, time: npt.ArrayLike) -> Values:
        t = np.asarray(time, dtype=np.float64)
        with np.errstate(divide="ignore"):
            return np.asarray(-self.shift / ((1.0 - t) * (1.0 + (self.shift - 1.0) * t)))[()]

    def d_half_log_snr(self, time: npt.ArrayLike) -> Values:
        t = np.asarray(time, dtype=np.float64)
        with np.errstate(divide="ignore"):
            return np.asarray(-1.0 / (t * (1.0 - t)))[()]

    def rates(self, time: float) -> tuple[float, float]:
        rate = self.shift / (1.0 + (self.shift - 1.0) * time) ** 2
        return -rate, rate

    def model_time(self, time: float) -> float:
        return self.shift * time / (1.0 + (self.shift - 1.0) * time)
