"""The gains that a sweep may choose from: constraints as minimisers over the gains allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error
from ._reciprocal_subspace import ReciprocalSubspace
from .operators._base import Array, check_entries
from .problem import Problem

__all__ = ["Constraint", "quotient", "restriction"]

Constraint = Any


def quotient(top: Array, below: Array) -> Array:
    """top / below, zero where there is nothing to divide by."""
    tiny = np.finfo(below.dtype).tiny / np.finfo(below.dtype).eps
    known = below > tiny
    return np.asarray(np.where(known, top / np.where(known, below, 1), 0))


def restriction(constraint: Constraint, problem: Problem) -> Callable[[Array, Array], Array]:
    """The minimiser over the gains allowed, of sum below |d|^2 - 2 Re(conj(d) top)."""
    if constraint is None:
        return quotient
    if isinstance(constraint, str):
        if constraint == "phase":
            return _phases
        if constraint == "positive":
            return lambda top, below: np.maximum(quotient(top.real, below), 0).astype(top.dtype)
        expected = "None, 'phase', 'positive', an array or a function"
        remedy = "Pass a basis of the gains as an array of shape (m, k)."
        raise argument_error("constraint", repr(constraint), expected, remedy)
    if isinstance(constraint, ReciprocalSubspace):
        return constraint.restrict
    if callable(constraint):
        return _checked(constraint, problem)
    return _in_span(constraint, problem)


def _phases(top: Array, below: Array) -> Array:
    size = np.abs(top)
    return np.asarray(np.where(size > 0, top / np.where(size > 0, size, 1), 1))


def _checked(function: Callable[[Array], Array], problem: Problem) -> Callable[..., Array]:
    def restrict(top: Array, below: Array) -> Array:
        best = quotient(top, below)
        d = np.asarray(function(best.copy()))
        expected = f"finite gains of shape {best.shape}, real for real data, not all zero"
        remedy = "The function maps gains to gains."
        if d.dtype.kind not in ("fiu" if best.dtype.kind == "f" else "fiuc"):
            got = f"a result of dtype {d.dtype}"
            raise argument_error("constraint", got, expected, remedy, kind=ArgumentTypeError)
        if d.shape != best.shape or not np.isfinite(d).all():
            got = f"a result of shape {d.shape}, or entries not finite"
            raise argument_error("constraint", got, expected, remedy)
        if (best.any(axis=-1) & ~d.any(axis=-1)).any():
            raise argument_error("constraint", "a result that is zero", expected, remedy)
        return d.astype(best.dtype)

    return restrict


def _in_span(constraint: Any, problem: Problem) -> Callable[[Array, Array], Array]:
    basis = check_entries(constraint, "constraint")
    if basis.ndim != 2 or basis.shape[0] != problem.m or basis.shape[1] > problem.m:
        expected = f"shape ({problem.m}, k) with k <= {problem.m}"
        remedy = "One row for each sensor."
        raise argument_error("constraint", f"shape {basis.shape}", expected, remedy)
    if np.linalg.matrix_rank(basis) < basis.shape[1]:
        remedy = "Drop redundant columns."
        raise argument_error("constraint", "dependent columns", "independent columns", remedy)
    if basis.dtype.kind == "c" and problem.dtype.kind != "c":
        remedy = "Convert Y to complex."
        kind = ArgumentTypeError
        raise argument_error(
            "constraint", "a complex basis", "real for real data", remedy, kind=kind
        )
    Q = np.linalg.qr(basis)[0].astype(np.result_type(basis.dtype, problem.real_dtype))

    def restrict(top: Array, below: Array) -> Array:
        gram = Q.conj().T @ (below[..., :, None] * Q)
        trace = np.trace(gram, axis1=-2, axis2=-1).real[..., None, None]
        ridge = np.finfo(below.dtype).eps * np.where(trace > 0, trace, 1.0) * np.eye(Q.shape[1])
        h = np.linalg.solve(gram + ridge, (Q.conj().T @ top[..., None]))
        return np.asarray((Q @ h)[..., 0]).astype(top.dtype)

    return restrict
