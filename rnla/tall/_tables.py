"""Tables: what column names are refused; small .csv and .parquet files, read whole by pandas."""

from __future__ import annotations

import csv
import pathlib
import warnings
from collections.abc import Sequence
from typing import Any

from .._errors import argument_error, import_optional
from ._file_errors import as_damage, listed

__all__ = [
    "check_header",
    "check_names",
    "is_number",
    "read_table",
    "refuse_unnamed",
]


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
    check_header(file, first)


def check_header(file: pathlib.Path, first: list[str]) -> None:
    """Refuse fields of a first line that cannot be column names."""
    if not first:
        raise ValueError("the first line is empty")
    check_names(file, first)
    if all(is_number(field) for field in first):
        raise argument_error(
            "path",
            f"{str(file)!r}, whose first line holds numbers only",
            "a first line of column names",
            "Add such a line, or save the numbers as .npy.",
        )


def check_names(file: pathlib.Path, names: Sequence[str]) -> None:
    """Refuse a table without columns, and two columns of one name."""
    if not names:
        remedy = "Check the export."
        raise argument_error("path", f"{str(file)!r} without columns", "columns", remedy)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise argument_error(
            "path",
            f"{str(file)!r}, whose first line has {twice!r} twice"
            if file.suffix.lower() == ".csv"
            else f"{str(file)!r}, which has column {twice!r} twice",
            "different column names",
            "Add a first line that names each column once, or rename.",
        )


def is_number(field: str) -> bool:
    """Whether a cell of text reads as a number."""
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field


def refuse_unnamed(names: tuple[str, ...]) -> None:
    """Refuse columns without a name, which pandas and this package call ``"Unnamed: 0"`` etc."""
    named = [name for name in names if not name.startswith("Unnamed: ")]
    if len(named) < len(names):
        raise argument_error(
            "path",
            f"{len(names) - len(named)} column(s) without a name",
            "a name for every column",
            "Such a column often holds row labels, not data; choose the others: --columns "
            + (listed(named, 12, separator=",") or "1,2"),
        )
