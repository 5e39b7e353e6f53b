"""The scaled variance-preserving schedule of mean-reverting diffusion.

dx = f (mu - x) dt + g dw with g^2 = 2 sigma_inf^2 f (Luo et al., ICML 2023). For y = x - mu this is
an ordinary path with alpha = exp(-int f) and sigma = sigma_inf sqrt(1 - alpha^2). Time here is the
integral of f, in which every rate f gives the same path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..._errors import check_positive
from ._base import Values
from ._saturating import Saturating

__all__ = ["MeanReverting"]


@dataclass(frozen=True)
class MeanReverting(Saturating):
    """alpha = exp(-t), sigma = sigma_infinity sqrt(1 - alpha^2), for the state less its mean.

    Parameters
    ----------
    sigma_infinity : float
        Standard deviation that the noise approaches.
    first, last : float
        Where sampling starts and stops by default.

    Examples
    --------
    >>> schedule = MeanReverting(0.5)
    >>> round(float(schedule.sigma(20.0)), 12)
    0.5
    """

    sigma_infinity: float = 50.0 / 255.0
    first: float = 4.0
    last: float = 1e-3

    name: ClassVar[str] = "mean_reverting"

    def __post_init__(self) -> None:
        check_positive(self.sigma_infinity, "sigma_infinity")
        check_positive(self.first, "first")
        check_positive(self.last, "last")

    def log_alpha(self, time: npt.ArrayLike) -> Values:
        return np.asarray(-np.asarray(time, dtype=np.float64))[()]

    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        return np.asarray(-self._log_alpha_at(half_log_snr))[()]

    def d_log_alpha(self, time: npt.ArrayLike) -> Values:
        return np.full(np.shape(time), -1.0)[()]
