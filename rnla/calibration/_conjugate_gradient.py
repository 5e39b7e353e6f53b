"""Conjugate gradients for many Hermitian positive definite systems at once.

The matrices share one product function; systems stop counting when they have converged, and the
loop ends with the slowest. One product an iteration. Hestenes and Stiefel (1952).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .operators._base import Array

__all__ = ["conjugate_gradient"]


def conjugate_gradient(
    product: Callable[[Array], Array],
    b: Array,
    x: Array,
    *,
    axes: int,
    tol: float,
    max_iter: int,
    precondition: Callable[[Array], Array] | None = None,
    residual: Array | None = None,
) -> tuple[Array, int]:
    """Solve M x = b from the start x; the last `axes` axes are one vector each.

    Returns the solution and the number of products. Stops where the residual is below tol ||b||.
    Where the first residual is given, b is no more than the measure of that.
    """

    def dot(a: Array, c: Array) -> Array:
        total = (a.conj() * c).sum(axis=tuple(range(-axes, 0)), keepdims=True)
        return np.asarray(total.real)

    def identity(r: Array) -> Array:
        return r

    solve = identity if precondition is None else precondition
    target = tol**2 * dot(b, b)
    r = b - product(x) if residual is None else residual
    z = solve(r)
    direction = z
    rho = dot(r, z)
    products = 1 if residual is None else 0
    for _ in range(max_iter):
        open_ = dot(r, r) > target
        if not open_.any():
            break
        image = product(direction)
        products += 1
        curvature = dot(direction, image)
        step = np.where(open_ & (curvature > 0), rho / np.where(curvature > 0, curvature, 1), 0)
        x = x + step * direction
        r = r - step * image
        z = solve(r)
        new = dot(r, z)
        direction = z + np.where(rho > 0, new / np.where(rho > 0, rho, 1), 0) * direction
        rho = new
    return x, products
