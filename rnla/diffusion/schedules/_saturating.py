"""Schedules with sigma = sigma_infinity sqrt(1 - alpha^2): the noise saturates as the data fade.

With sigma_infinity = 1 they preserve the variance of data of unit variance.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ._base import Schedule, Values

__all__ = ["Saturating"]


class Saturating(Schedule):
    """Base of schedules that are given by alpha and by the standard deviation of pure noise."""

    @property
    def sigma_infinity(self) -> float:
        return 1.0

    def log_sigma(self, time: npt.ArrayLike) -> Values:
        square = -np.expm1(2.0 * np.asarray(self.log_alpha(time)))  # 1 - alpha^2, uncancelled
        with np.errstate(divide="ignore"):
            return np.asarray(math.log(self.sigma_infinity) + 0.5 * np.log(square))[()]

    def d_half_log_snr(self, time: npt.ArrayLike) -> Values:
        # d log(sigma) / dt = -alpha^2 f / (1 - alpha^2) for the drift f of log(alpha).
        square = -np.expm1(2.0 * np.asarray(self.log_alpha(time)))
        with np.errstate(divide="ignore"):
            return np.asarray(self.d_log_alpha(time) / square)[()]

    def _log_alpha_at(self, half_log_snr: npt.ArrayLike) -> Values:
        """Log(alpha) where lambda has the value given."""
        scaled = np.asarray(half_log_snr, dtype=np.float64) + math.log(self.sigma_infinity)
        return np.asarray(-0.5 * np.logaddexp(-2.0 * scaled, 0.0))[()]
