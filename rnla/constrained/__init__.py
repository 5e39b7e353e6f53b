"""min ||A x||_p^p subject to g^T x = 1: the kernel under sensitivities and distortion searches."""

from __future__ import annotations

from .problem import ConstrainedMinima, ConstrainedMinimum, ConstrainedProblem, minimise_lp_norm

__all__ = ["ConstrainedMinima", "ConstrainedMinimum", "ConstrainedProblem", "minimise_lp_norm"]
