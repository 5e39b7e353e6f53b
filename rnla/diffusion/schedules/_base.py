"""What every noise schedule provides: alpha and sigma as functions of time, and back from the SNR.

x_t = alpha_t x0 + sigma_t eps. Everything is computed from log(alpha) and log(sigma), so nothing
is lost to 1 - alpha^2 near either end.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..plan import Level

__all__ = ["Schedule", "Values"]

Values = npt.NDArray[np.float64]


class Schedule(ABC):
    """A Gaussian path from data (alpha = 1, sigma = 0) to noise.

    Every function of time takes a number or an array and returns float64 of the same shape. Time
    grows towards noise; the half log-SNR lambda = log(alpha / sigma) falls strictly with it.

    Attributes
    ----------
    first : float
        Time of the noisiest level at which sampling starts by default.
    last : float
        Time of the cleanest level above sigma = 0 at which it stops by default.
    clean : float
        Time at which sigma is 0.
    limit : float
        The latest time that the path has, inf if its formula goes on.
    """

    name: ClassVar[str]

    @property
    @abstractmethod
    def first(self) -> float: ...

    @property
    @abstractmethod
    def last(self) -> float: ...

    @property
    def clean(self) -> float:
        return 0.0

    @property
    def limit(self) -> float:
        return math.inf

    @abstractmethod
    def log_alpha(self, time: npt.ArrayLike) -> Values:
        """Log(alpha) at `time`."""

    @abstractmethod
    def log_sigma(self, time: npt.ArrayLike) -> Values:
        """Log(sigma) at `time`, -inf where sigma is 0."""

    @abstractmethod
    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        """The time at which lambda has the value given: the inverse of `half_log_snr`."""

    @abstractmethod
    def d_log_alpha(self, time: npt.ArrayLike) -> Values:
        """The drift f = d log(alpha) / dt."""

    @abstractmethod
    def d_half_log_snr(self, time: npt.ArrayLike) -> Values:
        """The derivative d lambda / dt, negative."""

    def rates(self, time: float) -> tuple[float, float]:
        """The derivatives of alpha and sigma with respect to time."""
        drift = float(self.d_log_alpha(time))
        fall = float(self.d_half_log_snr(time))
        return float(self.alpha(time)) * drift, float(self.sigma(time)) * (drift - fall)

    def model_time(self, time: float) -> Any:
        """What the network is told at `time`."""
        return time

    def alpha(self, time: npt.ArrayLike) -> Values:
        """Factor of the data at `time`."""
        return _exp(self.log_alpha(time))

    def sigma(self, time: npt.ArrayLike) -> Values:
        """Standard deviation of the noise at `time`."""
        return _exp(self.log_sigma(time))

    def half_log_snr(self, time: npt.ArrayLike) -> Values:
        """The half log-SNR lambda = log(alpha / sigma) at `time`."""
        return np.asarray(self.log_alpha(time) - self.log_sigma(time))[()]

    def rho(self, time: npt.ArrayLike) -> Values:
        """sigma / alpha at `time`."""
        with np.errstate(over="ignore"):
            return _exp(-self.half_log_snr(time))

    def level(self, time: float) -> Level:
        """The level at one time."""
        return Level(float(time), float(self.log_alpha(time)), float(self.log_sigma(time)))

    def levels(self, times: npt.ArrayLike) -> tuple[Level, ...]:
        """The levels at several times."""
        times = np.asarray(times, dtype=np.float64).ravel()
        logs = np.stack([times, self.log_alpha(times), self.log_sigma(times)], axis=1)
        return tuple(Level(*row) for row in logs.tolist())

    def level_of(self, half_log_snr: float) -> Level:
        """The level at which lambda has the value given; inf is the clean level."""
        if half_log_snr == math.inf:
            return self.level(self.clean)
        time = float(self.time_of(half_log_snr))
        log_alpha = float(self.log_alpha(time))
        return Level(time, log_alpha, log_alpha - float(half_log_snr))


def _exp(values: npt.ArrayLike) -> Values:
    return np.asarray(np.exp(values))[()]
