"""Projection DPP of a tensor basis, coordinate by coordinate (SPEC A4).

The density of the next point is phi* M phi with M = I - Q Q*. Orthonormality integrates the later
coordinates out: the marginal of the first is phi_1* M_1 phi_1 with M_1 the sums of M over pairs of
indices with equal tails; after x_1 is drawn M is multiplied entrywise by the values at x_1, and so
on. Each coordinate is drawn by rejection on the line, with at most p + 1 tries on average whatever
the dimension. O(d m^2) per point, O(d m^3) in all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import ConvergenceError, argument_error
from ...dpp._selection import Selection
from ...random import RNGLike, Stream, resolve_seed
from ...tall import single_threaded_blas
from ._features import certify, check_basis, normalised_features, purpose_stream
from ._record import Design
from ._reference import reference_weights

__all__ = ["tensor_dpp_design"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]

# Proposals on the line, in multiples of the largest mean number.
_CAP = 10_000


def tensor_dpp_design(basis: Any, *, rng: RNGLike = None, draw: int = 0) -> Design:
    """Draw the projection DPP of a tensor basis without rejecting points.

    Parameters
    ----------
    basis : TensorBasis
        Tensor basis of a product measure, dimension m.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed: draws of different numbers are independent.

    Returns
    -------
    Design
        m points with weights m/k, of the same law as `projection_dpp_design`.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the basis is not a tensor basis, or features are nan.

    Notes
    -----
    O(d m^3) flops and O(d m^2) memory. `projection_dpp_design` needs m H_m proposals instead and is
    mostly faster; the run time here hardly varies.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> design = tensor_dpp_design(TensorBasis(Uniform(), 4), rng=0)
    >>> design.size, design.proposals
    (5, 5)
    """
    check_basis(basis)
    seed = resolve_seed(rng)
    points, proposals = draw_points(basis, purpose_stream(seed, "tensor-dpp", draw))
    weights, norms = reference_weights(basis, points, "christoffel")
    return Design(
        **certify(basis, points, weights, norms),
        law="projection-dpp",
        seed=seed,
        draw=draw,
        proposals=proposals,
        unbiased=True,
    )


def draw_points(basis: Any, stream: Stream) -> tuple[Vector, int]:
    """The points in the order of drawing, and their number."""
    if not (hasattr(basis, "families") and hasattr(basis, "indices")):
        raise argument_error(
            "basis",
            type(basis).__name__,
            "a TensorBasis of a product measure",
            "Use projection_dpp_design, or method='rejection'.",
        )
    m, d = basis.dimension, len(basis.families)
    pairs = [_equal_tails(basis.indices, l) for l in range(d)]
    kept = Selection(m)
    points = np.empty((m, d))
    with single_threaded_blas():
        for i in range(m):
            kernel = np.eye(m) - kept.basis.T @ kept.basis
            for l, family in enumerate(basis.families):
                width = int(basis.indices[:, l].max()) + 1
                places, targets = pairs[l]
                sums = np.bincount(targets, kernel.ravel()[places], minlength=width * width)
                key = Stream(stream.seed, f"{stream.purpose}/{i}/{l}")
                x = _on_the_line(family, sums.reshape(width, width), key)
                points[i, l] = x
                values = family.evaluate_normalised(np.array([x]), width - 1)[0]
                factors = values[basis.indices[:, l]]
                kernel *= np.outer(factors, factors)
                # Only proportions count; without this d small factors could underflow.
                kernel /= max(float(np.abs(kernel).max()), np.finfo(np.float64).tiny)
            kept.append(kept.residuals(normalised_features(basis, points[i : i + 1])[0]))
    return points, m


def _equal_tails(indices: Array, l: int) -> tuple[Array, Array]:
    """Pairs of indices that agree after coordinate l, as places in M, and their entry of M_l."""
    m = indices.shape[0]
    width = int(indices[:, l].max()) + 1
    if l + 1 < indices.shape[1]:
        _, group = np.unique(indices[:, l + 1 :], axis=0, return_inverse=True)
    else:
        group = np.zeros(m, dtype=np.int64)
    first, second = np.nonzero(group.reshape(-1, 1) == group.reshape(1, -1))
    return first * m + second, indices[first, l] * width + indices[second, l]


def _on_the_line(family: Any, matrix: Array, stream: Stream) -> float:
    """One point of density phi* M phi with respect to the measure of the family."""
    # Two envelopes phi* D phi with D diagonal, D - M positive semidefinite; proposals from the
    # mixture of the densities phi_s^2.
    largest = float(np.linalg.eigvalsh(matrix)[-1])
    sums = np.abs(matrix).sum(axis=1)
    size = matrix.shape[0]
    envelope = sums if sums.sum() < size * largest else np.full(size, largest)
    cumulative = np.cumsum(envelope)
    block = 32
    for start in range(0, _CAP * size, block):
        index = range(start, start + block)
        picks = np.searchsorted(cumulative, stream.uniform(index) * cumulative[-1], side="right")
        degrees = np.minimum(picks, size - 1)
        candidates = family.induced_quantile(stream.uniform(index, draw=1), degrees)
        values = family.evaluate_normalised(candidates, size - 1)
        wanted = ((values @ matrix) * values).sum(axis=1)
        offered = (values**2) @ envelope
        accepted = np.flatnonzero(stream.uniform(index, draw=2) * offered < wanted)
        if accepted.size:
            return float(candidates[accepted[0]])
    raise ConvergenceError(
        f"basis: got no point in {_CAP * size} proposals on the line; expected one in {size}. "
        "Check that the functions are independent."
    )
