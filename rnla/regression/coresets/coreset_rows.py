"""The sample behind a coreset fit: an embedding of [A b] with weights, and how well it fits in.

Rows count w_i times, so the rows that are embedded are w_i^(1/p) [a_i b_i]. Cost: that of
`rnla.lp_subspace_embedding`, and one pass to measure check losses.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..._result import FloatArray
from ...certify import certify_embedding
from ...embedding import Attempt, Embedding, lp_subspace_embedding
from ...sampling import RowSample, sample_rows
from ...tall import TallMatrix, rows
from .._input import Problem
from .full_data_bound import RowLoss

__all__ = ["certified", "columns", "distortion_found", "draw", "proved_by_sample", "row_weights"]

_DELTA = 0.01
_STARTS = 4  # of the search for the worst distortion, which rarely finds more with ten


def columns(problem: Problem) -> TallMatrix:
    """[A b_1 ... b_k]."""
    b = problem.b
    if problem.single:
        return problem.A.with_columns(b)
    return problem.A.with_columns(*(b[:, j] for j in range(b.shape[1])))


def draw(
    problem: Problem,
    p: float,
    fits: list[tuple[int, RowLoss]],
    eps: float,
    size: int | None,
    method: str,
    seed: int,
) -> tuple[RowSample, Embedding | None]:
    """An embedding of [A b] with weights, for the widest of the losses; not measured."""
    n, d = problem.A.shape
    width = d + (1 if problem.single else problem.b.shape[1])
    if n <= width or (size is not None and size >= n):
        return sample_rows(np.ones(n), n, p=p, rng=seed), None
    inflation = max(_inflation(loss) for _, loss in fits)
    embedding = lp_subspace_embedding(
        _weighted(problem, p),
        p,
        eps=eps / math.sqrt(inflation),  # rows grow like the inverse square
        delta=_DELTA,
        size=size,
        method=method,
        certify=False,
        rng=seed,
    )
    return embedding.sample, embedding


def certified(problem: Problem, embedding: Embedding) -> Embedding:
    """The embedding with its distortion measured."""
    certificate = certify_embedding(
        _weighted(problem, embedding.p),
        embedding.sample,
        embedding.p,
        starts=_STARTS,
        rng=embedding.seed,
    )
    used = embedding.sizes["used"]
    tried = Attempt(int(used or embedding.size), embedding.size, certificate.found)
    return replace(embedding, certificate=certificate, attempts=(tried,))


def _weighted(problem: Problem, p: float) -> TallMatrix:
    """The rows w_i^(1/p) [a_i b_i]."""
    bordered = columns(problem)
    if problem.weights is None:
        return bordered
    return bordered.scaled_rows(rows.each(partial(_root, p), problem.weights))


def _root(p: float, weights: FloatArray) -> FloatArray:
    return np.asarray(weights ** (1.0 / p))


def _inflation(loss: RowLoss) -> float:
    """max(q, 1 - q) / min(q, 1 - q), 1 for powers."""
    q = 0.5 if loss.quantile is None else loss.quantile
    return max(q, 1.0 - q) / min(q, 1.0 - q)


def row_weights(problem: Problem, sample: RowSample) -> FloatArray:
    if problem.weights is None:
        return sample.weights
    return np.asarray(sample.weights * rows.host(problem.weights[sample.indices]))


def distortion_found(
    problem: Problem,
    sample: RowSample,
    embedding: Embedding,
    fits: list[tuple[int, RowLoss]],
    X: FloatArray,
) -> tuple[float, FloatArray]:
    """The distortion found, and for every fit the ratio to divide the sample's minimum by."""
    k = len(fits)
    certificate = embedding.certificate
    if certificate is None:
        return math.nan, np.full(k, math.nan)
    if fits[0][1].quantile is None:
        return certificate.found, np.full(k, max(certificate.upper, 1.0))
    # What distorts |r| most, and what is fitted, with both signs: check losses are not even.
    d = problem.A.shape[1]
    Z = np.zeros((certificate.d, k + 2))
    for j, (column, _) in enumerate(fits):
        Z[:d, j], Z[d + column, j] = -X[:, j], 1.0
    Z[:, k], Z[:, k + 1] = certificate.witnesses.lower, certificate.witnesses.upper
    Z = np.hstack([Z, -Z])
    bordered = columns(problem)
    losses = [loss for _, loss in fits]
    visit = partial(_add_losses, Z, losses)
    shape = (k, Z.shape[1])
    w = problem.weights
    whole = bordered.fold(visit, shape, rows=() if w is None else (w,))
    part = np.zeros(shape)
    visit(bordered.take(sample.indices), 0, part, row_weights(problem, sample))
    ratio = np.divide(part, whole, out=np.ones(shape), where=whole > 0.0)
    return float(np.abs(ratio - 1.0).max()), np.maximum(ratio.max(axis=1), 1.0)


def _add_losses(
    Z: FloatArray,
    losses: list[RowLoss],
    block: Any,
    start: int,
    out: FloatArray,
    weights: FloatArray | None = None,
) -> None:
    residuals = np.asarray(block @ Z)
    for j, loss in enumerate(losses):
        values = loss.value(residuals)
        out[j] += values.sum(axis=0) if weights is None else weights @ values


def proved_by_sample(
    embedding: Embedding,
    fits: list[tuple[int, RowLoss]],
    least: FloatArray,
) -> FloatArray:
    """The sample's minimum over the largest ratio that any x can have, where one is proved."""
    certificate = embedding.certificate
    if certificate is None or certificate.certified_upper is None or fits[0][1].quantile:
        return np.zeros_like(least)
    return least / certificate.certified_upper
