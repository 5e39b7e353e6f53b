"""`StreamEmbedding`: what is left of a stream, what it stands for, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import argument_error
from .._result import Status
from ..certify import SplitTest, split_test
from ..random import RNGLike
from ..sampling import RowSample
from ._merged import reweighted
from ._sampled import SampledForNorm

__all__ = ["StreamEmbedding"]


@dataclass(frozen=True, eq=False)
class StreamEmbedding(SampledForNorm):
    """Reweighted rows of a stream that stand for all rows seen: ||matrix x||_p for ||Ax||_p.

    Attributes
    ----------
    sample : RowSample
        Row numbers, weights on p-th powers, and probabilities. Its `n` is the number of the last
        row seen plus one.
    rows : ndarray or csr_array, shape (size, d)
        The rows kept, as they came.
    p : float
        The norm.
    method : str
        ``"merge_and_reduce"``, ``"online_lewis"``, ``"online_leverage"`` or ``"uniform"``.
    seen : int
        Rows that went in.
    ranges : tuple of (int, int)
        Their numbers: rows start ... stop - 1 for each pair.
    held : int
        Rows that the stream itself has in memory.
    steps : int
        How often the rows that were thinned most often were thinned.
    score_total : float or None
        Sum of the online scores; None for the other methods. The expected number of rows kept
        before any thinning is at most size / d times this.
    ratios : tuple of (float, float) or None
        Smallest and largest ||matrix x||_2^2 / ||Ax||_2^2 over all x, for p = 2, where the stream
        keeps A^T A. None for any other p, and if A^T A is too ill-conditioned to tell.
    eps : float or None
        The distortion that the size was chosen for, if it was.
    status : Status
        EXACT if every row was kept; EPS_NOT_MET if `ratios` show more than `eps`.
    """

    sample: RowSample
    rows: Any
    p: float
    method: str
    seen: int
    ranges: tuple[tuple[int, int], ...]
    held: int
    steps: int
    score_total: float | None
    ratios: tuple[float, float] | None
    eps: float | None
    status: Status

    @property
    def matrix(self) -> Any:
        """The rows times weight^(1/p), in the dtype of the stream.

        Raises
        ------
        ArgumentError
            If an entry leaves the range of that dtype.
        """
        return reweighted(self.rows, self.sample)

    @property
    def distortion(self) -> float | None:
        """The largest |ratio - 1| over all x, up to rounding; None if it was not measured."""
        return None if self.ratios is None else max(1.0 - self.ratios[0], self.ratios[1] - 1.0)

    @property
    def seed(self) -> int:
        """Passing it as ``rng=`` repeats the result."""
        return self.sample.seed

    def __repr__(self) -> str:
        found = "not measured" if self.distortion is None else f"{self.distortion:.3g}"
        return (
            f"StreamEmbedding({self.size} of {self.seen} rows, p={self.p:g}, "
            f"method={self.method!r}, distortion {found}, {self.status.name})"
        )

    def compare(
        self, other: StreamEmbedding, *, starts: int = 10, budget: float = 1e11, rng: RNGLike = None
    ) -> SplitTest:
        """Look for an x at which two independent embeddings of the same rows disagree.

        For p other than 2 this is the measurement that needs no row of the stream: feed the same
        blocks to a second `OnlineEmbedding` with another seed. If both had distortion eps, their
        ratio would lie within (1 - eps) / (1 + eps) and its inverse for every x.

        Parameters
        ----------
        other : StreamEmbedding
            Of the same rows and p, with another seed.
        starts, budget, rng
            See `rnla.certify.split_test`.

        Returns
        -------
        SplitTest
            `implied`: at least one of the two has a distortion of at least this.

        Raises
        ------
        ArgumentError
            If the two do not belong to the same rows and p, or share their random numbers.
        """
        if (other.p, other.ranges) != (self.p, self.ranges):
            raise argument_error(
                "other",
                f"p = {other.p:g} and rows {other.ranges}",
                f"p = {self.p:g} and rows {self.ranges}",
                "Feed the same blocks to both streams.",
            )
        if other.seed == self.seed:
            raise argument_error(
                "other",
                f"the same seed, {other.seed}",
                "an independent embedding",
                "Give the second stream another rng=.",
            )
        pieces = [self.rows, other.rows]
        both = sp.vstack(pieces, format="csr") if sp.issparse(self.rows) else np.vstack(pieces)
        first, second = (
            RowSample(
                np.arange(start, start + part.size),
                part.sample.weights,
                part.sample.probabilities,
                design=part.sample.design,
                seed=part.seed,
                n=both.shape[0],
                p=self.p,
            )
            for start, part in ((0, self), (self.size, other))
        )
        return split_test(both, first, second, self.p, starts=starts, budget=budget, rng=rng)

    def explain(self) -> str:
        """Say in sentences what was kept, what is known of it, and what is not."""
        share = 100.0 * self.size / self.seen
        lines = [
            (
                f"Kept {self.size} of {self.seen} rows ({share:.3g} %) for p = {self.p:g}, method "
                f"{self.method}; the stream holds {self.held} rows in memory."
            ),
            f"The rows kept were thinned at most {self.steps} times.",
        ]
        if self.score_total is not None:
            lines.append(f"Online scores sum to {self.score_total:.4g}.")
        if self.ratios is not None:
            lines.append(
                f"Measured against A^T A of all rows: ratios from {self.ratios[0]:.4g} to "
                f"{self.ratios[1]:.4g} over all x, distortion {self.distortion:.3g}."
            )
        else:
            lines.append(
                "Distortion: not measured, because the rows are gone. Compare with a second stream "
                "of another seed, or certify the sample where all rows can be read again."
            )
        lines.append(f"Status {self.status.name}: {self.status.value}")
        return "\n".join(lines)
