"""Tables: .csv and .parquet files, read whole by pandas; text and gaps are refused by name."""

from __future__ import annotations

import csv
import pathlib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, import_optional
from ._file_errors import as_damage, find_column, listed

__all__ = ["read_table", "table_matrix"]


def read_table(file: pathlib.Path) -> Any:
    """The whole file as a pandas DataFrame with text column names."""
    purpose = f"to read {file.name!r}"
    pandas = import_optional("pandas", extra="io", purpose=purpose)
    if file.suffix.lower() == ".parquet":
        import_optional("pyarrow", extra="io", purpose=purpose)
        with as_damage(file, "a Parquet file"):
            frame = pandas.read_parquet(file, engine="pyarrow")
    else:
        with as_damage(file, "comma-separated text with a line of column names"):
            _check_header(file)
            frame = _read_csv(pandas, file)
    frame.columns = [str(name) for name in frame.columns]
    return frame


def _read_csv(pandas: Any, file: pathlib.Path) -> Any:
    # The default parser of older pandas is off by a unit in the last place; newer ones warn.
    older = tuple(int(part) for part in pandas.__version__.split(".")[:2]) < (3, 1)
    options = {"float_precision": "round_trip"} if older else {}
    with warnings.catch_warnings():
        # Longer lines than the header would be cut, or their first field taken for a row label.
        warnings.simplefilter("error", pandas.errors.ParserWarning)
        try:
            return pandas.read_csv(file, index_col=False, low_memory=False, **options)
        except pandas.errors.ParserWarning as error:
            raise ValueError("its lines have more fields than the first line has names") from error


def _check_header(file: pathlib.Path) -> None:
    """Refuse a first line of numbers: as a header it would lose a row, as a row gain one."""
    with open(file, newline="", encoding="utf-8-sig") as text:
        first = next(csv.reader(text), [])
    if not first:
        raise ValueError("the first line is empty")
    if len(set(first)) < len(first):
        twice = next(name for name in first if first.count(name) > 1)
        raise argument_error(
            "path",
            f"{str(file)!r}, whose first line has {twice!r} twice",
            "different column names",
            "Add a first line that names each column once, or rename.",
        )
    if all(_is_number(field) for field in first):
        raise argument_error(
            "path",
            f"{str(file)!r}, whose first line holds numbers only",
            "a first line of column names",
            "Add such a line, or save the numbers as .npy.",
        )


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def table_matrix(
    frame: Any, columns: Sequence[str | int] | None
) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """The wanted columns as float64, and their names."""
    names = tuple(frame.columns)
    picked = range(len(names)) if columns is None else [find_column(c, names) for c in columns]
    chosen = tuple(names[j] for j in picked)
    if not len(frame):
        raise argument_error("path", "a table without rows", "rows of numbers", "Check the export.")
    if columns is None:
        _refuse_unnamed(names)
    good, text, incomplete = [], [], []
    for j in picked:
        series = frame.iloc[:, j]
        missing = int(series.isna().sum())
        if not _is_numeric(series):
            text.append(f"{names[j]!r} ({series.dtype})")
        elif missing:
            incomplete.append(f"{names[j]!r} ({missing} missing)")
        else:
            good.append(names[j])
    usable = listed(good, 12, separator=",") if good else "NAME,NAME"
    if text:
        raise argument_error(
            "columns",
            f"{len(text)} without numbers: {listed(text)}",
            "numbers in every column",
            f"Encode them, or choose others: --columns {usable}",
        )
    if incomplete:
        raise argument_error(
            "columns",
            f"{len(incomplete)} with missing values: {listed(incomplete)}",
            "a value in every cell",
            f"Fill the gaps or drop those rows first, or choose others: --columns {usable}",
        )
    matrix = np.ascontiguousarray(frame.iloc[:, list(picked)].to_numpy(dtype=np.float64))
    return matrix, chosen


def _refuse_unnamed(names: tuple[str, ...]) -> None:
    named = [name for name in names if not name.startswith("Unnamed: ")]
    if len(named) < len(names):
        raise argument_error(
            "path",
            f"{len(names) - len(named)} column(s) without a name",
            "a name for every column",
            "Such a column often holds row labels, not data; choose the others: --columns "
            + (listed(named, 12, separator=",") or "1,2"),
        )


def _is_numeric(series: Any) -> bool:
    from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

    if is_complex_dtype(series.dtype):
        return False
    return bool(is_numeric_dtype(series.dtype) or is_bool_dtype(series.dtype))
