"""The lower bound that one pass of Newton's method gives, by Fenchel's duality.

For every u and every x' in the box, with nu = A^T u,

    sum w f(b - A x') + R(x') >= sum w (u r - f*(u)) + sum_j min_x' (nu_j (x_j - x'_j) + R_j(x'_j)),

where r = b - A x is the residual at any x: near the minimum its terms are small, so that rounding
is. A free coordinate needs nu_j = 0, which holds up to rounding. For powers what remains is paid
for: a better x' is within ||A (x' - x)||_p <= 2 ||r||_p.
"""

from __future__ import annotations

import math

import numpy as np

from ..._result import FloatArray
from .losses import Loss
from .newton_pass import Found

__all__ = ["lower_bound"]

_NEGLIGIBLE = 1e-8  # largest nu_j, relative to norms, that counts as rounding


def lower_bound(
    loss: Loss,
    found: Found,
    leak: FloatArray,
    y: FloatArray,
    *,
    value: float,
    spread: float,
    norms: FloatArray,
    box: tuple[FloatArray, FloatArray] | None,
    ridge: FloatArray | None,
) -> float:
    """Lower bound on the minimum, or -inf.

    Parameters
    ----------
    loss : Loss
    found : Found
        Of the pass at y.
    leak : ndarray, shape (r,)
        nu, in the coordinates.
    y : ndarray, shape (r,)
    value : float
        Of the objective somewhere.
    spread : float
        ||v||_2 <= spread ||v||_p for the weighted norms of n-vectors.
    norms : ndarray, shape (r,)
        Weighted Euclidean norms of the columns; ones if the columns are orthonormal.
    box, ridge
        In the coordinates.
    """
    p = loss.degree
    if not (math.isfinite(found.conjugate) and math.isfinite(found.pairing)):
        return -math.inf
    far = 0.0 if p is None else 2.0 * value ** (1.0 / p) * spread
    low, high = box if box is not None else (np.full(y.size, -np.inf), np.full(y.size, np.inf))
    if ridge is not None:
        bare = ridge == 0.0  # an intercept
        size = math.sqrt(found.size)
        if np.any(np.abs(leak[bare]) > _NEGLIGIBLE * size * norms[bare]):
            return -math.inf
        leak, y, ridge, low, high = (v[~bare] for v in (leak, y, ridge, low, high))
        other = np.clip(leak / ridge, low, high)
        pairing = found.pairing + float(np.sum(leak * (y - other) + 0.5 * (ridge * other) * other))
    else:
        side = np.where(leak > 0.0, high, low)
        free = ~np.isfinite(side)
        scale = math.sqrt(found.size) * norms[free]
        if np.any(np.abs(leak[free]) > _NEGLIGIBLE * scale):
            return -math.inf
        pairing = found.pairing + float(leak[~free] @ (y - np.where(free, 0.0, side))[~free])
        if box is None:
            pairing -= float(np.linalg.norm(leak)) * far
        elif p is not None:
            reach = np.abs(y[free]) + far / np.maximum(norms[free], 1e-300)
            pairing -= float(np.abs(leak[free]) @ reach)
    if p is None or ridge is not None:
        return pairing - found.conjugate
    if pairing <= 0.0 or found.conjugate <= 0.0:
        return 0.0
    # The best multiple t u: t (pairing) - t^(p/(p-1)) (conjugate) is largest where
    log_t = (p - 1.0) * (math.log(pairing) - math.log(found.conjugate * p / (p - 1.0)))
    return math.exp(min(log_t + math.log(pairing / p), 700.0))
