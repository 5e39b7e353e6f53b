"""A few threads over independent pieces, with one BLAS thread each; results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..tall import single_threaded_blas, thread_count

__all__ = ["each"]

S = TypeVar("S")
T = TypeVar("T")


def each(function: Callable[[S], T], pieces: Iterable[S]) -> list[T]:
    """[function(piece) for piece in pieces], which must not depend on each other."""
    pieces = list(pieces)
    workers = min(thread_count(), len(pieces))
    with single_threaded_blas():
        if workers <= 1:
            return [function(piece) for piece in pieces]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(function, pieces))
