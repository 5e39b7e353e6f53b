"""Dask's own bars for what it computes: a callback here, the bar of the scheduler on a cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from typing import Any

from .._errors import import_optional

__all__ = ["dask_bars", "watched"]

_shown: ContextVar[bool] = ContextVar("rnla_shows_dask_bars", default=False)
_DELAY = 1.0  # seconds before a bar appears


@contextmanager
def dask_bars() -> Iterator[None]:
    """Show bars, on standard error, for what is computed inside."""
    diagnostics = import_optional("dask.diagnostics", extra="dask", purpose="to show progress")
    token = _shown.set(True)
    try:
        with diagnostics.ProgressBar(minimum=_DELAY, out=sys.stderr):  # schedulers in this process
            yield
    finally:
        _shown.reset(token)


def watched(collections: Sequence[Any]) -> Sequence[Any]:
    """The same collections; on a cluster they are started and watched until they are done."""
    if not _shown.get() or not _has_cluster():
        return collections
    dask = import_optional("dask", extra="dask", purpose="to show progress")
    distributed = import_optional("distributed", extra="dask", purpose="to show progress")
    started: Sequence[Any] = dask.persist(*collections, traverse=False)
    with redirect_stdout(sys.stderr):  # where the bar would be mixed up with results
        distributed.progress(started)
        print(file=sys.stderr)
    return started


def _has_cluster() -> bool:
    """Whether a client of a cluster is what would compute."""
    if "distributed" not in sys.modules:
        return False
    base = import_optional("dask.base", extra="dask", purpose="to show progress")
    scheduler = getattr(base.get_scheduler(), "__self__", None)
    return scheduler is not None and hasattr(scheduler, "scheduler_info")
