"""The sub-variance-preserving schedule: alpha of VP-linear, sigma = 1 - alpha^2.

Song et al., ICLR 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ._base import Values
from .vp_linear import VPLinear

__all__ = ["SubVP"]


@dataclass(frozen=True)
class SubVP(VPLinear):
    """Sub-variance preserving, beta(t) from `beta_min` to `beta_max`.

    Parameters
    ----------
    beta_min, beta_max, last : float
        As for `VPLinear`.

    Examples
    --------
    >>> schedule = SubVP()
    >>> alpha, sigma = schedule.alpha(0.3), schedule.sigma(0.3)
    >>> bool(abs(sigma - (1.0 - alpha**2)) < 1e-15)
    True
    """

    name: ClassVar[str] = "sub_vp"

    def log_sigma(self, time: npt.ArrayLike) -> Values:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(-np.expm1(2.0 * self.log_alpha(time))))[()]

    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        # alpha / (1 - alpha^2) = exp(lambda) is a quadratic whose root is an inverse sinh.
        ratio = np.exp(-np.asarray(half_log_snr, dtype=np.float64))
        return self._time_of_log_alpha(-np.arcsinh(0.5 * ratio))

    def d_half_log_snr(self, time: npt.ArrayLike) -> Values:
        square = self.alpha(time) ** 2
        with np.errstate(divide="ignore"):
            return np.asarray(self.d_log_alpha(time) * (1.0 + square) / self.sigma(time))[()]
