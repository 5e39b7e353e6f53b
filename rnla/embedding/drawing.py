"""How rows are drawn: the design, resolved and checked once, and its draws at any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._result import IntArray
from ..sampling import RowSample, sample_rows
from ..tall import TallMatrix

__all__ = ["Drawing"]


class Drawing:
    """The design, resolved and checked once, and the draws it makes."""

    def __init__(
        self,
        A: TallMatrix,
        p: float,
        design: str,
        coordinates: npt.ArrayLike | None,
        order: npt.ArrayLike | None,
        seed: int,
    ) -> None:
        if design == "auto":
            design = (
                "tree_pivotal"
                if coordinates is not None
                else "systematic"
                if order is not None
                else "poisson"
            )
        self.design, self._p, self._seed = design, p, seed
        self._coordinates, self._order = coordinates, order
        if (design, order, coordinates) != ("poisson", None, None):
            # Wrong options raise before any work is done.
            n = 1 if order is None and coordinates is None else A.shape[0]
            self.draw(np.ones(n), 1)

    def draw(self, scores: Any, size: int, rows: IntArray | None = None) -> RowSample:
        """Draw by the scores of all rows, or of the given `rows` of A only."""
        order, coordinates = self._order, self._coordinates
        if rows is not None and order is not None:
            position = np.argsort(np.asarray(order))
            order = np.argsort(position[rows])
        if rows is not None and coordinates is not None:
            coordinates = np.asarray(coordinates)[rows]
        return sample_rows(
            scores,
            size,
            design=self.design,
            order=order,
            coordinates=coordinates,
            p=self._p,
            rng=self._seed,
        )
