"""Repeated DPP: the union of independent draws of the projection DPP of a space (SPEC A12).

Weights m/k. Each block of m points repels itself, which makes the Gram matrix stable with far fewer
points than independent ones need in low dimension: about 10 m instead of more than 16 m points for
d = 1 (Nouy and Michel, arXiv 2312.14057; SPEC 6.1). Fits are slightly biased. r times one DPP.
"""

from __future__ import annotations

import numpy as np

from ...random import RNGLike, Stream, resolve_seed
from ._dpp import dpp_points
from ._features import Basis, certify, check_basis, purpose_stream
from ._record import Design, check_count
from ._reference import reference_weights

__all__ = ["repeated_dpp_design"]


def repeated_dpp_design(
    basis: Basis, n: int, *, method: str = "auto", rng: RNGLike = None, draw: int = 0
) -> Design:
    """Draw n points as a union of independent projection DPPs.

    Parameters
    ----------
    basis : Basis
        Orthonormal basis of the space, dimension m.
    n : int
        Number of points, at least m. If m does not divide it, the last DPP is cut short after a
        random permutation, so that every point still has law (k/m) mu.
    method : {"auto", "rejection", "tensor", "classical"}
        How a DPP is drawn: see `projection_dpp_design`, `tensor_dpp_design` and
        `classical_dpp_design`. "auto" takes the last where it applies, else the first.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed: draws of different numbers are independent.

    Returns
    -------
    Design
        Points, weights and stability; biased except for n = m.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If n < m, the method is unknown, or features are nan.
    ConvergenceError
        If a DPP needs too many proposals; see `projection_dpp_design`.

    Notes
    -----
    Block r depends on the seed, `draw` and r only: a larger multiple of m appends blocks.

    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> design = repeated_dpp_design(TensorBasis(Uniform(), 4), 50, rng=0)
    >>> design.size, design.stable(0.5)
    (50, True)
    """
    m = check_basis(basis)
    count = check_count(n, m)
    seed = resolve_seed(rng)
    blocks, proposals = [], 0
    for block in range(-(-count // m)):
        stream = purpose_stream(seed, f"repeated-dpp/{draw}", block)
        points, spent = dpp_points(basis, stream, method)
        if (block + 1) * m > count:
            order = np.argsort(Stream(seed, stream.purpose + "/order").uniform(range(m)))
            points = points[order[: count - block * m]]
        blocks.append(points)
        proposals += spent
    points = np.concatenate(blocks)
    weights, norms = reference_weights(basis, points, "christoffel")
    return Design(
        **certify(basis, points, weights, norms),
        law="repeated-dpp",
        seed=seed,
        draw=draw,
        proposals=proposals,
        unbiased=count == m,
    )
