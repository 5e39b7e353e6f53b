"""What a run in `interrupted` needs, imported and compiled before processes are copied."""

from __future__ import annotations

import rnla

from .interrupted import rows

rnla.lp_subspace_embedding(rows(), 1, size=400, rng=0)
