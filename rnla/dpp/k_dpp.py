"""k-DPPs: L-ensembles with a fixed number of items (SPEC A9).

P(S) = det(L_S) / e_k(lambda) for |S| = k. Exactly k eigenvectors are chosen by elementary symmetric
polynomials in log space, then a projection DPP is drawn on them (Kulesza and Taskar, "k-DPPs:
fixed-size determinantal point processes", 2011). O(N^3) once, or O(N r^2) for a factor with r
columns, then O(r k + N k + k^3 log k) for each draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import check_size
from ..random import RNGLike, Stream, resolve_seed
from ..tall import single_threaded_blas
from ._eigenvectors import draw_from_eigenvectors
from ._elementary import (
    centred,
    choose_eigenvectors,
    eigenvector_probabilities,
    log_elementary,
)
from ._kernel import beyond_rank
from ._record import DppSample
from ._spectrum import Spectrum, spectrum
from .l_ensemble import EIGENVECTOR_PURPOSE

__all__ = ["k_dpp", "k_dpp_inclusion_probabilities"]


def k_dpp(
    L: npt.ArrayLike | None = None,
    k: int | None = None,
    *,
    factor: Any = None,
    eigen: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    draws: int | None = None,
    rng: RNGLike = None,
) -> DppSample:
    """Draw k items with probability proportional to det(L_S).

    Parameters
    ----------
    L : array_like, shape (N, N)
        Positive semidefinite, real symmetric or complex Hermitian.
    k : int
        Number of items, from 1 to the rank of L.
    factor : array_like, shape (N, r), or any source that `rnla.as_tall` takes
        In place of L: a factor B of L = B B^*, on a GPU too. Complex factors as NumPy arrays.
    eigen : pair of array_like, shapes (r,) and (N, r), optional
        In place of L: its eigenvalues and orthonormal eigenvectors, as `numpy.linalg.eigh` returns
        them. Every positive eigenvalue counts, however small: set those that are rounding to zero.
    draws : int, optional
        Number of independent draws. Without it one draw is made, and `indices` is one array.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`. Draw t is a function of the seed and t.

    Returns
    -------
    DppSample
        k distinct items for each draw: shape (k,), or (draws, k). `marginals` holds the inclusion
        probabilities.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If not exactly one kernel is given, it is not finite, Hermitian and semidefinite, or its
        numerical rank is below k.

    Notes
    -----
    O(N^3) for L, O(N r^2) for a factor, nothing for `eigen`; then O(r k + N k + k^3 log k) for each
    draw. Only logarithms of eigenvalues and of their products are formed: neither a determinant nor
    a normaliser overflows or underflows, at any scale of L. Ranks and passes as in
    `l_ensemble`.

    Runs on a GPU with a CuPy ``factor``; ``L`` and ``eigen`` are arrays in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.dpp import k_dpp
    >>> x = np.linspace(0.0, 1.0, 50)
    >>> k_dpp(np.exp(-50.0 * (x[:, None] - x) ** 2), 4, rng=0).indices
    array([ 0,  7, 43, 49])
    """
    count = 1 if draws is None else check_size(draws, name="draws")
    given = spectrum(L, factor, eigen)
    size = _check_k(k, given)
    seed = resolve_seed(rng)
    choice = Stream(seed, EIGENVECTOR_PURPOSE)
    uniforms = np.stack([choice.uniform(range(given.rank), draw=t) for t in range(count)])
    log_values = centred(given.log_values, size)
    table = log_elementary(log_values, size)
    chosen = choose_eigenvectors(log_values, table, uniforms)
    with single_threaded_blas():
        sets, proposals = draw_from_eigenvectors(given, chosen, seed)
        marginals = given.marginals(eigenvector_probabilities(log_values, table))
    indices = np.stack(sets)
    return DppSample(
        indices=indices[0] if draws is None else indices,
        law="k-DPP",
        method="spectral",
        n=given.size,
        rank=given.rank,
        seed=seed,
        weights=None,
        proposals=proposals,
        passes=given.passes,
        marginals=marginals,
    )


def k_dpp_inclusion_probabilities(
    L: npt.ArrayLike | None = None,
    k: int | None = None,
    *,
    factor: Any = None,
    eigen: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> Any:
    """Exact probability that a k-DPP contains each item.

    Parameters
    ----------
    L, k, factor, eigen
        As in `k_dpp`.

    Returns
    -------
    ndarray, shape (N,)
        Sums to k. A Dask or CuPy array if `factor` is one.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        As in `k_dpp`.

    Notes
    -----
    sum_j P(eigenvector j is chosen) |v_ij|^2 with P = lambda_j e_(k-1)(all but j) / e_k(all):
    O(r k + N r) after the spectrum, all in log space and without cancellation.

    Runs on a GPU with a CuPy ``factor``, and the result is a CuPy array then; ``L`` and ``eigen``
    are arrays in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.dpp import k_dpp_inclusion_probabilities
    >>> k_dpp_inclusion_probabilities(np.diag([1.0, 2.0, 3.0]), 1).round(6)
    array([0.166667, 0.333333, 0.5     ])
    """
    given = spectrum(L, factor, eigen)
    size = _check_k(k, given)
    log_values = centred(given.log_values, size)
    with single_threaded_blas():
        weights = eigenvector_probabilities(log_values, log_elementary(log_values, size))
        return given.marginals(weights)


def _check_k(k: int | None, given: Spectrum) -> int:
    size = check_size(k, given.size, name="k")
    if size > given.rank:
        raise beyond_rank(size, given.rank)
    return size
