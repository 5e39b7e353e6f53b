"""Row samples and the designs that draw them."""

from __future__ import annotations

from .budget import sampling_probabilities
from .draw import DESIGNS, sample_rows
from .flattening_recursion import flattening_recursion
from .merge import merge_samples
from .ordered_pivotal import ordered_pivotal_sample
from .poisson import poisson_sample
from .priority import priority_sample
from .recursion import RecursiveSample
from .root_leverage_recursion import root_leverage_recursion
from .row_sample import RowSample
from .spatial_order import spatial_order
from .systematic import systematic_sample
from .tree_pivotal import tree_pivotal_sample
from .with_replacement import with_replacement_sample

__all__ = [
    "DESIGNS",
    "RecursiveSample",
    "RowSample",
    "flattening_recursion",
    "merge_samples",
    "ordered_pivotal_sample",
    "poisson_sample",
    "priority_sample",
    "root_leverage_recursion",
    "sample_rows",
    "sampling_probabilities",
    "spatial_order",
    "systematic_sample",
    "tree_pivotal_sample",
    "with_replacement_sample",
]
