"""Distribution functions of phi_j^2 dmu for classical orthonormal polynomials, in closed form.

With (sigma w phi_j')' = -lambda_j w phi_j, partial integrals of products of different degree are
Wronskians, and the Christoffel-Darboux formula turns these into the partial sums k_j of phi_i^2:

    C_{j+1,j-1} = -sigma w U_j / b_{j+1},
    U_j = (phi_j phi_{j-1} + (x - a_j) k_j / b_j) / (lambda_{j+1} - lambda_{j-1}).

Expanding x phi_j phi_{j-1} both ways gives F_j from F_{j-1} (see `rnla.approximation.induced`).
Values carry a binary exponent and meet the weight only in products of size 1. 20 flops a degree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["induced_cdf"]


def induced_cdf(
    t: Any,
    log_flux: Any,
    base: Any,
    degrees: Any,
    a: Any,
    b: Any,
    eigenvalues: Any,
) -> tuple[Any, Any]:
    """F_{degrees[i]}(t[i]), and the logarithm of phi_{degrees[i]}(t[i])^2.

    Parameters are arrays (n,): points, log(sigma w) there, the distribution function of mu there,
    int64 degrees; then for the largest degree p: a (p + 1,), b (p + 2,), eigenvalues (p + 2,).
    """
    device = device_of(t, log_flux, base, degrees, a, b, eigenvalues)
    if device is not None:
        from . import cuda

        return cuda.induced_cdf(device, t, log_flux, base, degrees, a, b, eigenvalues)
    from . import cpu

    cdf = np.empty(t.size)
    log_square = np.empty(t.size)
    cpu.induced_cdf(t, log_flux, base, degrees, a, b, eigenvalues, cdf, log_square)
    return cdf, log_square
