"""`Embedding`: the sampled rows together with everything needed to judge them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._result import Status
from ..certify import Certificate
from ..sampling import RowSample
from ._sampled import SampledForNorm

__all__ = ["Attempt", "Embedding"]


@dataclass(frozen=True)
class Attempt:
    """One size that was tried.

    Attributes
    ----------
    size : int
        Rows asked for.
    kept : int
        Rows drawn; a Poisson sample varies by about sqrt(size).
    found : float
        Distortion found by the certificate.
    """

    size: int
    kept: int
    found: float


@dataclass(frozen=True, eq=False)
class Embedding(SampledForNorm):
    """A reweighted subset of rows that preserves ||Ax||_p^p within 1 ± eps for every x.

    Attributes
    ----------
    sample : RowSample
        Rows, weights, probabilities; ``embedding @ A`` applies it.
    p, eps, delta : float
        The norm, the distortion of its p-th power that was asked for, the failure probability.
    n, d, rank : int
        Shape and numerical rank of A.
    method, reason : str
        How rows were scored, and why that method.
    design : str
        How rows were drawn from their scores.
    scores : ndarray, Dask array, CuPy array or None
        The n scores the probabilities are proportional to, a Dask or CuPy array if A was one; None
        if every row was kept.
    bound : str
        The theorem that the method rests on.
    sizes : dict
        ``theory`` (the bound with unspecified constants set to 1, None if there is no bound),
        ``default`` (where the search starts) and ``used`` (rows asked for in the end).
    attempts : tuple of Attempt
        Every size tried, in order.
    certificate : Certificate or None
        What was measured on this sample; None with ``certify=False``.
    uniform : Certificate or None
        The same for a uniform sample of the same size.
    status : Status
    passes : int
        Passes over A, certificates included.
    seed : int
        Passing it as ``rng=`` repeats the result.
    """

    sample: RowSample
    p: float
    eps: float
    delta: float
    n: int
    d: int
    rank: int
    method: str
    reason: str
    design: str
    scores: Any
    bound: str
    sizes: dict[str, float | None]
    attempts: tuple[Attempt, ...]
    certificate: Certificate | None
    uniform: Certificate | None
    status: Status
    passes: int
    seed: int

    def __repr__(self) -> str:
        found = "not measured" if self.certificate is None else f"{self.certificate.found:.3g}"
        return (
            f"Embedding({self.size} of {self.n} rows, p={self.p:g}, method={self.method!r}, "
            f"found distortion {found}, {self.status.name})"
        )

    def explain(self) -> str:
        """Say in sentences what was done, why, and how good the result is."""
        share = 100.0 * self.size / self.n
        lines = [
            (
                f"Kept {self.size} of {self.n} rows ({share:.3g} %) for p = {self.p:g}, "
                f"d = {self.d}, rank {self.rank}."
            ),
            f"Method: {self.method}, drawn by the {self.design} design. {self.reason}",
            f"Bound: {self.bound}",
            _sizes_sentence(self.sizes),
        ]
        if len(self.attempts) > 1:
            tried = ", ".join(f"{a.size} rows: {a.found:.3g}" for a in self.attempts)
            lines.append(f"Distortion found at each size tried: {tried}.")
        lines += _certificate_sentences(self.certificate, self.eps)
        if self.uniform is not None and self.certificate is not None:
            lines.append(
                f"Uniform sampling of the same size: found distortion {self.uniform.found:.3g}."
                + (
                    " It would have served as well here."
                    if self.uniform.found <= max(self.eps, self.certificate.found)
                    else ""
                )
            )
        lines.append(f"Spent {self.passes} passes over the rows; seed {self.seed}.")
        lines.append(f"Status {self.status.name}: {self.status.value}")
        return "\n".join(lines)


def _sizes_sentence(sizes: dict[str, float | None]) -> str:
    theory = sizes["theory"]
    first = (
        "no theorem covers this method"
        if theory is None
        else f"{theory:.3g} by the bound with its unspecified constants set to 1"
    )
    return f"Rows: {first}; {sizes['default']} by the practical default; {sizes['used']} asked for."


def _certificate_sentences(certificate: Certificate | None, eps: float) -> list[str]:
    if certificate is None:
        return ["Distortion: not measured (certify=False), so nothing is known of this sample."]
    verdict = "meets" if certificate.found <= eps else "misses"
    lines = [
        (
            f"Found distortion {certificate.found:.3g} (ratios from {certificate.lower:.4g} to "
            f"{certificate.upper:.4g}, tier {certificate.tier}): {verdict} eps = {eps:g}."
        )
    ]
    if certificate.certified_lower is not None and certificate.certified_upper is not None:
        worst = max(1.0 - certificate.certified_lower, certificate.certified_upper - 1.0)
        lines.append(f"Proved: the distortion is at most {worst:.3g} for every x.")
    else:
        lines.append(
            "The found distortion is a lower bound on the worst case; no proof from above is known "
            "to be cheap for this p."
        )
    return lines
