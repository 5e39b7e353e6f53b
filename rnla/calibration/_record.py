"""`Calibration`: gains, signals, and how far to trust them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._result import IntArray, Status
from .flags import SensorFlag
from .operators._base import Array

__all__ = ["Calibration", "joined", "worst_status"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """Gains and signals of one problem, or of a batch, with certificates.

    The data are D A x plus noise with D = diag(gains). (d, x) and (d / c, c x) are the same data:
    `convention` says which of them was chosen. No entry is ever nan.

    Attributes
    ----------
    gains : ndarray, shape (..., m)
        d; zero where the data say nothing or say zero (see `flags`).
    signal : ndarray, shape (..., n), or (..., p, n) for one signal per measurement
        In the units of the data.
    inverse_gains : ndarray, shape (..., m)
        1 / d, zero where d is zero.
    status : Status
        OK, AMBIGUOUS, RANK_DEFICIENT (a part of the signal is not seen) or NOT_CONVERGED; of a
        batch the worst.
    statuses : ndarray of Status, shape (...)
        Of each problem.
    sigma : ndarray, shape (..., 2)
        The two largest canonical correlations between data and operators: 1 and less than 1 for
        exact data and a unique answer.
    gap : ndarray, shape (...)
        sigma_1 - sigma_2. AMBIGUOUS means a gap below max(3 (1 - sigma_1), 1e-3).
    predicted_gap : float
        Of generic random operators of this size without noise; see `predicted_correlation`.
    runner_up : ndarray, shape (..., m)
        Reciprocal gains of the second solution: what may be mixed into the answer if the gap is
        small.
    residual_variance : ndarray, shape (...)
        Weighted sum of squared residuals over `degrees_of_freedom`: an estimate of the variance of
        the noise; 0 where no degree of freedom is left.
    chi2 : ndarray, shape (...), or None
        The same over the square of the `noise` that was passed: near 1 if model and noise are
        right. None without `noise`.
    degrees_of_freedom : ndarray of int, shape (...)
        Values that count less unknowns (complex ones for complex data).
    gains_error, signal_error : ndarray like `gains` and `signal`, or None
        Standard errors from the Cramer-Rao bound at the answer, after the best common factor of
        each, without the values in `outliers`; inf where the data say nothing; None where they
        were not computed. See `cramer_rao`.
    flags : ndarray of int, shape (..., m)
        Sums of `SensorFlag`.
    outliers : ndarray of bool, shape (..., p, m), or None
        Values that a robust polish left out.
    iterations : int
        Of the linear method.
    sweeps : int
        Of the polish.
    products : int
        Products with all A_l or all A_l^*, where the method counts them.
    costs : ndarray, shape (sweeps + 1, ...), or None
        Weighted sums of squared residuals of the polish.
    method : str
        The linear method.
    reason : str
        Why this method and this polish.
    convention : str
        The choice of the free factor.
    seed : int
    """

    gains: Array
    signal: Array
    inverse_gains: Array
    status: Status
    statuses: Any
    sigma: Array
    gap: Array
    predicted_gap: float
    runner_up: Array
    residual_variance: Array
    chi2: Array | None
    degrees_of_freedom: IntArray
    gains_error: Array | None
    signal_error: Array | None
    flags: IntArray
    outliers: Array | None
    iterations: int
    sweeps: int
    products: int
    costs: Array | None
    method: str
    reason: str
    convention: str
    seed: int

    def __repr__(self) -> str:
        batch = self.gains.shape[:-1]
        size = f"m={self.gains.shape[-1]}" + (f", batch={batch}" if batch else "")
        sigma = self.sigma.reshape(-1, 2)
        return (
            f"Calibration({size}, status={self.status.name}, sigma_1={sigma[:, 0].min():.4g}, "
            f"sigma_2={sigma[:, 1].max():.4g}, flagged={self.flagged.size}, "
            f"method={self.method!r}, sweeps={self.sweeps})"
        )

    @property
    def misfit(self) -> Array:
        """1 - sigma_1^2: the share of the data that no gains explain, shape (...)."""
        return np.asarray(1.0 - self.sigma[..., 0] ** 2)

    @property
    def condition(self) -> Array:
        """Of the linear system without its solution, sqrt((1 + sigma_2) / (1 - sigma_2)).

        In equilibrated coordinates; inf for a closed gap.
        """
        second = self.sigma[..., 1]
        with np.errstate(divide="ignore"):
            return np.asarray(np.sqrt((1.0 + second) / (1.0 - second)))

    @property
    def ambiguity(self) -> Array:
        """The direction q in which the gains are least certain, shape (..., m).

        d / (1 + t q) for small t fits the data nearly as well, and for AMBIGUOUS quite as well; q
        has largest modulus 1, and is zero at sensors without a gain. In a problem that falls apart
        it is constant on each of the parts, for example.
        """
        q = self.runner_up * self.gains
        largest = np.abs(q).max(axis=-1, keepdims=True)
        return np.asarray(q / np.where(largest > 0, largest, 1))

    @property
    def flagged(self) -> IntArray:
        """Sensors with a flag (in any problem of a batch)."""
        unusual = self.flags != int(SensorFlag.GOOD)
        return np.flatnonzero(unusual.reshape(-1, unusual.shape[-1]).any(axis=0))


def worst_status(statuses: Any) -> Status:
    """One status for many problems."""
    order = (Status.AMBIGUOUS, Status.RANK_DEFICIENT, Status.NOT_CONVERGED)
    return next((one for one in order if (statuses == one).any()), Status.OK)


def joined(parts: list[Calibration], batch_shape: tuple[int, ...]) -> Calibration:
    """The records of parts of a flattened batch as one record."""
    first = parts[0]

    def together(name: str) -> Any:
        arrays = [getattr(part, name) for part in parts]
        if arrays[0] is None:
            return None
        whole = np.concatenate(arrays)
        return whole.reshape(*batch_shape, *whole.shape[1:])

    def total(name: str) -> int:
        return sum(getattr(part, name) for part in parts)

    costs = None
    if first.costs is not None:
        longest = max(len(part.costs) for part in parts if part.costs is not None)
        rows = [_lengthened(part.costs, longest) for part in parts if part.costs is not None]
        costs = np.concatenate(rows, axis=1).reshape(longest, *batch_shape)
    arrays = {name: together(name) for name in _PER_PROBLEM}
    return replace(
        first,
        **arrays,
        status=worst_status(arrays["statuses"]),
        iterations=max(part.iterations for part in parts),
        sweeps=max(part.sweeps for part in parts),
        products=total("products"),
        costs=costs,
    )


def _lengthened(costs: Array, length: int) -> Array:
    """Costs that stay at the last one."""
    tail = np.repeat(costs[-1:], length - len(costs), axis=0)
    return np.concatenate([costs, tail])


_PER_PROBLEM = (
    "gains",
    "signal",
    "inverse_gains",
    "statuses",
    "sigma",
    "gap",
    "runner_up",
    "residual_variance",
    "chi2",
    "degrees_of_freedom",
    "gains_error",
    "signal_error",
    "flags",
    "outliers",
)
