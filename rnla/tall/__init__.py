"""Tall matrices, read in passes. `as_tall` wraps a source; everything else asks for passes."""

from __future__ import annotations

from ._blas import single_threaded_blas
from ._engine import thread_count
from .convert import as_tall
from .matrix import Scan, TallMatrix
from .within_range import within_range

__all__ = ["Scan", "TallMatrix", "as_tall", "single_threaded_blas", "thread_count", "within_range"]
