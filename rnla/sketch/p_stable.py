"""p-stable sketches: entries whose combinations measure lp norms, 0 < p <= 2 (Indyk, JACM 2006).

With symmetric p-stable entries every entry of S A x is distributed as ||A x||_p times one p-stable
number, so the median of |S A x| over the median of |X| estimates the norm of any single vector.
For all x at once, p = 1: (1/s) ||S A x||_1 lies within O(d log d) of ||A x||_1 for O(d log d) rows
(Sohler and Woodruff, STOC 2011), and no oblivious sketch does much better (Wang and Woodruff, COLT
2019): sample rows where 1 +- eps is needed. Cost n s draws, about 60 ns each, and 2 nnz(A) s flops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .._errors import argument_error, check_p
from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ._dense import DenseOperator
from ._operator import Distribution

__all__ = ["PStable", "PStableOperator", "distribution_function", "median_of_absolute"]

_PURPOSE = "sketch.p_stable"


def check_stable(p: object) -> float:
    """A float with 0 < p <= 2, or an error."""
    number = check_p(p, minimum=0.0)
    if not 0.0 < number <= 2.0:
        raise argument_error(
            "p",
            repr(p),
            "a number with 0 < p <= 2, since no other stable distributions exist",
            "For p > 2 use ReciprocalExponential, or sample rows.",
        )
    return number


@dataclass(frozen=True)
class PStable(Distribution):
    """The distribution of p-stable sketches; entries have characteristic function exp(-|t|^p).

    Parameters
    ----------
    s, n : int
        Rows and columns of S; entries are not scaled by s.
    p : float
        Exponent, 0 < p <= 2: 1 gives Cauchy entries, 2 normals of variance 2.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.ones(500)
    >>> S = PStable(400, 500, p=1.5).draw(rng=0)
    >>> bool(abs(S.estimate(S @ x) / 500 ** (1 / 1.5) - 1) < 0.2)
    True
    """

    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "p", check_stable(self.p))

    def draw(self, rng: RNGLike = None) -> PStableOperator:
        """Draw an operator; see `Distribution.draw`."""
        return PStableOperator(self, resolve_seed(rng))


@dataclass(frozen=True)
class PStableOperator(DenseOperator):
    """A drawn p-stable sketch."""

    distribution: PStable
    seed: int

    def rows_of_transpose(self, start: int, stop: int, like: Any = None) -> FloatArray:
        """See `DenseOperator`."""
        from ..kernels import random_columns

        key = Stream(self.seed, _PURPOSE).key
        s, p = self.shape[0], self.distribution.p
        numbers: FloatArray = random_columns.stable(key, start, stop - start, s, p, like=like)
        return numbers

    def estimate(self, sketched: Any) -> Any:
        """||x||_p of every column x, from ``S @ x``: a median, within 1 +- eps for
        `estimate_size` rows."""
        return np.median(np.abs(sketched), axis=0) / median_of_absolute(self.distribution.p)


def distribution_function(p: float, x: float) -> float:
    """P(X <= x) of the symmetric p-stable X with characteristic function exp(-|t|^p).

    Fourier inversion for p >= 0.9, Zolotarev's integral (in the form of Nolan, 1997) below.
    """
    from scipy.integrate import quad

    if x <= 0.0:
        return 1.0 - distribution_function(p, -x) if x < 0.0 else 0.5
    if p == 1.0:
        return 0.5 + math.atan(x) / math.pi
    if p == 2.0:
        return 0.5 + 0.5 * math.erf(x / 2.0)
    if p >= 0.9:
        end = 40.0 ** (1.0 / p)
        value = quad(lambda t: math.exp(-(t**p)) * np.sinc(t * x / math.pi) * x, 0, end, limit=1000)
        return float(0.5 + value[0] / math.pi)

    def integrand(angle: float) -> float:
        power = p / (p - 1.0)
        logarithm = power * (math.log(x * math.cos(angle)) - math.log(math.sin(p * angle)))
        logarithm += math.log(math.cos((p - 1.0) * angle) / math.cos(angle))
        return math.exp(-math.exp(min(logarithm, 7.0)))

    value = quad(integrand, 0.0, math.pi / 2, limit=500)
    return float(0.5 + value[0] / math.pi)


@lru_cache(maxsize=64)
def median_of_absolute(p: float) -> float:
    """The median of |X| for the symmetric p-stable X: 1 at p = 1, 0.954 at p = 2."""
    from scipy.optimize import brentq

    if p == 1.0:
        return 1.0
    end = 2.0
    while distribution_function(p, end) < 0.75:
        end *= 2.0
    return float(brentq(lambda x: distribution_function(p, x) - 0.75, 0.0, end, xtol=1e-12))
