"""Products of measures on the line: independent coordinates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..._errors import ArgumentTypeError, argument_error
from ...random import Stream
from ._base import Array, Measure, UnivariateMeasure

__all__ = ["Product"]


class Product(Measure):
    """The law of independent coordinates.

    Parameters
    ----------
    measures : iterable of measures
        Factors in order; a product among them is taken apart.

    Examples
    --------
    >>> from rnla.approximation import Gaussian, Uniform
    >>> mu = Product([Uniform(), Gaussian()])
    >>> mu.dimension
    2
    >>> mu.sample(4, rng=0).shape
    (4, 2)
    """

    def __init__(self, measures: Iterable[Measure]) -> None:
        expected = "a non-empty sequence of measures on the line"
        remedy = "Pass for instance [Uniform()] * 3."
        try:
            given = list(measures)
        except TypeError:
            raise argument_error(
                "measures", type(measures).__name__, expected, remedy, kind=ArgumentTypeError
            ) from None
        factors: list[UnivariateMeasure] = []
        for entry in given:
            parts = entry.marginals if isinstance(entry, Measure) else ()
            if not parts:
                raise argument_error(
                    "measures", type(entry).__name__, expected, remedy, kind=ArgumentTypeError
                )
            factors.extend(parts)
        if not factors:
            raise argument_error("measures", "an empty sequence", expected, remedy)
        self._factors = tuple(factors)

    def __repr__(self) -> str:
        return f"Product([{', '.join(map(repr, self._factors))}])"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Product) and self._factors == other._factors

    def __hash__(self) -> int:
        return hash(self._factors)

    @property
    def dimension(self) -> int:
        """Number of factors."""
        return len(self._factors)

    @property
    def marginals(self) -> tuple[UnivariateMeasure, ...]:
        """The factors."""
        return self._factors

    @property
    def support(self) -> Array:
        """Ends of the support, shape (d, 2)."""
        return np.vstack([factor.support for factor in self._factors])

    def _draw(self, stream: Stream, index: range, draw: int) -> Array:
        columns = [
            factor.quantile(stream.uniform(index, block=l, draw=draw))
            for l, factor in enumerate(self._factors)
        ]
        return np.column_stack(columns)
