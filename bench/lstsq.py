"""How fast is least squares, and is it as accurate as Householder QR? Race and heat map.

Time: 10^6 x 64 and 10^5 x 500 doubles with condition numbers 1 and 10^10 against LAPACK through
SciPy, normal equations (as fast as this machine can be, and wrong where they are ill-conditioned),
LSMR, and one read of A. Targets: 8 and 5 times faster than gelsy. Every answer's backward error is
computed from the singular values of A. Then sparse rows against LSMR. Accuracy: the difficult grid
of the backward-stability papers, condition number against residual; the target is ten times the
backward error of Householder QR. Writes lstsq.json and lstsq.png; about four minutes.

    python -m bench.lstsq [--quick]
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, lsmr, lsqr

import rnla
from bench._harness import (
    COLOURS,
    machine,
    new_figure,
    print_table,
    race,
    save_figure,
    write_results,
)
from bench.sketch import read
from rnla import sketch
from rnla.regression.least_squares.backward_error import karlson_walden
from tests.regression.least_squares_problems import backward_error, difficult, householder

TARGETS = {64: 8.0, 500: 5.0}
FACTOR = 10.0  # times the backward error of Householder QR
FLOOR = 1e-17  # backward errors below it count as it


# --- time ----------------------------------------------------------------------------------------


def normal_equations(A: Any, b: np.ndarray) -> np.ndarray:
    """Cholesky of A^T A: n d^2 flops; symmetric indefinite if that is not definite any more."""
    G, c = A.T @ A, A.T @ b
    if sp.issparse(G):
        G = G.toarray()
    try:
        return scipy.linalg.cho_solve(scipy.linalg.cho_factor(G), c)
    except np.linalg.LinAlgError:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)  # it is the point
            return scipy.linalg.solve(G, c, assume_a="sym")


def dense_problem(n: int, d: int, kappa: float) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian rows, columns mixed to the condition number; residual of the size of b."""
    rng = np.random.default_rng(d)
    A = rng.standard_normal((n, d))
    if kappa > 1.0:
        V = np.linalg.qr(rng.standard_normal((d, d)))[0]
        A = A @ (np.logspace(0.0, -np.log10(kappa), d)[:, None] * V)
    return A, A @ rng.standard_normal(d) + rng.standard_normal(n)


def error_of(A: np.ndarray, b: np.ndarray) -> Callable[[np.ndarray], float]:
    """x -> its relative backward error (Karlson and Walden), from one QR of A."""
    _, s, Vt = np.linalg.svd(np.linalg.qr(A, mode="r"))

    def measure(x: np.ndarray) -> float:
        r = b - A @ x
        sizes = np.array([np.linalg.norm(r)]), np.array([np.linalg.norm(x)])
        return float(karlson_walden(s, Vt.T, (A.T @ r)[:, None], *sizes)[0] / np.linalg.norm(s))

    return measure


def timing(quick: bool) -> list[dict[str, Any]]:
    """Seconds, speed relative to gelsy, and backward error of every contestant."""
    rows = []
    sizes = ((20_000, 16), (4000, 60)) if quick else ((10**6, 64), (10**5, 500))
    for n, d in sizes:
        for kappa in (1.0, 1e10):
            A, b = dense_problem(n, d, kappa)
            measure = error_of(A, b)
            answers: dict[str, np.ndarray] = {}
            fits: dict[str, rnla.LeastSquaresFit] = {}
            rows += _race(A, b, n, d, kappa, quick, answers, fits)
            for row in rows[-len(answers) - 1 :]:
                name = row["method"]
                if name in answers:
                    row["backward error"] = measure(answers[name])
                if name in fits:
                    row["reported"] = fits[name].backward_error
                    row["passes"] = fits[name].passes
                    row["ran"] = fits[name].method
    return rows


def _race(
    A: np.ndarray,
    b: np.ndarray,
    n: int,
    d: int,
    kappa: float,
    quick: bool,
    answers: dict[str, np.ndarray],
    fits: dict[str, rnla.LeastSquaresFit],
) -> list[dict[str, Any]]:
    def ours(method: str, name: str) -> Callable[[], None]:
        def run() -> None:
            fits[name] = rnla.lstsq(A, b, method=method, rng=0)
            answers[name] = fits[name].x

        return run

    def lapack(driver: str) -> Callable[[], None]:
        def run() -> None:
            answers[driver] = scipy.linalg.lstsq(
                A, b, cond=1e-16, lapack_driver=driver, check_finite=False
            )[0]

        return run

    def normal() -> None:
        answers["normal equations"] = normal_equations(A, b)

    def peer() -> None:
        answers["LSMR, 100 iterations"] = lsmr(A, b, atol=1e-15, btol=1e-15, maxiter=100)[0]

    fast = {
        "one read of A": read(A),
        "rnla.lstsq": ours("auto", "rnla.lstsq"),
        "rnla.lstsq, sketch": ours("sketch", "rnla.lstsq, sketch"),
        "normal equations": normal,
    }
    slow = {"gelsy": lapack("gelsy"), "gelsd": lapack("gelsd"), "LSMR, 100 iterations": peer}
    taken = race(fast, 1 if quick else 5) | race(slow, 1, warm_up=0)
    return [
        {
            "n": n,
            "d": d,
            "condition": kappa,
            "method": name,
            "seconds": seconds,
            "gelsy / seconds": taken["gelsy"] / seconds,
            "target": TARGETS.get(d) if name == "rnla.lstsq" else None,
            "backward error": None,
        }
        for name, seconds in sorted(taken.items(), key=lambda item: item[1])
    ]


def sparse_timing(quick: bool) -> list[dict[str, Any]]:
    """CSR rows with columns 6 orders apart and nearly dependent: time and gradient at the end."""
    n, d = (20_000, 100) if quick else (500_000, 500)
    rng = np.random.default_rng(1)
    A = sp.random_array((n, d), density=0.01, format="csr", rng=rng)
    mixed = sp.diags_array(10.0 ** rng.uniform(-3.0, 3.0, d)) @ sp.diags_array(
        [np.ones(d), np.full(d - 1, 0.999)], offsets=[0, 1], shape=(d, d)
    )
    A = sp.csr_array(A @ mixed)
    b = A @ rng.standard_normal(d) + 1e-3 * rng.standard_normal(n)
    answers: dict[str, np.ndarray] = {}

    def ours() -> None:
        answers["rnla.lstsq"] = rnla.lstsq(A, b, rng=0).x

    def peer() -> None:
        answers["LSMR, 1000 iterations"] = lsmr(A, b, atol=1e-15, btol=1e-15, maxiter=1000)[0]

    def normal() -> None:
        answers["normal equations"] = normal_equations(A, b)

    taken = race({"rnla.lstsq": ours, "normal equations": normal}, 1 if quick else 3)
    taken |= race({"LSMR, 1000 iterations": peer}, 1, warm_up=0)
    factor = rnla.lstsq(A, b, rng=0)
    best = factor.residual_norm
    return [
        {
            "n": n,
            "d": d,
            "stored": A.nnz,
            "method": name,
            "seconds": seconds,
            "excess residual": float(np.linalg.norm(b - A @ answers[name]) / best - 1.0),
        }
        for name, seconds in taken.items()
    ]


# --- accuracy ------------------------------------------------------------------------------------


def unrefined(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sketch-and-precondition without refinement: LSQR from zero on A R^-1."""
    n, d = A.shape
    R = np.linalg.qr(sketch.SparseSign(8 * d, n).draw(0) @ A, mode="r")
    B = LinearOperator(
        A.shape,
        matvec=lambda y: A @ scipy.linalg.solve_triangular(R, y),
        rmatvec=lambda r: scipy.linalg.solve_triangular(R, A.T @ r, trans="T"),
        dtype=float,
    )
    return scipy.linalg.solve_triangular(R, lsqr(B, b, atol=1e-16, btol=1e-16, iter_lim=100)[0])


SOLVERS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "Householder QR": householder,
    "rnla.lstsq": lambda A, b: rnla.lstsq(A, b, rng=0).x,
    "rnla.lstsq, sketch": lambda A, b: rnla.lstsq(A, b, method="sketch", rng=0).x,
    "sketch-and-precondition, no refinement": unrefined,
    "normal equations": normal_equations,
}


def grid(quick: bool) -> list[dict[str, Any]]:
    """Backward errors on the grid of condition numbers and residuals: the worst of a few seeds."""
    n, d, seeds = (1000, 20, 1) if quick else (4000, 50, 3)
    rows = []
    for power in (0, 8, 15) if quick else range(16):
        for digit in (15, 0) if quick else range(15, -1, -3):
            kappa, residual = 10.0**power, 10.0**-digit
            errors: dict[str, list[float]] = {name: [] for name in SOLVERS}
            for seed in range(seeds):
                A, b = difficult(n, d, kappa, residual, seed=seed)
                for name, solve in SOLVERS.items():
                    with np.errstate(all="ignore"):
                        errors[name].append(backward_error(A, b, solve(A, b)))
            worst = {name: max(found) for name, found in errors.items()}
            limit = FACTOR * max(worst["Householder QR"], FLOOR)
            rows.append(
                {"condition": kappa, "residual": residual}
                | worst
                | {
                    "ratio": worst["rnla.lstsq"] / max(worst["Householder QR"], FLOOR),
                    "met": worst["rnla.lstsq"] <= limit and worst["rnla.lstsq, sketch"] <= limit,
                }
            )
    return rows


def picture(timed: list[dict[str, Any]], accurate: list[dict[str, Any]]) -> None:
    """Heat maps of the backward error; time in units of gelsy."""
    names = list(SOLVERS)
    figure, axes = new_figure(2, 3, figsize=(14.0, 7.6))
    kappas = sorted({row["condition"] for row in accurate})
    residuals = sorted({row["residual"] for row in accurate})
    image = None
    for ax, name in zip(axes.flat, names, strict=False):
        values = np.full((len(residuals), len(kappas)), np.nan)
        for row in accurate:
            at = residuals.index(row["residual"]), kappas.index(row["condition"])
            values[at] = np.log10(max(row[name], FLOOR))
        image = ax.imshow(values, origin="lower", aspect="auto", vmin=-17, vmax=-11, cmap="viridis")
        ax.grid(visible=False)
        ax.set_xticks(range(0, len(kappas), 3), [f"{np.log10(k):.0f}" for k in kappas[::3]])
        ax.set_yticks(range(len(residuals)), [f"{np.log10(r):.0f}" for r in residuals])
        ax.set_xlabel("log10 condition number")
        ax.set_ylabel("log10 residual")
        ax.set_title(name, fontsize=10)
    figure.colorbar(image, ax=list(axes.flat[: len(names)]), label="log10 backward error")
    ax = axes.flat[5]
    cases = list(dict.fromkeys((row["n"], row["d"], row["condition"]) for row in timed))
    methods = list(dict.fromkeys(row["method"] for row in timed))
    height = 0.8 / len(methods)
    for k, method in enumerate(methods):
        widths = [
            next(
                row["gelsy / seconds"]
                for row in timed
                if row["method"] == method and (row["n"], row["d"], row["condition"]) == case
            )
            for case in cases
        ]
        places = np.arange(len(cases)) + (k - len(methods) / 2) * height
        ax.barh(places, widths, height, label=method, color=COLOURS[k % len(COLOURS)])
    ax.set_yticks(range(len(cases)), [f"{n:g} x {d}\nκ = {kappa:g}" for n, d, kappa in cases])
    ax.set_xscale("log")
    ax.set_xlabel("times faster than gelsy")
    ax.legend(fontsize=6, frameon=False)
    save_figure(figure, "lstsq")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing written")
    quick = parser.parse_args().quick
    print({name: value for name, value in machine().items() if name != "versions"}, end="\n\n")
    parts = {"grid": grid(quick), "timing": timing(quick), "sparse": sparse_timing(quick)}
    for rows in parts.values():
        print_table(rows)
    summary = [
        {
            "grid points": len(parts["grid"]),
            "met": sum(row["met"] for row in parts["grid"]),
            "largest ratio": max(row["ratio"] for row in parts["grid"]),
        }
    ]
    print_table(summary)
    if not quick:
        picture(parts["timing"], parts["grid"])
        write_results("lstsq", {"summary": summary, **parts})


if __name__ == "__main__":
    main()
