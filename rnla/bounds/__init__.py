"""How many rows: the published sample-size bounds as pure functions, and the practical default.

Each function evaluates one row of the table on the theory page (`ROWS` lists them all) and returns
a float: the published expression with every unspecified constant set to 1. ``logs=False`` leaves
the logarithms out, which is the fair way to compare methods. Inside a bound, log x means
max(1, ln x). All use the p-th power convention: for every x,
``(1 - eps) ||Ax||_p^p <= ||SAx||_p^p <= (1 + eps) ||Ax||_p^p``. O(1) work, no data.

`default_size` is the rule by which `rnla.lp_subspace_embedding` starts; `records` and `table` show
every bound that holds for a given p.
"""

from __future__ import annotations

from . import _row
from ._active import (
    active_above_two,
    active_at_most_one,
    active_below_two,
    active_one,
    active_one_lower,
)
from ._leverage import (
    leverage,
    root_leverage_above_two,
    root_leverage_below_two,
    root_leverage_recursive_above_two,
    root_leverage_recursive_below_two,
    well_conditioned_basis,
)
from ._lewis import (
    block_lewis,
    lewis_above_two,
    lewis_above_two_older,
    lewis_below_two,
    lewis_one,
    one_sided_lewis_above_two,
    one_sided_lewis_below_two,
    online_lewis_above_two,
    online_lewis_below_two,
)
from ._lower import any_rows_lower, complete_graph_lower
from ._practical import coupon_floor, default_size, flat_size, power_columns
from ._row import BoundRow, PRange
from ._sensitivity import (
    crossover_mixed,
    crossover_sensitivity,
    leverage_sensitivity_mix,
    sensitivity_above_two,
    sensitivity_below_two,
    sensitivity_below_two_sharp,
    sensitivity_generic,
    sensitivity_plus_leverage,
    sensitivity_recursive,
)
from ._table import BoundRecord, records, table

__all__ = [
    "ROWS",
    "BoundRecord",
    "BoundRow",
    "PRange",
    "active_above_two",
    "active_at_most_one",
    "active_below_two",
    "active_one",
    "active_one_lower",
    "any_rows_lower",
    "block_lewis",
    "complete_graph_lower",
    "coupon_floor",
    "crossover_mixed",
    "crossover_sensitivity",
    "default_size",
    "flat_size",
    "leverage",
    "leverage_sensitivity_mix",
    "lewis_above_two",
    "lewis_above_two_older",
    "lewis_below_two",
    "lewis_one",
    "one_sided_lewis_above_two",
    "one_sided_lewis_below_two",
    "online_lewis_above_two",
    "online_lewis_below_two",
    "power_columns",
    "records",
    "root_leverage_above_two",
    "root_leverage_below_two",
    "root_leverage_recursive_above_two",
    "root_leverage_recursive_below_two",
    "sensitivity_above_two",
    "sensitivity_below_two",
    "sensitivity_below_two_sharp",
    "sensitivity_generic",
    "sensitivity_plus_leverage",
    "sensitivity_recursive",
    "table",
    "well_conditioned_basis",
]

#: Every row, sorted by number: a tuple, so that importing code cannot add to it by accident.
ROWS: tuple[BoundRow, ...] = tuple(sorted(_row.ROWS, key=lambda entry: entry.number))
