"""What the answer of a calibration is worth: status, free factor, variance of the residuals.

Statuses by the gap between the canonical correlations (SPEC A10) and by what standard errors say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import IntArray, Status
from ._ambiguity import LEAST_GAP, is_ambiguous
from .canonical_correlation import CanonicalCorrelation
from .flags import SensorFlag
from .operators._base import Array
from .polish import Constraint
from .problem import Problem

__all__ = ["End", "misfit", "normalised", "statuses"]


@dataclass(frozen=True)
class End:
    """Gains and signal in units of the scaled data, with their cost."""

    gains: Array
    signal: Array
    cost: Array
    costs: Array | None
    converged: Array
    sweeps: int
    products: int
    outliers: Array | None = None
    variance: Array | None = None


def statuses(certificate: CanonicalCorrelation, converged: Array, split: Array) -> Any:
    """SPEC A10; a gap counts where the first correlation is known well enough to have one.

    Parts without a link may differ in noise, and then the gap does not show that they are `split`.
    """
    sigma = certificate.sigma[..., 0]
    ambiguous = is_ambiguous(sigma, certificate.gap)
    ambiguous &= certificate.converged | (certificate.residual < LEAST_GAP)
    status = np.full(sigma.shape, Status.OK, dtype=object)
    status[~np.asarray(converged)] = Status.NOT_CONVERGED
    status[certificate.rank_deficient] = Status.RANK_DEFICIENT
    status[ambiguous | split] = Status.AMBIGUOUS
    return status


def normalised(
    problem: Problem,
    gains: Array,
    signal: Array,
    flags: IntArray,
    constraint: Constraint,
    reference: int | None,
) -> tuple[Array, Array, str]:
    """The free factor: mean modulus one over sensors without a flag, and a phase."""
    good = (flags == int(SensorFlag.GOOD)) & (gains != 0)
    good |= ~good.any(axis=-1, keepdims=True)
    kind = constraint if isinstance(constraint, str) or callable(constraint) else None
    modulus = np.abs(gains)
    if kind is None or kind == "positive":
        factor = (modulus * good).sum(axis=-1, keepdims=True) / good.sum(axis=-1, keepdims=True)
        factor = np.where(factor > 0, factor, 1)
        parts = ["the mean modulus of the gains without a flag is 1"]
    else:
        factor = np.ones_like(modulus[..., :1])
        parts = ["the modulus of the gains is that of the constraint"]
    if kind is None or kind == "phase":
        mean = (gains * good).sum(axis=-1, keepdims=True)
        name = "mean gain"
        if reference is not None:
            own, name = gains[..., [reference]], f"gain of sensor {reference}"
            if not own.all():
                name += " (the mean gain where that is zero)"
            mean = np.where(own != 0, own, mean)
        size = np.abs(mean)
        factor = factor * np.where(size > 0, mean / np.where(size > 0, size, 1), 1)
        parts.append(f"the {name} is positive")
    unit = problem.scale[..., 0] * factor
    d = gains / factor
    if kind == "phase":
        d = np.asarray(d / np.where(modulus > 0, np.abs(d), 1))
    x = signal * (unit if problem.repeated else unit[..., None])
    return d.astype(problem.dtype), x.astype(problem.dtype), "; ".join(parts)


def misfit(
    problem: Problem, end: End, constraint: Constraint
) -> tuple[Array, Array | None, IntArray]:
    """Mean square of the residuals, over the noise given, and the degrees of freedom."""
    counts = problem.valid_counts
    gains = np.minimum((counts > 0).sum(axis=-1), problem.k) - 1
    if isinstance(constraint, str):
        # A phase or a size is half of a complex number; real data leave signs or all.
        gains = gains - gains // 2 if problem.dtype.kind == "c" else gains * (constraint != "phase")
    elif constraint is not None and not callable(constraint):
        gains = np.minimum(gains, np.shape(constraint)[-1] - 1)
    freedom = np.asarray(counts.sum(axis=-1) - gains - problem.seen_unknowns, dtype=np.int64)
    mean = np.where(freedom > 0, end.cost / np.maximum(freedom, 1), 0.0)
    if end.variance is not None:
        mean = end.variance
    unit = problem.scale[..., 0, 0]
    with np.errstate(over="ignore"):  # of data near the end of the range
        largest = np.finfo(problem.real_dtype).max
        variance = np.asarray(np.minimum(mean * unit * unit, largest))
        chi2 = None
        if problem.noise is not None:
            ratio = unit / problem.noise
            chi2 = np.asarray(np.minimum(mean * ratio * ratio, largest))
    return variance, chi2, freedom
