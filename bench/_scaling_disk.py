"""Leverage scores of a file larger than the budget: time, share of peak arithmetic, memory.

A .npy file of 10^7 x 100 (8 GB in float64) is read in passes by fresh processes with a budget of
1 GiB, taking turns; 3 n d^2 flops over their time is held against the rate of a matrix product that
each process measures right after its work, and that the parent measures right before. Then, at
4e6 x 64, files of every kind in a warm page cache against the same rows in memory.
"""

from __future__ import annotations

import os
import pathlib
import statistics
from typing import Any

import numpy as np

import rnla
from bench._harness import COLOURS, new_figure, print_table, race, save_figure
from bench._scaling_child import gemm_rate, run_child
from bench._scaling_homes import WRITERS, matrix, stored_bytes, workplace

SHARE, PEAK, RATIO = 0.5, 2e9, 1.5
RATIO_HOMES = (".npy", "HDF5", "HDF5 chunked", "Zarr uncompressed", "Zarr", "Parquet folder")


def measure(quick: bool, folder: pathlib.Path | None) -> dict[str, Any]:
    """Both questions; the picture unless `quick`."""
    with workplace(folder) as place:
        large = out_of_core(place, *((100_000, 100) if quick else (10**7, 100)), quick)
    with workplace(folder) as place:
        ratios = against_memory(place, *((200_000, 64) if quick else (4 * 10**6, 64)), quick)
    if not quick:
        picture(large, ratios)
    return {"rows": large, "ratios": ratios}


def drop_from_cache(path: str) -> None:
    """Ask the system to forget the pages of a file, which it may do partly."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def out_of_core(place: pathlib.Path, n: int, d: int, quick: bool) -> list[dict[str, Any]]:
    """Fresh processes, taking turns; before the first turn files leave the cache if they may."""
    memory = "64MiB" if quick else "1GiB"
    paths = {dtype: WRITERS[".npy"](place, n, d, np.dtype(dtype)) for dtype in ("f8", "f4")}
    cases = [("f8", "auto"), ("f4", "auto"), *([] if quick else [("f8", "exact")])]
    runs: dict[Any, list[dict[str, Any]]] = {(*case, cold): [] for case in cases for cold in (0, 1)}
    for turn in range(2 if quick else 4):
        for dtype, method in cases:
            if turn == 0:
                drop_from_cache(paths[dtype])
            before = gemm_rate(repeats=3)
            found = run_child(
                work="leverage",
                path=paths[dtype],
                columns=d,
                memory=memory,
                options={"method": method},
                gemm=True,
            )
            rate = max(before, found["gemm flops/s"])
            found["share"] = 3.0 * n * d * d / found["seconds"] / rate
            found["gemm flops/s"] = rate
            runs[dtype, method, int(turn == 0)].append(found)
    rows = []
    for (dtype, method, cold), several in runs.items():
        seconds, share, rate = (
            statistics.median(one[key] for one in several)
            for key in ("seconds", "share", "gemm flops/s")
        )
        peak = max(one["peak bytes"] for one in several)
        judged = method == "auto" and not cold
        row = {
            "n": n,
            "d": d,
            "dtype": np.dtype(dtype).name,
            "method": method,
            "page cache": "cold" if cold else "warm",
            "file GB": n * d * np.dtype(dtype).itemsize / 1e9,
            "budget": memory,
            "runs": len(several),
            "passes": several[0]["passes"],
            "path": several[0]["path"],
            "seconds": seconds,
            "GB/s": several[0]["passes"] * n * d * np.dtype(dtype).itemsize / seconds / 1e9,
            "GEMM GFlop/s": rate / 1e9,
            "share of GEMM": share,
            "target share": SHARE if judged else None,
            "share met": _yes(share >= SHARE) if judged else None,
            "peak GB": peak / 1e9,
            "target peak GB": PEAK / 1e9,
            "peak met": _yes(peak <= PEAK),
        }
        rows.append(row)
    print_table(rows)
    return rows


def against_memory(place: pathlib.Path, n: int, d: int, quick: bool) -> list[dict[str, Any]]:
    """One process; files in the page cache and an array in memory take turns."""
    memory = "96MiB" if quick else "1GiB"  # less than the matrix, so every pass reads the file
    rows: list[dict[str, Any]] = []
    for dtype in ("f8", "f4"):
        homes = RATIO_HOMES[: 2 if quick else None] if dtype == "f8" else (".npy",)
        if dtype == "f4":
            memory = "48MiB" if quick else "640MiB"
        paths = {home: WRITERS[home](place, n, d, np.dtype(dtype)) for home in homes}
        A = matrix(n, d, np.dtype(dtype))
        contestants = {"memory": lambda A=A: rnla.leverage_scores(A, rng=0)}
        for home, path in paths.items():
            contestants[home] = lambda path=path, memory=memory: rnla.leverage_scores(
                rnla.as_tall(path, memory=memory), rng=0
            )
        taken = race(contestants, 1 if quick else 5)
        for home, seconds in taken.items():
            ratio = seconds / taken["memory"]
            judged = home == ".npy"
            rows.append(
                {
                    "home": home,
                    "n": n,
                    "d": d,
                    "dtype": np.dtype(dtype).name,
                    "file GB": stored_bytes(paths[home]) / 1e9 if home in paths else None,
                    "budget": memory if home in paths else None,
                    "seconds": seconds,
                    "ratio": ratio,
                    "target": RATIO if judged else None,
                    "met": _yes(ratio <= RATIO) if judged else None,
                }
            )
        del A, contestants
    print_table(rows)
    return rows


def _yes(met: bool) -> str:
    return "yes" if met else "no"


def picture(large: list[dict[str, Any]], ratios: list[dict[str, Any]]) -> None:
    """Share of the GEMM rate and peak memory; time of each home over that in memory."""
    figure, axes = new_figure(1, 3)
    labels = [f"{r['dtype']}, {r['method']}\n{r['page cache']}" for r in large]
    panels = (
        ("share of GEMM", SHARE, "at least", "3 n d² flops / time / matrix-product rate"),
        ("peak GB", PEAK / 1e9, "at most", "peak resident memory, GB"),
    )
    n, d = large[0]["n"], large[0]["d"]
    for ax, (key, target, sense, title) in zip(axes.flat, panels, strict=False):
        ax.barh(labels, [r[key] for r in large], color=COLOURS[1])
        ax.axvline(target, color=COLOURS[0], label=f"target: {sense} {target:g}")
        ax.set_title(f"{n:.0e} x {d} in a file, budget {large[0]['budget']}", fontsize=10)
        ax.set_xlabel(title)
        ax.legend(fontsize=8)
    ax = axes.flat[2]
    shown = [r for r in ratios if r["home"] != "memory"]
    ax.barh([f"{r['home']}\n{r['dtype']}" for r in shown], [r["ratio"] for r in shown])
    ax.axvline(RATIO, color=COLOURS[0], label=f"target for .npy: at most {RATIO:g}")
    ax.set_xlabel("time / time in memory, warm page cache")
    ax.set_title(f"{shown[0]['n']:.0e} x {shown[0]['d']}", fontsize=10)
    ax.legend(fontsize=8)
    for ax in axes.flat:
        ax.invert_yaxis()
        ax.tick_params(axis="y", labelsize=8)
    save_figure(figure, "scaling_out_of_core")
