"""Largest eigenpairs of a Hermitian positive semidefinite map, for a batch at once.

Power iteration, and block Lanczos with full reorthogonalisation (block size one is the classical
method; Golub and Underwood, 1977). Both use products only and never shift or invert. b products a
step, and 4 j b k flops to orthogonalise against j vectors of length k.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..kernels import largest_ritz
from ._krylov_basis import KrylovBasis, row_norms
from .operators._base import Array

__all__ = ["LargestPair", "lanczos", "power"]

Product = Callable[[Array], Array]
_MEMORY = 2**27  # numbers in a Krylov basis before a restart
_NEGLIGIBLE = 1e-3  # of the rest of a product: what is left is orthogonal to eps over this
_LONGEST = 512  # vectors in it


@dataclass(frozen=True)
class LargestPair:
    """The largest eigenvalue with its vector, an estimate of the next, and what it took.

    `second` is a lower bound up to rounding, nan-free, zero where nothing was learned of it;
    `iterations` counts steps, `products` applications to one vector of each problem.
    """

    value: Array
    second: Array
    vector: Array
    residual: Array
    converged: Array
    iterations: int
    products: int


def power(product: Product, start: Array, *, tol: float, max_iter: int) -> LargestPair:
    """Power iteration from `start` (..., k); the residual is below tol times the value."""
    v = _normalised(start)
    count = 0
    while True:
        image = product(v)
        count += 1
        value = (v.conj() * image).sum(axis=-1).real
        residual = np.linalg.norm(image - value[..., None] * v, axis=-1)
        converged = residual <= tol * np.maximum(value, np.finfo(value.dtype).tiny)
        if converged.all() or count >= max_iter:
            return LargestPair(value, 0.0 * value, v, residual, converged, count, count)
        v = _normalised(np.where((value > 0)[..., None], image, v))


def lanczos(
    product: Product,
    start: Array,
    *,
    tol: float,
    max_iter: int,
    locked: Array | None = None,
    stagnation: float = 0.0,
    workspace: list[Array] | None = None,
) -> LargestPair:
    """Block Lanczos from the rows of `start` (..., b, k).

    Vectors `locked` (..., l, k) are kept out of the search. With `stagnation` the search also ends
    when the largest value has changed by less than this fraction in each of the last three steps.
    A `workspace` shared by several calls lets them use the same memory.
    """
    k, b = start.shape[-1], start.shape[-2]
    used, products = 0, 0
    batch = max(1, int(np.prod(start.shape[:-2])))
    room = max(4 * b, min(k, _LONGEST, _MEMORY // (batch * k)))
    while True:
        pair = _one_run(product, start, tol, max_iter - used, room, locked, stagnation, workspace)
        used += pair.iterations
        products += pair.products
        if pair.converged.all() or used >= max_iter or stagnation > 0.0:
            vector = pair.vector[..., 0, :]
            return LargestPair(
                pair.value, pair.second, vector, pair.residual, pair.converged, used, products
            )
        start = pair.vector  # out of memory: start again from the best vectors


def _one_run(
    product: Product,
    start: Array,
    tol: float,
    max_iter: int,
    room: int,
    locked: Array | None,
    stagnation: float,
    workspace: list[Array] | None,
) -> LargestPair:
    k, b = start.shape[-1], start.shape[-2]
    fixed = 0 if locked is None else locked.shape[-2]
    largest = min(room, k - fixed)
    basis = KrylovBasis(locked, start.shape, start.dtype, workspace)
    block = _orthonormal(basis.purged(start)[0])
    before = 0
    H = np.zeros((*start.shape[:-2], 0, 0), dtype=start.dtype)
    history: list[Array] = []
    parts = 16 if start.size == b * k else 4
    steps = products = 0
    while True:
        width = block.shape[-2]
        basis.append(block)
        rest, components = basis.purged(product(block), recent=before + width)
        before = width
        steps += 1
        products += width
        H = _bordered(H, components[..., fixed:, :])
        R = _triangle(rest)
        size = basis.size - fixed
        # The eigenvalues of H cost size^3: looked at each step at first, then every sixteenth part
        # of them, for many problems every fourth.
        full = size + 1 > largest
        if not full and steps < max_iter and steps % max(1, steps // parts):
            block = _next_block(rest, R, basis, largest - size)
            continue
        value, residual = _look(H, R[..., :width], b)
        if size >= k - fixed:
            residual = np.zeros_like(residual)
        history.append(value)
        tiny = np.finfo(value.dtype).tiny
        converged = residual <= tol * np.maximum(np.abs(value), tiny)
        stalled = stagnation > 0.0 and _stalled(history, stagnation)
        if converged.all() or steps >= max_iter or stalled or full:
            values, vectors = _eigen(H, b)
            best = basis.combination(vectors[..., ::-1][..., : min(b, size)].swapaxes(-1, -2))
            second = values[..., -2] if size > 1 else np.zeros_like(value)
            basis.release()
            return LargestPair(values[..., -1], second, best, residual, converged, steps, products)
        block = _next_block(rest, R, basis, largest - size)


def _eigen(H: Array, b: int) -> tuple[Array, Array]:
    """Ritz values and vectors; H is real for one vector a step, by the choice of phases."""
    projected = H.real if b == 1 else H
    values, vectors = np.linalg.eigh(0.5 * (projected + projected.conj().swapaxes(-1, -2)))
    return values, vectors


def _look(H: Array, R: Array, b: int) -> tuple[Array, Array]:
    """The largest Ritz value and the residual of its vector, R times the last components."""
    if b > 1:
        values, vectors = _eigen(H, b)
        last = vectors[..., -R.shape[-1] :, -1:]
        return values[..., -1], np.asarray(np.linalg.norm(R @ last, axis=-2))[..., 0]
    # One vector a step: tridiagonal.
    diagonal = np.einsum("...ii->...i", H).real
    off = np.diagonal(H, -1, -2, -1).real
    shape, size, kind = H.shape[:-2], H.shape[-1], diagonal.dtype
    count = math.prod(shape)
    value, tail = largest_ritz.largest_ritz(
        diagonal.reshape(count, size), off.reshape(count, size - 1)
    )
    residual = np.abs(R[..., 0, 0]) * tail.reshape(shape).astype(kind)
    return value.reshape(shape).astype(kind), np.asarray(residual)


def _next_block(rest: Array, R: Array, basis: KrylovBasis, width: int) -> Array:
    """Orthonormal rows for the next step, at most `width`.

    Those from a negligible rest (an invariant subspace) are noise and have to be purged again.
    """
    block = _orthonormal(rest)
    pivots = np.abs(np.diagonal(R, axis1=-2, axis2=-1))
    if (pivots > _NEGLIGIBLE * pivots.max(initial=1.0)).all():
        return block[..., :width, :]
    block = _orthonormal(basis.purged(block)[0])[..., :width, :]
    return _orthonormal(basis.purged(block)[0])


def _stalled(history: list[Array], fraction: float) -> bool:
    if len(history) < 6:
        return False
    recent = np.array(history[-4:])
    change = np.abs(np.diff(recent, axis=0)).max(axis=0)
    return bool((change <= fraction * np.maximum(np.abs(recent[-1]), fraction)).all())


def _bordered(H: Array, column: Array) -> Array:
    """H with the new block column, and its conjugate as the block row."""
    old, width = H.shape[-1], column.shape[-1]
    out = np.zeros((*H.shape[:-2], old + width, old + width), dtype=H.dtype)
    out[..., :old, :old] = H
    out[..., :, old:] = column
    out[..., old:, :old] = column[..., :old, :].conj().swapaxes(-1, -2)
    return out


def _triangle(rows: Array) -> Array:
    """R of the QR factorisation of the rows as columns."""
    if rows.shape[-2] == 1:
        return _norm(rows)
    return np.asarray(np.linalg.qr(rows.swapaxes(-1, -2), mode="r"))


def _norm(rows: Array) -> Array:
    return row_norms(rows)[..., None]


def _normalised(v: Array) -> Array:
    norm = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.asarray(v / np.where(norm > 0, norm, 1))


def _orthonormal(rows: Array) -> Array:
    """Orthonormal rows with the same span."""
    if rows.shape[-2] == 1:
        norm = _norm(rows)
        if (norm > 0).all():
            return np.asarray(rows / norm)
        scaled = rows / np.where(norm > 0, norm, 1)
        first = np.zeros(rows.shape[-1], dtype=rows.dtype)
        first[0] = 1
        return np.asarray(np.where(norm > 0, scaled, first))
    return np.asarray(np.linalg.qr(rows.swapaxes(-1, -2))[0].swapaxes(-1, -2))
