"""Random designs adapted to a space of functions, one law in each file."""

from __future__ import annotations

__all__: list[str] = []
