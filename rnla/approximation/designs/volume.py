"""Generalised volume-rescaled sampling: a projection DPP and independent points (SPEC A10, P14).

The law with density proportional to det(A* A) with respect to nu^n, for any reference measure nu,
is m points of the projection DPP of the space together with n - m independent points of nu
(Derezinski, Warmuth and Hsu, JMLR 23:167, Theorem 2.4). Cost: that of the DPP, and O((n - m) m).
"""

from __future__ import annotations

import numpy as np

from ...random import RNGLike, Stream, resolve_seed
from ._dpp import dpp_points
from ._features import Basis, certify, check_basis, purpose_stream
from ._record import Design, check_count
from ._reference import check_reference, reference_points, reference_weights

__all__ = ["volume_design"]


def volume_design(
    basis: Basis,
    n: int,
    *,
    reference: str = "christoffel",
    method: str = "auto",
    shuffle: bool = False,
    rng: RNGLike = None,
    draw: int = 0,
) -> Design:
    """Draw n points of generalised volume-rescaled sampling.

    The weighted least-squares fit at them has the best approximation as its mean, and RSS / (n - m)
    estimates the squared best error without bias, for every n and every square-integrable function.

    Parameters
    ----------
    basis : Basis
        Orthonormal basis of the space, dimension m.
    n : int
        Number of points, at least m; n = m gives the projection DPP.
    reference : {"christoffel", "mixed", "plain"}
        Law of the n - m independent points, which also fixes the weights: see `iid_design`. With
        "christoffel" the expected squared error is at most 1 + m^2/n times the best.
    method : {"auto", "rejection", "tensor", "classical"}
        How the DPP is drawn: see `projection_dpp_design`, `tensor_dpp_design` and
        `classical_dpp_design`. "auto" takes the last where it applies, else the first.
    shuffle : bool
        Whether to put the points in random order, which makes them exchangeable. Otherwise the DPP
        comes first, and a larger n with the same seed only appends points.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed: draws of different numbers are independent.

    Returns
    -------
    Design
        Points, weights and stability.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If n < m, a name is unknown, or features are nan.
    ConvergenceError
        If the DPP needs too many proposals; see `projection_dpp_design`.

    Notes
    -----
    The law (k/m) mu has no points where all functions of the space vanish, on cells or under
    splines that were left out. The fit does not need them, but RSS / (n - m) then misses the error
    there: take "mixed" or "plain" for such a space. With the constants in the space k >= 1.

    Works on arrays in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> basis = TensorBasis(Uniform(), 4)
    >>> small, large = (volume_design(basis, n, rng=0) for n in (10, 20))
    >>> bool((large.points[:10] == small.points).all())
    True
    """
    m = check_basis(basis)
    count = check_count(n, m)
    check_reference(reference)
    seed = resolve_seed(rng)
    stream = purpose_stream(seed, "volume", draw)
    points, proposals = dpp_points(basis, stream, method)
    if count > m:
        tail = Stream(seed, f"{stream.purpose}/tail-{reference}")
        rest = reference_points(basis, tail, range(count - m), reference)
        points = np.concatenate([points, rest])
    if shuffle:
        order = np.argsort(Stream(seed, stream.purpose + "/order").uniform(range(count)))
        points = points[order]
    weights, norms = reference_weights(basis, points, reference)
    return Design(
        **certify(basis, points, weights, norms),
        law="volume" if reference == "christoffel" else f"volume-{reference}",
        seed=seed,
        draw=draw,
        proposals=proposals + count - m,
        unbiased=True,
        # Shuffled points do not tell which are which.
        independent=0 if shuffle or reference != "christoffel" else count - m,
    )
