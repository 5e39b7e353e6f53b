"""Unite samples of disjoint rows: what workers bring home is one sample (SPEC 5, composition)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .._errors import ArgumentTypeError, argument_error
from .row_sample import RowSample

__all__ = ["merge_samples"]


def merge_samples(samples: Iterable[RowSample]) -> RowSample:
    """Unite samples of disjoint rows of one matrix, for instance one per row block.

    Parameters
    ----------
    samples : iterable of RowSample
        At least one, all with the same `n` and `p`, no row in two of them; see `RowSample.shifted`.

    Returns
    -------
    RowSample
        Rows in increasing order; weights unchanged. The p-th powers of the blocks add, so the
        distortion is at most the largest of the blocks'. Seed and design are the first sample's.

    Notes
    -----
    Works on arrays in host memory.

    Examples
    --------
    >>> half = RowSample([1], [2.0], [0.5], design="poisson", seed=0, n=2)
    >>> merge_samples([half.shifted(0, 4), half.shifted(2, 4)]).indices
    array([1, 3])
    """
    parts = list(samples)
    if not parts or any(not isinstance(part, RowSample) for part in parts):
        raise argument_error(
            "samples",
            f"{[type(part).__name__ for part in parts]}",
            "at least one RowSample",
            "Pass the samples of all blocks.",
            kind=ArgumentTypeError,
        )
    first = parts[0]
    if any((part.n, part.p) != (first.n, first.p) for part in parts):
        raise argument_error(
            "samples",
            f"n and p of {sorted({(part.n, str(part.p)) for part in parts})}",
            "one n and one p",
            "Use shifted(start, n) to place each block in the whole matrix.",
        )
    indices = np.concatenate([part.indices for part in parts])
    order = np.argsort(indices, kind="stable")
    return RowSample(
        indices[order],
        np.concatenate([part.weights for part in parts])[order],
        np.concatenate([part.probabilities for part in parts])[order],
        design=first.design,
        seed=first.seed,
        n=first.n,
        p=first.p,
    )
