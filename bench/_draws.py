"""Many draws of designs on two processes, and verdicts: measured beside expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

Row = dict[str, Any]
# Verdicts are at four standard errors: 6e-5 of a correct program's would say no.
SIGMAS = 4.0


@contextmanager
def workers() -> Iterator[ProcessPoolExecutor]:
    """Two processes with one BLAS thread each: matrices here are too small to share."""
    with ProcessPoolExecutor(2, initializer=_one_thread) as pool:
        yield pool


def _one_thread() -> None:
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)


def in_parts(
    pool: ProcessPoolExecutor, function: Callable[..., Any], draws: int, *, size: int
) -> Any:
    """Results of function(first, count) for all draws, joined along the first axis."""
    firsts = range(0, draws, size)
    counts = [min(size, draws - first) for first in firsts]
    found = list(pool.map(function, firsts, counts))
    if isinstance(found[0], tuple):
        return tuple(np.concatenate(part) for part in zip(*found, strict=True))
    return np.concatenate(found)


def call(function: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[..., Any]:
    """`functools.partial`, which travels to other processes."""
    return partial(function, *arguments, **options)


def compared(
    where: Row, quantity: str, measured: float, expected: float | None, error: float
) -> Row:
    """One line of the table; `error` is a standard error of the difference."""
    line = {**where, "quantity": quantity, "measured": float(measured), "expected": expected}
    if expected is not None:
        line["allowed"] = SIGMAS * error
        line["inside"] = "yes" if abs(measured - expected) <= SIGMAS * error else "no"
    return line


def share(where: Row, quantity: str, hits: Any, expected: float | None, draws: float) -> Row:
    """A probability, beside one from `draws` draws that is rounded to two decimals."""
    found = float(np.mean(hits))
    p = np.clip(found if expected is None else expected, 0.005, 0.995)
    error = np.sqrt(p * (1 - p) * (1 / len(hits) + 1 / draws)) + 0.005 / SIGMAS
    return compared(where, quantity, found, expected, float(error))


def quantile(
    where: Row, sample: Any, level: float, expected: float | None, draws: float, *, digits: int = 2
) -> Row:
    """A quantile, beside one from `draws` draws with so many significant digits.

    The expected is inside if it lies between the quantiles of the sample at level +- four standard
    errors of its share.
    """
    name = "median" if level == 0.5 else f"{100 * level:g} % quantile"
    line = {**where, "quantity": name, "measured": float(np.quantile(sample, level))}
    line["expected"] = expected
    if expected is not None:
        step = SIGMAS * np.sqrt(level * (1 - level) * (1 / len(sample) + 1 / draws))
        low, high = np.quantile(sample, np.clip([level - step, level + step], 0.0, 1.0))
        if level + step >= 1.0:
            high = np.inf  # too few draws to know how far it may be
        rounding = 0.5 * 10.0 ** (np.floor(np.log10(max(expected, 0.1))) - digits + 1)
        line["allowed"] = f"{low:.3g} to {high:.3g}"
        line["inside"] = "yes" if low - rounding <= expected <= high + rounding else "no"
    return line


def mean(
    where: Row, quantity: str, sample: Any, expected: float | None, draws: float, rounding: float
) -> Row:
    """A mean, beside one from `draws` draws that is known to `rounding`."""
    error = np.std(sample) * np.sqrt(1 / len(sample) + 1 / draws) + rounding / SIGMAS
    return compared(where, quantity, float(np.mean(sample)), expected, float(error))


def summary(lines: list[Row]) -> list[Row]:
    """How many comparisons of each experiment are inside."""
    names = dict.fromkeys(line["experiment"] for line in lines)
    table = []
    for name in names:
        judged = [line for line in lines if line["experiment"] == name and "inside" in line]
        inside = sum(line["inside"] == "yes" for line in judged)
        table.append({"experiment": name, "comparisons": len(judged), "inside": inside})
    return table
