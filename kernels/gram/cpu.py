"""NumPy Gram matrix (see the contract beside this file)."""

from __future__ import annotations

import numpy as np


def add_gram(block, row_scale, out):
    Y = np.asarray(block, dtype=np.float64)
    if row_scale is not None:
        Y = Y * row_scale[:, None]
    out += Y.T @ Y  # one array and its transpose: NumPy calls the symmetric rank-k update
