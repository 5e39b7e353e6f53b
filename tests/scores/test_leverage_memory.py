"""Exact leverage at a moderate size: memory O(n + d^2) beyond the input, for every path."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from rnla import leverage_scores

N, D = 100_000, 32


def dense(condition):
    """Gaussian times a rotated spectrum, 26 MB."""
    rng = np.random.default_rng(0)
    V = np.linalg.qr(rng.standard_normal((D, D)))[0]
    A = rng.standard_normal((N, D))
    A *= np.geomspace(1.0, 1.0 / condition, D)
    return A @ V.T


def sparse(condition):
    """3.2 million entries of a sparse matrix with one nearly dependent column, 38 MB."""
    rng = np.random.default_rng(0)
    A = sp.random_array((N, D), density=0.3, rng=rng, format="csc")
    last = A[:, [0]] + A[:, [D - 1]] / condition
    return sp.csr_array(sp.hstack([A[:, : D - 1], last]))


CASES = {
    "gram": (dense, 1.0, "auto"),
    "cholesky_qr2": (dense, 1e4, "auto"),
    "sketch": (dense, 1e12, "auto"),
    "sketched": (dense, 1e12, "sketch"),
    "sparse gram": (sparse, 1.0, "auto"),
    "sparse sketch": (sparse, 1e9, "auto"),
}


def peak_beyond_input(compute):
    tracemalloc.start()
    try:
        compute()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", CASES)
def test_no_n_by_d_array_is_formed(case, monkeypatch):
    """Four n-vectors (3.2 MB) and 12 MB of blocks for two threads; the input alone is 26 MB."""
    monkeypatch.setenv("RNLA_THREADS", "2")
    make, condition, method = CASES[case]
    A = make(condition)
    leverage_scores(A[:40_000], method=method, rng=0)  # compile
    results = []
    peak = peak_beyond_input(lambda: results.append(leverage_scores(A, method=method, rng=0)))
    assert results[0].path == case.split()[-1]
    assert peak < 4 * 8 * N + 12 * 2**20


def test_an_explicit_factor_is_noticed():
    """Companion: LAPACK's QR and row norms exceed the limit."""
    A = dense(1.0)
    peak = peak_beyond_input(lambda: np.linalg.norm(np.linalg.qr(A)[0], axis=1))
    assert peak > 4 * 8 * N + 12 * 2**20
