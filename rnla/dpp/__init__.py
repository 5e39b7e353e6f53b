"""Determinantal point processes and volume sampling on a finite ground set: the rows of a matrix."""

from __future__ import annotations

__all__: list[str] = []
