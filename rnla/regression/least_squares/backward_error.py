"""A-posteriori errors of least squares: Karlson-Walden estimate and a Wedin bound.

The backward error of x is the Frobenius norm of the smallest E such that x minimises
||(B + E) x - b||. With the residual r, the gradient g = B^T r and singular values s, vectors V,

    ||(s^2 ||x||^2 + ||r||^2)^-1/2 V^T g||

lies within a factor sqrt(2) of it (Karlson and Walden, BIT 1997; Gratton, Jiranek, Titley-Peloquin,
SIMAX 2012; Hallman, SIMAX 2020). Singular values of a sketch change it by no more than their own
factor (Epperly, Meier, Nakatsukasa, arXiv 2406.03468). Cost 2 d^2 k flops once g is known.
"""

from __future__ import annotations

import numpy as np

from ..._result import FloatArray

__all__ = ["forward_error", "karlson_walden"]

_EPS = float(np.finfo(float).eps)


def karlson_walden(
    s: FloatArray, V: FloatArray, gradient: FloatArray, residual: FloatArray, size: FloatArray
) -> FloatArray:
    """Estimated backward error, absolute, of every column.

    Parameters
    ----------
    s, V : ndarray, shapes (d,), (d, d)
        Singular values and right singular vectors of B, zeros for null vectors.
    gradient : ndarray, shape (d, k)
        B^T (b - B x).
    residual, size : ndarray, shape (k,)
        ||b - B x|| and ||x||.

    Returns
    -------
    ndarray, shape (k,)

    Notes
    -----
    For x = 0 it is the limit ||g|| / ||r||, zero if the residual is.
    """
    # Relative to the larger of ||r|| and s_1 ||x||, so that no square leaves the range.
    unit = np.maximum(residual, (s[0] if s.size else 0.0) * size)
    unit = np.where(unit > 0, unit, 1.0)
    denominator = np.sqrt((s[:, None] * (size / unit)) ** 2 + (residual / unit) ** 2)
    numerator = V.T @ (gradient / unit)
    ratio = np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
    found: FloatArray = np.linalg.norm(ratio, axis=0)
    return found


def forward_error(
    condition: float, backward: FloatArray, norm: float, residual: FloatArray, size: FloatArray
) -> FloatArray:
    """Bound on ||x - x*|| / ||x|| to first order in kappa eps, eps the relative backward error.

    kappa eps (1 + kappa ||r|| / (||B|| ||x||)) / (1 - kappa eps), infinite if kappa eps >= 1
    (Wedin, BIT 1973; Bjorck, Numerical methods for least squares problems, theorem 1.4.6). eps
    is twice the estimate, for its own error, and a rounding of x. Zero for B = 0.
    """
    if norm == 0.0:
        return np.zeros_like(backward)
    loss = condition * (2.0 * backward + _EPS)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        angle = np.where(residual > 0, residual / (norm * size), 0.0)
        bound = loss * (1.0 + condition * angle) / (1.0 - loss)
    return np.where(loss < 1.0, bound, np.inf)
