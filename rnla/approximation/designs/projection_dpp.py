"""Projection DPP of a space on any measure, by sequential conditionals and rejection (SPEC A3).

Proposals come from (k/m) mu; with Q an orthonormal basis of the span of phi(x_1) ... phi(x_i), the
next point is the first proposal with u < ||(I - Q Q*) phi||^2 / k. Exact (Hough, Krishnapur, Peres
and Virag; Gautier, Bardenet and Valko). Proposals are tested in blocks, in order, so the outcome
does not depend on the block size. Mean number of proposals m H_m; about 4 m^3 (H_m - 1) flops.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import ConvergenceError
from ...random import RNGLike, Stream, resolve_seed
from ...tall import single_threaded_blas
from ._features import Basis, certify, check_basis, normalised_features, purpose_stream
from ._record import Design
from ._reference import christoffel_points, reference_weights

__all__ = ["projection_dpp_design"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]

# A residual below this share of the feature is rounding error.
_NOISE = 1e-12


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
    basis: Basis, stream: Stream, *, cap: int | None = None, block: int | None = None
) -> tuple[Vector, int, Array]:
    """The same and the orthonormal rows spanned by the features of the points."""
    m = basis.dimension
    limit = 200 * m if cap is None else cap
    thresholds = Stream(stream.seed, stream.purpose + "/accept")
    found: list[Vector] = []
    frame = np.empty((m, m))
    start = last = 0
    with single_threaded_blas():
        while len(found) < m:
            size = block or int(np.clip(16 * m // (m - len(found)), 32, 4096))
            index = range(start, start + size)
            points = christoffel_points(basis, stream, index)
            features = normalised_features(basis, points)
            if np.iscomplexobj(features) and not np.iscomplexobj(frame):
                frame = frame.astype(np.complex128)
            for place in _scan(features, thresholds.uniform(index), frame, len(found)):
                # Proposals are charged to the point that they were for.
                _check_cap(start + place + 1 - last, limit, len(found), m)
                last = start + place + 1
                found.append(points[place])
            start += size
            if len(found) < m:
                _check_cap(start - last, limit, len(found), m)
    return np.array(found), last, frame


def _scan(features: Array, thresholds: Vector, frame: Array, rank: int) -> list[int]:
    """Accept or reject a block in order; appends to the first `rank` rows of the frame."""
    m = frame.shape[0]
    # Shares of the features outside the span: right to rounding, which decides no proposal.
    shares = 1.0 - (np.abs(features @ frame[:rank].conj().T) ** 2).sum(axis=1)
    accepted: list[int] = []
    place = 0
    while place < len(thresholds) and rank < m:
        ahead = np.flatnonzero(thresholds[place:] < shares[place:] + _NOISE)
        if not ahead.size:
            break
        place += int(ahead[0])
        # The candidate's own share is computed afresh, orthogonalised twice.
        rest = residual(features[place], frame[:rank])
        share = float(np.vdot(rest, rest).real)
        if share > _NOISE and thresholds[place] < share:
            direction = residual(rest / np.sqrt(share), frame[:rank])
            frame[rank] = direction / np.linalg.norm(direction)
            shares[place + 1 :] -= np.abs(features[place + 1 :] @ frame[rank].conj()) ** 2
            rank += 1
            accepted.append(place)
        place += 1
    return accepted


def residual(rows: Array, frame: Array) -> Array:
    """Rows minus their projections on the span of orthonormal rows, orthogonalised twice."""
    if not frame.shape[0]:
        return rows
    once = rows - (rows @ frame.conj().T) @ frame
    result: Array = once - (once @ frame.conj().T) @ frame
    return result


def _check_cap(spent: int, cap: int, found: int, m: int) -> None:
    if spent > cap:
        raise ConvergenceError(
            f"cap: got {spent} proposals without point {found + 1} of {m}, the features proposed "
            f"so far being of numerical rank {found}; expected a point within {cap}. "
            "Check that the functions are independent and orthonormal under the measure, "
            "or raise cap."
        )
