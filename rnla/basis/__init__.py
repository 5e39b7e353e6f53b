"""Well-conditioned bases: d x d coefficients that make a tall matrix orthonormal."""

from __future__ import annotations

from ._record import Basis
from .orthonormal import orthonormal_basis, sketched_preconditioner

__all__ = ["Basis", "orthonormal_basis", "sketched_preconditioner"]
