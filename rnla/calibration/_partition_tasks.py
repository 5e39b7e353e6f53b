"""What `calibrate_partitioned` asks of the parts: functions that are sent to where the data are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error
from ._whitening import Whitening, whiten
from .operators._base import Array
from .polish import SignalStep
from .problem import Problem

__all__ = [
    "Held",
    "linked",
    "normal_product",
    "opened",
    "prepared",
    "right_side",
    "signals",
    "summary",
    "sums",
    "there_and_back",
    "to_gains",
    "to_signal",
    "triangle",
]


@dataclass(frozen=True)
class Held:
    """One part: its problem, that without unusable sensors, and factors for signals of its own."""

    problem: Problem
    linear: Problem | None = None
    whitening: Whitening | None = None
    step: SignalStep | None = None


class _Part(Problem):
    """Measurements that may all be zero or missing: there are others."""

    def _unit(self, data: Array) -> Array:
        if data.any():
            return super()._unit(data)
        return np.ones((*self.batch_shape, 1, 1), dtype=self.real_dtype)


def opened(part: Any, model: str) -> Held:
    """A part as the user gave it, checked."""
    if not isinstance(part, (tuple, list)) or len(part) not in (2, 3):
        got, remedy = type(part).__name__, "Pass a list of such pairs or triples."
        kind = ArgumentTypeError
        raise argument_error("parts", got, "(Y, operators[, weights])", remedy, kind=kind)
    Y, operators = part[0], part[1]
    problem = _Part(Y, operators, model=model, weights=part[2] if len(part) > 2 else None)
    if problem.batch_shape:
        raise argument_error("parts", f"Y of shape {np.shape(Y)}", "shape (q, m)", "One problem.")
    return Held(problem)


def summary(held: Held) -> tuple[Any, ...]:
    """Shape, kind, common c of A^* A = c I, sums of squares and of values."""
    problem = held.problem
    scale = float(problem.scale[0, 0]) if problem.data.any() else 0.0
    counts = problem.valid_counts
    gram = problem.operators.scalar_gram if problem.weights is None else None
    kind = problem.dtype.kind
    shape = (problem.p, problem.m, problem.n)
    return shape, kind, gram, scale**2 * float(counts.sum()), problem.gamma() * scale**2, counts


def prepared(held: Held, scale: float, usable: Array) -> Held:
    """In common units, with factors where signals are of this part alone."""
    problem = held.problem.rescaled(scale)
    linear = problem
    if not usable.all():
        weights = np.ones(()) if problem.weights is None else problem.weights
        linear = problem.with_weights(weights * usable)
    if problem.repeated:
        return replace(held, problem=problem, linear=linear)
    whitening = whiten(problem)
    step = SignalStep(problem, whitening)
    own = whitening if linear is problem else whiten(linear)
    return Held(problem, linear, own, step)


def triangle(held: Held) -> Array:
    """R of the weighted operators of this part."""
    assert held.linear is not None
    A = held.linear.operators.dense()
    if held.linear.weights is not None:
        A = np.sqrt(held.linear.weights)[..., None] * A
    return np.asarray(np.linalg.qr(A.reshape(-1, A.shape[-1]), mode="r"))


def to_signal(held: Held, s: Array) -> Array:
    """C^* s of one signal."""
    assert held.linear is not None
    return held.linear.cross_adjoint(s)


def to_gains(held: Held, x: Array) -> Array:
    """C x of one signal."""
    assert held.linear is not None
    return held.linear.cross(x)


def there_and_back(held: Held, s: Array) -> Array:
    """The projection of diag(y_l) s on the signals of this part, back in the gains."""
    assert held.linear is not None
    assert held.whitening is not None
    y = held.whitening.rooted(held.linear.data)
    image = held.whitening.project(y * s[..., None, :])
    return np.asarray((y.conj() * image).sum(axis=-2))


def _own_signals(held: Held, d: Array) -> tuple[Array, Array]:
    """The best signals of this part, in coordinates, and W^{1/2} A x."""
    assert held.step is not None
    y = held.step.whitening.rooted(held.problem.data)
    t = held.step.solve(y, d, None)
    return t, held.step.synthesis(t)


def sums(held: Held, d: Array, x: Array | None) -> tuple[Array, Array, Array]:
    """What the step for the gains needs, and the cost of d with the signal (its own if None)."""
    problem = held.problem
    root = np.ones(()) if problem.weights is None else np.sqrt(problem.weights)
    y = root * problem.data
    v = _own_signals(held, d)[1] if x is None else root * problem.synthesis(x)
    cost = (np.abs(y - d * v) ** 2).sum()
    return (v.conj() * y).sum(axis=0), (np.abs(v) ** 2).sum(axis=0), np.asarray(cost)


def normal_product(held: Held, powers: Array, x: Array) -> Array:
    """A^* W |D|^2 A x."""
    problem = held.problem
    return problem.analysis(problem.weighted(powers * problem.synthesis(x)))


def right_side(held: Held, d: Array) -> Array:
    """A^* W D^* y."""
    problem = held.problem
    return problem.analysis(d.conj() * problem.weighted(problem.data))


def signals(held: Held, d: Array) -> Array:
    """The best signals of this part."""
    assert held.step is not None
    return held.step.signal(_own_signals(held, d)[0])


def linked(held: Held, reached: Array) -> Array:
    """Sensors that a measurement of this part has in common with those reached."""
    problem = held.problem
    known = problem.data != 0
    if problem.weights is not None:
        known = known & (problem.weights > 0)
    shared = (known & reached).any(axis=-1, keepdims=True)
    return np.asarray((known & shared).any(axis=-2))
