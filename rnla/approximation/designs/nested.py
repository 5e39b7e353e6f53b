"""Designs for a growing space that use the points of the smaller one again (SPEC A15).

For V of dimension m inside V' of dimension m', nu' = (k'/m') mu is the mixture of nu = (k/m) mu
with share m/m' and of the new functions' part. A draw x of nu' belongs to the part of V with
probability k(x)/k'(x): then the next old point, itself a draw of nu, takes its place. The result is
exactly independent draws of nu', and the number of old points kept is binomial (Arras, Bachmayr and
Cohen, arXiv 1805.10801). O(n' (m + m')) for the points; a volume design draws its DPP anew.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error
from ...random import RNGLike, Stream, resolve_seed
from ._dpp import dpp_points
from ._features import Basis, certify, check_basis, purpose_stream
from ._record import Design, check_count
from ._reference import christoffel_points, reference_weights

__all__ = ["nested_design"]

Vector = npt.NDArray[np.float64]
IntVector = npt.NDArray[np.int64]

# Two evaluations of k may differ by rounding.
_ROUNDING = 1e-6


def nested_design(
    basis: Basis,
    n: int,
    previous: Design,
    previous_basis: Basis,
    *,
    method: str = "auto",
    rng: RNGLike = None,
    draw: int = 0,
) -> Design:
    """Draw n points for a space that contains an earlier one, keeping points of its design.

    Parameters
    ----------
    basis : Basis
        Orthonormal basis of the larger space, dimension m'; the same space is allowed.
    n : int
        Number of points, at least m'.
    previous : Design
        What `iid_design`, `volume_design` or this function drew for the smaller space, with weights
        m/k. The result has the same law for the larger space.
    previous_basis : Basis
        The basis that it was drawn for, dimension m, on the same measure.
    method : {"auto", "rejection", "tensor", "classical"}
        How the projection DPP of a volume design is drawn; see `volume_design`.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed.

    Returns
    -------
    Design
        `origin` gives the row of each point in `previous`, -1 for new points, where the function is
        yet to be evaluated.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If n < m', the spaces are not nested, the previous design has another law or was not drawn
        for `previous_basis`, or features are nan.
    ConvergenceError
        If a DPP needs too many proposals; see `projection_dpp_design`.

    Notes
    -----
    About the smaller of N and n m/m' of N independent old points are kept: nearly all when n grows
    in proportion to m'. Of a volume design the n - m independent points are used again; the m of
    the DPP only if the space stays the same. The law is exact when the larger space is chosen
    without looking at the values of the function; `previous` must not have been selected, thinned
    or conditioned.

    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform, iid_design
    >>> small, large = TensorBasis(Uniform(), 4), TensorBasis(Uniform(), 5)
    >>> first = iid_design(small, 50, rng=0)
    >>> second = nested_design(large, 60, first, small, rng=0)
    >>> second.law, second.size, int((second.origin >= 0).sum())
    ('iid', 60, 50)
    """
    m, before = check_basis(basis), check_basis(previous_basis)
    count = check_count(n, m)
    _check_previous(previous, previous_basis)
    seed = resolve_seed(rng)
    stream = purpose_stream(seed, f"nested/{before}/{previous.size}", draw)
    lead, proposals = np.empty((0, previous.points.shape[1])), 0
    origin = np.empty(0, dtype=np.int64)
    first = previous.size - previous.independent
    if previous.law != "iid":
        if m == before:
            lead, origin = previous.points[:first], np.arange(first)
        else:
            lead, proposals = dpp_points(basis, stream, method)
            origin = np.full(m, -1)
    tail = Stream(seed, stream.purpose + "/tail")
    points, kept = _tail(basis, count - len(lead), previous, previous_basis, tail)
    origin = np.concatenate([origin, kept])
    points = np.concatenate([lead, points])
    weights, norms = reference_weights(basis, points, "christoffel")
    return Design(
        **certify(basis, points, weights, norms),
        law="iid" if previous.law == "iid" else "volume",
        seed=seed,
        draw=draw,
        proposals=proposals + len(kept),
        unbiased=previous.law != "iid",
        independent=len(kept),
        origin=origin,
    )


def _tail(
    basis: Basis, n: int, previous: Design, previous_basis: Basis, stream: Stream
) -> tuple[Vector, IntVector]:
    """Independent points of nu', and the rows of the old points among them."""
    rows = np.full(n, -1)
    if not n:
        return np.empty((0, previous.points.shape[1])), rows
    points = christoffel_points(basis, stream, range(n))
    share = _share(previous_basis, basis, np.concatenate([previous.points, points]))
    coins = Stream(stream.seed, stream.purpose + "/coin").uniform(range(n))
    places = np.flatnonzero(coins < share[previous.size :])[: previous.independent]
    rows[places] = previous.size - previous.independent + np.arange(places.size)
    points[places] = previous.points[rows[places]]
    return points, rows


def _check_previous(previous: Design, basis: Basis) -> None:
    remedy = "Pass a design of iid_design or volume_design with weights m/k, and its basis."
    if not isinstance(previous, Design) or not (
        (previous.law == "iid" and previous.independent == previous.size)
        or (
            previous.law in ("volume", "projection-dpp")
            and previous.unbiased  # not of `take`
            and previous.size - previous.independent == previous.dimension
        )
    ):
        law = f"law {previous.law!r}" if isinstance(previous, Design) else type(previous).__name__
        raise argument_error(
            "previous", law, "independent or volume-rescaled points, as they were drawn", remedy
        )
    weights, _ = reference_weights(basis, previous.points, "christoffel")
    assert previous.weights is not None
    if previous.dimension != basis.dimension or not np.allclose(
        previous.weights, weights, rtol=_ROUNDING, atol=0.0
    ):
        raise argument_error(
            "previous_basis",
            f"a space of dimension {basis.dimension} whose weights are not those of the design",
            f"the basis of dimension {previous.dimension} that the design was drawn for",
            remedy,
        )


def _share(small: Basis, large: Basis, points: Vector) -> Vector:
    """k/k' at the points: the probability that a draw of nu' belongs to the part of nu."""
    with np.errstate(over="ignore", invalid="ignore"):
        share: Vector = np.asarray(small.christoffel(points)) / np.asarray(
            large.christoffel(points)
        )
    worst = int(np.argmax(np.where(np.isnan(share), np.inf, share)))
    if not share[worst] <= 1.0 + _ROUNDING:
        raise argument_error(
            "basis",
            f"k/k' = {share[worst]:g} at the point {points[worst].tolist()}",
            "at most 1: a space that contains that of previous_basis, on the same measure",
            "Extend the index set, keeping the functions it has.",
        )
    return share
