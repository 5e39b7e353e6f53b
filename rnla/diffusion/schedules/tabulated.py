"""A schedule given as a table of cumulative products of alpha^2: every discrete DDPM.

Entry i of T stands at time (i + 1) / T, log(alpha) is linear in between (the convention of
DPM-Solver), and the network is told the index t T - 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error, check_fraction, check_size
from ._base import Values
from ._saturating import Saturating

__all__ = ["Tabulated"]


@dataclass(frozen=True, eq=False)
class Tabulated(Saturating):
    """Variance preserving, from a table.

    Parameters
    ----------
    alphas_cumprod : array_like, shape (T,)
        alpha^2 at the indices 0 … T - 1: between 0 and 1, strictly falling. The last may be 0
        (zero terminal SNR).
    rounded : bool
        Whether the network is told the nearest index, an int, instead of t T - 1.

    Raises
    ------
    ArgumentError
        If the table is not as described; the message names the index.

    Examples
    --------
    >>> table = Tabulated.linear()
    >>> table.size, round(table.level(1.0).rho, 5)
    (1000, 157.40728)
    >>> table.model_time(0.5)
    499.0
    """

    alphas_cumprod: Values
    rounded: bool = False
    _log_alphas: Values | None = None

    name: ClassVar[str] = "tabulated"

    def __post_init__(self) -> None:
        table = np.array(self.alphas_cumprod, dtype=np.float64)
        expected = "numbers between 0 and 1 that fall strictly"
        if table.ndim != 1 or table.size < 2:
            raise argument_error(
                "alphas_cumprod",
                f"shape {table.shape}",
                expected,
                "Pass one array of at least two numbers.",
            )
        before = np.concatenate([[1.0], table[:-1]])
        bad = np.flatnonzero(~((table < before) & (table >= 0.0)))
        if bad.size:
            raise argument_error(
                "alphas_cumprod",
                f"{table[bad[0]]:.6g} at index {bad[0]}",
                expected,
                "Pass the cumulative products of 1 - beta.",
            )
        if self._log_alphas is None:
            with np.errstate(divide="ignore"):
                object.__setattr__(self, "_log_alphas", 0.5 * np.log(table))
        table.setflags(write=False)
        object.__setattr__(self, "alphas_cumprod", table)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Tabulated)
            and self.rounded == other.rounded
            and np.array_equal(self.alphas_cumprod, other.alphas_cumprod)
        )

    def __hash__(self) -> int:
        return hash((self.rounded, self.alphas_cumprod.tobytes()))

    def __repr__(self) -> str:
        return f"Tabulated({self.size} levels)"

    @classmethod
    def from_betas(cls, betas: npt.ArrayLike, *, rounded: bool = False) -> Tabulated:
        """From the variances beta of the single forward steps."""
        values = np.asarray(betas, dtype=np.float64)
        bad = np.flatnonzero(~((values > 0.0) & (values < 1.0)))
        if bad.size:
            raise argument_error(
                "betas",
                f"{values.ravel()[bad[0]]:.6g} at index {bad[0]}",
                "variances strictly between 0 and 1",
                "Pass the betas themselves, not their cumulative products.",
            )
        logs = 0.5 * np.cumsum(np.log1p(-values))
        return cls(np.exp(2.0 * logs), rounded, logs)

    @classmethod
    def linear(
        cls, size: int = 1000, *, beta_start: float = 1e-4, beta_end: float = 0.02
    ) -> Tabulated:
        """Betas linear in the index, as in DDPM."""
        return cls.from_betas(
            np.linspace(*_ends(beta_start, beta_end), check_size(size, name="size"))
        )

    @classmethod
    def scaled_linear(
        cls, size: int = 1000, *, beta_start: float = 0.00085, beta_end: float = 0.012
    ) -> Tabulated:
        """Square roots of the betas linear in the index, as in Stable Diffusion."""
        size = check_size(size, name="size")
        first, last = _ends(beta_start, beta_end)
        return cls.from_betas(np.linspace(first**0.5, last**0.5, size) ** 2)

    @classmethod
    def cosine(
        cls, size: int = 1000, *, s: float = 0.008, largest_beta: float = 0.999
    ) -> Tabulated:
        """The cosine schedule with betas of at most `largest_beta`."""
        steps = np.arange(check_size(size, name="size") + 1) / size
        square = np.cos(0.5 * np.pi * (steps + s) / (1.0 + s)) ** 2
        return cls.from_betas(np.minimum(1.0 - square[1:] / square[:-1], largest_beta))

    @property
    def size(self) -> int:
        """Number T of entries."""
        return int(self.alphas_cumprod.size)

    @property
    def first(self) -> float:
        return 1.0

    @property
    def limit(self) -> float:
        return 1.0

    @property
    def last(self) -> float:
        return 1.0 / self.size

    def time_of_index(self, index: npt.ArrayLike) -> Values:
        """The times at which entries of the table stand."""
        return np.asarray((np.asarray(index, dtype=np.float64) + 1.0) / self.size)[()]

    @property
    def _knots(self) -> tuple[Values, Values]:
        """Times and finite values of log(alpha), the clean end first."""
        logs = np.concatenate([[0.0], np.asarray(self._log_alphas)])
        if not np.isfinite(logs[-1]):
            logs[-1] = 2.0 * logs[-2]  # only between the last two entries, where nothing is known
        return np.arange(self.size + 1) / self.size, logs

    def log_alpha(self, time: npt.ArrayLike) -> Values:
        t = np.asarray(time, dtype=np.float64)
        times, logs = self._knots
        values = np.interp(t, times, logs)
        if self.alphas_cumprod[-1] == 0.0:
            values = np.where(t >= 1.0, -np.inf, values)
        return np.asarray(values)[()]

    def time_of(self, half_log_snr: npt.ArrayLike) -> Values:
        times, logs = self._knots
        return np.asarray(np.interp(-self._log_alpha_at(half_log_snr), -logs, times))[()]

    def d_log_alpha(self, time: npt.ArrayLike) -> Values:
        times, logs = self._knots
        slopes = np.diff(logs) * self.size
        piece = np.searchsorted(times, np.asarray(time, dtype=np.float64), side="left") - 1
        return np.asarray(slopes[np.clip(piece, 0, self.size - 1)])[()]

    def model_time(self, time: float) -> float | int:
        index = time * self.size - 1.0
        nearest = round(index)
        if self.rounded:
            return nearest
        return float(nearest) if abs(index - nearest) < 1e-9 * self.size else index


def _ends(beta_start: float, beta_end: float) -> tuple[float, float]:
    return check_fraction(beta_start, "beta_start"), check_fraction(beta_end, "beta_end")
