"""Linear sketches S @ A: distribution -> operator -> apply, one distribution per file."""

from __future__ import annotations

from ._operator import Distribution, Operator
from .sparse_sign import SparseSign, SparseSignOperator

__all__ = ["Distribution", "Operator", "SparseSign", "SparseSignOperator"]
