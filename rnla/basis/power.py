"""Tensor powers of rows: for even p = 2k the p-th power of l_p is a plain squared l_2 norm.

<a, x>^k is the inner product of all degree-k monomials of a and of x, each scaled by the square
root of its multinomial coefficient. So ||A x||_{2k}^{2k} = ||B v(x)||_2^2, where row i of B holds
the D = C(d + k - 1, k) scaled monomials of a_i (SPEC A17; classical). B is never stored:
`power_view` is a tall matrix whose blocks are made while they are read. Cost k D multiplications
per row and pass.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache, partial
from typing import Any

import numpy as np

from .._errors import check_size
from .._result import FloatArray, IntArray
from ..tall import TallMatrix
from ..tall._device import beside, is_sparse_rows
from ..tall._source import Source
from ..tall.rows import float64

__all__ = ["power_dimension", "power_features", "power_view"]


def power_dimension(d: int, k: int) -> int:
    """Number of monomials of degree k in d variables, C(d + k - 1, k).

    Examples
    --------
    >>> power_dimension(10, 2)
    55
    """
    return math.comb(d + k - 1, k)


def power_features(block: FloatArray, k: int) -> FloatArray:
    """All degree-k monomials of every row, scaled so that inner products are k-th powers.

    Parameters
    ----------
    block : ndarray, shape (rows, d)
    k : int
        Degree, at least 1.

    Returns
    -------
    ndarray, shape (rows, C(d + k - 1, k))
        F with F(a) . F(x) = (a . x)^k, monomials in lexicographic order.

    Examples
    --------
    >>> a, x = np.array([[1.0, 2.0, -1.0]]), np.array([[0.5, 1.0, 3.0]])
    >>> round((power_features(a, 3) @ power_features(x, 3).T).item(), 12), (a @ x.T).item() ** 3
    (-0.125, -0.125)
    """
    variables, scale = _monomials(block.shape[1], check_size(k, name="k"))
    variables, scale = beside(block, variables), beside(block, scale)
    features: FloatArray = block[:, variables[0]] * scale
    for factor in variables[1:]:
        features *= block[:, factor]
    return features


def power_view(A: TallMatrix, k: int, *, M: FloatArray | None = None) -> TallMatrix:
    """The n x D matrix of degree-k monomials of the rows of A M, made block by block when read.

    Parameters
    ----------
    A : TallMatrix, shape (n, d)
    k : int
        Degree; `k` = p / 2 turns l_p into l_2.
    M : ndarray, shape (d, r), optional
        Linear change of variables before the monomials are formed, best a well-conditioned basis.
        Default: scale every column by a power of two to a largest entry near one, so that powers
        neither overflow nor vanish.

    Returns
    -------
    TallMatrix
        Dense, float64, with its own count of passes; ``take(rows)`` gives float64 features. Column
        spaces for different invertible `M` are the same.

    Notes
    -----
    One pass over A if it has not been scanned yet and M is not given. A block has as many rows as
    fit the usual block memory at D columns.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> A = rnla.as_tall(np.random.default_rng(0).standard_normal((100, 4)))
    >>> power_view(A, 2).shape
    (100, 10)
    """
    k = check_size(k, name="k")
    if M is None:
        largest = A.scan().column_max
        exponent = np.round(np.log2(np.where(largest > 0, largest, 1.0)))
        M = 2.0**-exponent
    return A.view(partial(_PowerSource, M=M, k=k))


class _PowerSource:
    """Rows of another source, changed linearly and raised to a tensor power while they are read."""

    is_sparse = False
    dtype = np.dtype(np.float64)

    def __init__(self, rows: Source, M: FloatArray, k: int) -> None:
        self._rows, self._M, self._k = rows, M, k
        width = power_dimension(rows.shape[1] if M.ndim == 1 else M.shape[1], k)
        self.shape = (rows.shape[0], width)
        self.row_cost = float(width)
        self.entry_count = float(self.shape[0]) * width
        self.pair_count = float(self.shape[0]) * width**2
        self.streamed, self.unit_bytes = rows.streamed, rows.unit_bytes

    def read(self, start: int, stop: int) -> FloatArray:
        return self._features(self._rows.read(start, stop))

    read_raw = read

    def load(self, start: int, stop: int) -> _PowerSource:
        return _PowerSource(self._rows.load(start, stop), self._M, self._k)

    def check(self) -> None:
        self._rows.check()

    def where(self, row: int) -> str:
        return self._rows.where(row)

    def take(self, rows: IntArray) -> FloatArray:
        return self._features(self._rows.take(rows))

    def _features(self, block: Any) -> FloatArray:
        if self._M.ndim == 2:
            changed = float64(block @ beside(block, self._M))
        else:
            dense = block.toarray() if is_sparse_rows(block) else block
            changed = dense * beside(block, self._M)
        return power_features(changed, self._k)


@lru_cache(maxsize=8)
def _monomials(d: int, k: int) -> tuple[IntArray, FloatArray]:
    """Variables of each monomial, shape (k, D), and the square roots of the coefficients, (D,)."""
    exponents = list(itertools.combinations_with_replacement(range(d), k))
    variables = np.array(exponents, dtype=np.int64).reshape(len(exponents), k)
    scale = np.full(len(exponents), float(math.factorial(k)))
    run = np.ones(len(exponents))
    for position in range(1, k):  # divide by 2, 3, ... along every run of equal variables
        same = variables[:, position] == variables[:, position - 1]
        run = np.where(same, run + 1.0, 1.0)
        scale /= run
    return np.ascontiguousarray(variables.T), np.sqrt(scale)
