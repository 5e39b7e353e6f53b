"""Snapshots to start from, by leverage (SPEC A14).

Without noise the p x m matrix of snapshots through one instrument has rank n, so few of its rows
determine the gains; those of large leverage carry what the others lack. Drawn without replacement
with probabilities in proportion to leverages (Efraimidis and Spirakis, 2006), from a seed. One Gram
matrix, p m^2 multiply-adds.
"""

from __future__ import annotations

import numpy as np

from .._errors import argument_error, check_size
from .._result import IntArray
from ..random import Stream
from .identifiability import identifiability
from .operators._base import Array
from .problem import Problem

__all__ = ["FULL_SWEEPS", "sample_snapshots", "snapshot_leverages"]

PURPOSE = "calibration.snapshots"
FULL_SWEEPS = 3  # over all snapshots, after the answer of the sample


def snapshot_leverages(problem: Problem) -> Array:
    """Leverage of every snapshot in the best rank n; their sum is n.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    ndarray, shape (..., p)
    """
    y = problem.data
    if problem.weights is not None:
        y = y * np.sqrt(problem.weights)
    values, vectors = np.linalg.eigh(y.conj().swapaxes(-1, -2) @ y)
    # y_l as a row is x_l^T (D A)^T: coordinates are those of y times the vectors themselves.
    image = np.abs(y @ vectors[..., -problem.n :]) ** 2
    leading = values[..., -problem.n :]
    limit = np.finfo(problem.real_dtype).eps * values.max(axis=-1, keepdims=True)
    inverse = np.where(leading > limit, 1.0 / np.where(leading > limit, leading, 1), 0)
    return np.asarray((image * inverse[..., None, :]).sum(axis=-1))


def sample_snapshots(problem: Problem, size: int, *, seed: int) -> IntArray:
    """Indices of `size` snapshots, ascending; all problems of a batch share them.

    Parameters
    ----------
    problem : Problem
        Of the model "snapshots".
    size : int
    seed : int

    Returns
    -------
    ndarray of int, shape (size,)

    Raises
    ------
    ArgumentError
        For another model, or a sample below the counting bound.
    """
    size = check_size(size, name="sample")
    if not problem.operators.shared or problem.repeated:
        remedy = "Leave sample out: for other models each measurement has an operator of its own."
        raise argument_error("sample", f"model {problem.model!r}", "model='snapshots'", remedy)
    k = None if problem.gain_basis is None else problem.k
    bound = identifiability("snapshots", m=problem.m, n=problem.n, p=size, k=k)
    if not bound.identifiable:
        remedy = f"Take {8 * problem.n} or so."
        raise argument_error("sample", size, f"enough snapshots ({bound.bound})", remedy)
    if size >= problem.p:
        return np.arange(problem.p)
    leverages = snapshot_leverages(problem).reshape(-1, problem.p).mean(axis=0)
    numbers = Stream(seed, PURPOSE).uniform(range(problem.p))
    with np.errstate(divide="ignore"):
        keys = np.where(leverages > 0, np.log(numbers) / np.maximum(leverages, 1e-300), -np.inf)
    return np.sort(np.argsort(keys, kind="stable")[-size:])
