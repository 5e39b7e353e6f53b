"""A twin of a matrix whose entries leave no room for arithmetic, with columns scaled near one.

The norm of a column of entries near 1e307 may not be a floating-point number, nor the inverse of
one near 1e-310. Everything that depends on the column space alone is the same for A D, D a diagonal
matrix of powers of two, which is exact. Cost: the scan, and for extreme matrices a second one and
one product per entry and pass; ordinary matrices are returned as they are.
"""

from __future__ import annotations

import numpy as np

from .._result import FloatArray
from .matrix import TallMatrix

__all__ = ["within_range"]

# Norms of 1e14 rows, their inverses and the products of a few such numbers still fit.
_SMALL, _LARGE = 1e-280, 1e280
_MOST = 1000  # 2^-e stays a normal number, and 2^e finite


def within_range(
    A: TallMatrix, *, together: bool = False, with_gram: bool = True
) -> tuple[TallMatrix, FloatArray | None]:
    """A itself and None, or A D and the diagonal of D if a column of A is extreme.

    With `together` all columns get the same factor, so that the singular vectors are kept too.
    Passes over A D count as passes over A. The scan computes the Gram matrix of dense rows as well,
    which a basis by the fast path wants next, unless `with_gram` says that none does.
    """
    size = A.scan(with_gram=with_gram).column_max
    if together:
        size = np.full_like(size, size.max())
    extreme = (size > 0) & ((size < _SMALL) | (size > _LARGE))
    if not extreme.any():
        return A, None
    exponent = np.clip(np.frexp(size)[1], -_MOST, _MOST)
    units = np.where(extreme, np.ldexp(1.0, -exponent), 1.0)
    return A.twin(units), units
