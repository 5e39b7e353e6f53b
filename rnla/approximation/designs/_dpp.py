"""Which sampler of the projection DPP: by name, or the fastest that applies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error
from ...random import Stream
from . import classical_dpp, projection_dpp, tensor_dpp

__all__ = ["DPP_METHODS", "dpp_points"]

Vector = npt.NDArray[np.float64]

DPP_METHODS: dict[str, Callable[[Any, Stream], tuple[Vector, int]]] = {
    "rejection": projection_dpp.draw_points,
    "tensor": tensor_dpp.draw_points,
    "classical": classical_dpp.draw_points,
}


def dpp_points(basis: Any, stream: Stream, method: str) -> tuple[Vector, int]:
    """Points of the projection DPP by the named method, and the number of proposals."""
    if method == "auto":
        method = "classical" if classical_dpp.applies(basis) else "rejection"
    if method not in list(DPP_METHODS):
        raise argument_error(
            "method",
            repr(method),
            "one of 'auto', " + ", ".join(repr(name) for name in DPP_METHODS),
            "'rejection' works for every basis.",
        )
    return DPP_METHODS[method](basis, stream)
