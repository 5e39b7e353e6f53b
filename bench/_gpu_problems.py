"""Whole problems for bench.gpu: the public functions on arrays that live on the device.

Leverage scores of 10^7 x 256 with float32 storage beside cuSOLVER's QR and normal equations, on as
many rows as QR has memory for; Lewis weights of float32 rows beside those of float64 rows; batches
of determinantal samples; passes over rows that are streamed from the host.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import rnla
from bench._gpu_kernels import normal
from rnla import dpp

__all__ = ["determinantal", "leverage", "lewis", "streamed"]

Seconds = Callable[..., float]

# Sizes of a quick run and of a whole one. QR and normal equations in double precision need three
# arrays of twice the size, so they get a tenth of the rows.
LEVERAGE = {
    True: [(10**5, 256, True)],
    False: [(10**6, 256, True), (10**7, 256, False)],
}
LEWIS = {True: (10**5, 64), False: (10**7, 256)}
DRAWS = {
    True: [(10**4, 100, 100, "proposals"), (10**4, 30, 1000, "pools")],
    False: [(10**6, 100, 1000, "proposals"), (10**6, 30, 10**4, "pools")],
}
# Rows, columns, and the budget on the GPU, of which the rows take more than half.
STREAMED = {True: (2 * 10**5, 256, "160 MB"), False: (4 * 10**6, 256, "2 GiB")}


def leverage(cp: Any, seconds: Seconds, rates: dict[str, Any], quick: bool) -> list[dict[str, Any]]:
    """Goals: half of the matrix-product rate for 3 n d^2 flops, three times faster than QR."""
    found = []
    for n, d, with_others in LEVERAGE[quick]:
        A = normal(cp, n, d, np.float32)
        spent = seconds(cp, lambda A=A: rnla.leverage_scores(A, rng=0), 3)
        gigaflops = 3e-9 * n * d * d / spent
        row = {
            "n": n,
            "d": d,
            "ms": 1e3 * spent,
            "of product": gigaflops / rates["matrix product float64, GFlop/s"],
        }
        if with_others:
            exact = _by_qr(cp, A)
            ours = rnla.leverage_scores(A, rng=0).values
            row["largest relative error"] = float(abs(ours / exact - 1.0).max())
            for other, function in (("QR", _by_qr), ("normal equations", _by_normal_equations)):
                row[f"{other}, times ours"] = seconds(cp, partial(function, cp, A), 3) / spent
        found.append(row)
        del A
        cp.get_default_memory_pool().free_all_blocks()
    return found


def _by_qr(cp: Any, A: Any) -> Any:
    Q = cp.linalg.qr(A.astype(np.float64), mode="reduced")[0]
    return (Q * Q).sum(axis=1)


def _by_normal_equations(cp: Any, A: Any) -> Any:
    """Gram matrix and its Cholesky factor in double precision, by CuPy alone."""
    B = A.astype(np.float64)
    inverse = cp.linalg.inv(cp.linalg.cholesky(B.T @ B))
    return ((B @ inverse.T) ** 2).sum(axis=1)


def lewis(cp: Any, seconds: Seconds, quick: bool) -> list[dict[str, Any]]:
    """Goal: float32 rows give weights within 1e-3 of those of float64 rows."""
    n, d = LEWIS[quick]
    A = normal(cp, n, d, np.float32)
    A *= (1.0 + cp.arange(n) % 1000)[:, None].astype(np.float32)
    found = []
    for p in (1.0, 4.0):
        single = rnla.lewis_weights(A, p, tol=1e-3, rng=0)
        spent = seconds(cp, lambda p=p: rnla.lewis_weights(A, p, tol=1e-3, rng=0), 1)
        few = A[: n // 10]  # twice the memory, so fewer rows
        pair = [
            rnla.lewis_weights(rows, p, tol=1e-5, rng=0).values.astype(np.float64)
            for rows in (few, few.astype(np.float64))
        ]
        found.append(
            {
                "n": n,
                "d": d,
                "p": p,
                "seconds": spent,
                "iterations": single.iterations,
                "float32 from float64": float(abs(pair[0] / pair[1] - 1.0).max()),
                "target": 1e-3,
            }
        )
    return found


def determinantal(cp: Any, seconds: Seconds, quick: bool) -> list[dict[str, Any]]:
    """Goals: 1000 samples of m = 100 in a second; 10^4 of m = 30 from accepted pools."""
    found = []
    for n, m, draws, method in DRAWS[quick]:
        A = normal(cp, n, m)
        sample: Callable[..., Any] = dpp.projection_dpp
        if method == "pools":
            sample = partial(dpp.volume_sample, size=m, method="rejection")
        spent = seconds(cp, partial(sample, A, draws=draws, rng=0), 1)
        there, here = sample(A, draws=20, rng=0), sample(cp.asnumpy(A), draws=20, rng=0)
        same = bool(np.array_equal(there.indices, here.indices))
        found.append(
            {
                "n": n,
                "m": m,
                "by": method,
                "draws": draws,
                "seconds": spent,
                "target": 1.0,
                "CPU's": same,
            }
        )
    return found


def streamed(cp: Any, seconds: Seconds, quick: bool) -> list[dict[str, Any]]:
    """How much of the copying hides behind the work: a Gram pass over rows of the host beside the
    copies alone and the same pass over rows on the GPU."""
    n, d, budget = STREAMED[quick]
    A = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    host = rnla.as_tall(A, device="cuda", memory=budget).distributed()
    copies = seconds(cp, lambda: host.fold(_nothing, (1,)), 3)
    both = seconds(cp, lambda: host.gram(M=np.eye(d)), 3)
    there = rnla.as_tall(cp.asarray(A)).distributed()
    work = seconds(cp, lambda: there.gram(M=np.eye(d)), 3)
    found = {
        "rows": repr(host),
        "ms": 1e3 * both,
        "copies alone, ms": 1e3 * copies,
        "copies alone, GB/s": 1e-9 * A.nbytes / copies,
        "on the GPU, ms": 1e3 * work,
        "longer of the two / time": max(copies, work) / both,
    }
    return [found]


def _nothing(block: Any, start: int, out: Any) -> None:
    pass
