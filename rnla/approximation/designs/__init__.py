"""Point designs for weighted least squares: one file per law, all returning a `Design`."""

from __future__ import annotations

from ._record import Design
from .classical_dpp import classical_dpp_design
from .conditioned import boosted_design, conditioned_design
from .continuous_volume import continuous_volume_design
from .determinantal_rejection import determinantal_rejection_design
from .greedy import greedy_design
from .iid import iid_design
from .nested import nested_design
from .projection_dpp import projection_dpp_design
from .repeated import repeated_dpp_design
from .tensor_dpp import tensor_dpp_design
from .volume import volume_design

__all__ = [
    "Design",
    "boosted_design",
    "classical_dpp_design",
    "conditioned_design",
    "continuous_volume_design",
    "determinantal_rejection_design",
    "greedy_design",
    "iid_design",
    "nested_design",
    "projection_dpp_design",
    "repeated_dpp_design",
    "tensor_dpp_design",
    "volume_design",
]
