"""The bounds that hold for one problem, as records (for JSON) and as a table (for people). O(1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .._errors import ArgumentError, check_fraction, check_p, check_positive, check_size
from ._practical import default_size
from ._row import ROWS, BoundRow, power

__all__ = ["BoundRecord", "records", "table"]


@dataclass(frozen=True)
class BoundRecord:
    """One line of the table: plain values only, so that ``dataclasses.asdict`` gives JSON.

    Attributes
    ----------
    number : int or None
        Row number, None for the practical default.
    name : str
        Sampling method.
    kind : str
        ``"default"``, ``"upper"`` or ``"lower"``.
    counts : str
        ``"rows"``, ``"labels"`` or ``"groups"``.
    size : int or None
        The bound with every open constant set to 1, rounded up; None if it cannot be evaluated.
    leading : int or None
        The same without logarithms: use this one to compare methods.
    hidden : str
        What `size` leaves out.
    note : str
        Assumptions made, or why there is no number.
    source : str
        The publication.
    evidence : str
        How the statement was read.
    """

    number: int | None
    name: str
    kind: str
    counts: str
    size: int | None
    leading: int | None
    hidden: str
    note: str
    source: str
    evidence: str


def records(
    p: float,
    d: int,
    eps: float,
    delta: float = 0.01,
    *,
    n: int | None = None,
    total_sensitivity: float | None = None,
    online_condition: float | None = None,
) -> list[BoundRecord]:
    """Evaluate the practical default and every published bound that holds for p.

    Parameters
    ----------
    p : float
        Exponent of the norm, 1 <= p < inf.
    d : int
        Number of columns (the rank, if it is smaller).
    eps : float
        Relative error of the p-th power, strictly between 0 and 1.
    delta : float
        Failure probability, strictly between 0 and 1.
    n : int, optional
        Number of rows. Bounds that contain it have no number without it.
    total_sensitivity : float, optional
        Sum of the sensitivities; the worst case d^max(1,p/2) is taken if it is not given.
    online_condition : float, optional
        Online condition number for row 19.

    Returns
    -------
    list of BoundRecord
        The default first, then the rows in the order of their numbers.

    Raises
    ------
    ArgumentError
        If a value is out of range.

    Examples
    --------
    >>> [record.number for record in records(2, 10, 0.5, n=1000)]
    [None, 1, 8, 10, 13, 20, 23]
    """
    p = check_p(p)
    d = check_size(d, name="d")
    eps, delta = check_fraction(eps, "eps"), check_fraction(delta, "delta")
    known: dict[str, float | int] = {"p": p, "d": d, "eps": eps, "delta": delta, "weight_sum": d}
    notes = {"weight_sum": "exact weights, which sum to d"}
    if n is not None:
        known["n"] = check_size(n, name="n")
    if online_condition is not None:
        known["online_condition"] = check_positive(online_condition, "online_condition")
    if total_sensitivity is None:
        worst = power(d, max(1.0, p / 2))
        if math.isfinite(worst):
            known["total_sensitivity"] = worst
            notes["total_sensitivity"] = f"worst case S = {worst:.6g}"
    else:
        known["total_sensitivity"] = check_positive(total_sensitivity, "total_sensitivity")
    lines = _defaults(p, d, eps, delta, n, total_sensitivity)
    applicable = sorted((entry for entry in ROWS if p in entry.p_range), key=lambda e: e.number)
    lines.extend(_evaluate(entry, known, notes, n) for entry in applicable)
    return lines


def _defaults(
    p: float, d: int, eps: float, delta: float, n: int | None, total: float | None
) -> list[BoundRecord]:
    methods = ["lewis"] + (["sensitivity"] if total is not None and p > 2 else [])
    lines = []
    for method in methods:
        size: int | None
        try:
            size = default_size(d, p, eps, delta, n=n, total_sensitivity=total, method=method)
            note = "all rows are kept" if size == n else "start; measure, then double"
        except ArgumentError:  # only the double range is left: the arguments were checked above
            size, note = None, "beyond the double range; pass n"
        name = f"practical default, {method}"
        hidden = "a guarantee: the constant 2 is an observation"
        lines.append(
            BoundRecord(None, name, "default", "rows", size, None, hidden, note, "rule", "measured")
        )
    return lines


def _evaluate(
    entry: BoundRow, known: dict[str, float | int], notes: dict[str, str], n: int | None
) -> BoundRecord:
    missing = [name for name in entry.needs if name not in known]
    size: int | None = None
    leading: int | None = None
    remarks = [notes[name] for name in entry.needs if name in notes]
    if missing:
        remarks = [f"needs {', '.join(missing)}"]
    else:
        arguments = {name: known[name] for name in entry.needs}
        try:
            size = _rounded(entry.function(**arguments))
            leading = _rounded(entry.function(**arguments, logs=False))
        except ArgumentError as error:  # a row may hold for part of its range only, as row 25 does
            remarks = [str(error).split("expected ", 1)[-1].split(". ", 1)[0]]
        else:
            if size is None:
                remarks.append("beyond the double range")
            elif n is not None and entry.counts == "rows" and size > n:
                remarks.append("more than n")
    return BoundRecord(
        entry.number,
        entry.name,
        entry.kind,
        entry.counts,
        size,
        leading,
        entry.hidden,
        "; ".join(remarks),
        entry.source,
        entry.evidence,
    )


def _rounded(value: float) -> int | None:
    return math.ceil(value) if math.isfinite(value) else None


def table(
    p: float,
    d: int,
    eps: float,
    delta: float = 0.01,
    *,
    n: int | None = None,
    total_sensitivity: float | None = None,
    online_condition: float | None = None,
) -> str:
    """Return the records of `records` as a table for reading; the parameters are the same.

    Parameters
    ----------
    p, d, eps, delta, n, total_sensitivity, online_condition
        As in `records`.

    Returns
    -------
    str
        One line per bound: row number, method, kind, number with constants 1, the same without
        logarithms, notes and source.

    Examples
    --------
    >>> print(table(2, 10, 0.5, n=1000).splitlines()[0])
    p = 2, d = 10, eps = 0.5, delta = 0.01, n = 1000
    """
    lines = records(
        p,
        d,
        eps,
        delta,
        n=n,
        total_sensitivity=total_sensitivity,
        online_condition=online_condition,
    )
    title = f"p = {p:g}, d = {d}, eps = {eps:g}, delta = {delta:g}"
    title += "" if n is None else f", n = {n}"
    title += "" if total_sensitivity is None else f", S = {total_sensitivity:g}"
    header = ("#", "method", "kind", "size", "without logs", "counts", "note", "source")
    cells = [
        (
            "" if line.number is None else str(line.number),
            line.name,
            line.kind,
            _count(line.size),
            _count(line.leading),
            line.counts,
            line.note,
            line.source,
        )
        for line in lines
    ]
    footer = (
        "Sizes are published bounds with every open constant set to 1: compare them with each "
        "other, not with n.\nA lower bound says that some matrix needs that many, up to its "
        "constant."
    )
    return "\n".join([title, "", *_aligned([header, *cells]), "", footer])


def _count(value: int | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if value < 10**12 else f"{value:.3e}"


def _aligned(cells: Sequence[tuple[str, ...]]) -> list[str]:
    numeric = {0, 3, 4}
    widths = [max(len(line[k]) for line in cells) for k in range(len(cells[0]))]
    return [
        "  ".join(
            cell.rjust(width) if k in numeric else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
