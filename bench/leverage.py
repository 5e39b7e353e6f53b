"""Leverage scores: time, memory and accuracy against LAPACK's QR with row norms and common scripts.

Time at 10^6 x 64 dense and 10^6 x 200 sparse (2 %), all contestants taking turns in one run; the
targets are 6 times the speed of QR at condition 1, 4 times at 10^12, 1.5 times SciPy's time for
A^T A on sparse input, and memory 0.2 of the input plus 200 MB. Accuracy is the largest relative
error of any score against 60-digit arithmetic, over condition numbers and spreads of row sizes.
Writes scores_leverage.json and .png through `bench.scores`; about ten minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp

import rnla
from bench._harness import COLOURS, new_figure, peak_bytes, print_table, race, save_figure
from tests.families import scaled_rows
from tests.scores.leverage_reference import exact_leverage, largest_relative_error, rotated

Matrix = Any
Contestants = dict[str, Callable[[], Any]]

QR = "LAPACK QR + row norms"
GRAM = "inverse Gram by hand"
ATA = "SciPy A.T @ A alone"
TARGETS = {"condition 1": 6.0, "condition 1e12": 4.0, "column scales 1e12": 4.0}
SPARSE_TARGET = 1.5


# --- contestants ---------------------------------------------------------------------------------


def by_qr(A: Matrix) -> np.ndarray:
    """Row norms of the economic orthonormal factor."""
    Q, _ = scipy.linalg.qr(A, mode="economic")
    scores: np.ndarray = np.einsum("ij,ij->i", Q, Q)
    return scores


def by_gram(A: Matrix) -> np.ndarray:
    """The formula as it is usually typed: a_i^T (A^T A)^-1 a_i."""
    G = A.T @ A
    P = np.linalg.pinv(G.toarray() if sp.issparse(G) else G)
    if sp.issparse(A):
        return np.asarray(A.multiply(A @ P).sum(axis=1)).ravel()
    scores: np.ndarray = np.einsum("ij,ij->i", A @ P, A)
    return scores


def by_statsmodels(A: Matrix) -> np.ndarray:
    """The diagonal of the hat matrix, as regression diagnostics report it."""
    from statsmodels.regression.linear_model import OLS

    scores: np.ndarray = OLS(A[:, 0], A).fit().get_influence().hat_matrix_diag
    return scores


def ours(A: Matrix) -> Contestants:
    """The three methods of the library."""
    return {
        f"rnla {method}": lambda m=method: rnla.leverage_scores(A, method=m, rng=0)
        for method in ("auto", "exact", "sketch")
    }


# --- time and memory -----------------------------------------------------------------------------


def dense_matrices(n: int, d: int) -> dict[str, Callable[[], Matrix]]:
    """Gaussian times a spectrum: rotated or along the axes; rank-deficient; single precision."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]

    def spectrum(condition: float) -> Matrix:
        A = np.random.default_rng(1).standard_normal((n, d))
        A *= np.geomspace(1.0, 1.0 / condition, d)
        return A @ turn.T

    def column_scales() -> Matrix:
        A = np.random.default_rng(1).standard_normal((n, d))
        A *= 10.0 ** np.linspace(-6, 6, d)
        return A

    def deficient() -> Matrix:
        A = np.random.default_rng(1).standard_normal((n, d))
        A[:, -4:] = A[:, :4] @ rng.standard_normal((4, 4))
        return A

    return {
        "condition 1": lambda: spectrum(1.0),
        "condition 1e6": lambda: spectrum(1e6),
        "condition 1e12": lambda: spectrum(1e12),
        "column scales 1e12": column_scales,
        f"rank {d - 4} of {d}": deficient,
        "float32, condition 1": lambda: spectrum(1.0).astype(np.float32),
    }


def sparse_matrices(n: int, d: int) -> dict[str, Callable[[], Matrix]]:
    """Uniform positions and entries; then its last column almost equal to the first."""

    def uniform() -> Matrix:
        rng = np.random.default_rng(0)
        return sp.random_array((n, d), density=0.02, format="csr", rng=rng)

    def dependent(condition: float) -> Matrix:
        A = uniform().tocsc()
        last = A[:, [0]] + A[:, [d - 1]] / condition
        return sp.csr_array(sp.hstack([A[:, : d - 1], last]))

    return {
        "condition 1": uniform,
        "condition 1e6": lambda: dependent(1e6),
        "condition 1e12": lambda: dependent(1e12),
    }


def input_bytes(A: Matrix) -> int:
    """Bytes the user's matrix takes."""
    parts = (A.data, A.indices, A.indptr) if sp.issparse(A) else (A,)
    return sum(part.nbytes for part in parts)


def time_one(kind: str, case: str, A: Matrix, repeats: int) -> list[dict[str, Any]]:
    """One row per contestant: median seconds, ratio to the baseline, memory, path and passes."""
    sparse = kind == "sparse"
    contestants = ours(A)
    if sparse:
        contestants[ATA] = lambda: A.T @ A
        if case == "condition 1":
            contestants[GRAM] = lambda: by_gram(A)
    else:
        contestants[QR] = lambda: by_qr(A)
        contestants[GRAM] = lambda: by_gram(A)
        if case == "condition 1":
            contestants["statsmodels hat diagonal"] = lambda: by_statsmodels(A)
    taken = race(contestants, repeats)
    baseline = taken[ATA if sparse else QR]
    rows = []
    for name, function in contestants.items():
        growth = peak_bytes(function)
        result = function() if name.startswith("rnla") else None
        row: dict[str, Any] = {
            "kind": kind,
            "n": A.shape[0],
            "d": A.shape[1],
            "case": case,
            "contestant": name,
            "seconds": taken[name],
            "times faster": None if sparse else baseline / taken[name],
            "of A.T @ A": taken[name] / baseline if sparse else None,
            "target": None,
            "memory / input": None if growth is None else growth / input_bytes(A),
            "memory MB": None if growth is None else growth / 1e6,
            "path": None if result is None else result.path,
            "passes": None if result is None else result.passes,
        }
        if name == "rnla auto":
            row["target"] = SPARSE_TARGET if sparse else TARGETS.get(case)
        rows.append(row)
    return rows


# --- accuracy ------------------------------------------------------------------------------------


def errors(A: Matrix) -> dict[str, float]:
    """Largest relative error of any score, per contestant."""
    exact = exact_leverage(A)
    methods: Contestants = {
        "rnla auto": lambda: rnla.leverage_scores(A, rng=0).values,
        "rnla exact, sketched": lambda: _sketched_path(A),
        QR: lambda: by_qr(A),
        GRAM: lambda: by_gram(A),
    }
    return {name: _error(function(), exact) for name, function in methods.items()}


def _sketched_path(A: Matrix) -> np.ndarray:
    """The path that large ill-conditioned matrices take, on a matrix too small to need it."""
    from rnla.basis import orthonormal_basis

    tall = rnla.as_tall(A)
    return orthonormal_basis(tall, path="sketch").leverage(tall)


def _error(values: np.ndarray, exact: list[Any]) -> float:
    return largest_relative_error(np.clip(values, 0.0, None), exact, tiny=1e-290)


def accuracy(quick: bool) -> list[dict[str, Any]]:
    """Errors over condition numbers, and over the decades that row sizes span."""
    n, d = (200, 5) if quick else (1000, 16)
    rows: list[dict[str, Any]] = []
    for exponent in (0, 8) if quick else range(0, 15, 2):
        rows.append({"sweep": "condition", "value": 10.0**exponent})
        rows[-1].update(errors(rotated(n, d, 10.0**exponent)))
    for decades in (0, 6) if quick else range(0, 13, 2):
        rows.append({"sweep": "row sizes", "value": decades})
        rows[-1].update(errors(scaled_rows(n, d, 0, decades=float(decades))))
    return rows


# --- picture -------------------------------------------------------------------------------------


def picture(speed: list[dict[str, Any]], precision: list[dict[str, Any]]) -> None:
    """Time per case, then error against condition and against the spread of row sizes."""
    figure, axes = new_figure(2, 2, figsize=(12.5, 8.2))
    names = list(dict.fromkeys(row["contestant"] for row in speed))
    colour = dict(zip(names, COLOURS, strict=False))
    for ax, kind, title in (
        (axes[0, 0], "dense", "10⁶ x 64, dense"),
        (axes[0, 1], "sparse", "10⁶ x 200, sparse, 2 %"),
    ):
        rows = [row for row in speed if row["kind"] == kind]
        cases = list(dict.fromkeys(row["case"] for row in rows))
        present = [name for name in names if any(row["contestant"] == name for row in rows)]
        width = 0.8 / len(present)
        for k, name in enumerate(present):
            mine = {row["case"]: row["seconds"] for row in rows if row["contestant"] == name}
            places = [
                i + (k - len(present) / 2 + 0.5) * width for i, c in enumerate(cases) if c in mine
            ]
            ax.bar(places, list(mine.values()), width, color=colour[name], label=name)
        ax.set_yscale("log")
        ax.set_xticks(range(len(cases)), [case.replace(" ", "\n", 1) for case in cases], fontsize=8)
        ax.set_ylabel("seconds (median)")
        ax.set_title(title)
        ax.legend(fontsize=7, ncols=2, frameon=False)
    lines = [name for name in precision[0] if name not in ("sweep", "value")]
    shade = {name: colour.get(name.split(",")[0], "#000000") for name in lines}
    for ax, sweep, label in (
        (axes[1, 0], "condition", "condition number (rotated spectrum)"),
        (axes[1, 1], "row sizes", "rows scaled by 10^U(-k, k), k"),
    ):
        rows = [row for row in precision if row["sweep"] == sweep]
        for name in lines:
            found = [min(max(row[name], 1e-17), 1e3) for row in rows]
            ax.semilogy([row["value"] for row in rows], found, "o-", color=shade[name], label=name)
        if sweep == "condition":
            ax.set_xscale("log")
        ax.axhline(1e-9, color="black", linewidth=0.8, linestyle="--")
        ax.set_xlabel(label)
        ax.set_ylabel("largest relative error of a score")
        ax.legend(fontsize=7, frameon=False)
    save_figure(figure, "scores_leverage")


def measure(quick: bool) -> dict[str, Any]:
    """Run everything, print as it goes, and return what to write."""
    n, repeats = (20_000, 1) if quick else (10**6, 3)
    speed: list[dict[str, Any]] = []
    for kind, matrices in (("dense", dense_matrices(n, 64)), ("sparse", sparse_matrices(n, 200))):
        for case, make in matrices.items():
            speed += (batch := time_one(kind, case, make(), repeats))
            print_table(batch)
    precision = accuracy(quick)
    print_table(precision)
    if not quick:
        picture(speed, precision)
    return {"speed": speed, "accuracy": precision}
