"""Results for people and for programs: any result record as a readable table or as JSON data.

Nothing is computed here beyond minima, medians and sums of what a record holds.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._result import Status
from .tall import rows

if TYPE_CHECKING:
    from .certify import Certificate
    from .embedding import Embedding

__all__ = ["format_table", "to_json", "to_text"]

_WIDTH = 96
_LABEL = 24
_DETAILS = {
    "typical_median": "random x, median",
    "typical_95": "random x, 95 %",
    "balance_p_value": "p-value of balance",
    "max_weight_score": "largest weight x score",
}
# Computed attributes of records that belong into JSON.
_PROPERTIES = ("found", "certified", "gap", "best_alpha")


def to_json(record: Any, *, arrays: bool = True) -> Any:
    """Turn a result into data that ``json.dumps`` accepts.

    Parameters
    ----------
    record : Embedding, Certificate, Scores or any other result record
    arrays : bool
        Write arrays out as lists; otherwise Dask arrays and arrays of more than 100 entries become
        their shape.

    Returns
    -------
    dict
        Keys are the attributes, and those that a record computes: ``found`` and ``certified`` of a
        certificate, ``gap`` of a fit, ``best_alpha`` of a ridge path. A status becomes
        its name; infinities and NaN, which JSON does not have, become the strings ``"inf"``,
        ``"-inf"`` and ``"nan"``.

    Examples
    --------
    >>> import numpy as np
    >>> to_json({"size": np.int64(3), "found": np.inf, "status": Status.OK})
    {'size': 3, 'found': 'inf', 'status': 'OK'}
    """
    if isinstance(record, enum.Enum):
        return record.name
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        names = [field.name for field in dataclasses.fields(record)]
        names += [name for name in _PROPERTIES if hasattr(record, name) and name not in names]
        return {name: to_json(getattr(record, name), arrays=arrays) for name in names}
    if isinstance(record, Mapping):
        return {str(key): to_json(value, arrays=arrays) for key, value in record.items()}
    if not rows.is_here(record):
        return to_json(rows.host(record), arrays=True) if arrays else {"shape": list(record.shape)}
    if isinstance(record, np.ndarray):
        if record.size > 100 and not arrays:
            return {"shape": list(record.shape)}
        return to_json(record.tolist(), arrays=arrays)
    if isinstance(record, (list, tuple)):
        return [to_json(value, arrays=arrays) for value in record]
    if isinstance(record, np.generic):
        return to_json(record.item(), arrays=arrays)
    if isinstance(record, float) and not math.isfinite(record):
        return str(record)
    if record is None or isinstance(record, (bool, int, float, str)):
        return record
    return str(record)


def to_text(record: Any, *, omit: Collection[str] = ()) -> str:
    """Turn a result into lines for reading.

    Parameters
    ----------
    record : Embedding, Certificate, Scores or any other result record
    omit : collection of str
        Attributes to leave out of other records than the first two.

    Returns
    -------
    str
        A table of at most 96 columns, without a newline at the end.
    """
    from .certify import Certificate
    from .embedding import Embedding

    if isinstance(record, Embedding):
        return _embedding(record)
    if isinstance(record, Certificate):
        return _certificate(record)
    return "\n".join(_pairs(_generic_pairs(record, omit)))


def format_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Align cells under a header; columns of numbers to the right, text to the left.

    Examples
    --------
    >>> print(format_table(["method", "rows"], [["uniform", 2000], ["lewis", 90]]))
    method    rows
    -------  -----
    uniform  2,000
    lewis       90
    """
    body = list(rows)
    right = [all(_is_number(row[k]) for row in body) for k in range(len(header))]
    cells = [list(header), *([_cell(value) for value in row] for row in body)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    )


def _embedding(e: Embedding) -> str:
    sizes = dict(e.sizes)
    theory = sizes.get("theory")
    pairs = [
        ("rows kept", f"{e.size:,} of {e.n:,} ({100 * e.size / e.n:.3g} %)"),
        ("columns", f"{e.d:,}, rank {e.rank:,}"),
        ("asked for", f"p = {e.p:g}, eps = {e.eps:g}, delta = {e.delta:g}"),
        ("method", e.method),
        ("why", e.reason),
        ("design", e.design),
        ("bound", e.bound),
        (
            "its number of rows",
            "-" if theory is None else f"{_cell(round(theory))} with open constants set to 1",
        ),
        ("started from", f"{_cell(sizes.get('default'))} rows"),
        ("passes over the rows", _cell(e.passes)),
        ("seed", str(e.seed)),
    ]
    if len(e.attempts) > 1:
        tried = [f"{a.kept:,} rows: {_cell(a.found)}" for a in e.attempts]
        pairs.insert(9, ("distortion by size", "; ".join(tried)))
    lines = _pairs(pairs)
    measured = [("this sample", e.certificate), ("uniform, same size", e.uniform)]
    known = [(name, certificate) for name, certificate in measured if certificate is not None]
    lines += ["", *(_distortions(known) if known else ["Distortion was not measured."])]
    lines += ["", *_wrapped(f"{e.status.name}: {e.status.value}")]
    return "\n".join(lines)


def _distortions(measured: Sequence[tuple[str, Certificate]]) -> list[str]:
    """The table of ratios, with a line that says what the numbers are and are not."""
    header = ["", "found distortion", "smallest ratio", "largest ratio", "proved at most", "tier"]
    rows = [
        [
            name,
            c.found,
            c.lower,
            c.upper,
            c.certified_distortion if c.certified else "no proof",
            c.tier,
        ]
        for name, c in measured
    ]
    note = (
        "Ratios are ||SAx||_p^p / ||Ax||_p^p at the worst x found, which come with the result; the "
        "true worst case is at least as far from 1."
    )
    return [*format_table(header, rows).splitlines(), "", *_wrapped(note)]


def _certificate(c: Certificate) -> str:
    pairs = [
        ("rows kept", f"{c.size:,} of {c.n:,} ({100 * c.size / c.n:.3g} %)"),
        ("columns", f"{c.d:,}, rank {c.rank:,}"),
        ("rank of the sample", "the same" if c.rank_preserved else "LOWER: some x are lost"),
        ("norm", f"p = {c.p:g}"),
        ("proof", c.proof or "none is known for this p and size"),
    ]
    statistical = c.diagnostics.get("statistical")
    if statistical is not None:
        pairs += _detail_pairs(statistical.details)
    pairs += [("passes over the rows", _cell(c.passes)), ("seed", str(c.seed))]
    lines = [*_pairs(pairs), "", *_distortions([("this sample", c)])]
    if c.status is not Status.OK:
        lines += ["", *_wrapped(f"{c.status.name}: {c.status.value}")]
    return "\n".join(lines)


def _detail_pairs(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in details.items():
        label = _DETAILS.get(name, name.replace("_", " "))
        if _plain(value):
            pairs.append((label, _cell(value)))
        elif isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
            pairs += [(label.removesuffix("s"), text) for text in value]
    return pairs


def _generic_pairs(record: Any, omit: Collection[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    arrays: list[tuple[str, str]] = []
    fields = [field.name for field in dataclasses.fields(record)]
    fields += [name for name in _PROPERTIES if hasattr(record, name) and name not in fields]
    for name in fields:
        if name in omit:
            continue
        value, label = getattr(record, name), name.replace("_", " ")
        if isinstance(value, Status):
            pairs.append((label, f"{value.name}: {value.value}"))
        elif isinstance(value, np.ndarray):
            if name != "values" and value is getattr(record, "values", None):
                continue
            arrays += _array_pairs(label, value)
        elif rows.is_distributed(value):
            parts = int(np.prod(value.numblocks))
            arrays.append((label, f"Dask array of shape {value.shape} in {parts} parts"))
        elif not rows.is_here(value):
            arrays.append((label, f"CuPy array of shape {value.shape} on GPU {value.device.id}"))
        elif isinstance(value, Mapping):
            pairs += _detail_pairs(value)
        elif _plain(value):
            pairs.append((label, str(value) if name == "seed" else _cell(value)))
    return pairs + arrays


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, np.generic))


def _array_pairs(label: str, array: np.ndarray[Any, Any]) -> list[tuple[str, str]]:
    if array.size == 0 or array.dtype.kind not in "iuf":
        return [(label, f"array of shape {array.shape}")]
    if array.ndim != 1:
        return [(label, f"array of shape {array.shape}, {array.min():.4g} to {array.max():.4g}")]
    top = np.argsort(-array, kind="stable")[:5]
    return [
        (label, f"{array.size:,} numbers, sum {array.sum(dtype=float):.6g}"),
        ("", f"min {array.min():.4g}, median {np.median(array):.4g}, max {array.max():.4g}"),
        ("", "largest at rows " + ", ".join(f"{i} ({array[i]:.4g})" for i in top)),
    ]


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    lines: list[str] = []
    for label, text in pairs:
        lines += textwrap.wrap(
            text or "-",
            width=_WIDTH,
            initial_indent=label.ljust(_LABEL),
            subsequent_indent=" " * _LABEL,
            break_on_hyphens=False,
        )
    return lines


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, width=_WIDTH, break_on_hyphens=False)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):  # formatted by the caller
        return value.replace(",", "").replace(".", "", 1).isdigit()
    return value is None or (
        isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    if isinstance(value, (float, np.floating)):
        size = abs(float(value))
        return f"{value:,.0f}" if 1e4 <= size < 1e9 else f"{value:.4g}"
    return str(value)
