"""Sample with a stochastic interpolant: its ODE and its SDEs, forwards and backwards in time.

dx/dt = b, dX = (b + ε s) dt + √(2ε) dW forwards and dX = (b - ε s) dt + √(2ε) dW̄ backwards all
have the laws ρ_t, for any ε(t) ≥ 0 (arXiv 2303.08797, section 2.2). Euler costs one drift a step;
Heun, and for ε > 0 the predictor-corrector that uses the *same* noise in both halves, two. "Heun"
of the published code evaluates both halves at the end of the step and is of first order: a named
option, not the default.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error, check_choice, check_positive, check_size
from ..._result import FloatArray
from ...random import RNGLike, Stream, resolve_seed
from .._arrays import as_state
from .._checks import check_output
from .._record import StateRecord
from ..noise import normals
from .fields import Fields

__all__ = ["InterpolantSample", "inner_times", "solve_ode", "solve_sde"]

Velocity = Callable[[Any, float], Any]
Noise = Callable[[int, Any, tuple[float, float]], Any]
METHODS = ("euler", "heun", "heun_as_published_code")


@dataclass(frozen=True, eq=False)
class InterpolantSample(StateRecord):
    """States at the last time.

    Attributes
    ----------
    values : array
    times : ndarray, shape (N + 1,)
    drifts : int
        Evaluations of the drift; times `Fields.calls` for calls of models.
    method : str
    seed : int or None
        None if nothing was random.
    """

    values: Any
    times: FloatArray
    drifts: int
    method: str
    seed: int | None


def inner_times(steps: int, *, start: float = 1e-3, stop: float = 1.0 - 1e-3) -> FloatArray:
    """Equidistant times that stop short of the ends, where scores may be infinite.

    Parameters
    ----------
    steps : int
    start, stop : float, default 1e-3 and 1 - 1e-3
        start > stop for sampling backwards.

    Examples
    --------
    >>> inner_times(2, start=0.0, stop=1.0)
    array([0. , 0.5, 1. ])
    """
    return np.linspace(start, stop, check_size(steps, name="steps") + 1)


def solve_ode(
    velocity: Velocity | Fields, x: Any, *, times: npt.ArrayLike, method: str = "heun"
) -> InterpolantSample:
    """Transport states along dx/dt = b(x, t).

    Parameters
    ----------
    velocity : callable or Fields
        ``b(x, t)``.
    x : array, shape (B, ...)
        States at the first time.
    times : array_like, shape (N + 1,)
        Strictly monotone, forwards or backwards.
    method : {"heun", "euler", "heun_as_published_code"}

    Returns
    -------
    InterpolantSample

    Examples
    --------
    >>> import numpy as np
    >>> sample = solve_ode(lambda x, t: 2.0 * t + 0.0 * x, np.zeros((1, 1)), times=[0.0, 0.5, 1.0])
    >>> sample.values, sample.drifts
    (array([[1.]]), 4)
    """
    function = velocity.drift if isinstance(velocity, Fields) else velocity
    x, nodes = as_state(x), _check_times(times)
    check_choice(method, "method", METHODS)
    for number, (start, stop) in enumerate(itertools.pairwise(nodes)):
        step = float(stop - start)
        first = function(x, float(stop if method == "heun_as_published_code" else start))
        _check_drift(first, x, number, start)
        if method == "euler":
            x = x + step * first
        else:
            second = function(x + step * first, float(stop))
            _check_drift(second, x, number, stop)
            x = x + (0.5 * step) * (first + second)
    drifts = (len(nodes) - 1) * (1 if method == "euler" else 2)
    return InterpolantSample(x, nodes, drifts, method, None)


def solve_sde(
    fields: Fields,
    x: Any,
    *,
    times: npt.ArrayLike,
    epsilon: float | Callable[[float], float],
    method: str = "euler",
    last: str = "step",
    noise: Noise | None = None,
    rng: RNGLike = None,
) -> InterpolantSample:
    """Sample one of the SDEs whose laws are those of an interpolant.

    Parameters
    ----------
    fields : Fields
        With ε > 0 it must know η or s.
    x : array, shape (B, ...)
        States at the first time.
    times : array_like, shape (N + 1,)
        Increasing to sample forwards, decreasing backwards.
    epsilon : float or callable
        ε ≥ 0, or a function of time. A multiple of γ keeps the drift bounded at the ends.
    method : {"euler", "heun", "heun_as_published_code"}
        Euler-Maruyama, or the predictor-corrector with the same noise.
    last : {"step", "denoise"}
        "denoise" ends with the mean of the end that lies ahead given the state at the last time,
        which may then stop short of it; one more evaluation.
    noise : callable, optional
        ``noise(draw, like, (start, stop))``: standard normals of the shape of `like`.
    rng : None, int, Generator or SeedSequence
        Seed of the noise where none is given.

    Returns
    -------
    InterpolantSample

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion.interpolants import GaussianPair, Interpolant
    >>> pair = GaussianPair(Interpolant(), [0.0], [[1.0]], [3.0], [[1.0]])
    >>> times = inner_times(8)
    >>> sample = solve_sde(pair.fields(), np.zeros((4, 1)), times=times, epsilon=0.5, rng=0)
    >>> sample.values.shape, sample.drifts
    ((4, 1), 8)
    """
    x, nodes = as_state(x), _check_times(times)
    check_choice(method, "method", METHODS)
    check_choice(last, "last", ("step", "denoise"))
    sign = 1.0 if nodes[-1] > nodes[0] else -1.0
    if last == "denoise" and sign < 0 and fields.interpolant.kind == "one_sided":
        raise argument_error(
            "last", '"denoise", towards noise', '"step"', "Noise has no denoised estimate."
        )
    level = epsilon if callable(epsilon) else _constant(epsilon)
    seed = None
    if noise is None:
        seed = resolve_seed(rng)
        noise = _normals(seed)
    for draw, (start, stop) in enumerate(itertools.pairwise(nodes)):
        x = _sde_step(fields, x, float(start), float(stop), sign, level, method, noise, draw)
    drifts = (len(nodes) - 1) * (1 if method == "euler" else 2)
    if last == "denoise":
        x = fields.ends(x, float(nodes[-1]))[1 if sign > 0 else 0]
        drifts += 1
    return InterpolantSample(x, nodes, drifts, method, seed)


def _sde_step(
    fields: Fields,
    x: Any,
    start: float,
    stop: float,
    sign: float,
    level: Callable[[float], float],
    method: str,
    noise: Noise,
    draw: int,
) -> Any:
    step = stop - start
    before, after = float(level(start)), float(level(stop))
    if not (before >= 0.0 and after >= 0.0):
        raise argument_error(
            "epsilon",
            f"{before} at time {start} and {after} at {stop}",
            "values of at least 0",
            "Clip it at 0.",
        )
    used = before if method == "euler" else 0.5 * (before + after)
    kick = x
    if used > 0.0:
        kick = x + math.sqrt(2.0 * used * abs(step)) * noise(draw, x, (start, stop))
    if method == "heun_as_published_code":
        # Noise first, and both drifts at the end of the step.
        first = fields.drift(kick, stop, epsilon=sign * after)
    else:
        first = fields.drift(x, start, epsilon=sign * before)
    _check_drift(first, x, draw, start)
    if method == "euler":
        return kick + step * first
    second = fields.drift(kick + step * first, stop, epsilon=sign * after)
    _check_drift(second, x, draw, stop)
    return kick + (0.5 * step) * (first + second)


def _check_drift(drift: Any, x: Any, step: int, time: float) -> None:
    check_output(drift, x, name="velocity", where=f"at step {step}, time {time:.6g}")


def _normals(seed: int) -> Noise:
    stream = Stream(seed, "stochastic interpolant")
    return lambda draw, like, _: normals(stream, draw, like)


def _constant(epsilon: float) -> Callable[[float], float]:
    value = check_positive(epsilon, "epsilon", allow_zero=True)
    return lambda _: value


def _check_times(times: npt.ArrayLike) -> FloatArray:
    nodes = np.asarray(times, dtype=np.float64)
    if nodes.ndim != 1 or nodes.size < 2:
        raise argument_error(
            "times", f"shape {nodes.shape}", "at least two times (N + 1,)", "Pass inner_times(20)."
        )
    steps = np.diff(nodes)
    if not (np.all(steps > 0) or np.all(steps < 0)):
        bad = int(np.argmin(steps * np.sign(nodes[-1] - nodes[0])))
        raise argument_error(
            "times",
            f"{nodes[bad]:.6g} followed by {nodes[bad + 1]:.6g} at step {bad}",
            "strictly monotone times",
            "Sort them, and drop repeats.",
        )
    if nodes.min() < 0.0 or nodes.max() > 1.0:
        raise argument_error(
            "times", f"{nodes.min():.6g} to {nodes.max():.6g}", "times in [0, 1]", "Rescale them."
        )
    return nodes
