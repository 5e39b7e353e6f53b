"""`lp_sensitivities`: the front door, and the table by which ``method="auto"`` decides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_p, check_positive, check_size
from .._result import FloatArray, IntArray, Status
from ..random import RNGLike, resolve_seed
from ..tall import TallMatrix, as_tall, within_range
from ..tall._device import on_host
from ._sensitivity_record import Sensitivities
from ._sensitivity_reference import reference, reference_size
from .block_sensitivities import block_sensitivities
from .coreset_sensitivities import coreset_sensitivities
from .exact_sensitivities import Intervals, exact_sensitivities
from .sensitivity_bounds import Screen, screen

__all__ = ["lp_sensitivities"]

_METHODS = ("auto", "exact", "coreset", "block", "bounds")
_EXACT_ROWS, _EXACT_ENTRIES = 2_000, 300_000  # up to which "auto" solves for every row
_BUDGET = 2e10  # operations "auto" spends on a coreset before it settles for bounds
_POWERS = 60  # operations that two powers cost


def lp_sensitivities(
    A: Any,
    p: float,
    *,
    method: str = "auto",
    rows: npt.ArrayLike | None = None,
    factor: float | None = None,
    solves: int | None = None,
    block_size: int = 16,
    signs: int | None = None,
    reference_rows: int | None = None,
    force: bool = False,
    rng: RNGLike = None,
) -> Sensitivities:
    """Interval for every l_p sensitivity ``sigma_i = max_x |a_i x|^p / ||A x||_p^p``.

    Parameters
    ----------
    A : array_like, sparse array or TallMatrix, shape (n, d)
        Zero rows have sensitivity 0, rows outside the span of the others 1.
    p : float
        1 <= p < inf.
    method : str
        ``"auto"`` decides by this table, the first line that fits:

        ==============================  =========================================================
        matrix                          method
        ==============================  =========================================================
        p = 2                           leverage scores, exact
        rank 1                          shares of ``|a_i|^p``, exact
        `rows`, `factor` or `solves`    ``"exact"``
        n <= 2000 and n d <= 3e5        ``"exact"``: one convex program per distinct row
        n m (4 d + 60) <= 2e10          ``"coreset"``: the same against m sampled rows, to within
                                        `factor` (default 1.25) of each other if n m d^2 <= 2e10
        otherwise                       ``"bounds"``: Lewis weights and leverage scores only
        ==============================  =========================================================

        ``"block"`` is for upper bounds of many rows from few programs.
    rows : array_like of int, optional
        Rows to find (``"exact"`` only); the others keep their bounds.
    factor : float, optional
        Ratio upper / lower that is good enough, above 1. Rows whose bounds are that close are not
        solved.
    solves : int, optional
        Most convex programs (``"exact"`` only); the widest intervals are served first.
    block_size, signs : int
        For ``"block"``: rows per block, and sign vectors per block (default ceil(log2(100 n)), so
        that all upper ends hold with probability 0.99).
    reference_rows : int, optional
        For ``"coreset"`` and ``"block"``: rows sampled to stand in for A in the norms. Default
        8 r^max(1, p/2) + r log(100 r); ``"block"`` uses A itself up to n = 5000.
    force : bool
        Allow more than 20,000 programs.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence

    Returns
    -------
    Sensitivities
        `values` is the upper end of each interval.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable input, or more than 20,000 programs without `force`.

    Notes
    -----
    The screening costs about ten Lewis iterations, 2 passes and 5 n d^2 flops each. ``"exact"``
    adds 5 to 20 iterations of n d^2 flops per distinct row and holds A in memory. ``"coreset"``
    adds one pass, ``"block"`` n / block_size * signs programs.

    Sources: [1]_ for the programs and for sampling by sensitivities, [2]_ for blocks and coreset
    denominators, [3]_ for the bounds by Lewis weights below p = 2.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    .. [1] Woodruff and Yasuda, "Sharper bounds for lp sensitivity sampling", ICML 2023,
       arXiv:2306.00732.
    .. [2] Padmanabhan, Woodruff and Zhang, "Computing approximate lp sensitivities",
       NeurIPS 2023, arXiv:2311.04158.
    .. [3] Chen and Derezinski, "Query complexity of least absolute deviation regression via
       robust uniform convergence", COLT 2021, arXiv:2105.14261.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> A = np.vstack([np.eye(2), [[1.0, 1.0]]])
    >>> np.asarray(rnla.lp_sensitivities(A, 1)).round(6)
    array([0.5, 0.5, 0.5])
    >>> lower, upper = rnla.lp_sensitivities(A, 4).total
    >>> round(lower, 6), round(upper, 6)
    (2.666667, 2.666667)
    """
    p = check_p(p)
    tall = as_tall(A).gathered()
    before, seed = tall.passes, resolve_seed(rng)
    tall, _ = within_range(tall)
    _check_options(method, factor, solves, block_size, signs, reference_rows)
    wanted = _check_rows(rows, tall.shape[0])
    known = screen(tall, p, seed=seed)
    chosen = _choose(method, tall, p, known.rank, rows is not None or factor or solves is not None)
    notes: dict[str, Any] = {}
    if chosen == "leverage" or chosen == "bounds":
        found = Intervals(known.lower, known.upper, 0, True)
    elif chosen == "share":
        found = _shares(tall, p, known)
    elif chosen == "exact":
        found = exact_sensitivities(
            tall, p, known, rows=wanted, factor=factor, solves=solves, force=force
        )
    else:
        size = reference_rows or reference_size(p, known.rank)
        if chosen == "block" and reference_rows is None and tall.shape[0] <= 5000:
            size = tall.shape[0]
        against = reference(tall, p, known, size=size, seed=seed)
        notes["reference_rows"] = against.rows
        if chosen == "coreset":
            refine = method != "auto" or _refined(tall, against.rows, known.rank, p)
            found = coreset_sensitivities(
                tall, p, known, against, factor=factor or 1.25, refine=refine
            )
        else:
            k = signs or math.ceil(math.log2(100 * tall.shape[0]))
            notes |= {"block_size": block_size, "signs": k}
            found = block_sensitivities(
                tall, p, known, against, block_size=block_size, signs=k, seed=seed
            )
    status = known.status if found.converged else Status.NOT_CONVERGED
    upper = found.upper.astype(tall.dtype, copy=False)
    return Sensitivities(
        values=upper,
        lower=found.lower.astype(tall.dtype, copy=False),
        upper=upper,
        kind="sensitivity",
        method=chosen,
        certified=chosen != "block" and (chosen != "coreset" or not against.sampled),
        p=p,
        rank=known.rank,
        solves=found.solves,
        passes=tall.passes - before,
        seed=seed,
        status=status,
        diagnostics=notes,
    )


def _choose(method: str, A: TallMatrix, p: float, rank: int, narrowed: Any) -> str:
    if p == 2.0:
        return "leverage"
    if rank <= 1:
        return "share"
    if method != "auto":
        return method
    n, d = A.shape
    if narrowed or (n <= _EXACT_ROWS and n * d <= _EXACT_ENTRIES):
        return "exact"
    m = min(reference_size(p, rank), n)
    return "coreset" if float(n) * m * (4 * d + _POWERS) <= _BUDGET else "bounds"


def _refined(A: TallMatrix, m: int, rank: int, p: float) -> bool:
    """Whether "auto" can afford Newton steps for every row."""
    return p >= 1.2 and A.shape[0] * float(m) * rank * rank <= _BUDGET


def _shares(A: TallMatrix, p: float, known: Screen) -> Intervals:
    """Rank 1: A = v g^T, so sigma_i = |v_i|^p / ||v||_p^p with v_i the length of a_i."""
    largest = A.scan().column_max
    scale = np.ldexp(1.0, -np.where(largest > 0.0, np.frexp(largest)[1], 0))
    size = A.row_norms(np.diag(scale), p=math.inf)
    power: FloatArray = (size / max(float(np.max(size)), 1e-300)) ** p
    share = power / max(float(np.sum(power)), 1e-300)
    return Intervals(share, share, 0, True)


def _check_options(
    method: str,
    factor: float | None,
    solves: int | None,
    block_size: int,
    signs: int | None,
    reference_rows: int | None,
) -> None:
    if method not in _METHODS:
        allowed = ", ".join(repr(name) for name in _METHODS)
        remedy = "Leave it at 'auto' if unsure."
        raise argument_error("method", repr(method), f"one of {allowed}", remedy)
    if factor is not None and check_positive(factor, "factor") <= 1.0:
        remedy = "Pass factor=2 to accept upper bounds of twice the lower ones."
        raise argument_error("factor", repr(factor), "a number above 1", remedy)
    if solves is not None and (
        isinstance(solves, bool) or not isinstance(solves, (int, np.integer)) or solves < 0
    ):
        remedy = "Pass solves=0 for bounds without convex programs."
        raise argument_error("solves", repr(solves), "an integer of at least 0", remedy)
    check_size(block_size, name="block_size")
    if signs is not None:
        check_size(signs, name="signs")
    if reference_rows is not None:
        check_size(reference_rows, name="reference_rows")


def _check_rows(rows: npt.ArrayLike | None, n: int) -> IntArray:
    if rows is None:
        return np.arange(n)
    index = on_host(rows, "rows", "row numbers")
    remedy = "Pass row numbers such as rows=[0, 5]; use np.flatnonzero on a mask."
    if index.ndim != 1 or (index.size and index.dtype.kind not in "iu"):
        got = f"shape {index.shape}, dtype {index.dtype}"
        raise argument_error("rows", got, "a list of integers", remedy, kind=ArgumentTypeError)
    index = index.astype(np.int64)
    if index.size and (index.min() < 0 or index.max() >= n):
        bad = int(index[(index < 0) | (index >= n)][0])
        raise argument_error("rows", f"row {bad}", f"row numbers from 0 to {n - 1}", remedy)
    return np.unique(index)
