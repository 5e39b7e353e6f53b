"""Samples of a general DPP from its marginal kernel, without an eigendecomposition (SPEC A9).

P(T subset of S) = det K_T for every T. K may be real or complex, Hermitian or not: kernels that are
not Hermitian also describe attraction between items. See `_elimination` for the sweep and sources.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .._errors import argument_error, check_size
from ..random import RNGLike, Stream, resolve_seed
from ..tall import single_threaded_blas
from ._elimination import eliminate
from ._kernel import Matrix, check_square, is_hermitian, working_eps
from ._record import DppSample

__all__ = ["dpp_lu"]

ELIMINATION_PURPOSE = "dpp.elimination"


def dpp_lu(K: npt.ArrayLike, *, draws: int | None = None, rng: RNGLike = None) -> DppSample:
    """Draw from the determinantal point process with marginal kernel K.

    Parameters
    ----------
    K : array_like, shape (N, N)
        Real or complex, float32 or float64; arithmetic is float64. Hermitian kernels have
        eigenvalues in [0, 1]; others need every conditional probability in [0, 1].
    draws : int, optional
        Number of independent draws. Without it one draw is made, and `indices` is one array.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`. Draw t is a function of the seed and t.

    Returns
    -------
    DppSample
        `indices` is a tuple of arrays of varying length if `draws` is given. `marginals` holds the
        diagonal of K.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If K is not a finite square matrix, or is Hermitian with an eigenvalue outside [0, 1]
        by more than 1.5e-8, or 3.5e-4 in single precision. For other kernels: if a probability met
        on the way leaves [0, 1] by as much.

    Notes
    -----
    N^3 / 3 multiply-adds a draw for Hermitian K, 2 N^3 / 3 otherwise; one copy of K in memory. The
    eigenvalues of a Hermitian K are checked once by two Cholesky factorisations. Of other kernels
    only the probabilities along the path of each draw are seen: no error is no proof that K is
    valid. Poulson (2020), Philosophical Transactions A 378.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.dpp import dpp_lu
    >>> K = np.array([[0.5, 0.4], [-0.4, 0.5]])  # not symmetric: the two items attract each other
    >>> sample = dpp_lu(K, draws=1000, rng=0)
    >>> together = sum(len(items) == 2 for items in sample.sets())
    >>> bool(abs(together / 1000 - (0.25 + 0.16)) < 0.05)
    True
    """
    kernel = check_square(K, "K")
    count = 1 if draws is None else check_size(draws, name="draws")
    tolerance = math.sqrt(working_eps(K))
    hermitian = is_hermitian(kernel, working_eps(K))
    if hermitian:
        kernel = 0.5 * kernel + 0.5 * kernel.conj().T
    n = kernel.shape[0]
    seed = resolve_seed(rng)
    stream = Stream(seed, ELIMINATION_PURPOSE)
    with single_threaded_blas():
        if hermitian:
            _check_eigenvalues(kernel, tolerance)
        indices = [
            eliminate(
                kernel.copy(),
                stream.uniform(range(n), draw=t),
                hermitian=hermitian,
                tolerance=tolerance,
            )
            for t in range(count)
        ]
    return DppSample(
        indices=indices[0] if draws is None else tuple(indices),
        law="DPP",
        method="LDL" if hermitian else "LU",
        n=n,
        rank=None,
        seed=seed,
        weights=None,
        proposals=np.zeros(count, dtype=np.int64),
        passes=0,
        marginals=np.diagonal(kernel).real.copy(),
    )


def _check_eigenvalues(kernel: Matrix, tolerance: float) -> None:
    """Both K and I - K are positive semidefinite, up to the tolerance."""
    try:
        for sign, shift in ((1.0, tolerance), (-1.0, 1.0 + tolerance)):
            shifted = np.multiply(sign, kernel, order="F")
            shifted[np.diag_indices_from(shifted)] += shift
            scipy.linalg.cholesky(shifted, lower=True, overwrite_a=True, check_finite=False)
    except scipy.linalg.LinAlgError:
        values = np.linalg.eigvalsh(kernel)
        raise argument_error(
            "K",
            f"eigenvalues from {values[0]:.6g} to {values[-1]:.6g}",
            "eigenvalues from 0 to 1 if K is Hermitian",
            "For a likelihood kernel L use l_ensemble(L), or dpp_lu(marginal_kernel(L)).",
        ) from None
