"""Small instances on which rounding, rank, ties and units go wrong, in all combinations.

`instance(seed)` draws one; `KINDS` name what is odd about the rows, `RESPONSES` what is about b.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["KINDS", "RESPONSES", "Nasty", "instance"]

KINDS = (
    "gaussian",
    "dependent columns",
    "columns 12 orders apart",
    "rows 12 orders apart",
    "each row three times",
    "integers",
    "rows of zeros",
    "extreme units",
    "cauchy",
)
RESPONSES = ("noise", "a perfect fit", "constant", "rounded", "extreme units", "cauchy", "offset")


@dataclass(frozen=True, eq=False)
class Nasty:
    """Rows, responses, weights or None, and whether an intercept and a sign are asked for."""

    A: np.ndarray
    b: np.ndarray
    weights: np.ndarray | None
    intercept: bool
    nonnegative: bool
    kind: str
    response: str
    rng: np.random.Generator

    @property
    def labels(self) -> np.ndarray:
        """Which responses are above the median."""
        return self.b > np.median(self.b)

    @property
    def options(self) -> dict:
        """weights and intercept, as every regression takes them."""
        return {"weights": self.weights, "intercept": self.intercept}


def instance(seed: int) -> Nasty:
    """One instance; what else a test draws comes from its `rng`."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(1, 60)), int(rng.integers(1, 8))
    kind = KINDS[rng.integers(len(KINDS))]
    A = rng.standard_cauchy((n, d)) if kind == "cauchy" else rng.standard_normal((n, d))
    if kind == "dependent columns":
        A[:, -1] = A[:, 0]
    elif kind == "columns 12 orders apart":
        A *= 10.0 ** rng.uniform(-6, 6, d)
    elif kind == "rows 12 orders apart":
        A *= 10.0 ** rng.uniform(-6, 6, (n, 1))
    elif kind == "each row three times":
        A = np.repeat(A[: max(1, n // 3)], 3, axis=0)
    elif kind == "integers":
        A = np.round(A)
    elif kind == "rows of zeros":
        A[rng.random(n) < 0.5] = 0.0
    elif kind == "extreme units":
        A *= 10.0 ** rng.integers(-100, 100)
    n = len(A)
    b = rng.standard_normal(n)
    response = RESPONSES[rng.integers(len(RESPONSES))]
    if response == "a perfect fit":
        b = A @ rng.standard_normal(d)
    elif response == "constant":
        b = np.ones(n)
    elif response == "rounded":
        b = np.round(b)
    elif response == "extreme units":
        b *= 10.0 ** rng.integers(-60, 60)
    elif response == "cauchy":
        b = rng.standard_cauchy(n)
    elif response == "offset":
        b += 10.0 ** rng.uniform(3, 12)
    weights = None
    if rng.random() < 0.3:
        weights = rng.integers(0, 3, n).astype(float)
        weights[0] = 1.0
    intercept, nonnegative = bool(rng.integers(2)), bool(rng.random() < 0.3)
    return Nasty(A, b, weights, intercept, nonnegative, kind, response, rng)
