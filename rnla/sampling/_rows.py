"""Names and sizes that the designs share, so that random numbers are coordinated on purpose."""

from __future__ import annotations

__all__ = [
    "CHUNK",
    "DUEL_PURPOSE",
    "OFFSET_PURPOSE",
    "ROW_PURPOSE",
    "TINY",
    "TRIAL_PURPOSE",
    "integral_total",
]

# Poisson and priority sampling read one and the same number of a row: their samples overlap.
ROW_PURPOSE = "sampling.row"
# The number a row brings to its duel in the pivotal designs.
DUEL_PURPOSE = "sampling.duel"
# The single starting point of a systematic sample.
OFFSET_PURPOSE = "sampling.offset"
# Draw number t of sampling with replacement.
TRIAL_PURPOSE = "sampling.trial"

CHUNK = 1 << 18
# Rows with a smaller probability are never drawn: their weight would not be a finite number.
TINY = 1e-300


def integral_total(total: float) -> int | None:
    """The integer that a sum of probabilities equals but for rounding (1e-10 relative), or None."""
    nearest = round(total)
    close = abs(total - nearest) <= 1e-10 * total
    return nearest if close else None
