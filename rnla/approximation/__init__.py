"""Weighted least-squares approximation of functions whose evaluations are dear."""

from __future__ import annotations

__all__: list[str] = []
