"""What `calibrate_partitioned` asks of the parts: functions that are sent to where the data are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error
from ._connectivity import links_of, pattern_of, unknowns_of, values_of
from ._whitening import Whitening, whiten
from .operators import Operators
from .operators._base import Array
from .polish import SignalStep
from .problem import Problem

__all__ = [
    "Held",
    "Summary",
    "fitted",
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
    "touched",
    "triangle",
]


@dataclass(frozen=True)
class Held:
    """One part: its problem, that without unusable sensors, and factors for signals of its own.

    The pattern of its operators has ones where these are not zero; None where they never are.
    """

    problem: Problem
    pattern: Operators | None = None
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
    return Held(problem, pattern_of(problem.operators))


@dataclass(frozen=True)
class Summary:
    """What all have to know of a part; `gram` is c of A^* A = c I, `gamma` in units of scale^2."""

    shape: tuple[int, int, int]
    kind: str
    gram: float | None
    scale: float
    gamma: Array
    counts: Array
    seen_unknowns: int
    has_zeros: bool


def summary(held: Held) -> Summary:
    """The summary of a part."""
    problem = held.problem
    scale = float(problem.scale[0, 0]) if problem.data.any() else 0.0
    counts = problem.valid_counts
    gram = problem.operators.scalar_gram if problem.weights is None else None
    return Summary(
        shape=(problem.p, problem.m, problem.n),
        kind=problem.dtype.kind,
        gram=gram,
        scale=scale,
        gamma=problem.gamma(),
        counts=counts,
        seen_unknowns=int(problem.seen_unknowns),
        has_zeros=held.pattern is not None,
    )


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
    return replace(held, problem=problem, linear=linear, whitening=own, step=step)


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


def touched(held: Held, reached: Array) -> Array:
    """Unknowns of the one signal that sensors reached measure in this part, shape (n,)."""
    assert held.linear is not None
    values = links_of(held.linear) & reached
    unknowns = unknowns_of(held.pattern, values, True)
    return np.broadcast_to(unknowns[0], (held.linear.n,)).copy()


def linked(held: Held, reached: Array) -> Array:
    """Sensors that this part ties to those reached; of one signal, to the unknowns reached."""
    assert held.linear is not None
    links = links_of(held.linear)
    unknowns = reached[None, :]
    if not held.linear.repeated:
        unknowns = unknowns_of(held.pattern, links & reached, False)
    return np.asarray((links & values_of(held.pattern, unknowns)).any(axis=-2))


def fitted(held: Held) -> tuple[bool, int]:
    """Of the usable sensors: do operators miss a part of the signals; `Problem.seen_unknowns`."""
    assert held.linear is not None
    missed = held.whitening is not None and bool(held.whitening.rank_deficient)
    return missed, int(held.linear.seen_unknowns)
