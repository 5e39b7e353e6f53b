"""Two independent samples against each other, without touching A (SPEC V5).

If both samples of A are eps-embeddings, the ratio of their p-th powers lies within
[(1 - eps) / (1 + eps), (1 + eps) / (1 - eps)] for every x. The same ascent as for a certificate
looks for an x at which it does not; what it finds is a witness that at least one of the two is
worse than eps. The cost does not depend on n: two gathers and an ascent on the sampled rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import check_p, check_size
from .._result import FloatArray
from ..basis import orthonormal_basis
from ..random import RNGLike, Stream, resolve_seed
from ..tall import as_tall, single_threaded_blas
from ._problem import check_sample
from ._rows import HeldRows
from ._starts import mixtures
from ._sums import SampleLike, sampled_rows
from .search import search_extremes

__all__ = ["SplitTest", "split_test"]


@dataclass(frozen=True, eq=False)
class SplitTest:
    """Extremes of the ratio of two samples.

    Attributes
    ----------
    lower, upper : float
        Smallest and largest ||S1 A x||_p^p / ||S2 A x||_p^p found; 0 or inf if one of the samples
        has lower rank than both together.
    witness_lower, witness_upper : ndarray, shape (d,)
    seed : int
    """

    lower: float
    upper: float
    witness_lower: FloatArray
    witness_upper: FloatArray
    seed: int

    @property
    def implied(self) -> float:
        """At least one of the two samples has a distortion of at least this."""
        ends = [1.0 / self.lower if self.lower > 0 else np.inf, self.upper]
        return max((end - 1.0) / (end + 1.0) if np.isfinite(end) else 1.0 for end in ends)


@single_threaded_blas()
def split_test(
    A: Any,
    first: SampleLike,
    second: SampleLike,
    p: float,
    *,
    starts: int = 10,
    budget: float = 1e11,
    rng: RNGLike = None,
) -> SplitTest:
    """Compare two independent row samples of A by ascents on the ratio of their p-th powers.

    Parameters
    ----------
    A : array_like, sparse matrix or TallMatrix, shape (n, d)
        Only the sampled rows are read.
    first, second : RowSample
    p : float
        1 <= p < inf.
    starts : int
        Ascents for each extreme.
    budget : float
        Floating-point operations at which no further ascent begins.
    rng : None, int, numpy Generator or SeedSequence

    Returns
    -------
    SplitTest

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For samples of another matrix, empty samples or an unusable p.

    Notes
    -----
    No pass over A.

    Runs on a GPU: the passes over a CuPy ``A`` do, and the result is a record in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.sampling import sample_rows
    >>> A = np.random.default_rng(0).standard_normal((5000, 4))
    >>> one, two = (sample_rows(np.ones(5000), 500, p=1, rng=seed) for seed in (1, 2))
    >>> result = split_test(A, one, two, 1, rng=0)
    >>> result.lower < 1 < result.upper, result.implied < 0.3
    (True, True)
    """
    p = check_p(p)
    starts = check_size(starts, name="starts")
    seed = resolve_seed(rng)
    tall = as_tall(A)
    samples = [check_sample(tall, first, "first"), check_sample(tall, second, "second")]
    parts = [sampled_rows(tall, sample.indices) for sample in samples]
    both = sp.vstack(parts).tocsr() if tall.is_sparse else np.vstack(parts)
    union = as_tall(sp.csr_array(both) if tall.is_sparse else both, require_tall=False)
    M = orthonormal_basis(union, seed=seed).M
    sides = [
        HeldRows(part @ M, None, np.asarray(sample.weights, dtype=np.float64), p)
        for part, sample in zip(parts, samples, strict=True)
    ]
    with single_threaded_blas():
        grams = [side.gram(side.weights) for side in sides]
        lost = [_null_vector(G) for G in grams]
        if lost[0] is not None or lost[1] is not None:
            low = M @ lost[0] if lost[0] is not None else np.zeros(len(M))
            high = M @ lost[1] if lost[1] is not None else np.zeros(len(M))
            ends = (0.0 if lost[0] is not None else 1.0, np.inf if lost[1] is not None else 1.0)
            return SplitTest(*ends, low, high, seed)
        generator = Stream(seed, "certify split").generator()
        pool = mixtures(grams[0], grams[1], generator)
        lowest, highest = search_extremes(sides[0], sides[1], p, pool, starts=starts, budget=budget)
    low_end, high_end = lowest.ends[0], highest.ends[0]
    return SplitTest(
        float(np.exp(-low_end.log_ratio)),
        float(np.exp(high_end.log_ratio)),
        M @ low_end.z,
        M @ high_end.z,
        seed,
    )


def _null_vector(G: FloatArray) -> FloatArray | None:
    """A unit vector that the side maps to zero, up to rounding; None if there is none."""
    scale = 1.0 / np.sqrt(np.maximum(np.diag(G), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(G * scale[:, None] * scale)
    return None if values[0] > 1e-12 * values[-1] else scale * vectors[:, 0]
