"""Polynomials through known values: their values elsewhere, and their derivatives at 0.

Multistep solvers replace the model by the polynomial through its newest outputs; here are the
weights of the outputs. Host float64; a handful of nodes, once per grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .._errors import argument_error

__all__ = ["derivative_weights", "lagrange"]

Vector = npt.NDArray[np.float64]


def lagrange(nodes: Vector, points: Vector) -> Vector:
    """Return values of the Lagrange polynomials of some nodes.

    Parameters
    ----------
    nodes : ndarray of float64, shape (k,)
        Distinct.
    points : ndarray of float64, shape (m,)

    Returns
    -------
    ndarray of float64, shape (k, m)
        Row j is 1 at node j and 0 at the others. Cost O(k^2 m).

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion.interpolation import lagrange
    >>> lagrange(np.array([1.0, 0.0]), np.array([1.5])).tolist()
    [[1.5], [-0.5]]
    """
    values = np.ones((nodes.size, points.size))
    for j, node in enumerate(nodes):
        for other in np.delete(nodes, j):
            values[j] *= (points - other) / (node - other)
    return values


def derivative_weights(offsets: Sequence[float], *, count: int) -> list[list[float]]:
    """Return weights of the derivatives at 0 of the polynomial through the given points.

    Parameters
    ----------
    offsets : sequence of float
        Distinct points.
    count : int
        Derivatives 0 to count - 1.

    Returns
    -------
    list of list of float
        Entry [k][j]: weight of the value at ``offsets[j]`` in the k-th derivative at 0.

    Raises
    ------
    ArgumentError
        If two points coincide.

    Notes
    -----
    B. Fornberg, Generation of finite difference formulas, Math. Comp. 51 (1988). Cost
    O(count * len(offsets)^2).

    Examples
    --------
    >>> from rnla.diffusion.interpolation import derivative_weights
    >>> derivative_weights((0.0, -1.0), count=2)[1]
    [1.0, -1.0]
    """
    total = len(offsets)
    weights = [[0.0] * total for _ in range(count)]
    weights[0][0] = 1.0
    product = 1.0
    for n in range(1, total):
        new_product = 1.0
        for j in range(n):
            gap = offsets[n] - offsets[j]
            if gap == 0.0:
                raise argument_error(
                    "nodes",
                    f"the same half log-SNR at positions {j} and {n}",
                    "distinct nodes",
                    "Remove the repeated grid point.",
                )
            new_product *= gap
            if j == n - 1:
                for k in range(min(n, count - 1), -1, -1):
                    lower = k * weights[k - 1][n - 1] if k else 0.0
                    weights[k][n] = (
                        product * (lower - offsets[n - 1] * weights[k][n - 1]) / new_product
                    )
            for k in range(min(n, count - 1), -1, -1):
                lower = k * weights[k - 1][j] if k else 0.0
                weights[k][j] = (offsets[n] * weights[k][j] - lower) / gap
        product = new_product
    return weights
