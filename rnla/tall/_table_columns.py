"""Columns of a table as columns of a matrix: numbers as they are, categories as 0/1 columns.

A category column becomes one column for every value that occurs in any file, in sorted order. With
such columns rows are sparse, and their entries are those of the CSR form of the dense table: zeros
are not stored, columns increase within a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._errors import argument_error
from .._result import IntArray
from ._source import csr_block
from ._streamed import damage
from ._table_checks import MissingValues, missing_count, missing_values
from ._table_csv import CsvFile
from ._table_files import TableFile, arrow

__all__ = ["CategoryValues", "Gap", "Plan", "gather_categories"]

_MOST_CATEGORIES = 100_000


class Gap(Exception):
    """A value is missing; the source then finds out how many there are, and where."""


# Values ----------------------------------------------------------------------------------------


def _numbers(column: Any) -> npt.NDArray[Any]:
    """The values of a column of numbers."""
    if column.null_count:
        raise Gap
    if arrow().types.is_decimal(column.type):
        column = column.cast(arrow().float64())
    values: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values


def _codes(column: Any) -> tuple[IntArray, Any]:
    """Position of each value among the distinct ones, and these, in one type for all widths."""
    if missing_count(column):
        raise Gap
    pa = arrow()
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values = column.dictionary
    kind = values.type
    if pa.types.is_integer(kind):
        values = values.cast(pa.int64())
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = values.cast(pa.float64())
    elif not pa.types.is_boolean(kind):
        values = values.cast(pa.string())
    return column.indices.to_numpy(zero_copy_only=False), values


@dataclass(eq=False)
class CategoryValues:
    """The values of one category column that occur, gathered batch by batch."""

    name: str
    found: set[Any] = field(default_factory=set)

    def add(self, column: Any) -> None:
        """Gather the values that occur in a batch."""
        codes, values = _codes(column)
        used = np.bincount(codes, minlength=len(values)) > 0
        self.found.update(values.filter(arrow().array(used)).to_pylist())
        if len(self.found) > _MOST_CATEGORIES:
            raise argument_error(
                "one_hot",
                f"column {self.name!r} with more than {_MOST_CATEGORIES:,} different values",
                "categories",
                "Leave the column out if it identifies rows, or group its values first.",
            )

    def ordered(self) -> list[Any]:
        """Sorted; texts that are all whole numbers as numbers, whatever the type of the file."""
        if all(isinstance(value, str) and _is_whole(value) for value in self.found):
            return sorted(self.found, key=int)
        return sorted(self.found)


def _is_whole(value: str) -> bool:
    digits = value.removeprefix("-")
    return digits.isascii() and digits.isdigit() and str(int(digits)) == digits


def gather_categories(
    files: Sequence[TableFile], chosen: Sequence[str], categories: Sequence[str]
) -> dict[str, CategoryValues]:
    """The values of each column of categories; reports missing values that can be known now."""
    values = {name: CategoryValues(name) for name in categories}
    missing = MissingValues()
    if any(file.misses() for file in files):
        raise missing_values(files, chosen)
    for file in files:
        if not categories and not isinstance(file, CsvFile):
            continue
        for row, batch in file.survey():
            missing.add(file, row, batch)
            if not missing.counts:
                for name, gathered in values.items():
                    gathered.add(batch.column(name))
    if missing.counts and isinstance(files[0], CsvFile):
        raise missing.error(chosen)
    if missing.counts:  # among the columns of categories; the others may have more
        raise missing_values(files, chosen)
    return values


# Batches to rows -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Categories:
    """Where the values of a category column go: the columns from `first` on, less the dropped."""

    name: str
    values: Any  # an Arrow array, in order
    first: int
    dropped: int

    def columns(self, column: Any) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """The matrix column of each row's value, and whether the value has one."""
        codes, values = _codes(column)
        found = arrow(".compute").index_in(values, value_set=self.values)
        positions = found.fill_null(-1).to_numpy(zero_copy_only=False)[codes]
        if positions.size and positions.min() < 0:
            raise damage(f"files with a value in column {self.name!r} that was not there before")
        return self.first + positions - self.dropped, positions >= self.dropped


@dataclass(frozen=True, eq=False)
class Plan:
    """How record batches become rows.

    Attributes
    ----------
    chosen : tuple of str
        Columns of the table, in order.
    names : tuple of str
        Columns of the matrix.
    dtype : numpy.dtype
    categories : dict
        By name, for each column of categories.
    """

    chosen: tuple[str, ...]
    names: tuple[str, ...]
    dtype: np.dtype[Any]
    categories: Mapping[str, _Categories]

    @classmethod
    def make(
        cls,
        chosen: Sequence[str],
        dtype: np.dtype[Any],
        values: Mapping[str, CategoryValues],
        drop_first: bool,
    ) -> Plan:
        """Lay out the columns of the matrix."""
        names: list[str] = []
        categories = {}
        dropped = int(drop_first)
        for name in chosen:
            if name in values:
                ordered = values[name].ordered()
                categories[name] = _Categories(name, arrow().array(ordered), len(names), dropped)
                names += [f"{name}={value}" for value in ordered[dropped:]]
            else:
                names.append(name)
        return cls(tuple(chosen), tuple(names), dtype, categories)

    @property
    def is_sparse(self) -> bool:
        """Whether there are columns of categories."""
        return bool(self.categories)

    def fill(self, batch: Any, out: npt.NDArray[Any]) -> None:
        """Write the numbers of a batch to `out`, of shape (d, rows)."""
        for j, name in enumerate(self.chosen):
            out[j] = _numbers(batch.column(name))

    def sparse(self, batch: Any) -> sp.csr_array:
        """The rows of a batch as a canonical CSR array."""
        m, k = batch.num_rows, len(self.chosen)
        columns, values = np.empty((m, k), dtype=np.int32), np.empty((m, k), dtype=self.dtype)
        position = 0
        for j, name in enumerate(self.chosen):
            found = self.categories.get(name)
            if found is None:
                columns[:, j], values[:, j] = position, _numbers(batch.column(name))
                position += 1
            else:
                columns[:, j], values[:, j] = found.columns(batch.column(name))
                position += len(found.values) - found.dropped
        stored = values != 0
        indptr = np.zeros(m + 1, dtype=np.int32)
        np.cumsum(stored.sum(axis=1), out=indptr[1:])
        return csr_block(values[stored], columns[stored], indptr, len(self.names))
