"""The Schrödinger bridge between two Gaussians, exactly, and its recovery by interpolants.

Of all processes dX = u dt + √(2ε) dW between two laws the bridge has the least ∫ E|u|² dt. Its ends
are coupled by the entropic transport plan, and given the ends it is a Brownian bridge, so that it
is the linear stochastic interpolant with γ = √(2ε t (1-t)) and coupled ends. For Gaussians the
coupling is C01 = ½ (C0^½ D C0^-½ - 2ε I), D = (4 C0^½ C1 C0^½ + 4ε² I)^½ (Janati, Muzellec, Peyré
and Cuturi 2020; Bunne, Hsieh, Cuturi and Krause 2022). Interpolants recover it from independent
ends as the solution of max over paths, min over drifts of one quadratic objective (arXiv
2303.08797, section 3.4): a convex problem in the variance along the way. O(d³) work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error, check_positive, check_size
from ..._result import FloatArray
from .gaussian_pair import GaussianPair, matrix_root
from .interpolant import Interpolant
from .paths import Linear, RootProduct

__all__ = ["BridgePath", "entropic_cross_covariance", "recover_bridge", "schrodinger_bridge"]


def entropic_cross_covariance(
    covariance0: npt.ArrayLike, covariance1: npt.ArrayLike, *, epsilon: float
) -> FloatArray:
    """cov(x0, x1) of the entropic transport plan with reference variance 2ε, shape (d, d).

    Parameters
    ----------
    covariance0, covariance1 : array_like, shape (d, d)
        Positive definite the first, semidefinite the second.
    epsilon : float
        Positive; the Brownian reference has variance 2ε at t = 1.

    Examples
    --------
    >>> entropic_cross_covariance([[1.0]], [[1.0]], epsilon=0.75).round(12)
    array([[0.5]])
    """
    epsilon = check_positive(epsilon, "epsilon")
    C0 = np.asarray(covariance0, dtype=np.float64)
    C1 = np.asarray(covariance1, dtype=np.float64)
    values = np.linalg.eigvalsh(C0)
    if values[0] <= 1e-14 * values[-1]:
        raise argument_error(
            "covariance0", "a singular matrix", "a positive definite one", "Swap the two ends."
        )
    root, inverse = matrix_root(C0), matrix_root(C0, power=-0.5)
    identity = np.eye(len(C0))
    D = matrix_root(4.0 * root @ C1 @ root + 4.0 * epsilon**2 * identity)
    return np.asarray(0.5 * (root @ D @ inverse - 2.0 * epsilon * identity))


def schrodinger_bridge(
    mean0: npt.ArrayLike,
    covariance0: npt.ArrayLike,
    mean1: npt.ArrayLike,
    covariance1: npt.ArrayLike,
    *,
    epsilon: float,
) -> GaussianPair:
    """The bridge between two Gaussians as an interpolant with coupled ends.

    Sample it with ``solve_sde(bridge.fields(), x, epsilon=epsilon, ...)``.

    Parameters
    ----------
    mean0, covariance0, mean1, covariance1
        As in `GaussianPair`.
    epsilon : float
        Half the variance of the reference Brownian motion a unit of time.

    Returns
    -------
    GaussianPair

    Examples
    --------
    >>> bridge = schrodinger_bridge([0.0], [[1.0]], [3.0], [[1.0]], epsilon=0.75)
    >>> bridge.covariance(0.5).round(12)
    array([[1.125]])
    """
    cross = entropic_cross_covariance(covariance0, covariance1, epsilon=epsilon)
    interpolant = Interpolant(Linear(), RootProduct(2.0 * epsilon))
    return GaussianPair(interpolant, mean0, covariance0, mean1, covariance1, cross=cross)


@dataclass(frozen=True)
class BridgePath:
    """What `recover_bridge` finds, for each direction.

    Attributes
    ----------
    coefficients : ndarray, shape (k, degree + 1)
        Of θ in Legendre polynomials of 2t - 1: var(x_t) = (1-t)² var(x0) + t² var(x1)
        + t (1-t) θ(t). With independent ends γ² = t (1-t) θ.
    action : ndarray, shape (k,)
        ½ ∫ E|u|² dt at the optimum, without the part of the means.
    iterations : int
    """

    coefficients: FloatArray
    action: FloatArray
    iterations: int

    def variance(self, t: float, variances0: FloatArray, variances1: FloatArray) -> FloatArray:
        """var(x_t) in each direction."""
        theta = self.coefficients @ _legendre(np.array([t]), self.coefficients.shape[1])[0]
        return np.asarray((1 - t) ** 2 * variances0 + t**2 * variances1 + t * (1 - t) * theta)


def recover_bridge(
    variances0: npt.ArrayLike,
    variances1: npt.ArrayLike,
    *,
    epsilon: float,
    degree: int = 3,
    nodes: int = 64,
) -> BridgePath:
    """Find the bridge by optimising an interpolant: max over γ, min over u of one objective.

    The inner minimum over drifts is u = b + ε s, which is affine for Gaussians. What is left is to
    minimise ½ ∫ (½ċ - ε)² / c dt over the variance c(t) of each direction, by Newton's method on
    the coefficients of γ² / (t (1-t)).

    Parameters
    ----------
    variances0, variances1 : array_like, shape (k,)
        Positive variances of the two ends in the directions they share.
    epsilon : float
    degree : int, default 3
        Of the polynomial θ.
    nodes : int, default 64
        Of the Gauss-Legendre rule in time.

    Returns
    -------
    BridgePath

    Notes
    -----
    The objective is convex, since (½ċ - ε)²/c is jointly convex in c and ċ. The exact answer is
    constant, θ = √(4 c0 c1 + 4ε²): the linear interpolant of independent ends with
    γ = √(θ t (1-t)) has the law of the bridge at all times.

    Examples
    --------
    >>> recover_bridge([1.0], [1.0], epsilon=0.75).coefficients.round(9) + 0.0
    array([[2.5, 0. , 0. , 0. ]])
    """
    epsilon = check_positive(epsilon, "epsilon")
    first, second = (
        np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (variances0, variances1)
    )
    for name, values in (("variances0", first), ("variances1", second)):
        if values.shape != first.shape or not np.all(values > 0):
            raise argument_error(
                name, values.tolist(), f"{first.size} positive numbers", "Pass variances."
            )
    count = check_size(degree + 1, name="degree + 1")
    u, weights = np.polynomial.legendre.leggauss(check_size(nodes, name="nodes"))
    t, weights = 0.5 * (u + 1.0), 0.5 * weights
    P, slopes = _legendre(t, count), _legendre_slopes(t, count)
    basis = (t * (1 - t))[:, None] * P
    basis_dot = (1 - 2 * t)[:, None] * P + (t * (1 - t))[:, None] * slopes
    found, actions, most = [], [], 0
    for c0, c1 in zip(first, second, strict=True):
        fixed, fixed_dot = (1 - t) ** 2 * c0 + t**2 * c1, 2 * t * c1 - 2 * (1 - t) * c0
        theta = np.zeros(count)
        theta[0] = 2.0 * np.sqrt(c0 * c1)
        value = _action(theta, fixed, fixed_dot, basis, basis_dot, weights, epsilon)[0]
        iteration, step = 0, theta
        while iteration < 100 and np.abs(step).max() > 1e-12 * np.abs(theta).max():
            iteration += 1
            _, gradient, hessian = _action(
                theta, fixed, fixed_dot, basis, basis_dot, weights, epsilon
            )
            step = -np.linalg.solve(hessian, gradient)
            length = 1.0
            while True:
                trial = _action(
                    theta + length * step, fixed, fixed_dot, basis, basis_dot, weights, epsilon
                )[0]
                if trial <= value + 1e-4 * length * (gradient @ step) or length < 1e-8:
                    break
                length *= 0.5
            theta, value = theta + length * step, min(trial, value)
        most = max(most, iteration)
        found.append(theta)
        actions.append(value)
    return BridgePath(np.asarray(found), np.asarray(actions), most)


def _action(
    theta: FloatArray,
    fixed: FloatArray,
    fixed_dot: FloatArray,
    basis: FloatArray,
    basis_dot: FloatArray,
    weights: FloatArray,
    epsilon: float,
) -> tuple[float, FloatArray, FloatArray]:
    """½ ∫ (½ċ - ε)² / c dt with its gradient and Hessian; infinite where c is not positive."""
    c = fixed + basis @ theta
    if c.min() <= 0.0:
        return np.inf, theta, np.eye(theta.size)
    q = (0.5 * (fixed_dot + basis_dot @ theta) - epsilon) / c
    # d(qc)/dθ = ½ basis_dot and dc/dθ = basis, so d(½ q² c) = q (½ basis_dot) - ½ q² basis.
    residual = 0.5 * basis_dot - q[:, None] * basis
    gradient = (weights * q) @ (0.5 * basis_dot - 0.5 * q[:, None] * basis)
    hessian = residual.T @ ((weights / c)[:, None] * residual)
    return 0.5 * float(weights @ (q**2 * c)), gradient, hessian


def _legendre(t: FloatArray, count: int) -> FloatArray:
    return np.polynomial.legendre.legvander(2.0 * t - 1.0, count - 1)


def _legendre_slopes(t: FloatArray, count: int) -> FloatArray:
    """Derivatives in t, a column for each polynomial."""
    slopes = [
        np.polynomial.legendre.legval(2.0 * t - 1.0, np.polynomial.legendre.legder(row))
        for row in np.eye(count)
    ]
    return 2.0 * np.stack(slopes, axis=1)
