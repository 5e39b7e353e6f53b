"""`sample_rows`, one door to all designs: scores and a budget, or probabilities, give a sample.

If unsure: poisson, the design of the theorems. If rows have a place in time or space and the size
is a few times the number of columns: tree_pivotal with coordinates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_size
from ..random import RNGLike, resolve_seed
from ..tall import rows
from ._checks import check_probabilities, check_scores
from ._rows import count_positive, positive_rows
from .budget import probabilities
from .ordered_pivotal import ordered_pivotal_sample
from .poisson import draw_poisson
from .priority import run_race
from .row_sample import RowSample
from .spatial_order import resolve_order
from .systematic import systematic_sample
from .tree_pivotal import tree_pivotal_sample
from .with_replacement import with_replacement_sample

__all__ = ["DESIGNS", "sample_rows"]

DESIGNS = (
    "poisson",
    "with_replacement",
    "priority",
    "systematic",
    "ordered_pivotal",
    "tree_pivotal",
)
_DISTRIBUTED = ("poisson", "priority")  # work on scores that stay in parts
_SHARE_OF_FLOOR = 0.01  # at most this part of the draws goes into lifting small scores
_ORDERED = {
    "systematic": systematic_sample,
    "ordered_pivotal": ordered_pivotal_sample,
    "tree_pivotal": tree_pivotal_sample,
}


def sample_rows(
    probabilities_or_scores: npt.ArrayLike,
    size: int | None = None,
    *,
    design: str = "poisson",
    order: npt.ArrayLike | None = None,
    coordinates: npt.ArrayLike | None = None,
    split: str = "axes",
    floor: float | str = "1/n",
    p: float | None = None,
    rng: RNGLike = None,
) -> RowSample:
    """Draw rows with probabilities proportional to scores, clipped to 1.

    Parameters
    ----------
    probabilities_or_scores : array_like, Dask array or CuPy array, shape (n,)
        With `size`: scores of any scale. Without: inclusion probabilities in [0, 1].
    size : int, optional
        Number of rows to spend, 1 to n. If no more than `size` scores are positive, exactly those
        rows are kept, with weight 1, whatever the design.
    design : {"poisson", "with_replacement", "priority", "systematic", "ordered_pivotal", \
"tree_pivotal"}
        How the rows depend on each other; see the table below.
    order : array_like of int, shape (n,), optional
        Visiting order of the last three designs: a permutation in which neighbours are alike.
    coordinates : array_like, shape (n, k), optional
        Positions from which the order is built; see `spatial_order`.
    split : {"axes", "principal"}
        How coordinates are split.
    floor : {"1/n", 0} or float
        Smallest probability of a row with a positive score; see `sampling_probabilities`. Priority
        and with-replacement sampling apply it to the distribution of a single draw, "1/n" as
        0.01/n, which bounds their weights by 100 n / size.
    p : float, optional
        Exponent recorded for ``sample @ A``.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`.

    Returns
    -------
    RowSample

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For scores that are negative or not finite, probabilities above 1, an unknown design, an
        order or coordinates of the wrong length, or an order for a design that has no use for one.

    Notes
    -----
    ================  ==================  =======================  ==================  ============
    design            size                inclusion probabilities  nested in `size`    Dask: travel
    ================  ==================  =======================  ==================  ============
    poisson           random, sd <= sqrt  exact                    yes                 kept rows
    priority          fixed               exact given the others   yes                 `size` a part
    with_replacement  at most `size`      `size` times the share   yes                 all scores
    systematic        fixed               exact                    m, k m unclipped    all scores
    ordered_pivotal   fixed               exact                    no                  all scores
    tree_pivotal      fixed               exact                    no                  all scores
    ================  ==================  =======================  ==================  ============

    Given probabilities with a non-integer sum, the last three designs keep floor or ceil of it,
    and priority and with_replacement round it. Every random number is a function of the seed, what
    it is for, and the row: chunks, threads and workers do not matter. Of a Dask array of scores
    histograms travel for the budget, and the last column for the draw, 8 bytes a number. Of a CuPy
    array only the kept rows do, and the sample is that of the same numbers on the host.

    Runs on a GPU: CuPy arrays stay there, and the sample is a record in host memory. ``order`` and
    ``coordinates`` are arrays of the host.

    Examples
    --------
    >>> sample = sample_rows([5.0, 1.0, 1.0, 1.0, 0.0], 2, design="systematic", rng=0)
    >>> sample.size, int(sample.indices[0]), float(sample.weights[0])
    (2, 0, 1.0)
    """
    if design not in DESIGNS:
        raise argument_error(
            "design", repr(design), f"one of {', '.join(DESIGNS)}", "Use 'poisson' if unsure."
        )
    if design not in _ORDERED and (order is not None or coordinates is not None):
        raise argument_error(
            "order" if coordinates is None else "coordinates",
            f"a value with design={design!r}",
            f"no order, since only {', '.join(_ORDERED)} use one",
            "Drop it, or use design='tree_pivotal'.",
        )
    seed, name = resolve_seed(rng), "probabilities_or_scores"
    keep = design in _DISTRIBUTED
    if size is None:
        values = check_probabilities(probabilities_or_scores, name, keep=keep)
    else:
        values = check_scores(probabilities_or_scores, name, keep=keep, device=True)
        size = check_size(size, values.shape[0])
        if count_positive(values) <= size:
            positive, _ = positive_rows(values)
            ones = np.ones(positive.size)
            n = values.shape[0]
            return RowSample(positive, ones, ones, design=design, seed=seed, n=n, p=p)
    if design == "priority":
        # The race runs on shares that do not depend on the size, so that sizes nest.
        flat = size is None or floor == 0
        share = values if flat else _share(values, floor)
        return run_race(share, _total(values, size), seed, p)
    if design == "with_replacement":
        share = values if size is None else _share(values, floor)
        return with_replacement_sample(share, _total(values, size), p=p, rng=seed)
    q = values if size is None else probabilities(values, size, floor)
    if design == "poisson":
        return draw_poisson(q, seed, p)
    visited = resolve_order(q.shape[0], order, coordinates, split)
    return _ORDERED[design](q, order=visited, p=p, rng=seed)


def _share(values: Any, floor: float | str) -> Any:
    """Distribution of a single draw. A floor of 1/n would be all of it, so "1/n" is 1 % of that."""
    return probabilities(values, 1, _SHARE_OF_FLOOR / values.shape[0] if floor == "1/n" else floor)


def _total(values: Any, size: int | None) -> int:
    """The size asked for, or the one that the given probabilities add up to."""
    return max(1, round(rows.total(values))) if size is None else size
