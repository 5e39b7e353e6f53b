"""The pass engine for rows in this process: fixed blocks, Python threads, a fixed summation order.

Block boundaries depend on the shape alone, partial sums are combined pairwise in block order, and
so no result depends on the number of threads. Another home for rows (disk, cluster, device)
supplies another engine with the same two functions.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from .._result import FloatArray
from ._blas import single_threaded_blas

__all__ = ["block_bounds", "map_blocks", "reduce_blocks"]

T = TypeVar("T")
Bounds = tuple[int, int]

_BLOCK_ELEMENTS = 2**16  # 512 KiB of float64: fits a private level-2 cache with its product
_BLOCKS_PER_TASK = 16


def block_bounds(n: int, row_cost: float) -> list[Bounds]:
    """Cut n rows of `row_cost` elements into blocks of a power of two rows, 64 to 65536 of them."""
    wanted = max(64, min(65536, int(_BLOCK_ELEMENTS / max(row_cost, 1.0))))
    rows = 1 << (wanted.bit_length() - 1)
    return [(start, min(start + rows, n)) for start in range(0, n, rows)]


def thread_count() -> int:
    """Threads for row blocks: the environment variable RNLA_THREADS, else the usable cores."""
    wanted = os.environ.get("RNLA_THREADS", "")
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ordered(tasks: Iterable[Callable[[], T]], count: int) -> Iterator[T]:
    """Run tasks on a few threads and yield their results in order, few of them in flight."""
    workers = min(thread_count(), count)
    with single_threaded_blas():
        if workers <= 1:
            for task in tasks:
                yield task()
            return
        with ThreadPoolExecutor(workers) as pool:
            waiting: list[Future[T]] = []
            for task in tasks:
                waiting.append(pool.submit(task))
                if len(waiting) > 2 * workers:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()


def map_blocks(bounds: list[Bounds], visit: Callable[[int, int], None]) -> None:
    """Call `visit(start, stop)` on every block; visits write disjoint rows of shared arrays."""

    def task(first: int) -> Callable[[], None]:
        def run() -> None:
            for start, stop in bounds[first : first + _BLOCKS_PER_TASK]:
                visit(start, stop)

        return run

    firsts = range(0, len(bounds), _BLOCKS_PER_TASK)
    for _ in _ordered((task(first) for first in firsts), len(firsts)):
        pass


def reduce_blocks(
    bounds: list[Bounds],
    shape: tuple[int, ...],
    visit: Callable[[int, int, FloatArray], None],
    combine: Callable[[FloatArray, FloatArray], FloatArray] = np.add,
) -> FloatArray:
    """Let `visit` add every block into an accumulator of zeros; combine them pairwise in order."""

    def task(first: int) -> Callable[[], FloatArray]:
        def run() -> FloatArray:
            total = np.zeros(shape)
            for start, stop in bounds[first : first + _BLOCKS_PER_TASK]:
                visit(start, stop, total)
            return total

        return run

    firsts = range(0, len(bounds), _BLOCKS_PER_TASK)
    stack: list[tuple[int, FloatArray]] = []  # (level, partial result), levels strictly decreasing
    for partial in _ordered((task(first) for first in firsts), len(firsts)):
        level, total = 0, partial
        while stack and stack[-1][0] == level:
            total = combine(stack.pop()[1], total)
            level += 1
        stack.append((level, total))
    total = stack.pop()[1]
    while stack:
        total = combine(stack.pop()[1], total)
    return total
