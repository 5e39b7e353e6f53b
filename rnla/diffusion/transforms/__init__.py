"""Transforms of plans: rows re-weighted or inserted, nothing else changed."""

from __future__ import annotations

__all__: list[str] = []
