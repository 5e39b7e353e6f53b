"""The demonstration: median regression of doctor visits on a row sample of the RAND data.

The RAND Health Insurance Experiment of 1974-82 as used by Deb and Trivedi (Journal of Applied
Econometrics 17, 2002), a table that statsmodels ships: 20,190 observations of a person in a year.
Nothing here is part of the library's mathematics: it calls the public functions, times them, and
solves the regressions with `rnla.lp_regression`.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ._errors import import_optional
from ._result import FloatArray

__all__ = ["load_rand_table", "run_demo"]

METHODS = ("uniform", "leverage", "root_leverage", "lewis", "sensitivity")


def load_rand_table() -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Covariates with all squares and products, the response, and the names of the columns.

    Returns
    -------
    X : ndarray, shape (20190, 48)
        A column of ones, the nine covariates, and their squares and products without those that
        are constant or repeat another column, as the square of a 0/1 column does.
    y : ndarray, shape (20190,)
        Visits to a doctor.
    names : tuple of str
    """
    randhie = import_optional(
        "statsmodels.datasets.randhie", extra="bench", purpose="for its copy of the RAND data"
    )
    table = randhie.load_pandas().data
    y = table.pop("mdvis").to_numpy(dtype=np.float64)
    covariates = {str(name): table[name].to_numpy(dtype=np.float64) for name in table.columns}
    candidates = dict(covariates)
    for first, second in itertools.combinations_with_replacement(covariates, 2):
        candidates[f"{first}*{second}"] = covariates[first] * covariates[second]
    columns = {"one": np.ones_like(y)}
    for name, column in candidates.items():
        repeats = any(np.array_equal(column, other) for other in columns.values())
        if not repeats and column.min() < column.max():
            columns[name] = column
    return np.column_stack(list(columns.values())), y, tuple(columns)


@dataclass(frozen=True)
class MethodResult:
    """One method at the size of the embedding; medians over the draws.

    Attributes
    ----------
    method : str
    rows : int
        Rows kept.
    found, worst_found : float
        Median and largest distortion found.
    objective_ratio, worst_objective_ratio : float
        Median and largest loss, on all observations, of the regression on the sample, relative to
        the regression on all observations.
    seconds : float
        Time to score every row.
    """

    method: str
    rows: int
    found: float
    worst_found: float
    objective_ratio: float
    worst_objective_ratio: float
    seconds: float


@dataclass(frozen=True)
class DemoResult:
    """Everything that the demonstration measured; times are wall-clock seconds.

    Attributes
    ----------
    n, d : int
        Observations and columns, the response included.
    eps : float
        The distortion asked for.
    kept : int
        Rows of the embedding.
    method, status : str
    found, uniform_found : float
        Distortion found for the embedding, and for a uniform sample of its size.
    objective_ratio : float
        Loss of the regression on the embedding, on all observations, over the smallest loss.
    full_seconds, embedding_seconds, sample_seconds : float
        Regression on all observations; making and measuring the embedding; regression on it.
    methods : tuple of MethodResult
        All methods at this size.
    curves : dict
        Method to list of (rows kept, distortion found).
    pictures : tuple of str
        Files written.
    seconds : float
        All of it.
    """

    n: int
    d: int
    eps: float
    kept: int
    method: str
    status: str
    found: float
    uniform_found: float
    objective_ratio: float
    full_seconds: float
    embedding_seconds: float
    sample_seconds: float
    methods: tuple[MethodResult, ...]
    curves: dict[str, list[tuple[int, float]]]
    pictures: tuple[str, ...]
    seconds: float


def run_demo(
    out: str | os.PathLike[str],
    *,
    eps: float = 0.25,
    observations: int | None = None,
    draws: int = 3,
    seed: int = 0,
    progress: bool = False,
    echo: Callable[[str], object] = print,
) -> DemoResult:
    """Embed the RAND table for p = 1, regress on the sample, compare the methods, draw pictures.

    Parameters
    ----------
    out : str or path-like
        Folder for the pictures; created if it is not there.
    eps : float
        Distortion asked for.
    observations : int, optional
        Use that many observations, evenly spaced, in place of all.
    draws : int
        Samples per method at the size of the embedding; one fewer, but at least one, at half and
        a quarter of that size.
    seed : int
    progress : bool
        Show a bar on standard error.
    echo : callable
        Takes the lines of the report.

    Returns
    -------
    DemoResult
    """
    from tqdm.auto import tqdm

    from .embedding import lp_subspace_embedding
    from .regression import lp_regression
    from .report import format_table, to_text
    from .tall import as_tall

    start = time.perf_counter()
    X, y, names = load_rand_table()
    folder = pathlib.Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    if observations is not None:
        kept = np.linspace(0, len(y) - 1, observations).round().astype(int)
        X, y = X[kept], y[kept]
    n = len(y)
    echo(
        f"RAND Health Insurance Experiment: {n:,} observations of a person in a year.\n"
        f"{len(names)} columns: covariates, their squares and products. Response: visits to a "
        "doctor.\n"
    )
    fit, full_seconds = _timed(lambda: lp_regression(X, y, 1))
    best = fit.objective
    echo(f"Median regression on all rows: loss {best:,.1f} in {full_seconds:.2f} s.\n")

    A = np.column_stack([X, y])
    embedding, embedding_seconds = _timed(
        lambda: lp_subspace_embedding(A, 1, eps=eps, progress=progress, rng=seed)
    )
    ratio, sample_seconds = _timed(lambda: _objective_ratio(X, y, embedding.sample, best))
    echo(to_text(embedding))
    echo(
        f"\nMedian regression on the {embedding.size:,} rows kept took {sample_seconds:.2f} s.\n"
        f"On all rows its coefficients lose {100 * (ratio - 1):.2f} % against the optimum "
        f"(objective ratio {ratio:.4f}).\n"
        f"Making and measuring the embedding took {embedding_seconds:.1f} s.\n"
    )

    tall = as_tall(A)
    records, score_seconds = {}, {}
    for method in METHODS:
        records[method], score_seconds[method] = _timed(partial(_scores, tall, method, seed))
    scores = {method: np.asarray(record) for method, record in records.items()}
    used = int(embedding.sizes["used"] or n)
    runs = [(used, draw) for draw in range(draws)]
    for size in (-(-used // 2), -(-used // 4)):
        runs += [(size, draw) for draw in range(max(1, draws - 1))]
    curves: dict[str, list[tuple[int, float]]] = {method: [] for method in METHODS}
    rows = []
    with tqdm(
        total=len(METHODS) * len(runs),
        desc="measuring samples",
        disable=not progress,
        leave=False,
    ) as bar:
        for method in METHODS:
            found, ratios = [], []
            for size, draw in runs:
                sample, distortion = _measured(tall, scores[method], size, seed + draw)
                curves[method].append((size, distortion))
                if size == used:
                    found.append(distortion)
                    ratios.append(_objective_ratio(X, y, sample, best))
                bar.update()
            rows.append(
                MethodResult(
                    method,
                    used,
                    float(np.median(found)),
                    max(found),
                    float(np.median(ratios)),
                    max(ratios),
                    score_seconds[method],
                )
            )
    echo(f"All methods at {used:,} rows, median (and worst) of {draws} samples:\n")
    header = ["method", "found distortion", "(worst)", "objective ratio", "(worst)", "scores, s"]
    echo(
        format_table(
            header,
            [
                [
                    r.method,
                    f"{r.found:.3f}",
                    f"{r.worst_found:.3f}",
                    f"{r.objective_ratio:.4f}",
                    f"{r.worst_objective_ratio:.4f}",
                    f"{r.seconds:.2f}",
                ]
                for r in rows
            ],
        )
    )
    low, high = records["sensitivity"].total
    echo(
        f"\nSensitivities are found as intervals: their sum is between {low:.3g} and {high:.3g}, "
        "that of\nLewis weights the number of columns. Rows are drawn by the upper ends."
    )
    pictures = _pictures(folder, A, embedding, scores, curves, eps)
    seconds = time.perf_counter() - start
    echo(f"\nPictures: {', '.join(pictures)}\nAll in all {seconds:.0f} s.")
    return DemoResult(
        n=n,
        d=A.shape[1],
        eps=eps,
        kept=embedding.size,
        method=embedding.method,
        status=embedding.status.name,
        found=float("nan") if embedding.certificate is None else embedding.certificate.found,
        uniform_found=float("nan") if embedding.uniform is None else embedding.uniform.found,
        objective_ratio=ratio,
        full_seconds=full_seconds,
        embedding_seconds=embedding_seconds,
        sample_seconds=sample_seconds,
        methods=tuple(rows),
        curves=curves,
        pictures=pictures,
        seconds=seconds,
    )


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def _objective_ratio(X: FloatArray, y: FloatArray, sample: Any, best: float) -> float:
    """Loss on all rows of the coefficients that the sample gives, over the smallest loss."""
    from .regression import lp_regression

    rows = sample.indices
    coefficients = lp_regression(X[rows], y[rows], 1, weights=sample.weights).x
    return float(np.abs(y - X @ coefficients).sum() / best)


def _scores(tall: Any, method: str, seed: int) -> Any:
    from . import scores

    if method == "uniform":
        return np.ones(tall.shape[0])
    if method == "leverage":
        return scores.leverage_scores(tall, rng=seed)
    if method == "root_leverage":
        return scores.root_leverage_scores(tall, 1, rng=seed)
    if method == "lewis":
        return scores.lewis_weights(tall, 1, rng=seed)
    return scores.lp_sensitivities(tall, 1, rng=seed)


def _measured(tall: Any, scores: FloatArray, size: int, seed: int) -> tuple[Any, float]:
    from .certify import certify_embedding
    from .sampling import sample_rows

    sample = sample_rows(scores, size, p=1, rng=seed)
    # Four ascents an extreme, to save time; the embedding itself gets ten.
    return sample, float(certify_embedding(tall, sample, 1, starts=4, rng=seed).found)


def _pictures(
    folder: pathlib.Path,
    A: FloatArray,
    embedding: Any,
    scores: dict[str, FloatArray],
    curves: dict[str, list[tuple[int, float]]],
    eps: float,
) -> tuple[str, ...]:
    from . import plotting

    profiles = {method: scores[method] for method in METHODS if method != "uniform"}
    drawn = {
        "score-profile.png": plotting.score_profile(profiles, ax=plotting.new_axes()),
        "kept-rows.png": plotting.kept_rows(
            A, embedding, method=embedding.method, ax=plotting.new_axes()
        ),
        "distortion.png": plotting.distortion_against_size(
            curves, eps=eps, p=1, ax=plotting.new_axes()
        ),
    }
    for name, axes in drawn.items():
        plotting.save_figure(axes, folder / name)
    return tuple(str(folder / name) for name in drawn)
