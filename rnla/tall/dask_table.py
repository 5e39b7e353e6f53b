"""Partitions of a dask.dataframe as matrices: numbers as they are, categories as 0/1 columns.

Conventions are those of tables in files: a category column becomes one column ``"city=Paris"`` for
each value that occurs, in sorted order, rows are then sparse and zeros are not stored. Lengths of
partitions, values that occur, missing cells and stored entries come from one survey, one task per
partition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._errors import ArgumentTypeError, argument_error
from ._file_errors import listed
from ._source import csr_block

__all__ = ["Survey", "TablePlan", "check_columns", "make_plan", "survey"]


@dataclass(frozen=True)
class Survey:
    """What a partition holds; `gaps` and `values` by position of the column."""

    rows: int
    gaps: Mapping[int, int]
    values: Mapping[int, frozenset[Any]]
    entries: float
    pairs: float


@dataclass(frozen=True)
class TablePlan:
    """How a partition becomes a matrix: for each column its values if it holds categories."""

    values: tuple[tuple[Any, ...] | None, ...]
    names: tuple[str, ...]
    dtype: np.dtype[Any]

    @property
    def is_sparse(self) -> bool:
        """Whether there are columns of categories."""
        return any(values is not None for values in self.values)

    def matrix(self, frame: Any) -> npt.NDArray[Any] | sp.csr_array:
        """The rows of a partition."""
        m, k = len(frame), len(self.values)
        numbers = np.empty((m, k), dtype=self.dtype)
        columns = np.empty((m, k), dtype=np.int32)
        first = 0
        for j, values in enumerate(self.values):
            series = frame.iloc[:, j]
            if values is None:
                numbers[:, j], columns[:, j] = _numbers(series), first
                first += 1
            else:
                numbers[:, j], columns[:, j] = 1.0, first + _positions(series, values)
                first += len(values)
        if not self.is_sparse:
            return numbers
        stored = numbers != 0
        indptr = np.zeros(m + 1, dtype=np.int32)
        np.cumsum(stored.sum(axis=1), out=indptr[1:])
        return csr_block(numbers[stored], columns[stored], indptr, first)


def _is_category(series: Any) -> bool:
    return bool(series.dtype == "category")


def _numbers(series: Any) -> npt.NDArray[Any]:
    if series.dtype.kind in "fiub" and isinstance(series.dtype, np.dtype):
        return np.asarray(series)
    return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))


def _positions(series: Any, values: Sequence[Any]) -> npt.NDArray[Any]:
    known = {value: position for position, value in enumerate(values)}
    places = [known.get(value, -1) for value in series.cat.categories.tolist()]
    # The code -1, a gap, finds the last place.
    positions: npt.NDArray[Any] = np.array([*places, -1])[series.cat.codes.to_numpy()]
    if positions.size and positions.min() < 0:
        raise argument_error(
            "A",
            f"a value in column {str(series.name)!r} that was not there before",
            "the same content in every pass",
            "Persist the collection, or make it reproducible.",
        )
    return positions


def survey(frame: Any) -> Survey:
    """What has to be known of all partitions before the first pass."""
    gaps, values = {}, {}
    per_row = np.zeros(len(frame))
    for j in range(frame.shape[1]):
        series = frame.iloc[:, j]
        gaps[j] = int(series.isna().sum())
        if _is_category(series):
            values[j] = frozenset(series.cat.remove_unused_categories().cat.categories.tolist())
            per_row += 1.0
        else:
            per_row += _numbers(series) != 0
    return Survey(len(frame), gaps, values, float(per_row.sum()), float(per_row @ per_row))


def check_columns(meta: Any, name: str) -> None:
    """Refuse columns that are neither numbers nor categories."""
    bad = [
        f"{str(meta.columns[j])!r} ({dtype})"
        for j, dtype in enumerate(meta.dtypes)
        if not _is_usable(dtype)
    ]
    if bad:
        raise argument_error(
            name,
            f"{len(bad)} column(s) without numbers: {listed(bad)}",
            "numbers in every column, or categories",
            f"For 0/1 columns use {name}.categorize(columns=[…]), or choose other columns.",
            kind=ArgumentTypeError,
        )


def _is_usable(dtype: Any) -> bool:
    from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

    if dtype == "category":
        return True
    numeric = is_numeric_dtype(dtype) or is_bool_dtype(dtype)
    return bool(numeric) and not is_complex_dtype(dtype)


def make_plan(meta: Any, surveys: Sequence[Survey], name: str) -> TablePlan:
    """Put the surveys together; refuse missing cells."""
    columns = [str(column) for column in meta.columns]
    _check_gaps(columns, surveys, name)
    values: list[tuple[Any, ...] | None] = []
    names = []
    for j, column in enumerate(columns):
        if meta.dtypes.iloc[j] != "category":
            values.append(None)
            names.append(column)
            continue
        found = _ordered(column, frozenset[Any]().union(*(s.values[j] for s in surveys)), name)
        values.append(found)
        names += [f"{column}={value}" for value in found]
    kinds = {
        getattr(dtype, "numpy_dtype", dtype)
        for dtype, one in zip(meta.dtypes, values, strict=True)
        if one is None
    }
    return TablePlan(
        tuple(values), tuple(names), np.dtype(np.float32 if kinds == {np.dtype("f4")} else "f8")
    )


def _ordered(column: str, values: frozenset[Any], name: str) -> tuple[Any, ...]:
    from ._table_columns import CategoryValues

    try:
        return tuple(CategoryValues(column, set(values)).ordered())
    except TypeError as error:
        raise argument_error(
            name,
            f"categories of different types in column {column!r}",
            "categories that can be sorted",
            "Make them all text or all numbers.",
            kind=ArgumentTypeError,
        ) from error


def _check_gaps(columns: Sequence[str], surveys: Sequence[Survey], name: str) -> None:
    bad = []
    for j, column in enumerate(columns):
        gaps = [s.gaps[j] for s in surveys]
        if any(gaps):
            first = int(np.flatnonzero(gaps)[0])
            bad.append(f"{column!r} ({sum(gaps)} missing, the first in partition {first})")
    if bad:
        raise argument_error(
            name,
            f"{len(bad)} column(s) with missing values: {listed(bad)}",
            "a value in every cell",
            f"Use {name}.dropna() or {name}.fillna(…) first, or choose other columns.",
        )
