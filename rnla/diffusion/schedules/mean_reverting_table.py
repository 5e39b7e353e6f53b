"""The discrete mean-reverting schedule of image-restoration networks, as a table of rates.

IR-SDE (Luo, Gustafsson, Zhao, Sjölund and Schön, ICML 2023) has rates theta_0 … theta_T and
alpha_i = exp(-dt (theta_0 + … + theta_i)), sigma_i = sigma_inf sqrt(1 - alpha_i^2), with dt such
that alpha_T is a small given number. Networks are told the index i. Index 0 is not clean: its alpha
is below 1, so that alpha = 1 stands at index -1 here. In between log(alpha) is linear; the
published sampler interpolates alpha and sigma each on its own, which is off the path by O(dt^2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error, check_fraction, check_positive, check_size
from ._base import Values
from ._saturating import Saturating

__all__ = ["MeanRevertingTable"]


@dataclass(frozen=True, eq=False)
class MeanRevertingTable(Saturating):
    """alpha and sigma at indices -1, 0, …, T, for the state less its mean.

    Parameters
    ----------
    rates_table : array_like, shape (T + 1,)
        Positive rates theta.
    sigma_infinity : float, default 50 / 255
        Standard deviation that the noise approaches.
    smallest_alpha : float, default 0.005
        alpha at index T.

    Examples
    --------
    >>> schedule = MeanRevertingTable.cosine(100)
    >>> schedule.first, round(float(schedule.alpha(100.0)), 12), schedule.model_time(40.0)
    (100.0, 0.005, 40.0)
    """

    rates_table: Values
    sigma_infinity: float = 50.0 / 255.0
    smallest_alpha: float = 0.005

    name: ClassVar[str] = "mean_reverting_table"

    def __post_init__(self) -> None:
        table = np.array(self.rates_table, dtype=np.float64)
        if table.ndim != 1 or table.size < 2 or not (np.isfinite(table) & (table > 0.0)).all():
            raise argument_error(
                "rates_table",
                f"shape {table.shape}" if table.ndim != 1 or table.size < 2 else "a rate below 0",
                "at least two positive rates",
                "Pass the thetas of the process, or MeanRevertingTable.cosine(100).",
            )
        check_positive(self.sigma_infinity, "sigma_infinity")
        check_fraction(self.smallest_alpha, "smallest_alpha")
        table.setflags(write=False)
        object.__setattr__(self, "rates_table", table)

    @classmethod
    def cosine(
        cls,
        size: int = 100,
        *,
        s: float = 0.008,
        sigma_infinity: float = 50.0 / 255.0,
        smallest_alpha: float = 0.005,
    ) -> MeanRevertingTable:
        """Rates 1 - cos² that rise along a quarter of a cosine, for indices 0 to `size`."""
        count = check_size(size, name="size") + 2
        steps = np.arange(count + 1) / count
        square = np.cos(0.5 * np.pi * (steps + s) / (1.0 + s)) ** 2
        rates = 1.0 - square[1:-1] / square[0]
        return cls(rates, sigma_infinity, smallest_alpha)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, MeanRevertingTable)
            and self.sigma_infinity == other.sigma_infinity
            and self.smallest_alpha == other.smallest_alpha
            and np.array_equal(self.rates_table, other.rates_table)
        )

    def __hash__(self) -> int:
        return hash((self.sigma_infinity, self.smallest_alpha, self.rates_table.tobytes()))

    def __repr__(self) -> str:
        return f"MeanRevertingTable({self.rates_table.size} levels)"

    @property
    def first(self) -> float:
        return float(self.rates_table.size - 1)

    @property
    def limit(self) -> float:
        return self.first

    @property
    def last(self) -> float:
        return 0.0

    @property
    def clean(self) -> float:
        return -1.0

    @property
    def _knots(self) -> tuple[Values, Values]:
        """Indices and log(alpha), the clean end first."""
        sums = np.concatenate([[0.0], np.cumsum(self.rates_table)])
        return np.arange(-1.0, sums.size - 1.0), sums * (math.log(self.smallest_alpha) / sums[-1])

    def log_alpha(self, time: npt.ArrayLike) -> Values:
        indices, logs = self._knots
        return np.asarray(np.interp(np.asarray(time, dtype=np.float64), indices, logs))[()]

    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        indices, logs = self._knots
        return np.asarray(np.interp(-self._log_alpha_at(half_log_snr), -logs, indices))[()]

    def d_log_alpha(self, time: npt.ArrayLike) -> Values:
        indices, logs = self._knots
        piece = np.searchsorted(indices, np.asarray(time, dtype=np.float64), side="left") - 1
        return np.asarray(np.diff(logs)[np.clip(piece, 0, logs.size - 2)])[()]
