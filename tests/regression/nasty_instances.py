"""Small instances that break solvers: rows or columns 12 orders apart, dependent columns, zero and
repeated rows, perfect fits, weights of zero, bounds, and what rounding lets any solver know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

ROWS = ["plain", "dependent", "columns", "rows", "repeated", "whole", "zero", "units", "cauchy"]
RESPONSES = ["normal", "perfect", "ones", "whole", "units", "cauchy"]
POWERS = [1, 1.01, 1.2, 1.5, 2, 2.5, 3, 4, 8, 20, np.inf]


@dataclass
class Nasty:
    """Arguments of a regression."""

    A: np.ndarray
    b: np.ndarray
    p: float
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> np.ndarray:
        return self.options.get("weights", np.ones(len(self.b)))

    @property
    def columns(self) -> np.ndarray:
        """With the ones of an intercept."""
        if not self.options["intercept"]:
            return self.A
        return np.column_stack([self.A, np.ones(len(self.A))])


def draw(seed: int) -> Nasty:
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(1, 60)), int(rng.integers(1, 8))
    A = rng.standard_normal((n, d))
    kind = ROWS[rng.integers(0, len(ROWS))]
    if kind == "dependent":
        A[:, -1] = A[:, 0]
    elif kind == "columns":
        A *= 10.0 ** rng.uniform(-6, 6, d)
    elif kind == "rows":
        A *= 10.0 ** rng.uniform(-6, 6, (n, 1))
    elif kind == "repeated":
        A = np.repeat(A[: max(1, n // 3)], 3, axis=0)
    elif kind == "whole":
        A = np.round(A)
    elif kind == "zero":
        A[rng.random(n) < 0.5] = 0
    elif kind == "units":
        A *= 10.0 ** rng.integers(-100, 100)
    elif kind == "cauchy":
        A = rng.standard_cauchy((n, d))
    n = len(A)
    b = rng.standard_normal(n)
    response = RESPONSES[rng.integers(0, len(RESPONSES))]
    if response == "perfect":
        b = A @ rng.standard_normal(d)
    elif response == "ones":
        b = np.ones(n)
    elif response == "whole":
        b = np.round(b)
    elif response == "units":
        b = b * 10.0 ** rng.integers(-60, 60)
    elif response == "cauchy":
        b = rng.standard_cauchy(n)
    p = float(rng.choice(POWERS))
    options: dict[str, Any] = {"intercept": bool(rng.integers(0, 2))}
    if rng.random() < 0.3:
        options["weights"] = rng.integers(0, 3, n).astype(float)
        options["weights"][0] = 1.0
    if rng.random() < 0.3:
        options["bounds"] = (0.0, np.inf)
    return Nasty(A, b, p, options)


def residuals(problem: Nasty, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|b - A x| and what rounding may change of each (Higham 2002, section 3.5)."""
    A = problem.columns
    with np.errstate(over="ignore", under="ignore"):
        noise = (A.shape[1] + 2) * 2.0**-52 * (np.abs(A) @ np.abs(x) + np.abs(problem.b))
        return np.abs(problem.b - A @ x), noise


def value_between(problem: Nasty, x: np.ndarray, p: float) -> tuple[float, float]:
    """The least and the largest objective at x that rounding of residuals allows."""
    r, noise = residuals(problem, x)
    w = problem.weights
    low, high = np.maximum(r - noise, 0.0), r + noise
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if np.isinf(p):
            return float(np.max(low[w > 0])), float(np.max(high[w > 0]))
        used = w > 0
        return float(w[used] @ low[used] ** p), float(w[used] @ high[used] ** p)
