"""One BLAS thread while Python threads, or small matrices, do the parallel work.

Two pools that both spin on the same cores slow each other down by one or two orders of magnitude,
so block arithmetic and d x d algebra run single-threaded BLAS while the pass engine threads over
blocks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

__all__ = ["single_threaded_blas"]

_lock = threading.Lock()
_depth = 0
_limiter: Any = None


@cache
def _controller() -> Any:
    import scipy.linalg  # noqa: F401  (its BLAS must be loaded before the pools are listed)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _take_control() -> None:
    """Let this thread set limits: newer threadpoolctl ignores all but the first that ever did."""
    for library in _controller().lib_controllers:
        clear = getattr(library, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Limit BLAS to one thread; nests, and the last one out restores the caller's setting."""
    global _depth, _limiter
    with _lock:
        if _depth == 0:
            _take_control()
            _limiter = _controller().limit(limits=1, user_api="blas")
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _take_control()
                _limiter.restore_original_limits()
                _take_control()
                _limiter = None
