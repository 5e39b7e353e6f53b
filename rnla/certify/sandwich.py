"""Tier V4 for any p: a proof by way of a reweighted l_2 norm (SPEC I11, V4).

Let w > 0 be any weights, y = A x and Q = sum of w_i^(1-2/p) y_i^2. With tau the leverage scores of
W^(1/2-1/p) A, gamma = max tau_i / w_i and T = sum of w_i, Hoelder's inequality gives

    p <= 2:  Q^(p/2) / gamma^(1-p/2) <= ||y||_p^p <= T^(1-p/2) Q^(p/2),
    p >= 2:  Q^(p/2) / T^(p/2-1)     <= ||y||_p^p <= gamma^(p/2-1) Q^(p/2).

The same holds for the sample with weights omega_i w_i, where omega are the sample's weights, and
the two quadratics are compared exactly by eigenvalues. Lewis weights make gamma = 1 and T = rank,
the best choice; any others are still a proof. The enclosure is loose by about rank^|p/2-1|: it
shows that a sample is not broken, not that it is good. Cost as `spectral`, with one more basis:
about four passes. `details`: ``gamma``, ``total`` and ``eigenvalues`` (first and last).
"""

from __future__ import annotations

import numpy as np

from .._errors import ArgumentTypeError, argument_error
from .._result import FloatArray
from ..basis import orthonormal_basis
from ..tall._device import of_device, on_device, stays_on_device
from ..tall.rows import host
from ._certificate import TierResult
from ._problem import Problem
from ._rows import dense_product

__all__ = ["check_lewis", "sandwich_tier"]


def sandwich_tier(problem: Problem, lewis: FloatArray | None = None) -> TierResult:
    """Prove bounds for every x at any p from weights w; leverage scores if none are given."""
    p = problem.p
    w = host(problem.leverage) if lewis is None else lewis
    live = w > 0
    exponent = 0.5 - 1.0 / p
    scale = np.zeros(w.size)
    scale[live] = np.exp(exponent * np.log(w[live]))
    basis = orthonormal_basis(problem.A, row_scale=scale, seed=problem.whole.seed)
    tau = host(basis.leverage(problem.A, scale))
    # A row with weight zero would be missing from Q: only rows of zeros may have it.
    missing = np.any(~live & (host(problem.A.scan().row_max) > 0))
    gamma = float(np.max(tau[live] / w[live]))
    total = float(w.sum())

    omega = problem.weights
    factor = scale[problem.indices] * np.sqrt(omega)
    B = dense_product(problem.rows, problem.whole.unscaled(basis.M)) * factor[:, None]
    values, vectors = np.linalg.eigh(B.T @ B)
    kept_w = omega * w[problem.indices]
    kept = kept_w > 0
    bounds: tuple[float | None, float | None] = (None, None)
    if not missing and kept.any() and values[0] > 1e-10 * values[-1]:
        kept_tau = np.sum((B @ vectors) ** 2 / values, axis=1)
        kept_gamma = float(np.max(kept_tau[kept] / kept_w[kept]))
        slack = 1e-10 + problem.p * 32.0 * np.finfo(float).eps * basis.condition
        bounds = _enclosure(p, values, (gamma, total), (kept_gamma, float(kept_w.sum())), slack)
    return TierResult(
        "sandwich",
        basis.M @ vectors[:, [0, -1]],
        certified_lower=bounds[0],
        certified_upper=bounds[1],
        details={
            "gamma": gamma,
            "total": total,
            "eigenvalues": (float(values[0]), float(values[-1])),
        },
    )


def check_lewis(lewis: object, n: int) -> FloatArray:
    """Return the weights as a float64 vector, or raise."""
    expected = f"{n} finite, non-negative numbers, one per row of A"
    lewis = getattr(lewis, "values", lewis)
    if on_device(lewis):
        raise stays_on_device("lewis_weights", of_device(lewis), "the tier 'sandwich'")
    try:
        w = np.asarray(lewis, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise argument_error(
            "lewis_weights",
            type(lewis).__name__,
            expected,
            "Pass rnla.lewis_weights(A, p) or its values.",
            kind=ArgumentTypeError,
        ) from error
    if w.shape != (n,) or not np.all(np.isfinite(w)) or np.any(w < 0):
        got = f"shape {w.shape}" if w.shape != (n,) else "negative or non-finite entries"
        remedy = "Pass rnla.lewis_weights(A, p) or its values."
        raise argument_error("lewis_weights", got, expected, remedy)
    return w


def _enclosure(
    p: float,
    values: FloatArray,
    full: tuple[float, float],
    kept: tuple[float, float],
    slack: float,
) -> tuple[float, float]:
    """Bounds on the ratio from extreme eigenvalues and (gamma, total) of both sides."""
    (gamma, total), (kept_gamma, kept_total) = full, kept
    power = abs(1.0 - p / 2.0)
    over, under = gamma * kept_total, kept_gamma * total
    if p > 2.0:
        over, under = under, over
    lower = float(values[0]) ** (p / 2.0) / under**power
    upper = float(values[-1]) ** (p / 2.0) * over**power
    return max(lower * (1.0 - slack), 0.0), upper * (1.0 + slack)
