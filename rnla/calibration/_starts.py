"""The linear methods of `calibrate` under one face: what each found, and the gains it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import IntArray
from .canonical_correlation import CanonicalCorrelation
from .elimination import elimination
from .flags import SensorFlag
from .linear_least_squares import linear_least_squares
from .operators._base import Array
from .polish import gain_step
from .problem import Problem
from .reweighting import reweighting
from .spectral import spectral

__all__ = ["STARTS", "Start", "gains_of", "linear_start"]

STARTS = (
    "canonical_correlation",
    "linear_least_squares",
    "spectral",
    "elimination",
    "reweighting",
)


@dataclass(frozen=True)
class Start:
    """What a linear method found."""

    inverse_gains: Array
    signal: Array
    usable: Array
    converged: Array
    iterations: int


def linear_start(
    problem: Problem,
    method: str,
    certificate: CanonicalCorrelation,
    flags: IntArray,
    *,
    reference: int | None,
    max_iter: int,
    seed: int,
) -> Start:
    """Run a method of `STARTS`; the canonical correlation is there already."""
    if method == "canonical_correlation":
        return _of_correlation(certificate)
    if method == "reweighting":
        return _reweighted(problem, max_iter, seed)
    if method == "elimination":
        reduced = elimination(problem)
        ended = np.ones(problem.batch_shape, dtype=bool)
        return Start(reduced.inverse_gains, reduced.signal, reduced.usable, ended, 0)
    strong = flags & int(SensorFlag.WEAK) == 0
    if not strong.all():
        weights: Any = 1.0 if problem.weights is None else problem.weights
        problem = problem.with_weights(weights * strong[..., None, :].astype(problem.real_dtype))
    steps = max(max_iter, 10_000)
    found: Any
    if method == "spectral":
        found = spectral(problem, max_iter=steps)
    else:
        found = linear_least_squares(problem, reference=reference, max_iter=steps)
    usable = certificate.usable & strong
    return Start(found.inverse_gains, found.signal, usable, found.converged, found.iterations)


def gains_of(problem: Problem, start: Start) -> Array:
    """1 / s, and by least squares where s is not known or next to nothing."""
    s = start.inverse_gains
    size = np.abs(s)
    known = start.usable & (size > np.finfo(problem.real_dtype).eps * size.max(-1, keepdims=True))
    direct = 1.0 / np.where(known, s, 1)
    if known.all():
        return np.asarray(direct)
    return np.asarray(np.where(known, direct, gain_step(problem, start.signal)))


def _of_correlation(found: CanonicalCorrelation) -> Start:
    return Start(found.inverse_gains, found.signal, found.usable, found.converged, found.iterations)


def _reweighted(problem: Problem, max_iter: int, seed: int) -> Start:
    """Problem by problem."""
    batch = problem.batch_shape
    s = np.zeros((*batch, problem.m), dtype=problem.dtype)
    x = np.zeros((*batch, *problem.signal_shape), dtype=problem.dtype)
    usable = np.zeros(s.shape, dtype=bool)
    converged = np.zeros(batch, dtype=bool)
    iterations = 0
    for place in np.ndindex(batch):
        one = problem.select(place) if place else problem
        found = _of_correlation(reweighting(one, max_iter=max_iter, rng=seed).solution)
        s[place], x[place] = found.inverse_gains, found.signal
        usable[place], converged[place] = found.usable, found.converged
        iterations = max(iterations, found.iterations)
    return Start(s, x, usable, converged, iterations)
