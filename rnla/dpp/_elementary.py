"""Elementary symmetric polynomials in log space, and the choice of eigenvectors of a k-DPP.

e_l is the sum over all l-subsets of the product of their eigenvalues; with one eigenvalue more it
grows by lambda_i e_(l-1). Kulesza and Taskar (2011) choose the eigenvectors of a k-DPP by this
recursion. The products leave the range of float64 long before their ratios do: everything is a
logarithm. O(r k) time and memory for r eigenvalues.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["centred", "choose_eigenvectors", "eigenvector_probabilities", "log_elementary"]

Vector = npt.NDArray[np.float64]


def centred(log_values: Vector, k: int) -> Vector:
    """The logarithms relative to the k-th largest: the same law, and sums of moderate size."""
    result: Vector = log_values - np.partition(log_values, -k)[-k]
    return result


def log_elementary(log_values: Vector, k: int) -> Vector:
    """Row i holds log e_0 ... log e_k of the first i eigenvalues, shape (r + 1, k + 1)."""
    table = np.full((log_values.size + 1, k + 1), -np.inf)
    table[:, 0] = 0.0
    for i, log_value in enumerate(log_values):
        np.logaddexp(table[i, 1:], log_value + table[i, :-1], out=table[i + 1, 1:])
    return table


def choose_eigenvectors(
    log_values: Vector, table: Vector, uniforms: Vector
) -> npt.NDArray[np.bool_]:
    """For each row of `uniforms`, shape (draws, r), the k eigenvalues to keep, as a mask.

    A set J is chosen with probability prod(lambda_J) / e_k. `table` is that of `log_elementary`.
    """
    chosen = np.zeros(uniforms.shape, dtype=bool)
    missing = np.full(uniforms.shape[0], table.shape[1] - 1)
    for i in range(log_values.size, 0, -1):
        wanted = np.maximum(missing, 1)
        # Where all i that are left are needed this difference is an exact zero.
        log_keep = (log_values[i - 1] + table[i - 1, wanted - 1]) - table[i, wanted]
        keep = (missing > 0) & (uniforms[:, i - 1] < np.exp(log_keep))
        chosen[:, i - 1] = keep
        missing -= keep
    return chosen


def eigenvector_probabilities(log_values: Vector, table: Vector) -> Vector:
    """Probability that a k-DPP keeps each eigenvector: lambda_i e_(k-1)(all but i) / e_k(all).

    The polynomials without one eigenvalue are put together from those before it, in `table`, and
    those behind it: dividing it out again would cancel.
    """
    k = table.shape[1] - 1
    behind = np.full(k, -np.inf)
    behind[0] = 0.0
    without = np.empty(log_values.size)
    for i in range(log_values.size - 1, -1, -1):
        without[i] = np.logaddexp.reduce(table[i, :k] + behind[::-1])
        behind[1:] = np.logaddexp(behind[1:], log_values[i] + behind[:-1])
    result: Vector = np.minimum(np.exp(log_values + without - table[-1, k]), 1.0)
    return result
