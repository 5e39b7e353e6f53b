"""Greedy removal of points while the Gram matrix stays close to the identity (SPEC A14).

Each step removes the point whose absence leaves ||G - I||_2 smallest: O(m^3 + l m^2) for l points,
by secular equations (`rnla.dpp.greedy_elimination` does the same to the rows of a table).
Haberstich, Nouy and Perrin, "Boosted optimal weighted least-squares" (s-BLS).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import ArgumentTypeError, argument_error, check_fraction, check_size
from ...dpp._removal import removal
from ...tall import single_threaded_blas
from ._features import Basis, check_basis, feature_rows, spectrum
from ._record import Design

__all__ = ["greedy_design"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]


def greedy_design(
    basis: Basis, design: Design, *, delta: float = 0.9, size: int | None = None
) -> Design:
    """Thin out a stable design.

    Parameters
    ----------
    basis : Basis
        Orthonormal basis of the space, dimension m.
    design : Design
        Points to start from, with ||G - I||_2 <= delta: for example `repeated_dpp_design` with 4 m
        points, or a `boosted_design`.
    delta : float
        Points are removed as long as ||G - I||_2 <= delta.
    size : int, optional
        Fewest points to keep, at least m; m if not given.

    Returns
    -------
    Design
        The points kept, in their order, with the stability that they have; not unbiased.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the design does not meet the event to begin with, size < m, or features are nan.

    Notes
    -----
    Deterministic. Weights stay; G is an average, so it follows the number of points by itself.

    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform, repeated_dpp_design
    >>> basis = TensorBasis(Uniform(), 4)
    >>> design = greedy_design(basis, repeated_dpp_design(basis, 20, rng=0))
    >>> design.size, design.stable(0.9, two_sided=True)
    (5, True)
    """
    m = check_basis(basis)
    if not isinstance(design, Design):
        raise argument_error(
            "design",
            type(design).__name__,
            "a Design",
            "Draw one, for example with repeated_dpp_design.",
            kind=ArgumentTypeError,
        )
    bound = check_fraction(delta, "delta")
    least = m if size is None else check_size(size, design.size)
    if least < m:
        raise argument_error("size", least, f"at least {m}", "Keep as many points as functions.")
    assert design.weights is not None
    rows = feature_rows(basis, design.points, design.weights, design.row_norms)
    low, high = spectrum(rows) if design.size >= m else (0.0, np.inf)
    if max(abs(low - 1.0), abs(high - 1.0)) > bound:
        raise argument_error(
            "design",
            f"eigenvalues from {low:.3g} to {high:.3g}",
            f"all within delta = {bound:g} of 1",
            "Start from more points, or raise delta.",
        )
    with single_threaded_blas():
        kept, *_ = removal(rows, least, bound)
    low, high = spectrum(rows[kept])
    return replace(
        design.take(kept),
        law=f"greedy {design.law}",
        dimension=m,
        delta=bound,
        lambda_min=low,
        lambda_max=high,
    )
