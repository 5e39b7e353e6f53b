"""Append rows to a triangular factor one by one, and score each row against the rows before it.

The state is R with R^T R = sum of w_j^(1-2/p) a_j a_j^T over the rows so far, in row echelon form
(row k starts in column k, or is zero). A row is eliminated against R: a residual that rounding does
not explain means a new direction (score 1), otherwise a_i = R^T y and the score is min(1, ||y||^p).
Then the row times w_i^(1/2-1/p) enters R by Givens rotations, which only ever divide by a length;
no inverse is kept, so no subtraction can turn a score negative. Every row of R has its own power of
two and every column one taken from its first entry: rows may grow without bound. About 4 d^2 flops
a row (Yasuda, PhD thesis 2024, Definition 6.6.1 for the scores).
"""

from __future__ import annotations

import numpy as np

__all__ = ["UNSEEN", "qr_append"]

# Exponent of a column in which no entry was met yet.
UNSEEN = np.iinfo(np.int64).min


def qr_append(
    rows: np.ndarray,
    exponents: np.ndarray,
    p: float,
    triangle: np.ndarray,
    row_exponents: np.ndarray,
    column_exponents: np.ndarray,
) -> np.ndarray:
    """Score the rows ``rows[i] * 2**exponents[i]`` in order and append them to the state.

    Parameters are C-contiguous: rows (k, d) and triangle (d, d) float64, the exponents int64. The
    state is R = triangle * 2**(row_exponents[:, None] + column_exponents); it starts as zeros with
    `column_exponents` UNSEEN, and all three arrays are updated in place.

    Returns the scores (k,) in [0, 1].
    """
    from . import cpu

    scores = np.empty(rows.shape[0])
    cpu.qr_append(
        rows, exponents, float(p), triangle, row_exponents, column_exponents, UNSEEN, scores
    )
    return scores
