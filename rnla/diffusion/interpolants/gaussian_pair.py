"""The interpolant between two Gaussians in closed form: moments, velocity, score, exact flow.

x_t = α x0 + β x1 + γ z is Gaussian, dx_t/dt too, so that b, s and η are affine:
b = ṁ + C_ẋx C⁻¹ (x - m), s = -C⁻¹ (x - m), with C_ẋx = cov(dx_t/dt, x_t). The ends may be coupled
through their cross-covariance. Covariances that commute give the transport in closed form too.
Derived from arXiv 2303.08797, section 2. O(d³) once a time, O(d²) a sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error
from ..._result import FloatArray
from .fields import Fields
from .interpolant import Interpolant

__all__ = ["GaussianPair", "matrix_root"]


class GaussianPair:
    """Two Gaussians joined by an interpolant.

    Parameters
    ----------
    interpolant : Interpolant
    mean0 : array_like, shape (d,)
    covariance0 : array_like, shape (d, d)
        Symmetric positive semidefinite.
    mean1, covariance1
        The same of the other end.
    cross : array_like, shape (d, d), optional
        cov(x0, x1); zero, independent ends, by default.

    Notes
    -----
    For a one-sided interpolant the law of x0 has no influence, since α = 0. For a mirror
    interpolant it has none either, and x0 = x1.

    Examples
    --------
    >>> import numpy as np
    >>> pair = GaussianPair(Interpolant(), [-1.0], [[0.25]], [2.0], [[0.64]])
    >>> pair.flow(np.array([[-0.3]]), 0.0, 1.0)
    array([[3.12]])
    """

    def __init__(
        self,
        interpolant: Interpolant,
        mean0: npt.ArrayLike,
        covariance0: npt.ArrayLike,
        mean1: npt.ArrayLike,
        covariance1: npt.ArrayLike,
        *,
        cross: npt.ArrayLike | None = None,
    ) -> None:
        self.interpolant = interpolant
        self.means = _vector(mean0, "mean0"), _vector(mean1, "mean1")
        d = self.means[0].size
        if self.means[1].size != d:
            raise argument_error(
                "mean1", f"{self.means[1].size} entries", f"{d}, as mean0 has", "Make them agree."
            )
        self.covariances = (
            _covariance(covariance0, d, "covariance0"),
            _covariance(covariance1, d, "covariance1"),
        )
        self.cross = _square(np.zeros((d, d)) if cross is None else cross, d, "cross")

    def mean(self, t: float) -> FloatArray:
        """E[x_t], shape (d,)."""
        path = self.interpolant.path
        return np.asarray(path.alpha(t) * self.means[0] + path.beta(t) * self.means[1])

    def covariance(self, t: float) -> FloatArray:
        """cov(x_t), shape (d, d)."""
        path = self.interpolant.path
        alpha, beta = path.alpha(t), path.beta(t)
        gamma = self.interpolant.latent.gamma(t)
        C0, C1 = self.covariances
        both = alpha * beta * (self.cross + self.cross.T)
        return np.asarray(alpha**2 * C0 + beta**2 * C1 + both + gamma**2 * np.eye(len(C0)))

    def rate(self, t: float) -> FloatArray:
        """cov(dx_t/dt, x_t), shape (d, d); its symmetric part is half of d cov(x_t)/dt."""
        path = self.interpolant.path
        alpha, beta = path.alpha(t), path.beta(t)
        alpha_dot, beta_dot = path.alpha_dot(t), path.beta_dot(t)
        C0, C1 = self.covariances
        own = alpha_dot * alpha * C0 + beta_dot * beta * C1
        both = alpha_dot * beta * self.cross + beta_dot * alpha * self.cross.T
        latent = self.interpolant.latent.product(t) * np.eye(len(C0))
        return np.asarray(own + both + latent)

    def velocity(self, x: FloatArray, t: float) -> FloatArray:
        """b(x, t)."""
        path = self.interpolant.path
        drift = path.alpha_dot(t) * self.means[0] + path.beta_dot(t) * self.means[1]
        return np.asarray(drift + self._whitened(x, t) @ self.rate(t).T)

    def path_velocity(self, x: FloatArray, t: float) -> FloatArray:
        """v(x, t) = b + γγ̇ s."""
        moved = self.interpolant.latent.product(t) * self.score(x, t)
        return np.asarray(self.velocity(x, t) + moved)

    def score(self, x: FloatArray, t: float) -> FloatArray:
        """s(x, t)."""
        return -self._whitened(x, t)

    def denoiser(self, x: FloatArray, t: float) -> FloatArray:
        """η(x, t) = -γ s."""
        return np.asarray(self.interpolant.latent.gamma(t) * self._whitened(x, t))

    def fields(self) -> Fields:
        """b and η as `Fields`."""
        return Fields(self.interpolant, velocity=self.velocity, denoiser=self.denoiser)

    def flow(self, x: FloatArray, start: float, stop: float) -> FloatArray:
        """Where dx/dt = b takes the states `x` (B, d) from time `start` to time `stop`.

        Raises
        ------
        ArgumentError
            If covariances do not commute: their flow has no closed form.
        """
        C0, C1 = self.covariances
        pairs = ((C0, C1), (C0, self.cross), (C1, self.cross))
        for A, B in pairs:
            if np.abs(A @ B - B @ A).max() > 1e-12 * max(np.abs(A).max() * np.abs(B).max(), 1e-300):
                raise argument_error(
                    "covariance1",
                    "one that does not commute with the other",
                    "commuting covariances, of which the flow is known",
                    "Integrate the velocity with solve_ode instead.",
                )
        # Every covariance has the eigenvectors of a generic combination.
        V = np.linalg.eigh(
            C0 + np.pi / 3 * C1 + np.e / 7 * (self.cross + self.cross.T)
        ).eigenvectors
        variances = [np.einsum("ji,jk,ki->i", V, self.covariance(t), V) for t in (start, stop)]
        moved = ((x - self.mean(start)) @ V) * np.sqrt(variances[1] / variances[0])
        return np.asarray(self.mean(stop) + moved @ V.T)

    def _whitened(self, x: FloatArray, t: float) -> FloatArray:
        return np.asarray(np.linalg.solve(self.covariance(t), (x - self.mean(t)).T).T)


def matrix_root(A: FloatArray, *, power: float = 0.5) -> FloatArray:
    """A power of a symmetric positive semidefinite matrix, eigenvalue by eigenvalue."""
    values, vectors = np.linalg.eigh(0.5 * (A + A.T))
    return np.asarray((vectors * np.maximum(values, 0.0) ** power) @ vectors.T)


def _vector(values: npt.ArrayLike, name: str) -> FloatArray:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise argument_error(name, f"shape {vector.shape}", "finite entries (d,)", "Pass a vector.")
    return vector


def _square(values: npt.ArrayLike, d: int, name: str) -> FloatArray:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.shape != (d, d) or not np.isfinite(matrix).all():
        raise argument_error(
            name, f"shape {matrix.shape}", f"finite entries ({d}, {d})", "Pass a d x d matrix."
        )
    return matrix


def _covariance(values: npt.ArrayLike, d: int, name: str) -> FloatArray:
    matrix = _square(values, d, name)
    size = np.abs(matrix).max()
    if np.abs(matrix - matrix.T).max() > 1e-12 * size:
        raise argument_error(name, "an asymmetric matrix", "a covariance", "Check its transpose.")
    if np.linalg.eigvalsh(matrix)[0] < -1e-12 * size:
        raise argument_error(name, "a negative eigenvalue", "a covariance", "Check its entries.")
    return matrix
