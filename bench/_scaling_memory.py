"""Is the memory budget kept? Peak resident memory for files four times the budget.

Every home of rows is read by a fresh process that computes leverage scores and an l1 embedding;
once with a certificate. Two limits: growth from the state before the work, when everything is
imported and compiled, at most the budget; resident memory at its peak, all included, at most the
budget and 300 MB.
"""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from bench._harness import COLOURS, new_figure, print_table, save_figure
from bench._scaling_child import run_child
from bench._scaling_homes import WRITERS, stored_bytes, workplace, write_sparse

MIB = 2**20
ALLOWANCE = 300e6
TIMES = 4  # bytes of the matrix over the budget
COLUMNS = 128
SPARSE_COLUMNS, PER_ROW = 240, 48
# What reading a home imports by itself: no part of the growth.
MODULES = {
    "Parquet folder": ["pyarrow.parquet", "pandas"],
    "Feather": ["pyarrow.ipc", "pandas"],
    "CSV": ["pyarrow.csv", "pandas"],
    "Zarr": ["zarr"],
    "HDF5": ["h5py"],
    "HDF5 chunked": ["h5py"],
}
DENSE = (".npy", "Parquet folder", "Feather", "Zarr", "HDF5", "HDF5 chunked", "CSV")
QUICK = (".npy", "HDF5", "sparse .npz", "iterable")


def measure(quick: bool, folder: pathlib.Path | None) -> dict[str, Any]:
    """All homes; the picture unless `quick`."""
    rows: list[dict[str, Any]] = []
    for home in QUICK if quick else (*DENSE, "sparse .npz", "iterable"):
        budget = 128 if quick else 192 if home == "CSV" else 512
        works = ["leverage"] if quick else ["leverage", "embedding"]
        if home == ".npy" and not quick:
            works.append("certified embedding")
        with workplace(folder) as place:
            task, matrix_bytes, file_bytes = prepare(home, budget * MIB, place)
            for work in works:
                found = run_child(**task, work=work, memory=f"{budget}MiB")
                rows.append(record(home, work, budget * MIB, matrix_bytes, file_bytes, found))
        print_table(rows[-len(works) :])
    if not quick:
        picture(rows)
    return {"rows": rows}


def prepare(home: str, budget: int, place: pathlib.Path) -> tuple[dict[str, Any], int, int | None]:
    """What a child is told, bytes of the matrix and of the file."""
    if home == "sparse .npz":
        per_row = 12 * PER_ROW + 4
        n = TIMES * budget // per_row
        path = write_sparse(place, n, SPARSE_COLUMNS, PER_ROW)
        task = {"path": path, "columns": SPARSE_COLUMNS, "per_row": PER_ROW}
        return task, n * per_row, stored_bytes(path)
    n = TIMES * budget // (8 * COLUMNS)
    if home == "iterable":
        return {"generate": [n, COLUMNS], "columns": COLUMNS}, TIMES * budget, None
    path = WRITERS[home](place, n, COLUMNS, np.float64)
    task = {"path": path, "columns": COLUMNS, "modules": MODULES.get(home, [])}
    return task, TIMES * budget, stored_bytes(path)


def record(
    home: str,
    work: str,
    budget: int,
    matrix_bytes: int,
    file_bytes: int | None,
    found: dict[str, Any],
) -> dict[str, Any]:
    """One line of the table."""
    limit = budget + ALLOWANCE
    return {
        "home": home,
        "work": work,
        "matrix MB": matrix_bytes / 1e6,
        "file MB": None if file_bytes is None else file_bytes / 1e6,
        "budget MB": budget / 1e6,
        "growth MB": found["growth bytes"] / 1e6,
        "growth met": "yes" if found["growth bytes"] <= budget else "no",
        "baseline MB": found["baseline bytes"] / 1e6,
        "peak MB": found["peak bytes"] / 1e6,
        "limit MB": limit / 1e6,
        "peak met": "yes" if found["peak bytes"] <= limit else "no",
        "passes": found["passes"],
        "seconds": found["seconds"],
    }


def picture(rows: list[dict[str, Any]]) -> None:
    """Growth over budget, and peak over budget + 300 MB."""
    figure, axes = new_figure(1, 2, figsize=(11, 6))
    labels = [f"{r['home']}: {r['work']}" for r in rows]
    for ax, (key, limit, title) in zip(
        axes.flat,
        (
            ("growth MB", "budget MB", "growth / budget"),
            ("peak MB", "limit MB", "peak / (budget + 300 MB)"),
        ),
        strict=True,
    ):
        ax.barh(labels, [r[key] / r[limit] for r in rows], color=COLOURS[1])
        ax.axvline(1.0, color=COLOURS[0], label="limit")
        ax.set_xlabel(title)
        ax.invert_yaxis()
        ax.tick_params(axis="y", labelsize=7)
        ax.legend(fontsize=8)
    figure.suptitle(f"Resident memory for a matrix {TIMES} times the budget", fontsize=11)
    save_figure(figure, "scaling_memory")
