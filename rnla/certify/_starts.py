"""Where an ascent begins: a pool of cheap guesses, of which only the best and different are used.

The pool holds extreme generalized eigenvectors of (A^T S^2 A, A^T A), plain and Lewis-reweighted,
random mixtures of all eigenvectors tilted towards either end, the leverage-optimal x of the rows
whose count changed most, coordinate vectors, and for incidence matrices the vector that raises all
sampled neighbours of a vertex (the obstruction of SPEC §5 row 25). Measured for n = 20,000, d = 20,
p = 1: the best 10 of 400 mixtures end within 0.1 % of the best of 150 random starts.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from .._result import FloatArray, IntArray
from ..tall import as_tall, single_threaded_blas
from ._problem import Problem
from ._rows import HeldRows, congruence, dense_product
from ._sums import log_power_sums

__all__ = ["mixtures", "pool_ratios", "select", "start_pool"]

_POOL_FLOPS = 2e9
_SMALLEST_POOL = 48
_FULL_EIGEN = 512
_MIXTURES = 300
_ROWS = 40
_COORDINATES = 40
_VERTICES = 16
_HEIGHTS = (0.4, 0.7, 1.0, 1.3, -0.7, -1.3)


def start_pool(
    problem: Problem, sampled: HeldRows, full: HeldRows, lewis: FloatArray | None
) -> FloatArray:
    """Candidate starts as columns, in the coordinates of the sides."""
    rank = problem.rank
    generator = problem.whole.stream("starts").generator()
    pool = [generator.standard_normal((rank, 8))]
    G_sampled, G_full = sampled.gram(sampled.weights), full.gram(full.weights)
    pairs = [(G_sampled, G_full)]
    if lewis is not None:
        pairs.append(_lewis_pair(problem, lewis))
    pool += [mixtures(*pair, generator) for pair in pairs]
    pool.append(_row_optima(problem, G_full))
    pool.append(_coordinates(problem))
    graph = incidence_witnesses(problem, np.diag(G_sampled) / np.diag(G_full))
    if graph is not None:
        pool.insert(0, graph)
    total = sum(part.shape[1] for part in pool)
    affordable = _POOL_FLOPS / (full.product_flops + 50.0 * len(full))  # 50 for a p-th power
    share = min(1.0, max(_SMALLEST_POOL, affordable) / total)
    joined = np.hstack([part[:, : math.ceil(share * part.shape[1])] for part in pool])
    size = np.abs(joined).max(axis=0)
    return np.asarray(joined[:, size > 0] / size[size > 0])


def mixtures(
    G_sampled: FloatArray, G_full: FloatArray, generator: np.random.Generator
) -> FloatArray:
    """Extreme generalized eigenvectors, then random mixtures of all, tilted towards either end."""
    vectors = _extreme_vectors(G_sampled, G_full, generator)
    position = np.linspace(-1.0, 1.0, vectors.shape[1])[:, None]
    tilt = np.exp(position * generator.uniform(-4.0, 4.0, _MIXTURES))
    mixed = vectors @ (tilt * generator.standard_normal(tilt.shape))
    return np.hstack([vectors[:, :5], vectors[:, -5:], mixed])


def pool_ratios(sampled: HeldRows, full: HeldRows, pool: FloatArray, p: float) -> FloatArray:
    """log N - log D of every candidate, in chunks of rows that fit a few megabytes."""
    sides = [_log_sums(side, pool, p) for side in (sampled, full)]
    return sides[0] - sides[1]


def select(pool: FloatArray, log_ratio: FloatArray, count: int) -> FloatArray:
    """The `count` candidates with the largest log ratio, none nearly parallel to a better one."""
    order = np.argsort(-np.where(np.isfinite(log_ratio), log_ratio, -np.inf))
    unit = pool / np.linalg.norm(pool, axis=0)
    chosen: list[int] = []
    for candidate in order:
        if len(chosen) == count:
            break
        if not chosen or np.abs(unit[:, chosen].T @ unit[:, candidate]).max() < 0.99:
            chosen.append(int(candidate))
    return pool[:, chosen]


def _log_sums(side: HeldRows, pool: FloatArray, p: float) -> FloatArray:
    rows = max(64, 2**17 // max(pool.shape[1], 1))
    blocks = (
        (side.forward_chunk(start, start + rows, pool), side.weights[start : start + rows])
        for start in range(0, len(side), rows)
    )
    return log_power_sums(blocks, pool.shape[1], p)


def _extreme_vectors(
    G_sampled: FloatArray, G_full: FloatArray, generator: np.random.Generator
) -> FloatArray:
    """Generalized eigenvectors by eigenvalue: all, or for a large rank a few of each end."""
    rank = len(G_full)
    scale = 1.0 / np.sqrt(np.maximum(np.diag(G_full), np.finfo(float).tiny))
    F = G_full * scale[:, None] * scale + 1e-12 * np.eye(rank)
    S = G_sampled * scale[:, None] * scale
    with single_threaded_blas():
        if rank <= _FULL_EIGEN:
            vectors: FloatArray = scipy.linalg.eigh(S, F)[1]
        else:
            top = _power_iteration(S, F, generator)
            bottom = _power_iteration(F, S + 1e-8 * np.trace(S) / rank * np.eye(rank), generator)
            vectors = np.hstack([bottom, top[:, ::-1]])
    return np.asarray(vectors * scale[:, None])


def _power_iteration(
    B: FloatArray, C: FloatArray, generator: np.random.Generator, steps: int = 15
) -> FloatArray:
    """Approximate top eigenvectors of (B, C), largest first, by block power iteration."""
    factor = scipy.linalg.cho_factor(C, lower=True)
    X = generator.standard_normal((len(B), 8))
    for _ in range(steps):
        X = np.linalg.qr(scipy.linalg.cho_solve(factor, B @ X))[0]
    mixing: FloatArray = scipy.linalg.eigh(X.T @ B @ X, X.T @ C @ X)[1]
    return X @ mixing[:, ::-1]


def _lewis_pair(problem: Problem, lewis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The l_2 geometry that is closest to l_p: Gram matrices of W^(1/2-1/p) A and of its sample."""
    exponent = 0.5 - 1.0 / problem.p
    scale = np.zeros(len(lewis))
    positive = lewis > 0
    scale[positive] = np.exp(exponent * np.log(lewis[positive]))
    kept = scale[problem.indices] * np.sqrt(problem.weights)
    rows = as_tall(problem.rows, require_tall=False)
    T = problem.transform
    if not sp.issparse(T):
        return rows.gram(row_scale=kept, M=T), problem.A.gram(row_scale=scale, M=problem.basis.M)
    G = problem.A.gram(row_scale=scale) * problem.whole.column_scale
    G *= problem.whole.column_scale[:, None]
    return congruence(rows.gram(row_scale=kept), T), congruence(G, T)


def _row_optima(problem: Problem, G_full: FloatArray) -> FloatArray:
    """(A^T A)^+ a_i for the rows whose count changed most: heavy rows dropped or counted often."""
    score = problem.kept_leverage ** (problem.p / 2.0)
    kept = np.sort(_largest(score * np.abs(problem.weights - 1.0), _ROWS))
    # Alternately, since only the first few may be affordable.
    parts = [
        dense_product(rows, problem.transform) for rows in (problem.rows[kept], problem.others)
    ]
    order = np.argsort(np.concatenate([np.arange(len(part)) for part in parts]), kind="stable")
    B = np.vstack(parts)[order].T
    if not sp.issparse(problem.transform):
        return B  # in an orthonormal basis the minimiser is the row itself
    with single_threaded_blas():
        ridge = 1e-12 * np.trace(G_full) / len(G_full) * np.eye(len(G_full))
        solution: FloatArray = scipy.linalg.solve(G_full + ridge, B, assume_a="pos")
    return solution


def _largest(values: FloatArray, count: int) -> IntArray:
    count = min(count, int(np.count_nonzero(values)))
    chosen: IntArray = np.argpartition(-values, count - 1)[:count] if count else np.empty(0, int)
    return chosen


def _coordinates(problem: Problem) -> FloatArray:
    """Unit vectors of the first pivot columns."""
    count = min(problem.rank, _COORDINATES)
    if sp.issparse(problem.transform):
        return np.eye(problem.rank, count)
    return np.asarray(problem.basis.R[:, problem.basis.pivots[:count]])


def incidence_witnesses(problem: Problem, kept_share: FloatArray) -> FloatArray | None:
    """For graphs: 1 at a vertex, +-t at its sampled neighbours, for the most unbalanced ones."""
    rows = problem.plain_rows
    if not sp.issparse(rows):
        return None
    counts = np.diff(rows.indptr)
    pairs = np.flatnonzero(counts == 2)
    first = rows.indptr[pairs]
    if counts.max(initial=0) > 2 or not pairs.size:
        return None
    if np.any(rows.data[first] != -rows.data[first + 1]):
        return None
    pivots = problem.basis.pivots
    if sp.issparse(problem.transform):
        share = kept_share
    else:  # coordinates are mixed: measure the balance of every column directly
        share = np.asarray(abs(rows).power(2).T @ problem.weights)[pivots]
    order = np.argsort(share)
    some = np.unique(np.concatenate([order[: _VERTICES // 2], order[-_VERTICES // 2 :]]))
    adjacency = abs(rows[pairs]).T.tocsr()
    d = rows.shape[1]
    columns = []
    for vertex in pivots[some]:
        touching = adjacency[[vertex]].indices
        neighbours = np.setdiff1d(rows[pairs[touching]].indices, [vertex])
        height = max(1, neighbours.size) ** (-1.0 / problem.p)
        for factor in _HEIGHTS:
            x = np.zeros(d)
            x[neighbours] = factor * height
            x[vertex] = 1.0
            columns.append(x)
    X = np.column_stack(columns)
    if sp.issparse(problem.transform):
        return np.asarray(X[pivots] / problem.whole.column_scale[pivots, None])
    return np.asarray(problem.basis.R @ X)
