"""What tables are refused: columns or types that differ between files, text, missing values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._errors import argument_error
from ._file_errors import listed
from ._table_files import TableFile, arrow
from ._tables import refuse_unnamed

__all__ = ["MissingValues", "check_columns", "check_kinds", "missing_count", "missing_values"]


def check_columns(
    files: Sequence[TableFile], chosen: Sequence[str], one_hot: Sequence[str], everything: bool
) -> None:
    """Refuse files without a chosen column; if `everything` is, those with additional ones."""
    if everything:
        refuse_unnamed(tuple(chosen))
    stray = [name for name in one_hot if name not in chosen]
    if stray:
        remedy = "Add them to `columns`, or leave them out of `one_hot`."
        raise argument_error("one_hot", listed(stray), "chosen columns", remedy)
    first = files[0]
    for file in files[1:]:
        lacking = [name for name in chosen if name not in file.types]
        extra = [name for name in file.names if name not in first.types] if everything else []
        if lacking or extra:
            parts = [
                f"{verb} {listed([repr(name) for name in columns], 4)}"
                for verb, columns in (("without column", lacking), ("with additional", extra))
                if columns
            ]
            common = [name for name in chosen if all(name in file.types for file in files)]
            raise argument_error(
                "path",
                f"{str(file.path)!r} {' and '.join(parts)}",
                f"the columns of {str(first.path)!r} in every file",
                "Choose columns that all files have: --columns "
                + (listed(common, 12, separator=",") or "NAME,NAME"),
            )


def _kind(column: Any, is_category: bool) -> str:
    """ "number", "text", "text categories", …, or "other"."""
    types = arrow().types
    if types.is_dictionary(column):
        return f"{_kind(column.value_type, False)} categories"
    suffix = " categories" if is_category else ""
    texts = ("is_string", "is_large_string", "is_string_view")
    if any(getattr(types, test)(column) for test in texts if hasattr(types, test)):
        return f"text{suffix}"
    real = types.is_floating(column) or types.is_decimal(column)
    if types.is_integer(column) or types.is_boolean(column) or real:
        return f"number{suffix}"
    return "other"


def check_kinds(
    files: Sequence[TableFile], chosen: Sequence[str], one_hot: Sequence[str]
) -> dict[str, bool]:
    """For each chosen column whether it holds categories; raise if files disagree, or for text."""
    found: dict[str, bool] = {}
    unsuitable = []
    for name in chosen:
        is_category = name in one_hot or any(
            arrow().types.is_dictionary(file.types[name]) for file in files
        )
        kinds: dict[str, TableFile] = {}
        for file in files:
            if not arrow().types.is_null(file.types[name]):  # missing altogether, as is said later
                kinds.setdefault(_kind(file.types[name], is_category), file)
        if len(kinds) > 1:
            first, second = list(kinds.values())[:2]
            raise argument_error(
                "path",
                f"{str(second.path)!r} with {second.note(name)} in column {name!r}, and "
                f"{str(first.path)!r} with {first.note(name)}",
                "the same kind of values in every file",
                "Convert the files to one type, or leave the column out.",
            )
        kind = next(iter(kinds), "number")
        found[name] = is_category
        if kind.partition(" ")[0] == "other" or kind == "text":
            unsuitable.append((name, next(iter(kinds.values())).note(name)))
    if unsuitable:
        bad = {name for name, _ in unsuitable}
        good = [name for name in chosen if name not in bad]
        raise argument_error(
            "columns",
            f"{len(unsuitable)} without numbers: "
            + listed([f"{name!r} ({note})" for name, note in unsuitable]),
            "numbers in every column, or categories",
            f"Pass one_hot=[{unsuitable[0][0]!r}] to make 0/1 columns of categories, or choose "
            f"others: --columns {listed(good, 12, separator=',') or 'NAME,NAME'}",
        )
    return found


def missing_count(column: Any) -> int:
    """Missing values of a column, whether or not it is dictionary-encoded."""
    if arrow().types.is_dictionary(column.type) and column.dictionary.null_count:
        column = column.dictionary_decode()
    return int(column.null_count)


@dataclass
class MissingValues:
    """Counts of missing values by column and file, and where the first one is."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, file: TableFile, row: int, batch: Any) -> None:
        """Count those of a batch whose first row is `row` of the file."""
        place = repr(str(file.path))
        for name in batch.schema.names:
            column = batch.column(name)
            count = missing_count(column)
            if not count:
                continue
            if name not in self.first:
                if arrow().types.is_dictionary(column.type):
                    column = column.dictionary_decode()
                gap = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
                self.first[name] = f"row {row + gap} of {place}"
            of_files = self.counts.setdefault(name, {})
            of_files[place] = of_files.get(place, 0) + count

    def error(self, chosen: Sequence[str]) -> Exception:
        """The report."""
        columns = []
        for name, files in self.counts.items():
            text = f"{name!r} ({sum(files.values())} missing, the first in {self.first[name]}"
            if len(files) > 1:
                text += "; " + listed([f"{n} in {file}" for file, n in files.items()], 6)
            columns.append(text + ")")
        good = [name for name in chosen if name not in self.counts]
        return argument_error(
            "columns",
            f"{len(columns)} with missing values: {listed(columns)}",
            "a value in every cell",
            "Fill the gaps or drop those rows first, or choose others: --columns "
            + (listed(good, 12, separator=",") or "NAME,NAME"),
        )


def missing_values(files: Sequence[TableFile], chosen: Sequence[str]) -> Exception:
    """The report on missing values, after a walk over whatever may have some."""
    missing = MissingValues()
    for file in files:
        for row, batch in file.batches(file.unsure()):
            missing.add(file, row, batch)
    return missing.error(chosen)
