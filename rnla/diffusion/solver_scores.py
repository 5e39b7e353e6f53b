"""Scores of a candidate solver: distance to a reference run, and energy distance to samples.

Both stand where a learned metric of images would, and need no network. The energy distance
2 E|X - Y| - E|X - X'| - E|Y - Y'| is zero only if the two laws are equal (G. Székely, M. Rizzo,
Energy statistics, J. Stat. Plan. Inference 2013). Cost: one run of the candidate, and n² distances.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error
from ._arrays import as_state, on_host
from .execute import run_plan
from .models import prepare
from .prediction import Prediction
from .schedules import Schedule
from .solver_space import Candidate

__all__ = ["endpoint_score", "energy_distance", "energy_score"]

Score = Callable[[Candidate], float]


def endpoint_score(
    model: Any,
    x: Any,
    target: Any,
    *,
    schedule: Schedule,
    prediction: str | Prediction | None = None,
) -> Score:
    """Return a function that gives a candidate's root mean squared distance to known end points.

    Parameters
    ----------
    model : callable
        As for `sample`.
    x : array, shape (samples, ...)
        States at the first level.
    target : array like `x`
        Where the exact flow takes them.
    schedule : Schedule
        The noise schedule.
    prediction : str or Prediction, optional
        What the model returns.

    Returns
    -------
    callable
        Of a `Candidate`; infinite if its run is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian, VPLinear
    >>> from rnla.diffusion.solver_scores import endpoint_score
    >>> from rnla.diffusion.solver_space import SolverSpace
    >>> space, model = SolverSpace(VPLinear(), 8), Gaussian(np.zeros(2), np.diag([0.5, 2.0]))
    >>> x, (first, last) = np.ones((1, 2)), map(space.schedule.level_of, space.ends)
    >>> score = endpoint_score(model, x, model.flow(x, first, last), schedule=space.schedule)
    >>> score(space.presets()[2]) < score(space.presets()[0])
    True
    """
    ends = _ends(model, x, schedule, prediction)
    goal = on_host(target)

    def score(candidate: Candidate) -> float:
        values = ends(candidate)
        return math.inf if values is None else float(np.sqrt(np.mean((values - goal) ** 2)))

    return score


def energy_score(
    model: Any,
    x: Any,
    samples: Any,
    *,
    schedule: Schedule,
    prediction: str | Prediction | None = None,
) -> Score:
    """Return a function that gives the energy distance of a candidate's ends to given samples.

    Parameters
    ----------
    model, x
        As in `endpoint_score`.
    samples : array, shape (m, ...)
        Samples of the data.
    schedule, prediction
        As in `endpoint_score`.

    Returns
    -------
    callable
        Of a `Candidate`; infinite if its run is not finite.

    Notes
    -----
    The score is noisy by about 1/sqrt(samples); use the same `x` for all candidates.
    """
    ends = _ends(model, x, schedule, prediction)
    goal = on_host(samples)

    def score(candidate: Candidate) -> float:
        values = ends(candidate)
        return math.inf if values is None else energy_distance(values, goal)

    return score


def energy_distance(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return the energy distance of two samples, without the pairs of a point with itself.

    Parameters
    ----------
    x, y : array_like, shapes (n, ...) and (m, ...)
        Samples, at least two each; entries beyond the first axis are coordinates.

    Returns
    -------
    float
        An unbiased estimate, so slightly negative values occur for equal laws.

    Raises
    ------
    ArgumentError
        If a sample has fewer than two points or the dimensions differ.

    Examples
    --------
    >>> from rnla.diffusion.solver_scores import energy_distance
    >>> energy_distance([[0.0], [1.0]], [[3.0], [4.0]])
    4.0
    """
    a = np.asarray(x, dtype=np.float64)
    b = np.asarray(y, dtype=np.float64)
    if len(a) < 2 or len(b) < 2 or a.shape[1:] != b.shape[1:]:
        raise argument_error(
            "x",
            f"shapes {a.shape} and {b.shape}",
            "two or more points each, of one dimension",
            "Pass arrays of shapes (n, d) and (m, d).",
        )
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    within = sum(_distances(c, c) / (len(c) * (len(c) - 1)) for c in (a, b))
    return 2.0 * _distances(a, b) / (len(a) * len(b)) - within


def _distances(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Return the sum of all distances, by rows so that memory stays small."""
    return float(sum(np.sqrt(((row - b) ** 2).sum(axis=1)).sum() for row in a))


def _ends(
    model: Any, x: Any, schedule: Schedule, prediction: str | Prediction | None
) -> Callable[[Candidate], Any]:
    """Return a function that runs a candidate and gives its end points, None if not finite."""
    x = as_state(x)
    prepared = prepare(model, schedule, prediction, check=False)

    def run(candidate: Candidate) -> Any:
        plan = candidate.solver.compile(schedule, candidate.grid(schedule))
        state = x
        for after in run_plan(plan, x, prepared):
            state = after.x
        values = on_host(state)
        return values if np.isfinite(values).all() else None

    return run
