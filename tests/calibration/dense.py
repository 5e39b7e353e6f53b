"""Plain dense references of self-calibration: canonical correlations, error bounds, likelihood.

No operators, no iteration: stacked matrices, QR, SVD and pseudo-inverses, for small sizes.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg


def stacked(Y, A, model, basis=None):
    """The two blocks of K: rows (l, i), columns of reciprocal gains and of all signals."""
    left = np.vstack([np.diag(y) if basis is None else y[:, None] * basis for y in Y])
    if model == "repeated":
        return left, np.vstack(list(A))
    blocks = [A] * len(Y) if model == "snapshots" else list(A)
    return left, scipy.linalg.block_diag(*blocks)


def canonical_correlations(Y, A, model, basis=None):
    """All singular values of E, descending."""
    left, right = stacked(Y, A, model, basis)
    return np.linalg.svd(np.linalg.qr(left)[0].conj().T @ np.linalg.qr(right)[0], compute_uv=False)


def cramer_rao(data, sigma):
    """Root of the summed variances of d and of all x, the common factor taken out, relative."""
    d, clean = data.gains, data.clean
    m = len(d)
    left, right = stacked(clean / d, data.operators, data.model)
    J = np.hstack([left, np.tile(d, len(clean))[:, None] * right])
    x = data.signal.ravel()
    # Differences that only rescale (d, -x) leave the data alone; the pseudo-inverse drops them.
    covariance = sigma**2 * np.linalg.pinv(J.conj().T @ J, rcond=1e-10, hermitian=True)

    def part(block, v):
        v = v / np.linalg.norm(v)
        return (np.trace(block) - v.conj() @ block @ v).real

    errors = part(covariance[:m, :m], d), part(covariance[m:, m:], x)
    return np.sqrt(errors[0]) / np.linalg.norm(d), np.sqrt(errors[1]) / np.linalg.norm(x)
