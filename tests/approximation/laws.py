"""Measures on the line on which every property of orthonormal polynomials is tested."""

from __future__ import annotations

import numpy as np

from rnla.approximation import Chebyshev, Exponential, Gamma, Gaussian, Jacobi, Uniform

MEASURES = [
    Uniform(),
    Uniform(3.0, 7.5),
    Chebyshev(),
    Chebyshev(-1.0, 0.0),
    Jacobi(0.3, -0.2),
    Jacobi(2.5, 1.0, low=0.0, high=1.0),
    Jacobi(-0.9, -0.7),
    Gaussian(),
    Gaussian(mean=-2.0, std=0.1),
    Exponential(),
    Gamma(1.5, scale=3.0),
    Gamma(-0.5),
]


def quadrature(measure, degree):
    """Nodes and weights of SciPy, exact to degree 2 * degree + 1: an independent reference."""
    from scipy import special

    n = degree + 1
    name = type(measure).__name__
    if name == "Gaussian":
        t, w = special.roots_hermitenorm(n)
        return measure.mean + measure.std * t, w / w.sum()
    if name in ("Gamma", "Exponential"):
        t, w = special.roots_genlaguerre(n, measure.alpha)
        return measure.scale * t, w / w.sum()
    t, w = special.roots_jacobi(n, measure.a, measure.b)
    return measure.location + measure.scale * t, w / np.sum(w)
