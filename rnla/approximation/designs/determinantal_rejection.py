"""Volume-rescaled sampling from independent Christoffel draws alone (SPEC A6).

Draw n0 independent points of (k/m) mu and accept all of them with probability det G <= 1 (the
trace of G is m, so arithmetic against geometric mean): they are then volume-rescaled of size n0.
Any n of them follow by closure (P15): m rows drawn by the projection DPP of the whitened rows, and
n - m of the others at random. Mean acceptance n0! / ((n0 - m)! n0^m), about 0.8 for n0 = 2 m^2.
Derezinski, Warmuth and Hsu, NeurIPS 2018 ("leveraged volume sampling"). O(n0 m^2) per try.
"""

from __future__ import annotations

import numpy as np

from ..._errors import ConvergenceError, check_size
from ...dpp._chain import chain
from ...random import RNGLike, Stream, resolve_seed
from ...tall import single_threaded_blas
from ._features import Basis, certify, check_basis, normalised_features, purpose_stream
from ._record import Design, check_count
from ._reference import christoffel_points, reference_weights

__all__ = ["determinantal_rejection_design"]


def determinantal_rejection_design(
    basis: Basis,
    n: int,
    *,
    pool: int | None = None,
    cap: int = 10_000,
    rng: RNGLike = None,
    draw: int = 0,
) -> Design:
    """Draw n points of volume-rescaled sampling by accepting or rejecting whole sets.

    Parameters
    ----------
    basis : Basis
        Orthonormal basis of the space, dimension m.
    n : int
        Number of points, at least m; n = m gives the projection DPP.
    pool : int, optional
        Size n0 of the sets that are tested, at least n; max(n, 2 m^2) if not given.
    cap : int
        Most sets tested.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed: draws of different numbers are independent.

    Returns
    -------
    Design
        n points with weights m/k, the m of the projection DPP first when n < n0; `tries` counts the
        sets, `proposals` their points. Same law as `volume_design`.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If n < m, pool < n, or features are nan.
    ConvergenceError
        If the cap is reached.

    Notes
    -----
    Only for weights m/k: for others det G is not bounded by 1. O(n0 m^2) per try, O(m^4) for the
    default pool; sets are independent of each other.

    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> design = determinantal_rejection_design(TensorBasis(Uniform(), 4), 12, rng=0)
    >>> design.size, design.law
    (12, 'volume')
    """
    m = check_basis(basis)
    count = check_count(n, m)
    size = max(count, 2 * m * m) if pool is None else check_count(pool, count)
    limit = check_size(cap, name="cap")
    seed = resolve_seed(rng)
    stream = purpose_stream(seed, "determinantal-rejection", draw)
    coins = Stream(seed, stream.purpose + "/accept")
    for attempt in range(limit):
        points = christoffel_points(basis, stream, range(attempt * size, (attempt + 1) * size))
        features = normalised_features(basis, points) * np.sqrt(m / size)
        with single_threaded_blas():
            Q, R = np.linalg.qr(features)
        with np.errstate(divide="ignore"):
            log_determinant = 2.0 * np.log(np.abs(np.diag(R))).sum()
        if np.log(coins.uniform(range(attempt, attempt + 1))[0]) < log_determinant:
            break
    else:
        raise ConvergenceError(
            f"cap: got {limit} rejected sets of {size} points; expected one accepted. "
            "Raise pool (2 m^2 accepts four in five), or use volume_design."
        )
    if count < size:
        first = chain(Q, Stream(seed, stream.purpose + "/chain").uniform(range(m)))
        others = np.setdiff1d(np.arange(size), first)
        order = np.argsort(Stream(seed, stream.purpose + "/rest").uniform(range(others.size)))
        points = points[np.concatenate([first, others[order[: count - m]]])]
    weights, norms = reference_weights(basis, points, "christoffel")
    return Design(
        **certify(basis, points, weights, norms),
        law="projection-dpp" if count == m else "volume",
        seed=seed,
        draw=draw,
        proposals=(attempt + 1) * size,
        tries=attempt + 1,
        unbiased=True,
    )
