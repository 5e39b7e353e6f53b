"""How often a slow statistical test repeats: full counts in `make slow`, fewer in `make check`."""

from __future__ import annotations

import os

__all__ = ["count", "is_full"]


def is_full() -> bool:
    """Return whether the environment asks for the full counts (RNLA_SLOW=full)."""
    return os.environ.get("RNLA_SLOW", "") == "full"


def count(full: int, check: int, test: int | None = None) -> int:
    """Return `full` under RNLA_SLOW=full, `test` under RNLA_SLOW=test if given, else `check`."""
    if is_full():
        return full
    if test is not None and os.environ.get("RNLA_SLOW", "") == "test":
        return test
    return check
