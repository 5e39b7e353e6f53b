"""All canonical correlations between data and operators: what competes with the answer.

`canonical_correlation` finds the largest two by iteration. Here are all of them, from E E^* as a
matrix of the size of the gains: products in blocks, then a dense eigenvalue problem. As many as lie
near one, so many gains fit the data nearly equally well. For diagnosis: k products and O(k^3).
"""

from __future__ import annotations

import math

import numpy as np

from .._errors import argument_error
from .._result import FloatArray
from ._equilibration import Equilibration
from ._threads import with_few_threads
from .problem import Problem

__all__ = ["correlation_spectrum"]

_LARGEST = 4096
_BLOCK = 2**22  # numbers in a block of products


@with_few_threads
def correlation_spectrum(problem: Problem) -> FloatArray:
    """All canonical correlations between data and operators.

    Parameters
    ----------
    problem : Problem
        With at most 4096 gains, or columns of a basis of them.

    Returns
    -------
    ndarray, shape (..., k)
        Descending, in [0, 1]; k is the number of gains, or of columns of the basis. Zero for
        sensors that take no part.

    Raises
    ------
    ArgumentError
        For larger problems, and if too few values are left at usable sensors.

    See Also
    --------
    canonical_correlation : the largest two and the answer, for any size.
    rnla.plotting.correlation_profile : a picture.

    Notes
    -----
    k products with all operators, k^2 numbers and O(k^3) flops for each problem. 1 - sigma is
    accurate to a few units of rounding.

    Works on arrays in host memory.

    Examples
    --------
    Two groups of sensors that see different signals: each group has a factor of its own.

    >>> import numpy as np
    >>> from rnla.calibration import Problem, correlation_spectrum
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((6, 8, 4))
    >>> A[:, :4, 2:] = A[:, 4:, :2] = 0.0
    >>> sigma = correlation_spectrum(Problem(A @ rng.standard_normal(4), A))
    >>> int((sigma > 1 - 1e-10).sum())
    2
    """
    system = Equilibration(problem)
    k = system.gain_size
    if k > _LARGEST:
        remedy = "canonical_correlation finds the largest two."
        raise argument_error("problem", f"{k} gains", f"at most {_LARGEST}", remedy)
    batch = problem.batch_shape
    numbers = max(1, math.prod(batch) * problem.p * problem.m)
    step = max(1, _BLOCK // numbers)
    matrix = np.empty((*batch, k, k), dtype=problem.dtype)
    for first in range(0, k, step):
        last = min(first + step, k)
        rows = np.zeros((last - first, *(1 for _ in batch), k), dtype=problem.dtype)
        rows[np.arange(last - first), ..., np.arange(first, last)] = 1.0
        rows = np.broadcast_to(rows, (last - first, *batch, k))
        matrix[..., first:last, :] = np.moveaxis(system.product(rows), 0, -2)
    hermitian = 0.5 * (matrix + matrix.conj().swapaxes(-1, -2))
    squares = np.linalg.eigvalsh(hermitian)[..., ::-1]
    sigma: FloatArray = np.sqrt(np.clip(squares, 0.0, 1.0))
    return sigma
