"""The measurement operators A_l of self-calibration: p linear maps from n unknowns to m sensors."""

from __future__ import annotations

from ._base import Operators
from .dense import DenseOperators
from .fourier import PartialFourier
from .hadamard import PartialHadamard
from .linear import UserOperators
from .masked_fourier import MaskedFourier
from .sparse import SparseOperators

__all__ = [
    "DenseOperators",
    "MaskedFourier",
    "Operators",
    "PartialFourier",
    "PartialHadamard",
    "SparseOperators",
    "UserOperators",
    "as_operators",
]


def as_operators(operators: object) -> Operators:
    """Operators as they are; arrays, sparse matrices and LinearOperators wrapped.

    Parameters
    ----------
    operators : Operators, array_like, sparse array, LinearOperator, or a sequence of one kind

    Returns
    -------
    Operators

    Notes
    -----
    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> as_operators(np.ones((3, 4, 2)))
    DenseOperators(p=3, m=4, n=2, dtype=float64)
    """
    import scipy.sparse
    from scipy.sparse.linalg import LinearOperator

    if isinstance(operators, Operators):
        return operators
    first = operators[0] if isinstance(operators, (list, tuple)) and operators else operators
    if scipy.sparse.issparse(first):
        return SparseOperators(operators)
    if isinstance(first, LinearOperator):
        return UserOperators(operators)
    return DenseOperators(operators)  # type: ignore[arg-type]
