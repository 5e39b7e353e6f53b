"""Gains of an interferometer: the linear start and damped alternating least squares (SPEC A13).

Start: h_p V_pq = M_pq conj(g_q) with h = 1/g is linear in (h, conj g); its largest canonical
correlation is the largest singular pair of E_pq = conj(V_pq) M_pq / (sqrt sum_q |V_pq|^2
sqrt sum_p |M_pq|^2). Without noise E_pq has the phase of conj(g_p) g_q and non-negative modulus,
so by Perron and Frobenius the pair is unique iff the pairs measured connect all antennas, with a
cycle of odd length. One SVD, O(P^3). Iteration (Salvini and Wijnholds, 2014): each gain by least
squares with the others fixed, every second iterate averaged with the one before; O(P^2).
"""

from __future__ import annotations

import numpy as np

from .._result import FloatArray
from ._visibilities import Visibilities

__all__ = ["linear_start", "stefcal"]

_TINY = 1e-300


def linear_start(data: Visibilities) -> tuple[FloatArray, FloatArray]:
    """Gains from the largest singular pair of E, and the two largest singular values (..., 2)."""
    V, M, w = data.V, data.M, data.weights
    rows = np.sqrt((w * np.abs(V) ** 2).sum(axis=-1))
    alive = rows > 0.0  # a dead antenna fits any h and would pull on the others
    w = w * alive[..., :, None] * alive[..., None, :]
    columns = np.sqrt((w * np.abs(M) ** 2).sum(axis=-2))
    scale = rows[..., :, None] * columns[..., None, :]
    E = np.where(scale > 0.0, w * V.conj() * M / np.maximum(scale, _TINY), 0.0)
    _, sigma, right = np.linalg.svd(E)
    # Rows of `right` are conjugated vectors, so conj(g) = vector / column norms turns into g.
    g = np.where(columns > 0.0, right[..., 0, :] / np.maximum(columns, _TINY), 0.0)
    two = np.zeros((*sigma.shape[:-1], 2))
    two[..., : sigma.shape[-1]] = sigma[..., :2]
    return _scaled(data, g), np.minimum(two, 1.0)


def _scaled(data: Visibilities, g: FloatArray) -> FloatArray:
    """The common modulus that fits best: V = r^2 g M g^*."""
    fitted = g[..., :, None] * data.M * g.conj()[..., None, :]
    power = (data.weights * np.abs(fitted) ** 2).sum(axis=(-2, -1))
    match = (data.weights * (fitted.conj() * data.V).real).sum(axis=(-2, -1))
    square = np.abs(match) / np.maximum(power, _TINY)
    result: FloatArray = g * np.sqrt(square)[..., None]
    return result


def stefcal(
    data: Visibilities, g: FloatArray, *, tol: float, max_iter: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Iterate from g; returns gains, iterations (...) and whether the change fell below tol."""
    products = data.weights * data.M * data.V.conj()
    powers = data.weights * np.abs(data.M) ** 2
    shape = g.shape[:-1]
    iterations = np.zeros(shape, dtype=np.int64)
    active = np.ones(shape, dtype=bool)
    for step in range(1, max_iter + 1):
        if not active.any():
            break
        top = (g[..., None, :] @ products)[..., 0, :]
        below = ((np.abs(g) ** 2)[..., None, :] @ powers)[..., 0, :]
        new = np.where(below > 0.0, top / np.maximum(below, _TINY), 0.0)
        if step % 2 == 0:
            new = 0.5 * (new + g)
        change = np.linalg.norm(new - g, axis=-1)
        size = np.linalg.norm(new, axis=-1)
        iterations += active
        g = np.where(active[..., None], new, g)
        active = active & (change > tol * size)
    return g, iterations, ~active
