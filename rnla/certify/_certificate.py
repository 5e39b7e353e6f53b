"""`Certificate`: what was measured, what was proved, and the vectors that show it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray, Status
from ..tall import as_tall
from ._power_sums import distortion_ratios
from ._sums import SampleLike, sampled_rows

__all__ = ["Certificate", "TierResult", "Witnesses"]


_MOST = 900  # binary exponent of an entry


@dataclass(frozen=True, eq=False)
class Witnesses:
    """Two vectors x at which the smallest and the largest ratio were measured.

    Attributes
    ----------
    lower, upper : ndarray, shape (d,)
        Scaled so that the largest |a_i x| over the sampled rows, or over A, is about one.
    p : float
    """

    lower: FloatArray
    upper: FloatArray
    p: float

    def rescaled(self, units: FloatArray) -> Witnesses:
        """The same vectors for A, if these are for A diag(units) with powers of two."""

        def convert(x: FloatArray) -> FloatArray:
            mantissa, exponent = np.frexp(x)
            exponent = exponent + np.frexp(units)[1]
            # Only the direction matters: the largest entry stays a normal number.
            top = int(exponent[x != 0].max(initial=-(2**20)))
            shift = min(max(top, -_MOST), _MOST) - top
            return np.asarray(np.ldexp(mantissa, exponent + shift))

        return Witnesses(convert(self.lower), convert(self.upper), self.p)

    def check(self, A: Any, sample: SampleLike) -> tuple[float, float]:
        """Recompute both ratios ||SAx||_p^p / ||Ax||_p^p from nothing but A, the sample and x.

        Parameters
        ----------
        A : array_like, sparse matrix or TallMatrix, shape (n, d)
        sample : RowSample

        Returns
        -------
        lower, upper : float

        Notes
        -----
        One pass. Ten lines of NumPy would do the same, which is the point of a witness.
        """
        tall = as_tall(A)
        if tall.shape[1] != self.lower.size:
            raise argument_error(
                "A",
                f"{tall.shape[1]} columns",
                f"the {self.lower.size} columns of the matrix that was certified",
                "Pass the matrix that the certificate was made for.",
            )
        rows = sampled_rows(tall, sample.indices)
        weights = np.asarray(sample.weights, dtype=np.float64)
        both = np.column_stack([self.lower, self.upper])
        low, high = distortion_ratios(tall, rows, weights, both, self.p)
        return float(low), float(high)


@dataclass(frozen=True, eq=False)
class TierResult:
    """What one tier of the certificate contributed.

    Attributes
    ----------
    name : str
        ``"spectral"``, ``"ascent"``, ``"enumeration"``, ``"khatri_rao"``, ``"sandwich"`` or
        ``"statistical"``.
    directions : ndarray, shape (d, k)
        Vectors x worth measuring; the certificate re-evaluates all of them on every row.
    certified_lower, certified_upper : float or None
        Bounds that hold for every x, if the tier proves any.
    details : mapping
        What the tier saw; the keys are listed in its module.
    """

    name: str
    directions: FloatArray
    certified_lower: float | None = None
    certified_upper: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Certificate:
    """How well a row sample preserves ||Ax||_p^p over all x: measured, and proved where possible.

    Attributes
    ----------
    p : float
        The norm. Distortions refer to p-th powers.
    n, d, size, rank : int
        Shape of A, rows kept, numerical rank of A.
    lower, upper : float
        Smallest and largest ||SAx||_p^p / ||Ax||_p^p measured, both on all rows of A. The true
        extremes lie outside or on them.
    certified_lower, certified_upper : float or None
        Proved bounds on the extremes for every x, up to rounding; None without a proof.
    tier : str
        The tier whose vectors gave the larger part of the found distortion.
    proof : str or None
        The tier that proved the enclosure.
    witnesses : Witnesses
        The x for `lower` and `upper`; ``check(A, sample)`` measures them again.
    rank_preserved : bool
        Whether SA has the rank of A. If not, `lower` is 0 and its witness spans lost directions.
    diagnostics : mapping of str to TierResult
        Every tier that ran. ``diagnostics["statistical"].details`` holds the weight diagnostics.
    passes : int
        Passes over A that were spent.
    seed : int
        Passing it as ``rng=`` repeats the result.
    status : Status
        What is known of the rank of A.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> from rnla.certify import certify_embedding
    >>> from rnla.sampling import sample_rows
    >>> A = np.random.default_rng(0).standard_normal((2000, 3))
    >>> sample = sample_rows(np.ones(2000), 400, p=1, rng=0)
    >>> certificate = certify_embedding(A, sample, 1, rng=0)
    >>> certificate.tier, certificate.certified, certificate.found < 0.3
    ('enumeration', True, True)
    >>> np.allclose(certificate.check(A, sample), (certificate.lower, certificate.upper))
    True
    """

    p: float
    n: int
    d: int
    size: int
    rank: int
    lower: float
    upper: float
    certified_lower: float | None
    certified_upper: float | None
    tier: str
    proof: str | None
    witnesses: Witnesses
    rank_preserved: bool
    diagnostics: Mapping[str, TierResult]
    passes: int
    seed: int
    status: Status = Status.OK

    @property
    def found(self) -> float:
        """The distortion found: max(upper - 1, 1 - lower). No eps below it can hold."""
        return max(self.upper - 1.0, 1.0 - self.lower, 0.0)

    @property
    def certified(self) -> bool:
        """Whether a two-sided enclosure of the ratio for every x was proved."""
        return self.certified_lower is not None and self.certified_upper is not None

    @property
    def certified_distortion(self) -> float:
        """The eps that is proved to hold for every x; infinite without a proof."""
        if self.certified_lower is None or self.certified_upper is None:
            return math.inf
        return max(self.certified_upper - 1.0, 1.0 - self.certified_lower, 0.0)

    def check(self, A: Any, sample: SampleLike) -> tuple[float, float]:
        """Measure both witnesses again; see `Witnesses.check`."""
        return self.witnesses.check(A, sample)

    def __repr__(self) -> str:
        return (
            f"Certificate(p={self.p:g}, found={self.found:.4g}, tier={self.tier!r}, "
            f"certified={self.certified})"
        )

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """A few lines for people: what was found, what was proved, what looks odd."""
        lines = [
            f"{self.size} of {self.n} rows, d = {self.d}, rank {self.rank}, p = {self.p:g}",
        ]
        lines.append(
            f"found     ratios from {self.lower:.4f} to {self.upper:.4f}: distortion "
            f"{self.found:.4f} ({self.tier})"
        )
        if self.proof is not None and self.certified:
            lines.append(
                f"proved    ratios from {self.certified_lower:.4f} to {self.certified_upper:.4f}: "
                f"distortion at most {self.certified_distortion:.4f} ({self.proof})"
            )
        else:
            lines.append("proved    nothing from above: the found distortion is a lower bound")
        if not self.rank_preserved:
            lines.append("rank      LOST: the sample cannot tell some x from 0; keep more rows")
        statistical = self.diagnostics.get("statistical")
        if statistical is not None:
            seen = statistical.details
            lines.append(
                f"typical   distortion {seen['typical_median']:.4f} for a random x, "
                f"{seen['typical_95']:.4f} for one in twenty"
            )
            lines.append(
                f"weights   effective sample size {seen['effective_sample_size']:.1f}, largest "
                f"weight x score {seen['max_weight_score']:.4g}"
            )
            lines += [f"warning   {text}" for text in seen["warnings"]]
        lines.append(f"cost      {self.passes} passes over the rows; seed {self.seed}")
        return "\n".join(lines)
