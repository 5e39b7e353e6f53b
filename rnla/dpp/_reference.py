"""Reference distributions of volume sampling: how the rows beside the DPP are drawn.

With point masses mu_i and leverage scores tau_i, r their sum: "christoffel" is tau_i / r, so that
every reweighted row has the same length; "plain" is mu_i / sum(mu); "mixed" is half of each, which
bounds the weights by twice those of the plain one and the lengths by sqrt(2) times the least.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray, IntArray
from ..random import Stream
from ..tall import rows
from ._masses import Masses
from .ground_set import GroundSet

__all__ = ["REFERENCES", "Reference", "check_reference"]

REFERENCES = ("christoffel", "mixed", "plain")


def check_reference(reference: str) -> str:
    """One of `REFERENCES`, or raise."""
    if reference not in REFERENCES:
        raise argument_error(
            "reference",
            repr(reference),
            "one of " + ", ".join(repr(name) for name in REFERENCES),
            "'christoffel' is the stable choice.",
        )
    return reference


class Reference:
    """A reference distribution on a ground set: draws, and probabilities."""

    def __init__(self, ground: GroundSet, name: str) -> None:
        self._ground = ground
        self._share = {"christoffel": 0.0, "mixed": 0.5, "plain": 1.0}[name]  # of the plain one
        self._masses: Masses | None = None
        self._total = float(ground.n)
        if self._share and ground.factors is not None:
            self._masses = Masses(ground.factors**2)
            self._total = rows.total(self._masses.values)

    def draw(self, seed: int, size: int, draws: range) -> IntArray:
        """Independent rows, shape (len(draws), size): each depends on seed, draw and place."""

        def numbers(purpose: str) -> FloatArray:
            stream = Stream(seed, purpose)
            each = [stream.uniform(range(size), draw=draw) for draw in draws]
            return np.concatenate(each)

        points = numbers("volume_sample rest")
        plain = np.zeros(points.size, dtype=bool)
        if self._share:
            plain = numbers("volume_sample coin") < self._share
        drawn = np.empty(points.size, dtype=np.int64)
        drawn[plain] = self._plain(points[plain])
        drawn[~plain] = self._ground.propose(points[~plain])[0]
        return drawn.reshape(len(draws), size)

    def _plain(self, points: FloatArray) -> IntArray:
        if self._masses is not None:
            return self._masses.draw(points)[0]
        n = self._ground.n
        uniform: IntArray = np.minimum((points * n).astype(np.int64), n - 1)
        return uniform

    def probability_of(self, indices: IntArray) -> FloatArray:
        """Probability of some rows, in the shape of `indices`."""
        found = (1.0 - self._share) / self._ground.rank * self._ground.leverage_of(indices)
        masses = 1.0 if self._masses is None else self._masses.at(indices)
        result: FloatArray = found + (self._share / self._total) * masses
        return result

    def probabilities(self) -> Any:
        """Probabilities of all rows, a row vector."""
        masses = 1.0 if self._masses is None else self._masses.values
        ours = (1.0 - self._share) / self._ground.rank * self._ground.leverage
        return ours + (self._share / self._total) * masses
