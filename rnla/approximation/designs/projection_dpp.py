"""Projection DPP of a space on any measure, by sequential conditionals and rejection (SPEC A3).

Proposals come from (k/m) mu; with Q an orthonormal basis of the span of phi(x_1) ... phi(x_i), the
next point is the first proposal with u < ||(I - Q Q*) phi||^2 / k. Exact (Hough, Krishnapur, Peres
and Virag; Gautier, Bardenet and Valko). Proposals are tested in blocks, in order, so the outcome
does not depend on the block size. Mean number of proposals m H_m; about 2 m^3 (H_m + 1) flops.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import check_size
from ...dpp._rejection import Proposals, accept
from ...random import RNGLike, Stream, resolve_seed
from ...tall import single_threaded_blas
from ._features import Basis, certify, check_basis, normalised_features, purpose_stream
from ._record import Design
from ._reference import christoffel_points, reference_weights

__all__ = ["projection_dpp_design"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]

_NUMBERS = 2**22  # features held at a time


def projection_dpp_design(
    basis: Basis, *, rng: RNGLike = None, draw: int = 0, cap: int | None = None
) -> Design:
    """Draw the m points of the projection determinantal point process of the space.

    Parameters
    ----------
    basis : Basis
        Orthonormal basis of the space, dimension m. The law depends on the space only.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed: draws of different numbers are independent.
    cap : int, optional
        Most proposals for one point, 200 m if not given: an orthonormal basis needs more with
        probability below m exp(-200).

    Returns
    -------
    Design
        m points with weights m/k; `proposals` counts the rejected ones too. Interpolation at them
        is unbiased, with expected squared error at most (m + 1) times the best.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If features are nan.
    ConvergenceError
        If the cap is reached: the basis is then not orthonormal under its measure, or its functions
        are linearly dependent. No point is ever accepted for want of a better one.

    Notes
    -----
    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> design = projection_dpp_design(TensorBasis(Uniform(), 4), rng=0)
    >>> design.size, design.unbiased
    (5, True)
    """
    check_basis(basis)
    seed = resolve_seed(rng)
    stream = purpose_stream(seed, "projection-dpp", draw)
    points, proposals = draw_points(basis, stream, cap=cap)
    weights, norms = reference_weights(basis, points, "christoffel")
    return Design(
        **certify(basis, points, weights, norms),
        law="projection-dpp",
        seed=seed,
        draw=draw,
        proposals=proposals,
        unbiased=True,
    )


def draw_points(
    basis: Basis, stream: Stream, *, cap: int | None = None, block: int | None = None
) -> tuple[Vector, int]:
    """The points in the order in which they were accepted, and the number of proposals."""
    points, proposals, _ = draw_frame(basis, stream, cap=cap, block=block)
    return points, proposals


def draw_frame(
    basis: Basis,
    stream: Stream,
    *,
    cap: int | None = None,
    block: int | None = None,
    functions: npt.NDArray[np.int64] | None = None,
) -> tuple[Vector, int, Array]:
    """The same and the orthonormal rows spanned by the features of the points.

    Given some of the functions, the points are those of the DPP of their span; proposals are still
    of (k/m) mu, so that each is accepted with a probability smaller by their share.
    """
    m = basis.dimension
    size = m if functions is None else functions.size
    thresholds = Stream(stream.seed, stream.purpose + "/accept")
    proposed: list[Vector] = []

    def propose(start: int, count: int) -> Proposals:
        index = range(start, start + (block or min(count, max(32, _NUMBERS // m))))
        points = christoffel_points(basis, stream, index)
        proposed.append(points)
        features = normalised_features(basis, points)
        if functions is not None:
            features = features[:, functions]
        return Proposals(np.array(index), features, np.ones(len(index)), thresholds.uniform(index))

    first = math.ceil(m * math.fsum(1.0 / k for k in range(1, size + 1)))
    with single_threaded_blas():
        chosen, proposals, kept = accept(
            propose, size, cap=200 * m if cap is None else check_size(cap, name="cap"), first=first
        )
    return np.concatenate(proposed)[chosen], proposals, kept.basis
