"""How fast are sketches? In units of one read of A; and what they cost beside what they keep.

10^6 x 64 doubles, rows in order, to 256 rows, the operator drawn within the time. One read is two
threads that take the inner product of every strip with itself by BLAS, the fastest way to touch
every number that we know of. Targets: CountSketch 1.6 reads, sparse signs 6; the Hadamard transform
of 2^20 x 64 within 3 times the copies that its sweeps over memory are, and faster than SciPy's DCT.
Then rows against distortion for every kind. Writes sketch.json and sketch.png; a few minutes.

    python -m bench.sketch [--quick]
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.sparse as sp

import rnla
from bench._harness import (
    COLOURS,
    cores,
    new_figure,
    race,
    run_benchmark,
    save_figure,
)
from rnla import sketch
from rnla.tall import single_threaded_blas
from tests.families import coherent

TARGETS = {"CountSketch": 1.6, "SparseSign, nnz 8": 6.0}
SWEEPS = 3  # of memory, by the Hadamard transform of 2^20 x 64: 10 levels, then 5 and 5
STRIP = 2**20  # numbers


def read(A: np.ndarray) -> Callable[[], float]:
    """Every number of A once, in as many threads as there are cores."""
    flat = A.ravel()
    starts = range(0, flat.size, STRIP)

    def strip(start: int) -> float:
        part = flat[start : start + STRIP]
        return float(part @ part)

    def run() -> float:
        with single_threaded_blas(), ThreadPoolExecutor(cores()) as pool:
            return sum(pool.map(strip, starts))

    return run


def sketches(s: int, n: int) -> dict[str, sketch.Distribution]:
    """Every kind that embeds all matrices, and the lp kinds."""
    return {
        "CountSketch": sketch.CountSketch(s, n),
        "SparseSign, nnz 8": sketch.SparseSign(s, n, nnz=8),
        "LESS, uniform scores": sketch.LESS(s, n, scores=np.full(n, 64 / n)),
        "SubsampledHadamard": sketch.SubsampledHadamard(s, n),
        "SubsampledCosine": sketch.SubsampledCosine(s, n),
        "Rademacher": sketch.Rademacher(s, n),
        "Gaussian": sketch.Gaussian(s, n),
        "ReciprocalExponential": sketch.ReciprocalExponential(s, n, p=1),
        "Cauchy": sketch.Cauchy(s, n),
        "PStable, p = 1.5": sketch.PStable(s, n, p=1.5),
    }


SLOW = {"Gaussian", "Cauchy", "PStable, p = 1.5", "SubsampledCosine", "Rademacher"}


def application(quick: bool) -> list[dict[str, Any]]:
    """Seconds and reads of A of S @ A, drawing included."""
    n, d, s = (20_000, 64, 256) if quick else (10**6, 64, 256)
    A = np.random.default_rng(0).standard_normal((n, d))
    contestants: dict[str, Callable[[], Any]] = {
        name: lambda kind=kind: kind.draw(0) @ A for name, kind in sketches(s, n).items()
    }
    G = np.random.default_rng(1).standard_normal((s, n)) / np.sqrt(s)
    contestants["Gaussian matrix in memory, BLAS product alone"] = lambda: G @ A
    contestants["SciPy clarkson_woodruff_transform"] = lambda: (
        scipy.linalg.clarkson_woodruff_transform(A, s, rng=np.random.default_rng(0))
    )
    fast = {name: run for name, run in contestants.items() if name not in SLOW}
    taken = race({"one read of A": read(A), **fast}, 1 if quick else 15)
    taken |= race({name: contestants[name] for name in contestants if name in SLOW}, 1)
    unit = taken["one read of A"]
    return [
        {
            "operation": name,
            "n": n,
            "d": d,
            "s": s,
            "seconds": seconds,
            "reads of A": seconds / unit,
            "target": TARGETS.get(name),
        }
        for name, seconds in sorted(taken.items(), key=lambda item: item[1])
    ]


def sparse_application(quick: bool) -> list[dict[str, Any]]:
    """The same for CSR rows with 1 % of 1000 columns, against SciPy."""
    n, d, s = (20_000, 200, 256) if quick else (10**6, 1000, 256)
    A = sp.random_array((n, d), density=0.01, format="csr", rng=np.random.default_rng(0))
    taken = race(
        {
            "CountSketch": lambda: sketch.CountSketch(s, n).draw(0) @ A,
            "SparseSign, nnz 8": lambda: sketch.SparseSign(s, n).draw(0) @ A,
            "SciPy clarkson_woodruff_transform": lambda: scipy.linalg.clarkson_woodruff_transform(
                A, s, rng=np.random.default_rng(0)
            ),
        },
        1 if quick else 5,
    )
    return [
        {"operation": name, "n": n, "d": d, "s": s, "stored": A.nnz, "seconds": seconds}
        for name, seconds in taken.items()
    ]


def transforms(quick: bool) -> list[dict[str, Any]]:
    """The Hadamard transform against copies of A and SciPy's cosine transform."""
    n, d = (2**14, 64) if quick else (2**20, 64)
    A = np.random.default_rng(0).standard_normal((n, d))
    out = np.empty_like(A)
    taken = race(
        {
            "copy of A": lambda: np.copyto(out, A),
            "Hadamard transform": lambda: sketch.hadamard_transform(A, out=out),
            "Hadamard transform, new array": lambda: sketch.hadamard_transform(A),
            "SciPy dct": lambda: scipy.fft.dct(A, axis=0, workers=cores()),
        },
        1 if quick else 5,
    )
    limit = SWEEPS * taken["copy of A"]
    return [
        {
            "operation": name,
            "n": n,
            "d": d,
            "seconds": seconds,
            f"of {SWEEPS} copies": seconds / limit,
            "target": 3.0 if name == "Hadamard transform" else None,
            "of SciPy dct": seconds / taken["SciPy dct"],
        }
        for name, seconds in taken.items()
    ]


def distortions(quick: bool) -> list[dict[str, Any]]:
    """Largest distortion of squared norms over seeds, on coherent rows, against s / d."""
    n, d, seeds = 4096, 20, 3 if quick else 30
    Q = np.linalg.qr(coherent(n, d))[0]
    scores = np.einsum("ij,ij->i", Q, Q)
    rows = []
    for multiple in (2, 4) if quick else (2, 4, 8, 16, 32, 64):
        s = multiple * d
        kinds = {
            "Gaussian": sketch.Gaussian(s, n),
            "Rademacher": sketch.Rademacher(s, n),
            "SparseSign, nnz 8": sketch.SparseSign(s, n),
            "CountSketch": sketch.CountSketch(s, n),
            "LESS": sketch.LESS(s, n, scores=scores),
            "SubsampledHadamard": sketch.SubsampledHadamard(s, n),
            "SubsampledCosine": sketch.SubsampledCosine(s, n),
        }
        found: dict[str, Any] = {"s / d": multiple, "s": s}
        for name, kind in kinds.items():
            found[name] = max(distortion(kind.draw(k) @ Q) for k in range(seeds))
        found["uniform rows"] = max(
            distortion(rnla.sample_rows(np.ones(n), s, p=2, rng=k) @ Q) for k in range(seeds)
        )
        rows.append(found)
    return rows


def distortion(SQ: np.ndarray) -> float:
    """Largest error of a squared norm; 1 if a direction is lost."""
    singular = np.linalg.svd(SQ, compute_uv=False)
    smallest = singular[-1] if len(SQ) >= SQ.shape[1] else 0.0
    return float(max(singular[0] ** 2 - 1.0, 1.0 - smallest**2))


def picture(applied: list[dict[str, Any]], kept: list[dict[str, Any]]) -> None:
    """Reads of A per kind; distortion against rows."""
    figure, axes = new_figure(1, 2, figsize=(12.5, 4.6))
    ax = axes[0, 0]
    names = [row["operation"] for row in applied]
    ours = [name.startswith(("SciPy", "Gaussian matrix", "one read")) for name in names]
    colours = [COLOURS[6] if other else COLOURS[1] for other in ours]
    ax.barh(range(len(names)), [row["reads of A"] for row in applied], color=colours)
    for k, row in enumerate(applied):
        if row["target"] is not None:
            ax.plot([row["target"]] * 2, [k - 0.45, k + 0.45], color=COLOURS[0], linewidth=2)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set_xscale("log")
    ax.set_xlabel("time in reads of A (targets in red)")
    ax.set_title("10⁶ x 64 to 256 rows, drawing included")
    ax = axes[0, 1]
    lines = [name for name in kept[0] if name not in ("s / d", "s")]
    for name, colour in zip(lines, COLOURS, strict=True):
        style = "o--" if name == "uniform rows" else "o-"
        ax.loglog(
            [row["s / d"] for row in kept],
            [row[name] for row in kept],
            style,
            color=colour,
            label=name,
        )
    ax.set_xlabel("rows of S per column of A")
    ax.set_xticks([row["s / d"] for row in kept], [str(row["s / d"]) for row in kept])
    ax.minorticks_off()
    ax.set_ylabel("distortion, worst of 30 draws")
    ax.set_title("Coherent rows, d = 20")
    ax.legend(fontsize=7, frameon=False)
    save_figure(figure, "sketch")


def main() -> None:
    parts = {
        "application": application,
        "sparse": sparse_application,
        "transforms": transforms,
        "distortions": distortions,
    }
    run_benchmark(
        "sketch", __doc__, parts, lambda found: picture(found["application"], found["distortions"])
    )


if __name__ == "__main__":
    main()
