"""The pass engine: results do not depend on threads, memory does not depend on n."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
import threadpoolctl

from rnla.sketch import SparseSign
from rnla.tall import _cut, as_tall, single_threaded_blas

PASSES = {
    "scan": lambda tall, M, s: tall.scan().column_max,
    "gram": lambda tall, M, s: tall.gram(row_scale=s),
    "gram M": lambda tall, M, s: tall.gram(M=M),
    "row_norms": lambda tall, M, s: tall.row_norms(M),
    "row_norms p": lambda tall, M, s: tall.row_norms(M, p=1.5),
    "quadratic": lambda tall, M, s: tall.quadratic(M @ M.T),
    "rmatmul": lambda tall, M, s: tall.rmatmul(s),
    "sketch": lambda tall, M, s: tall.sketch(
        SparseSign(40, tall.shape[0]).draw(0), row_scale=s, column_scale=M[0]
    ),
}
KINDS = ("dense", "F order", "float32", "sparse")


def matrix(kind, n, d=16):
    rng = np.random.default_rng(0)
    if kind == "sparse":
        return sp.random_array((n, d), density=0.3, rng=rng, format="csr")
    A = rng.standard_normal((n, d))
    return {"dense": A, "F order": np.asfortranarray(A), "float32": A.astype(np.float32)}[kind]


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("name", PASSES)
def test_thread_count_does_not_change_a_bit(kind, name, monkeypatch):
    monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 2**10)  # 64 rows a block, about 10 tasks
    A = matrix(kind, 10_000)
    rng = np.random.default_rng(1)
    M, s = rng.standard_normal((16, 16)), rng.uniform(size=10_000)
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("RNLA_THREADS", threads)
        results.append(PASSES[name](as_tall(A), M, s))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_plain_summation_in_arrival_order_would_change_bits():
    """Companion: adding the same partial sums in another order is seen by the test above."""
    parts = np.random.default_rng(0).standard_normal((200, 16))
    assert np.any(np.cumsum(parts, axis=0)[-1] != np.cumsum(parts[::-1], axis=0)[-1])


def test_several_threads_really_run(monkeypatch):
    monkeypatch.setenv("RNLA_THREADS", "3")
    barrier = threading.Barrier(3, timeout=60)
    strip = _cut.BLOCKS_PER_STRIP * _cut.block_rows(2)

    def visit(block, start, out):
        if start in (0, strip, 2 * strip):
            barrier.wait()  # passes only if three tasks are in flight at once

    as_tall(np.ones((4 * strip, 2))).fold(visit, (1,))


def test_errors_in_a_block_reach_the_caller(monkeypatch):
    monkeypatch.setenv("RNLA_THREADS", "2")

    rows = _cut.block_rows(2)

    def visit(block, start, out):
        if start == 40 * rows:
            raise ValueError("block 40")

    with pytest.raises(ValueError, match="block 40"):
        as_tall(np.ones((100 * rows, 2))).fold(visit, (1,))


def test_blas_threads_are_limited_inside_and_restored_outside():
    def blas_threads():
        pools = threadpoolctl.threadpool_info()
        return {
            pool["filepath"]: pool["num_threads"] for pool in pools if pool["user_api"] == "blas"
        }

    before = blas_threads()
    with single_threaded_blas(), single_threaded_blas():
        assert set(blas_threads().values()) <= {1}
    assert blas_threads() == before


def peak_of(compute):
    compute()  # compile and warm up
    tracemalloc.start()
    try:
        compute()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PASSES)
def test_no_pass_makes_an_n_by_d_temporary(kind, name, monkeypatch):
    """26 MB of input; the rest may take two n-vectors (3.2 MB) and a few blocks per thread."""
    monkeypatch.setenv("RNLA_THREADS", "2")
    n = 200_000
    A = matrix(kind, n)
    rng = np.random.default_rng(1)
    M, s = rng.standard_normal((16, 16)), rng.uniform(size=n)
    tall = as_tall(A)

    def compute():
        tall._scan = None
        PASSES[name](tall, M, s)

    assert peak_of(compute) < 2 * 8 * n + 8 * 2**20


def test_the_memory_test_sees_an_n_by_d_temporary():
    """Companion: the product A @ M as a whole is caught."""
    n = 200_000
    A, M = matrix("dense", n), np.eye(16)
    assert peak_of(lambda: np.linalg.norm(A @ M, axis=1)) > 2 * 8 * n + 8 * 2**20
