"""Many draws of a projection DPP at once: accept/reject of proposals, or the chain rule.

Accept/reject is that of Barthelme, Tremblay and Amblard (arXiv 2210.17358): proposal i of envelope
e_i is accepted if u_i e_i < rho_i, the squared distance of its features from those accepted so far.
Two classical Gram-Schmidt sweeps make the next row of the basis. About 2 r^3 log r flops a draw.
The chain rule picks rows in proportion to rho: 2 n r^2 flops a draw.

Every number is a sum in the order of its index, on either device: decisions are the same to the
last bit, and what a draw computes does not depend on the draws beside it. On a GPU a block does a
draw, and looks at 32 proposals at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["NEGLIGIBLE", "Progress", "accept", "begin", "chain"]

NEGLIGIBLE = 1e-12  # share of a squared length below which a residual counts as rounding


@dataclass(frozen=True, eq=False)
class Progress:
    """What is known of B draws of r rows; `accept` writes into it.

    `basis` (B, 2, r, r) holds orthonormal rows and their transpose, `chosen` (B, r) int64 the
    numbers of the proposals accepted, `counts` (B, 3) int64 how many they are, how many proposals
    were looked at, and how many were rejected since.
    """

    basis: Any
    chosen: Any
    counts: Any


def begin(draws: int, r: int, *, like: Any = None) -> Progress:
    """Nothing accepted yet; on the device of `like`, an array there."""
    device = device_of(like)
    make = np if device is None else device
    return Progress(
        make.empty((draws, 2, r, r), np.float64),
        make.empty((draws, r), np.int64),
        make.zeros((draws, 3), np.int64),
    )


def accept(
    features: Any, envelope: Any, points: Any, which: Any, progress: Progress, cap: int
) -> None:
    """Look at the next proposals of some draws, each until it has r rows.

    Parameters
    ----------
    features : array, shape (k, count, r)
        float64, of the next `count` proposals of k draws.
    envelope, points : arrays, shape (k, count)
        At least the squared lengths, and uniform numbers.
    which : int64 array, shape (k,)
        Numbers of these draws, each once.
    progress : Progress
    cap : int
        A draw stops for good after this many rejections in a row.
    """
    device = device_of(features, envelope, points, which, progress.basis)
    if device is not None:
        from . import cuda

        cuda.accept(device, features, envelope, points, which, progress, cap)
        return
    from . import cpu

    r = features.shape[2]
    work = np.empty((2, r))
    arrays = (np.ascontiguousarray(array) for array in (features, envelope, points))
    cpu.accept(
        *arrays, which, cap, NEGLIGIBLE, progress.basis, progress.chosen, progress.counts, work
    )


def chain(U: Any, points: Any) -> Any:
    """Rows in the order drawn, int64 (draws, r); U (n, r) has orthonormal columns, `points`
    (draws, r) are uniform."""
    device = device_of(U, points)
    if device is not None:
        from . import cuda

        return cuda.chain(device, U, points)
    from . import cpu

    r = U.shape[1]
    columns = np.ascontiguousarray(U.T, dtype=np.float64)
    chosen = np.empty((points.shape[0], r), dtype=np.int64)
    cpu.chain(columns, np.ascontiguousarray(points), NEGLIGIBLE, chosen)
    return chosen
