"""Simulated problems in the shapes that the tests of the solvers need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rnla.calibration import simulate

__all__ = ["MODELS", "Case", "complex_normal", "draw", "draw_batch", "draw_real"]

MODELS = ["repeated", "diverse", "snapshots"]


@dataclass
class Case:
    """Y = D A x + noise, E|noise|^2 = sigma^2."""

    Y: Any
    A: Any
    x: Any
    d: Any
    sigma: float = 0.0
    weights: Any = None


def complex_normal(rng, *shape):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


def draw(model, m, n, p, *, seed=0, **options):
    """One problem from `simulate`."""
    data = simulate(model, m=m, n=n, p=p, rng=seed, **options)
    return Case(data.Y, data.operators, data.signal, data.gains, data.noise_std, data.weights)


def draw_batch(model, m, n, p, count, **options):
    """`count` problems with the operators of the first."""
    cases = [draw(model, m, n, p, seed=seed, **options) for seed in range(count)]
    A = cases[0].A
    x, d = (np.stack([getattr(case, name) for case in cases]) for name in "xd")
    Y = d[..., None, :] * products(A, x, model)
    noise = [case.Y - case.d * products(case.A, case.x, model) for case in cases]
    return Case(Y + np.stack(noise), A, x, d, cases[0].sigma)


def draw_real(m, n, p):
    """Positive gains, everything real, the repeated model."""
    rng = np.random.default_rng(0)
    A, x, d = rng.standard_normal((p, m, n)), rng.standard_normal(n), rng.uniform(0.5, 1.5, m)
    return Case(d * (A @ x), A, x, d)


def products(A, x, model):
    signals = x[..., None, :] if model == "repeated" else x
    return (A @ signals[..., None])[..., 0]
