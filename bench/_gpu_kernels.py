"""The kernels that bench.gpu times: how to make their input, what they move, what else does it.

A `Work` makes its arrays on the device at two sizes: a small one whose result is compared with
plain float64 NumPy, and one that is timed. `traffic` counts each array that has to be read or
written once, whatever the kernel does, so a share of copy bandwidth is a share of the possible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.linalg

from rnla.kernels import (
    count_sketch,
    csr_gram,
    csr_row_norms,
    fwht,
    gram,
    philox,
    poisson_rows,
    row_norms,
    scan,
    sparse_sign,
)

__all__ = ["KERNELS", "KEY", "Arrays", "Work", "normal", "sparse_rows", "sum_of_bytes"]

Arrays = dict[str, Any]
KEY = 20261123


@dataclass(frozen=True)
class Work:
    """One kernel, the folder `kernel`, on one kind of input.

    `make(cp, rows)` gives its arrays, `run(arrays)` the result or several, `expected(arrays)` the
    same from NumPy arrays, within `tolerance` of its largest entry. `bytes` and `flops`
    are what the job needs. `baselines(cp, arrays)` are other ways to do it.
    """

    name: str
    kernel: str
    make: Callable[[Any, int], Arrays]
    run: Callable[[Arrays], Any]
    expected: Callable[[Arrays], Any]
    tolerance: float
    rows: int
    bytes: Callable[[Arrays], float]
    flops: Callable[[Arrays], float] = lambda arrays: 0.0
    baselines: Callable[[Any, Arrays], Mapping[str, Callable[[], Any]]] = lambda cp, arrays: {}
    target: str = ""
    small: int = 256


def normal(cp: Any, rows: int, columns: int, dtype: Any = np.float64, draw: int = 0) -> Any:
    """Normal numbers drawn on the device that `cp` makes arrays on."""
    like = cp.zeros(1)
    return philox.normal(KEY, range(rows), columns, draw, like=like).astype(dtype)


def sum_of_bytes(*names: str) -> Callable[[Arrays], float]:
    return lambda arrays: float(sum(arrays[name].nbytes for name in names))


# --- random numbers, sampling --------------------------------------------------------------------


def _uniform(arrays: Arrays) -> Any:
    return philox.uniform(KEY, range(arrays["out"].size), like=arrays["out"])


def _keep(arrays: Arrays) -> Any:
    return poisson_rows.poisson_rows(KEY, 0, arrays["q"], 0.0)


def _kept(arrays: Arrays) -> Any:
    q = arrays["q"]
    return np.flatnonzero(philox.uniform(KEY, range(q.size)) < q)


# --- sketches ------------------------------------------------------------------------------------


def _sketch_input(cp: Any, rows: int, *, dtype: Any, columns: int, s: int) -> Arrays:
    return {
        "A": normal(cp, rows, columns, dtype),
        "out": cp.zeros((min(s, rows), columns), dtype=np.float64),
    }


def _count(arrays: Arrays, *, deterministic: bool) -> Any:
    arrays["out"][...] = 0.0
    count_sketch.add_dense(KEY, 0, arrays["A"], arrays["out"], deterministic=deterministic)
    return arrays["out"]


def _counted(arrays: Arrays) -> Any:
    A, out = arrays["A"].astype(np.float64), np.zeros(arrays["out"].shape)
    places, signs = count_sketch.columns(KEY, 0, A.shape[0], out.shape[0])
    np.add.at(out, places, signs[:, None] * A)
    return out


def _sign(arrays: Arrays, *, deterministic: bool) -> Any:
    arrays["out"][...] = 0.0
    sparse_sign.add_dense(KEY, 0, arrays["A"], 8, arrays["out"], deterministic=deterministic)
    return arrays["out"]


def _signed(arrays: Arrays) -> Any:
    A, out = arrays["A"].astype(np.float64), np.zeros(arrays["out"].shape)
    places, signs = sparse_sign.columns(KEY, 0, A.shape[0], out.shape[0], 8)
    for place, sign in zip(places.T, signs.T, strict=True):
        np.add.at(out, place, sign[:, None] / np.sqrt(8.0) * A)
    return out


def _by_cusparse(nonzeros: int, cp: Any, arrays: Arrays) -> Mapping[str, Callable[[], Any]]:
    """The same sketch as a CSR matrix made beforehand, times A."""
    from cupyx.scipy import sparse

    A, s = arrays["A"], arrays["out"].shape[0]
    n = A.shape[0]
    if nonzeros == 1:
        places, signs = count_sketch.columns(KEY, 0, n, s, like=A)
    else:
        places, signs = sparse_sign.columns(KEY, 0, n, s, nonzeros, like=A)
    columns = cp.repeat(cp.arange(n, dtype=np.int32), nonzeros)
    entries = signs.ravel().astype(A.dtype), (places.ravel().astype(np.int32), columns)
    S = sparse.coo_matrix(entries, shape=(s, n)).tocsr()
    return {"cuSPARSE, S ready": lambda: S @ A}


def _by_gaussian(cp: Any, arrays: Arrays) -> Mapping[str, Callable[[], Any]]:
    """A dense Gaussian sketch of the same size, made beforehand, by cuBLAS."""
    A, s = arrays["A"], arrays["out"].shape[0]
    G = normal(cp, s, A.shape[0], A.dtype, draw=1)
    return {"cuBLAS Gaussian, S ready": lambda: G @ A} | _by_cusparse(8, cp, arrays)


def _hadamard(arrays: Arrays) -> Any:
    fwht.transform(arrays["x"])
    return arrays["x"]


def _hadamarded(arrays: Arrays) -> Any:
    return scipy.linalg.hadamard(arrays["x"].shape[0]).astype(np.float64) @ arrays["x"]


# --- passes over rows ----------------------------------------------------------------------------


def _rows_and_factor(cp: Any, rows: int, *, dtype: Any, columns: int) -> Arrays:
    A = normal(cp, rows, columns, dtype)
    return {"A": A, "M": normal(cp, columns, columns, draw=2), "out": cp.zeros(rows)}


def _gram(arrays: Arrays) -> Any:
    d = arrays["A"].shape[1]
    if "G" not in arrays:
        arrays["G"] = arrays["M"] * 0.0
    arrays["G"][...] = 0.0
    gram.add_gram(arrays["A"], None, arrays["G"])
    return arrays["G"].reshape(d, d)


def _gram_by_cublas(cp: Any, arrays: Arrays) -> Mapping[str, Callable[[], Any]]:
    A = arrays["A"]
    return {"cuBLAS, converted": lambda: (lambda B: B.T @ B)(A.astype(np.float64))}


def _norms(arrays: Arrays) -> Any:
    return row_norms.product_row_norms(arrays["A"], arrays["M"], 2.0)


def _norms_by_cublas(cp: Any, arrays: Arrays) -> Mapping[str, Callable[[], Any]]:
    A, M = arrays["A"], arrays["M"]
    return {
        "cuBLAS, then norms": lambda: cp.sqrt(((A.astype(np.float64) @ M) ** 2).sum(axis=1)),
    }


def _largest(arrays: Arrays) -> Any:
    return scan.column_and_row_max(arrays["A"])[1]


def sparse_rows(cp: Any, rows: int, *, columns: int, nonzeros: int) -> Arrays:
    places, _ = sparse_sign.columns(KEY, 0, rows, columns, nonzeros, like=cp.zeros(1))
    return {
        "data": normal(cp, rows, nonzeros).ravel(),
        "indices": cp.sort(places, axis=1).ravel().astype(np.int32),
        "indptr": cp.arange(0, rows * nonzeros + 1, nonzeros, dtype=np.int32),
        "M": normal(cp, columns, columns, draw=2),
    }


def _dense(arrays: Arrays) -> np.ndarray:
    rows = arrays["indptr"].size - 1
    A = np.zeros((rows, arrays["M"].shape[0]))
    A[np.repeat(np.arange(rows), np.diff(arrays["indptr"])), arrays["indices"]] = arrays["data"]
    return A


def _sparse_norms(arrays: Arrays) -> Any:
    names = "data", "indices", "indptr", "M"
    return csr_row_norms.csr_row_norms(*(arrays[name] for name in names), 2.0)


def _sparse_gram(arrays: Arrays) -> Any:
    if "G" not in arrays:
        arrays["G"] = arrays["M"] * 0.0
    arrays["G"][...] = 0.0
    names = "data", "indices", "indptr"
    csr_gram.add_csr_gram(*(arrays[name] for name in names), None, arrays["G"])
    return arrays["G"]


def _sparse_by_cusparse(cp: Any, arrays: Arrays) -> Any:
    from cupyx.scipy import sparse

    shape = arrays["indptr"].size - 1, arrays["M"].shape[0]
    return sparse.csr_matrix(tuple(arrays[k] for k in ("data", "indices", "indptr")), shape=shape)


def _sparse_norms_by_cusparse(cp: Any, arrays: Arrays) -> Mapping[str, Callable[[], Any]]:
    A, M = _sparse_by_cusparse(cp, arrays), arrays["M"]
    return {"cuSPARSE, then norms": lambda: cp.sqrt(((A @ M) ** 2).sum(axis=1))}


def _sparse_gram_by_cusparse(cp: Any, arrays: Arrays) -> Mapping[str, Callable[[], Any]]:
    A = _sparse_by_cusparse(cp, arrays)
    return {"cuSPARSE": lambda: (A.T @ A).toarray()}


def _columns(arrays: Arrays) -> int:
    return int(arrays["M"].shape[0])


KERNELS = [
    Work(
        name="philox uniforms",
        kernel="philox",
        make=lambda cp, rows: {"out": cp.zeros(rows)},
        run=_uniform,
        expected=_uniform,
        tolerance=0.0,
        rows=2**27,
        bytes=sum_of_bytes("out"),
        baselines=lambda cp, arrays: {"CuPy": lambda: cp.random.random(arrays["out"].size)},
    ),
    Work(
        name="poisson rows",
        kernel="poisson_rows",
        make=lambda cp, rows: {"q": normal(cp, rows, 1).ravel() ** 2 * 0.01},
        run=_keep,
        expected=_kept,
        tolerance=0.0,
        rows=2**26,
        bytes=sum_of_bytes("q"),
        baselines=lambda cp, arrays: {
            "CuPy": lambda: cp.flatnonzero(cp.random.random(arrays["q"].size) < arrays["q"])
        },
    ),
    *(
        Work(
            name=f"CountSketch, {np.dtype(dtype).name}, {way}",
            kernel="count_sketch",
            make=partial(_sketch_input, dtype=dtype, columns=64, s=4096),
            run=partial(_count, deterministic=way == "ordered"),
            expected=_counted,
            tolerance=1e-12,
            rows=2**23,
            bytes=sum_of_bytes("A"),
            flops=lambda arrays: arrays["A"].size,
            baselines=partial(_by_cusparse, 1),
            target="60 % of copy bandwidth",
        )
        for dtype in (np.float32, np.float64)
        for way in ("atomic", "ordered")
    ),
    *(
        Work(
            name=f"sparse sign, 8 entries, {way}",
            kernel="sparse_sign",
            make=partial(_sketch_input, dtype=np.float64, columns=64, s=1024),
            run=partial(_sign, deterministic=way == "ordered"),
            expected=_signed,
            tolerance=1e-12,
            rows=2**22,
            bytes=sum_of_bytes("A"),
            flops=lambda arrays: 16.0 * arrays["A"].size,
            baselines=_by_gaussian,
            target="5 times faster than cuBLAS",
        )
        for way in ("atomic", "ordered")
    ),
    Work(
        name="Walsh-Hadamard",
        kernel="fwht",
        make=lambda cp, rows: {"x": normal(cp, rows, 64)},
        run=_hadamard,
        expected=_hadamarded,
        tolerance=1e-12,
        rows=2**22,
        bytes=lambda arrays: 2.0 * arrays["x"].nbytes,
        flops=lambda arrays: float(arrays["x"].size * (arrays["x"].shape[0].bit_length() - 1)),
        target="twice the time of its sweeps as copies",
    ),
    *(
        Work(
            name=f"Gram matrix, {np.dtype(dtype).name}",
            kernel="gram",
            make=partial(_rows_and_factor, dtype=dtype, columns=256),
            run=_gram,
            expected=lambda arrays: (lambda B: B.T @ B)(arrays["A"].astype(np.float64)),
            tolerance=1e-13,
            rows=2**20,
            bytes=sum_of_bytes("A"),
            flops=lambda arrays: float(arrays["A"].size * _columns(arrays)),
            baselines=_gram_by_cublas,
        )
        for dtype in (np.float32, np.float64)
    ),
    *(
        Work(
            name=f"row norms of A M, {np.dtype(dtype).name}",
            kernel="row_norms",
            make=partial(_rows_and_factor, dtype=dtype, columns=256),
            run=_norms,
            expected=lambda arrays: np.linalg.norm(
                arrays["A"].astype(np.float64) @ arrays["M"], axis=1
            ),
            tolerance=1e-13,
            rows=2**20,
            bytes=sum_of_bytes("A", "out"),
            flops=lambda arrays: 2.0 * arrays["A"].size * _columns(arrays),
            baselines=_norms_by_cublas,
        )
        for dtype in (np.float32, np.float64)
    ),
    Work(
        name="largest entries",
        kernel="scan",
        make=partial(_rows_and_factor, dtype=np.float32, columns=256),
        run=_largest,
        expected=lambda arrays: np.abs(arrays["A"]).max(axis=1),
        tolerance=0.0,
        rows=2**22,
        bytes=sum_of_bytes("A"),
        baselines=lambda cp, arrays: {"CuPy": lambda: cp.abs(arrays["A"]).max(axis=1)},
    ),
    Work(
        name="row norms of A M, CSR",
        kernel="csr_row_norms",
        make=partial(sparse_rows, columns=256, nonzeros=16),
        run=_sparse_norms,
        expected=lambda arrays: np.linalg.norm(_dense(arrays) @ arrays["M"], axis=1),
        tolerance=1e-13,
        rows=2**21,
        bytes=sum_of_bytes("data", "indices", "indptr"),
        flops=lambda arrays: 2.0 * arrays["data"].size * _columns(arrays),
        baselines=_sparse_norms_by_cusparse,
    ),
    Work(
        name="Gram matrix, CSR",
        kernel="csr_gram",
        make=partial(sparse_rows, columns=256, nonzeros=16),
        run=_sparse_gram,
        expected=lambda arrays: np.triu((lambda B: B.T @ B)(_dense(arrays))),
        tolerance=1e-13,
        rows=2**21,
        bytes=sum_of_bytes("data", "indices", "indptr"),
        flops=lambda arrays: 17.0 * arrays["data"].size,
        baselines=_sparse_gram_by_cusparse,
    ),
]
