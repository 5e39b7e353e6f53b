"""L-ensembles by their spectrum, and the two kernels of a DPP (SPEC A9, section 1.3).

P(S) = det(L_S) / det(I + L). Eigenvector i is kept with probability lambda_i / (1 + lambda_i), then
a projection DPP is drawn on the kept ones (Hough, Krishnapur, Peres and Virag 2006; Kulesza and
Taskar 2012). O(N^3) once, or O(N r^2) for a factor with r columns, then O(N k + k^3 log k) for each
draw of k items.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from .._errors import argument_error, check_size
from ..random import RNGLike, Stream, resolve_seed
from ..tall import single_threaded_blas
from ..tall._device import to_host
from ._eigenvectors import draw_from_eigenvectors
from ._kernel import Matrix, check_hermitian
from ._record import DppSample
from ._spectrum import spectrum

__all__ = ["l_ensemble", "likelihood_kernel", "marginal_kernel"]

EIGENVECTOR_PURPOSE = "dpp.eigenvectors"


def l_ensemble(
    L: npt.ArrayLike | None = None,
    *,
    factor: Any = None,
    draws: int | None = None,
    rng: RNGLike = None,
) -> DppSample:
    """Draw from the L-ensemble P(S) = det(L_S) / det(I + L).

    Parameters
    ----------
    L : array_like, shape (N, N)
        Likelihood kernel: positive semidefinite, real symmetric or complex Hermitian.
    factor : array_like, shape (N, r), or any source that `rnla.as_tall` takes
        In place of L: a factor B of L = B B^*, of any rank, on a GPU too. Complex factors as NumPy
        arrays.
    draws : int, optional
        Number of independent draws. Without it one draw is made, and `indices` is one array.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`. Draw t is a function of the seed and t.

    Returns
    -------
    DppSample
        `indices` is a tuple of arrays of varying length, empty ones included, if `draws` is given.
        `marginals` holds the inclusion probabilities.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If not exactly one kernel is given, or it is not finite, Hermitian and semidefinite.

    Notes
    -----
    O(N^3) for L, O(N r^2) for a factor, once for all draws; then O(N k + k^3 log k) for a draw of
    k items. Eigenvalues of L below N eps times the largest count as zero, for factors
    singular values below max(N, r) eps times the largest.

    Factors other than NumPy arrays are read in passes: those of a basis, one for the marginals and
    one for bounds that serve all draws. A draw then reads about r log k rows, or, if that were more
    than a quarter of them, makes a pass of its own and reads k log k. Memory is O(N + r^2), on the
    workers for a Dask collection. Singular values count from 1e-8 times the largest.

    Runs on a GPU with a CuPy ``factor``; ``L`` is an array in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.dpp import l_ensemble
    >>> x = np.linspace(0.0, 1.0, 50)
    >>> sample = l_ensemble(np.exp(-50.0 * (x[:, None] - x) ** 2), draws=3, rng=0)
    >>> [len(items) for items in sample.indices]
    [5, 7, 7]
    """
    count = 1 if draws is None else check_size(draws, name="draws")
    given = spectrum(L, factor)
    seed = resolve_seed(rng)
    choice = Stream(seed, EIGENVECTOR_PURPOSE)
    probability = scipy.special.expit(given.log_values)
    uniforms = np.stack([choice.uniform(range(given.rank), draw=t) for t in range(count)])
    with single_threaded_blas():
        sets, proposals = draw_from_eigenvectors(given, uniforms < probability, seed)
        marginals = given.marginals(probability)
    indices = tuple(sets)
    return DppSample(
        indices=indices[0] if draws is None else indices,
        law="L-ensemble",
        method="spectral",
        n=given.size,
        rank=given.rank,
        seed=seed,
        weights=None,
        proposals=proposals,
        passes=given.passes,
        marginals=marginals,
    )


def marginal_kernel(L: npt.ArrayLike | None = None, *, factor: Any = None) -> Matrix:
    """The marginal kernel K = L (I + L)^-1: P(T subset of S) = det K_T.

    Parameters
    ----------
    L, factor
        As in `l_ensemble`.

    Returns
    -------
    ndarray, shape (N, N)
        Hermitian with eigenvalues in [0, 1). Its diagonal holds the inclusion probabilities.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        As in `l_ensemble`.

    Notes
    -----
    By the spectrum, so that K is accurate entry by entry for eigenvalues of any size: O(N^3), or
    O(N^2 r) for a factor.

    Runs on a GPU with a CuPy ``factor``; ``L`` and the result are arrays in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.dpp import marginal_kernel
    >>> marginal_kernel(np.diag([1.0, 3.0]))
    array([[0.5 , 0.  ],
           [0.  , 0.75]])
    """
    given = spectrum(L, factor)
    if not given.rank:
        return np.zeros((given.size, given.size))
    V = to_host(given.select(np.ones(given.rank, dtype=bool)).rows(np.arange(given.size)))
    K: Matrix = (V * scipy.special.expit(given.log_values)) @ V.conj().T
    return K


def likelihood_kernel(K: npt.ArrayLike) -> Matrix:
    """The likelihood kernel L = K (I - K)^-1 of a DPP that is an L-ensemble.

    Parameters
    ----------
    K : array_like, shape (N, N)
        Marginal kernel: Hermitian with eigenvalues from 0 to below 1.

    Returns
    -------
    ndarray, shape (N, N)
        Hermitian, positive semidefinite.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If K is not finite and Hermitian, or has eigenvalues outside [0, 1). With the eigenvalue 1
        some item combination is certain, and no finite L exists: use `dpp_lu`.

    Notes
    -----
    O(N^3) by the spectrum. An eigenvalue 1 - x comes back as 1 / x with relative error eps / x.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.dpp import likelihood_kernel
    >>> likelihood_kernel(np.diag([0.5, 0.75]))
    array([[1., 0.],
           [0., 3.]])
    """
    kernel = check_hermitian(K, "K")
    with single_threaded_blas():
        values, vectors = np.linalg.eigh(kernel)
    noise = 10.0 * kernel.shape[0] * float(np.finfo(np.float64).eps)
    if values[0] < -noise or values[-1] >= 1.0 - noise:
        raise argument_error(
            "K",
            f"eigenvalues from {values[0]:.6g} to {values[-1]:.16g}",
            "eigenvalues from 0 to below 1",
            "Sample with dpp_lu(K): it needs no likelihood kernel.",
        )
    values = np.maximum(values, 0.0)
    L: Matrix = (vectors * (values / (1.0 - values))) @ vectors.conj().T
    return L
