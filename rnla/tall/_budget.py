"""What a memory budget has to hold: row vectors, groups of strips, what the reader keeps."""

from __future__ import annotations

from .._errors import argument_error
from ._source import Header

__all__ = ["ROW_VECTORS", "check_budget"]

#: n-vectors of float64 that may be alive at once: Lewis weights with acceleration, and a sampling.
ROW_VECTORS = 8


def check_budget(memory: int, header: Header, strip_bytes: float, strips: int) -> float:
    """Bytes of the budget that are left for loaded rows; raise if less than `strips` fit."""
    fixed = ROW_VECTORS * 8.0 * header.shape[0] + header.unit_bytes
    if memory >= fixed + strips * strip_bytes:
        return memory - fixed
    needed = fixed + strips * strip_bytes
    raise argument_error(
        "memory",
        f"{memory / 2**20:,.1f} MiB",
        f"at least {needed / 2**20:,.1f} MiB: {ROW_VECTORS} numbers for each of the "
        f"{header.shape[0]:,} rows, {strips} strips of {strip_bytes / 2**20:,.1f} MiB and "
        f"{header.unit_bytes / 2**20:,.1f} MiB for the reader",
        "Raise the budget, write the file in smaller row groups or chunks, or use a cluster.",
    )
