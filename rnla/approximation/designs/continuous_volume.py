"""Continuous volume sampling for a kernel of finite rank (SPEC A16).

Points whose density with respect to mu^n is proportional to det[kappa(x_i, x_j)], for the kernel
kappa(x, y) = sum_j sigma_j phi_j(x) conj(phi_j(y)) (Belhadji, Bardenet and Chainais, ICML 2020). It
is a mixture of projection DPPs: n of the R functions are chosen with probability proportional to
the product of their eigenvalues, in log space, then n points by rejection with proposals from
(k/R) mu. R (1 + 1/2 + ... + 1/n) proposals on average, O(R n) for the choice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error, check_size
from ...dpp._elementary import (
    centred,
    choose_eigenvectors,
    eigenvector_probabilities,
    log_elementary,
)
from ...random import RNGLike, Stream, resolve_seed
from ..measures import as_floats
from ._features import Basis, check_basis, normalised_features, purpose_stream
from ._record import Design
from .projection_dpp import draw_frame

__all__ = ["continuous_volume_design"]

Vector = npt.NDArray[np.float64]


def continuous_volume_design(
    basis: Basis, eigenvalues: npt.ArrayLike, n: int, *, rng: RNGLike = None, draw: int = 0
) -> Design:
    """Draw n points with density proportional to the determinant of their kernel matrix.

    Parameters
    ----------
    basis : Basis
        R orthonormal functions: eigenfunctions of the kernel under the measure.
    eigenvalues : array_like, shape (R,)
        Their eigenvalues, positive.
    n : int
        Number of points, at most R; n = R gives the projection DPP whatever the eigenvalues.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed: draws of different numbers are independent.

    Returns
    -------
    Design
        n points for interpolation in the kernel's Hilbert space, see `kernel_projection`. `weights`
        are dmu/dnu for the law nu of each point. Tied to no space: `dimension` is 0.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If eigenvalues are not R positive numbers, n > R, or features are nan.
    ConvergenceError
        If a point needs too many proposals; see `projection_dpp_design`.

    Notes
    -----
    Interpolation in the kernel's Hilbert space from the values at the points leaves of its unit
    vector sqrt(sigma_j) phi_j a squared norm whose mean is the probability that function j is not
    among the n chosen: small for those with large eigenvalues.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> basis = TensorBasis(Uniform(), 19)
    >>> design = continuous_volume_design(basis, 0.5 ** np.arange(20.0), 6, rng=0)
    >>> design.size, design.law
    (6, 'continuous-volume')
    """
    R = check_basis(basis)
    expected = f"{R} positive numbers, one for each function of the basis"
    remedy = "Leave out functions with eigenvalue 0."
    sigma = as_floats(eigenvalues, "eigenvalues", expected, remedy)
    if sigma.shape != (R,) or not (sigma > 0.0).all():
        got = f"shape {sigma.shape}, smallest {sigma.min(initial=np.inf):g}"
        raise argument_error("eigenvalues", got, expected, remedy)
    count = check_size(n, R, name="n")
    seed = resolve_seed(rng)
    stream = purpose_stream(seed, "continuous-volume", draw)
    log_values = centred(np.log(sigma), count)
    table = log_elementary(log_values, count)
    uniforms = Stream(seed, stream.purpose + "/functions").uniform(range(R))
    chosen = choose_eigenvectors(log_values, table, uniforms[None])[0]
    points, proposals, _ = draw_frame(basis, stream, functions=np.flatnonzero(chosen))
    shares = np.abs(normalised_features(basis, points)) ** 2
    row_norms = np.sqrt(count / (shares @ eigenvector_probabilities(log_values, table)))
    with np.errstate(over="ignore"):
        k = np.asarray(basis.christoffel(points), dtype=np.float64)
    return Design(
        points,
        row_norms**2 / k,
        law="continuous-volume",
        seed=seed,
        draw=draw,
        proposals=proposals,
        row_norms=row_norms,
    )
