"""The variance-preserving schedule with a rate that grows linearly in time.

log(alpha) = -t^2 (beta_max - beta_min) / 4 - t beta_min / 2 and sigma^2 = 1 - alpha^2, on [0, 1]
(Song et al., ICLR 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error, check_positive
from ._base import Values
from ._saturating import Saturating

__all__ = ["VPLinear"]


@dataclass(frozen=True)
class VPLinear(Saturating):
    """Variance preserving, beta(t) from `beta_min` to `beta_max`.

    Parameters
    ----------
    beta_min, beta_max : float
        Rate at time 0 and at time 1; not negative, and `beta_max` larger.
    last : float
        Where sampling stops by default.

    Examples
    --------
    >>> schedule = VPLinear()
    >>> round(float(schedule.half_log_snr(1.0)), 6), round(float(schedule.time_of(0.0)), 6)
    (-5.024978, 0.25896)
    """

    beta_min: float = 0.1
    beta_max: float = 20.0
    last: float = 1e-3

    name: ClassVar[str] = "vp_linear"

    def __post_init__(self) -> None:
        check_positive(self.beta_min, "beta_min", allow_zero=True)
        check_positive(self.beta_max, "beta_max")
        check_positive(self.last, "last")
        if self.beta_max <= self.beta_min:
            raise argument_error(
                "beta_max",
                f"{self.beta_max} with beta_min={self.beta_min}",
                "beta_max above beta_min",
                "Pass beta_min=0.1 and beta_max=20.0, say.",
            )

    @property
    def first(self) -> float:
        return 1.0

    def log_alpha(self, time: npt.ArrayLike) -> Values:
        t = np.asarray(time, dtype=np.float64)
        return (-0.25 * t * t * (self.beta_max - self.beta_min) - 0.5 * t * self.beta_min)[()]

    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        return self._time_of_log_alpha(self._log_alpha_at(half_log_snr))

    def _time_of_log_alpha(self, log_alpha: Values) -> Values:
        # The root of the quadratic in t, written so that nothing cancels near t = 0.
        slope = self.beta_max - self.beta_min
        q = -4.0 * slope * log_alpha
        return np.asarray(q / ((np.sqrt(self.beta_min**2 + q) + self.beta_min) * slope))[()]

    def d_log_alpha(self, time: npt.ArrayLike) -> Values:
        t = np.asarray(time, dtype=np.float64)
        return (-0.5 * (self.beta_min + t * (self.beta_max - self.beta_min)))[()]
