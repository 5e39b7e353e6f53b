"""Generalised volume-rescaled sampling: a projection DPP and independent points (SPEC A10, P14).

The law with density proportional to det(A* A) with respect to nu^n, for any reference measure nu,
is m points of the projection DPP of the space together with n - m independent points of nu
(Derezinski, Warmuth and Hsu, JMLR 23:167, Theorem 2.4). Cost: that of the DPP, and O((n - m) m).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..._errors import argument_error
from ...random import RNGLike, Stream, resolve_seed
from . import projection_dpp, tensor_dpp
from ._features import Basis, certify, check_basis, purpose_stream
from ._record import Design, check_count
from ._reference import check_reference, reference_points, reference_weights

__all__ = ["DPP_METHODS", "dpp_points", "volume_design"]

Points = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

DPP_METHODS: dict[str, Callable[[Basis, Stream], tuple[Points, int]]] = {
    "rejection": projection_dpp.draw_points,
    "tensor": tensor_dpp.draw_points,
}


def dpp_points(basis: Basis, stream: Stream, method: str) -> tuple[Points, int]:
    """Points of the projection DPP by the named method, and the number of proposals."""
    if method not in DPP_METHODS:
        raise argument_error(
            "method",
            repr(method),
            "one of " + ", ".join(repr(name) for name in DPP_METHODS),
            "'rejection' works for every basis.",
        )
    return DPP_METHODS[method](basis, stream)


def volume_design(
    basis: Basis,
    n: int,
    *,
    reference: str = "christoffel",
    method: str = "rejection",
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
    method : {"rejection", "tensor"}
        How the DPP is drawn: see `projection_dpp_design` and `tensor_dpp_design`.
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
    )
