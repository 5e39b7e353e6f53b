"""Projection DPP of the first m classical functions: eigenvalues of a random matrix (SPEC A5).

For polynomials of all degrees below m and a beta, normal or gamma law the DPP is the beta = 2
ensemble, whose points are the eigenvalues of a tridiagonal matrix of independent variables
(Dumitriu and Edelman 2002; Killip and Nenciu 2004). For trigonometric polynomials it is the
circular ensemble: eigenangles of a Haar unitary matrix. Exact, no rejection, O(m^2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from ..._errors import argument_error
from ...random import RNGLike, Stream, resolve_seed
from ..fourier import Fourier
from ..measures import Gamma, Gaussian, Jacobi
from ..orthogonal_polynomials import OrthogonalPolynomials
from ._circular import circular_positions
from ._features import certify, check_basis, purpose_stream
from ._record import Design
from ._reference import reference_weights

__all__ = ["classical_dpp_design"]

Vector = npt.NDArray[np.float64]


def classical_dpp_design(basis: Any, *, rng: RNGLike = None, draw: int = 0) -> Design:
    """Draw the projection DPP of all polynomials, or trigonometric ones, up to a degree.

    Parameters
    ----------
    basis : TensorBasis
        On the line, of degrees 0 to m - 1, for a beta (uniform, arcsine, …), normal or gamma law;
        or `Fourier` functions 0 to m - 1, m odd: all waves of frequency up to (m - 1)/2.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed: draws of different numbers are independent.

    Returns
    -------
    Design
        m points in random order with weights m/k, of the same law as `projection_dpp_design`.

    Raises
    ------
    ArgumentError
        If the basis is another.

    Notes
    -----
    O(m^2): eigenvalues of a symmetric tridiagonal matrix, or a phase on the circle that is followed
    through its roots; the certificate takes O(m^3).

    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.approximation import Gaussian, TensorBasis
    >>> design = classical_dpp_design(TensorBasis(Gaussian(), 9), rng=0)
    >>> design.size, design.unbiased
    (10, True)
    """
    check_basis(basis)
    seed = resolve_seed(rng)
    points, proposals = draw_points(basis, purpose_stream(seed, "classical-dpp", draw))
    weights, norms = reference_weights(basis, points, "christoffel")
    return Design(
        **certify(basis, points, weights, norms),
        law="projection-dpp",
        seed=seed,
        draw=draw,
        proposals=proposals,
        unbiased=True,
    )


def applies(basis: Any) -> bool:
    """Whether the basis is all functions up to a degree of one of the four kinds."""
    families: Any = getattr(basis, "families", ())
    if len(families) != 1:
        return False
    degrees = np.sort(np.asarray(basis.indices)[:, 0])
    if (degrees != np.arange(degrees.size)).any():
        return False
    if isinstance(families[0], Fourier):
        # A cosine without its sine spans a space that no rotation maps to itself.
        return degrees.size % 2 == 1
    return isinstance(families[0], OrthogonalPolynomials) and isinstance(
        families[0].measure, Jacobi | Gaussian | Gamma
    )


def draw_points(basis: Any, stream: Stream) -> tuple[Vector, int]:
    """The points in random order, and their number."""
    if not applies(basis):
        raise argument_error(
            "basis",
            repr(basis),
            "all polynomials of one variable up to a degree, for a beta, normal or gamma law, "
            "or an odd number of Fourier functions",
            "Use projection_dpp_design, or method='rejection'.",
        )
    m = int(basis.dimension)
    measure = basis.families[0].measure
    generator = stream.generator()
    if isinstance(basis.families[0], Fourier):
        turns = generator.permutation(circular_positions(m, generator))
        low, high = measure.support[0]
        circle: Vector = np.clip(low + (high - low) * turns, low, high)
        return circle[:, None], m
    if isinstance(measure, Gaussian):
        diagonal = generator.standard_normal(m)
        beside = np.sqrt(generator.standard_gamma(np.arange(m - 1, 0.0, -1.0)))
    else:
        left = np.arange(m - 1, -1.0, -1.0)  # m - i for i = 1 … m
        steps = np.zeros(2 * m)  # xi_0 … xi_{2m-1}
        if isinstance(measure, Gamma):
            steps[1::2] = generator.standard_gamma(left + float(measure.alpha) + 1.0)
            steps[2::2] = generator.standard_gamma(left[:-1])
        else:
            a, b = float(measure.a), float(measure.b)
            chain = np.zeros(2 * m)
            chain[1::2] = generator.beta(left + a + 1.0, left + b + 1.0)
            chain[2::2] = generator.beta(left[:-1], left[:-1] + a + b + 1.0)
            steps[1:] = (1.0 - chain[:-1]) * chain[1:]
        diagonal = steps[0::2] + steps[1::2]
        beside = np.sqrt(steps[1:-1:2] * steps[2::2])
    values = scipy.linalg.eigh_tridiagonal(diagonal, beside, eigvals_only=True)
    if isinstance(measure, Jacobi):
        # Rounding must not leave the interval.
        values = np.clip(1.0 - 2.0 * values, -1.0, 1.0)
    elif isinstance(measure, Gamma):
        values = np.maximum(values, 0.0)
    points: Vector = measure.location + measure.scale * generator.permutation(values)
    return points[:, None], m
