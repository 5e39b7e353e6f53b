"""More kernels for bench.gpu: those that are held against their twin on the CPU.

The twins give the same bits, or the same numbers to rounding where libraries' functions enter; each
twin has tests against plain formulas. Sums of bytes count every array once.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from bench._gpu_kernels import KEY, Arrays, Work, normal, sparse_rows, sum_of_bytes
from rnla.kernels import (
    als_sweep,
    csr_quadratic,
    diagonal_products,
    gather_product,
    induced_cdf,
    lewis_update,
    ordered_pivotal,
    philox,
    power_rows,
    priority_keys,
    projection_dpp,
    random_columns,
    reverse_elimination,
    running_sums,
    score_histogram,
    sparse_columns,
    sparse_sign,
    split_rows,
    three_term,
    tree_pivotal,
    two_sum,
    unit_steps,
)

__all__ = ["TWINS"]

ROUNDING = 1e-12


def _uniform(cp: Any, rows: int, draw: int = 0) -> Any:
    return philox.uniform(KEY, range(rows), 0, draw, like=cp.zeros(1))


def _complex(cp: Any, *shape: int, draw: int = 0) -> Any:
    numbers = normal(cp, int(np.prod(shape)), 2, draw=draw)
    return (numbers[:, 0] + 1j * numbers[:, 1]).reshape(shape)


def _orthonormal(cp: Any, rows: int, r: int) -> Any:
    """r orthonormal columns: cosines."""
    angles = np.pi * (cp.arange(rows, dtype=np.float64) + 0.5) / rows
    U = cp.cos(angles[:, None] * cp.arange(r, dtype=np.float64)[None, :])
    scale = np.full(r, (2.0 / rows) ** 0.5)
    scale[0] = rows**-0.5
    return U * cp.asarray(scale)


# --- rows and scores -----------------------------------------------------------------------------


def _scores(cp: Any, rows: int) -> Arrays:
    return {"x": _uniform(cp, rows), "log_w": normal(cp, rows, 1, draw=1).ravel()}


def _steps_of(arrays: Arrays) -> Any:
    return unit_steps.unit_steps(arrays["x"] * 0.01)


def _powers(cp: Any, rows: int) -> Arrays:
    r = normal(cp, rows, 1).ravel()
    return {"r": r, "power": cp.absolute(r), "w": _uniform(cp, rows)}


def _windows(arrays: Arrays) -> Any:
    scores = arrays["x"]
    first = np.array([np.float64(0.25).view(np.int64)])
    last = np.array([np.float64(1.0).view(np.int64)])
    return score_histogram.fill(first, last, np.array([46]), scores)


# --- sketches ------------------------------------------------------------------------------------


def _sketch_of_csr(cp: Any, rows: int) -> Arrays:
    places, signs = sparse_sign.columns(KEY, 0, rows, 64, 8, like=cp.zeros(1))
    return sparse_rows(cp, rows, columns=64, nonzeros=16) | {
        "places": places.ravel(),
        "signs": signs.ravel(),
        "starts": cp.arange(0, 8 * rows + 1, 8, dtype=np.int64),
        "out": cp.zeros((64, 64)),
    }


def _sketched(arrays: Arrays) -> Any:
    arrays["out"][...] = 0.0
    names = "starts", "places", "signs", "data", "indices", "indptr", "out"
    sparse_columns.add_csr(*(arrays[name] for name in names))
    return arrays["out"]


# --- polynomials ---------------------------------------------------------------------------------


def _legendre(cp: Any, degree: int) -> tuple[Any, Any]:
    k = np.arange(1, degree + 1, dtype=np.float64)
    b = np.concatenate([[1.0], k / np.sqrt(4.0 * k * k - 1.0)])
    return cp.asarray(np.zeros(degree)), cp.asarray(b)


def _points(cp: Any, rows: int, degree: int = 15) -> Arrays:
    a, b = _legendre(cp, degree)
    return {"x": 2.0 * _uniform(cp, rows) - 1.0, "a": a, "b": b}


def _distributions(cp: Any, rows: int, degree: int = 30) -> Arrays:
    """Legendre's: sigma w = (1 - x^2) / 2 for the uniform measure on [-1, 1]."""
    t = 2.0 * _uniform(cp, rows) - 1.0
    a, b = _legendre(cp, degree + 1)
    k = np.arange(degree + 2, dtype=np.float64)
    return {
        "t": t,
        "log_flux": cp.log((1.0 - t * t) / 2.0),
        "base": (1.0 + t) / 2.0,
        "degrees": cp.arange(rows, dtype=np.int64) % (degree + 1),
        "a": a,
        "b": b,
        "eigenvalues": cp.asarray(k * (k + 1.0)),
    }


def _table(cp: Any, rows: int) -> Arrays:
    """Products of 16 polynomials in each of 8 variables, 512 of them."""
    columns = np.array([[v * 16 + (i * (v + 3)) % 16 for v in range(8)] for i in range(512)])
    return {
        "table": normal(cp, rows, 128),
        "starts": cp.arange(0, 8 * 512 + 1, 8, dtype=np.int64),
        "columns": cp.asarray(columns.ravel().astype(np.int64)),
    }


# --- determinants --------------------------------------------------------------------------------


def _chains(cp: Any, rows: int, r: int = 16) -> Arrays:
    draws = max(4, rows // 64)
    return {
        "U": _orthonormal(cp, 256, r),
        "points": philox.uniform(KEY, range(draws * r), like=cp.zeros(1)).reshape(draws, r),
        "draws": cp.arange(draws, dtype=np.int64),
    }


def _eliminated(arrays: Arrays) -> Any:
    return reverse_elimination.reverse_elimination(arrays["U"], 32, KEY, arrays["draws"])


# --- self-calibration ----------------------------------------------------------------------------


def _measurements(cp: Any, rows: int) -> Arrays:
    shape = max(1, rows // 256), 256
    return {
        "a": _complex(cp, *shape),
        "b": _complex(cp, *shape, draw=1),
        "out": cp.zeros(shape, dtype=np.complex128),
    }


def _multiplied(arrays: Arrays) -> Any:
    diagonal_products.multiply(arrays["a"], arrays["b"], arrays["out"])
    return arrays["out"]


def _problems(cp: Any, rows: int) -> Arrays:
    b, p, m = max(2, rows // 256), 4, 64
    return {
        "y": _complex(cp, b, p, m),
        "d": _complex(cp, b, m, draw=2),
        "v": _complex(cp, b, p, m, draw=1),
        "active": cp.ones(b, dtype=np.bool_),
        "top": cp.zeros((b, m), dtype=np.complex128),
        "below": cp.zeros((b, m)),
        "data": cp.zeros((b, p, m), dtype=np.complex128),
        "cost": cp.zeros(b),
        "change": cp.zeros(b),
    }


def _gain_sums(arrays: Arrays) -> Any:
    before = als_sweep.Sums(*(arrays[k] for k in als_sweep.Sums._fields))
    return als_sweep.gain_sums(*(arrays[k] for k in ("y", "d", "v", "active")), before)


def _call(function: Any, *names: str) -> Any:
    return lambda arrays: function(*(arrays[name] for name in names))


def _twin(name: str, kernel: str, make: Any, run: Any, rows: int, **options: Any) -> Work:
    options = {"tolerance": ROUNDING, **options}
    return Work(name=name, kernel=kernel, make=make, run=run, expected=run, rows=rows, **options)


TWINS = [
    _twin(
        "Lewis update",
        "lewis_update",
        _scores,
        lambda arrays: lewis_update.steps(arrays["x"], arrays["log_w"], None, 3.0, 0.0, 1.0, 2.0),
        2**26,
        bytes=lambda arrays: 3.0 * arrays["x"].nbytes,
    ),
    _twin(
        "pivotal, in order",
        "ordered_pivotal",
        _scores,
        lambda arrays: ordered_pivotal.ordered_pivotal(_steps_of(arrays)[0], arrays["x"])[0],
        2**25,
        bytes=lambda arrays: 2.0 * arrays["x"].nbytes,
        tolerance=0.0,
    ),
    _twin(
        "pivotal, in a tree",
        "tree_pivotal",
        _scores,
        lambda arrays: tree_pivotal.tree_pivotal(_steps_of(arrays)[0], arrays["x"])[0],
        2**25,
        bytes=lambda arrays: 2.0 * arrays["x"].nbytes,
        tolerance=0.0,
        target="1e8 rows a second",
    ),
    _twin(
        "integer masses",
        "unit_steps",
        _scores,
        lambda arrays: _steps_of(arrays)[0],
        2**26,
        bytes=lambda arrays: 2.0 * arrays["x"].nbytes,
        tolerance=0.0,
    ),
    _twin(
        "priority keys",
        "priority_keys",
        _scores,
        lambda arrays: priority_keys.priority_keys(KEY, 0, arrays["x"]),
        2**26,
        bytes=lambda arrays: 2.0 * arrays["x"].nbytes,
        tolerance=0.0,
    ),
    _twin(
        "histogram of scores",
        "score_histogram",
        _scores,
        _windows,
        2**26,
        bytes=sum_of_bytes("x"),
        tolerance=0.0,
    ),
    _twin(
        "running sums",
        "running_sums",
        _scores,
        _call(running_sums.running_sums, "x"),
        2**26,
        bytes=lambda arrays: 2.0 * arrays["x"].nbytes,
        tolerance=0.0,
    ),
    _twin(
        "powers of residuals",
        "power_rows",
        _powers,
        lambda arrays: power_rows.power_rows(*(arrays[k] for k in ("r", "power", "w")), 3.0)[1:],
        2**26,
        bytes=lambda arrays: 5.0 * arrays["r"].nbytes,
    ),
    _twin(
        "sums of pairs",
        "two_sum",
        lambda cp, rows: {k: normal(cp, rows, 1, draw=i) for i, k in enumerate("abc")},
        lambda arrays: (two_sum.add_to_pair(*(arrays[k] for k in "abc")), arrays["a"])[1],
        2**26,
        bytes=lambda arrays: 5.0 * arrays["a"].nbytes,
        tolerance=0.0,
    ),
    _twin(
        "exact splitting",
        "split_rows",
        lambda cp, rows: {"A": normal(cp, rows, 64), "scale": cp.ones(64)},
        lambda arrays: split_rows.split_dense(arrays["A"], arrays["scale"], 20),
        2**22,
        bytes=lambda arrays: 3.0 * arrays["A"].nbytes,
        tolerance=0.0,
    ),
    _twin(
        "quadratic forms, CSR",
        "csr_quadratic",
        partial(sparse_rows, columns=256, nonzeros=16),
        lambda arrays: csr_quadratic.csr_quadratic(
            *(arrays[k] for k in ("data", "indices", "indptr")), arrays["M"] + arrays["M"].T
        ),
        2**21,
        bytes=sum_of_bytes("data", "indices", "indptr"),
        flops=lambda arrays: 17.0 * arrays["data"].size,
    ),
    _twin(
        "sparse sign of CSR, ordered",
        "sparse_columns",
        _sketch_of_csr,
        _sketched,
        2**20,
        bytes=sum_of_bytes("data", "indices", "indptr", "places", "signs"),
        flops=lambda arrays: 16.0 * arrays["data"].size,
    ),
    _twin(
        "Cauchy columns",
        "random_columns",
        lambda cp, rows: {"out": cp.zeros((rows, 16))},
        lambda arrays: random_columns.cauchy(
            KEY, 0, arrays["out"].shape[0], 16, like=arrays["out"]
        ),
        2**22,
        bytes=sum_of_bytes("out"),
    ),
    _twin(
        "orthonormal polynomials",
        "three_term",
        _points,
        _call(three_term.evaluate, "x", "a", "b"),
        2**22,
        bytes=lambda arrays: 17.0 * arrays["x"].nbytes,
    ),
    _twin(
        "induced distributions",
        "induced_cdf",
        _distributions,
        lambda arrays: induced_cdf.induced_cdf(*arrays.values()),
        2**22,
        bytes=lambda arrays: 6.0 * arrays["t"].nbytes,
        tolerance=1e-11,
    ),
    _twin(
        "tensor features",
        "gather_product",
        _table,
        _call(gather_product.gather_product, "table", "starts", "columns"),
        2**16,
        bytes=lambda arrays: arrays["table"].nbytes + 4096.0 * arrays["table"].shape[0],
        flops=lambda arrays: 7.0 * 512 * arrays["table"].shape[0],
    ),
    _twin(
        "projection DPPs, chain rule",
        "projection_dpp",
        _chains,
        _call(projection_dpp.chain, "U", "points"),
        2**16,
        bytes=sum_of_bytes("U", "points"),
        tolerance=0.0,
        small=512,
    ),
    _twin(
        "volume sampling, reverse",
        "reverse_elimination",
        _chains,
        _eliminated,
        2**16,
        bytes=sum_of_bytes("U", "points"),
        tolerance=0.0,
        small=512,
    ),
    _twin(
        "sums over sensors",
        "als_sweep",
        _problems,
        _gain_sums,
        2**22,
        bytes=sum_of_bytes("y", "d", "v", "top", "below", "data"),
        flops=lambda arrays: 28.0 * arrays["y"].size,
    ),
    _twin(
        "diagonals between transforms",
        "diagonal_products",
        _measurements,
        _multiplied,
        2**26,
        bytes=sum_of_bytes("a", "b", "out"),
        flops=lambda arrays: 6.0 * arrays["a"].size,
    ),
]
