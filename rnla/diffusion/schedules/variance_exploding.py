"""Variance-exploding schedules: alpha = 1, so that the state is the data plus noise.

`VarianceExploding` has sigma = t, the coordinates of EDM (Karras et al., NeurIPS 2022) and of
k-diffusion. `GeometricVE` has sigma = sigma_min (sigma_max / sigma_min)^t on [0, 1] (Song, Ermon,
NeurIPS 2019; Song et al., ICLR 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error, check_positive
from ._base import Schedule, Values

__all__ = ["GeometricVE", "VarianceExploding"]


@dataclass(frozen=True)
class _Exploding(Schedule):
    sigma_min: float = 0.002
    sigma_max: float = 80.0

    def __post_init__(self) -> None:
        check_positive(self.sigma_min, "sigma_min")
        check_positive(self.sigma_max, "sigma_max")
        if self.sigma_max <= self.sigma_min:
            raise argument_error(
                "sigma_max",
                f"{self.sigma_max} with sigma_min={self.sigma_min}",
                "sigma_max above sigma_min",
                "Pass sigma_min=0.002 and sigma_max=80.0, say.",
            )

    def log_alpha(self, time: npt.ArrayLike) -> Values:
        return np.zeros(np.shape(time))[()]

    def d_log_alpha(self, time: npt.ArrayLike) -> Values:
        return np.zeros(np.shape(time))[()]


@dataclass(frozen=True)
class VarianceExploding(_Exploding):
    """alpha = 1 and sigma = t: time is the noise level.

    Parameters
    ----------
    sigma_min, sigma_max : float
        Where sampling stops and starts by default.

    Examples
    --------
    >>> VarianceExploding().level(2.0).rho
    2.0
    """

    name: ClassVar[str] = "variance_exploding"

    @property
    def first(self) -> float:
        return self.sigma_max

    @property
    def last(self) -> float:
        return self.sigma_min

    def log_sigma(self, time: npt.ArrayLike) -> Values:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.asarray(time, dtype=np.float64)))[()]

    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        return np.asarray(np.exp(-np.asarray(half_log_snr, dtype=np.float64)))[()]

    def d_half_log_snr(self, time: npt.ArrayLike) -> Values:
        with np.errstate(divide="ignore"):
            return np.asarray(-1.0 / np.asarray(time, dtype=np.float64))[()]

    def rates(self, time: float) -> tuple[float, float]:
        return 0.0, 1.0


@dataclass(frozen=True)
class GeometricVE(_Exploding):
    """alpha = 1 and sigma geometric in time, from `sigma_min` at 0 to `sigma_max` at 1.

    Parameters
    ----------
    sigma_min, sigma_max : float

    Examples
    --------
    >>> round(GeometricVE(0.01, 100.0).level(0.5).sigma, 12)
    1.0
    """

    name: ClassVar[str] = "geometric_ve"

    @property
    def first(self) -> float:
        return 1.0

    @property
    def last(self) -> float:
        return 0.0

    @property
    def clean(self) -> float:
        return -math.inf

    @property
    def _growth(self) -> float:
        return math.log(self.sigma_max / self.sigma_min)

    def log_sigma(self, time: npt.ArrayLike) -> Values:
        t = np.asarray(time, dtype=np.float64)
        return np.asarray(math.log(self.sigma_min) + t * self._growth)[()]

    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        lam = np.asarray(half_log_snr, dtype=np.float64)
        return np.asarray((-lam - math.log(self.sigma_min)) / self._growth)[()]

    def d_half_log_snr(self, time: npt.ArrayLike) -> Values:
        return np.full(np.shape(time), -self._growth)[()]
