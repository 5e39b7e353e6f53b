"""Tables in files as rows of a matrix: Parquet, Feather (Arrow IPC) and CSV, one file or many.

Rows are read in record batches of bounded size; what a load leaves over of a batch waits for the
next. Shapes come from footers, for CSV from one walk over the text. One pass reads each file once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._errors import argument_error
from .._result import IntArray
from ._file_errors import PathLike
from ._source import DenseSource, Header, Source, SparseSource
from ._streamed import StreamedSource, column_numbers, take_sorted
from ._table_checks import check_columns, check_kinds, missing_values
from ._table_columns import Gap, Plan, gather_categories
from ._table_csv import CsvFile
from ._table_files import ArrowFile, ParquetFile, TableFile
from ._table_paths import find_tables

__all__ = ["TableSource", "open_table"]

_TYPES: dict[str, type[TableFile]] = {"Parquet": ParquetFile, "Arrow": ArrowFile, "CSV": CsvFile}


def open_table(
    paths: PathLike | Sequence[PathLike],
    *,
    columns: Sequence[str | int] | None = None,
    one_hot: Sequence[str | int] = (),
    drop: str | None = None,
) -> tuple[TableSource, tuple[str, ...]]:
    """Open tables in files as the rows of one matrix.

    Parameters
    ----------
    paths : str or path-like, or a sequence of these
        A .parquet, .feather, .arrow or .csv file, a folder with such files at any depth, a pattern
        such as ``"data/*.parquet"``, or several of these, all of one type. Files of a folder or
        pattern follow each other in the order of their names as text, those of a list as listed.
    columns : sequence of str or int, optional
        Which columns to take, in this order: names, or numbers from 0. All by default.
    one_hot : sequence of str or int
        Columns of categories, text or numbers, to turn into 0/1 columns ``"city=Paris"``, …, one
        for each value that occurs in any file, in sorted order. Columns that a file stores as
        categories (dictionaries), and keys in names of folders (``year=2020``), are so turned
        without being named.
    drop : {None, "first"}
        Leave out the first value of each column of categories, for models with an intercept.

    Returns
    -------
    source : TableSource
    column_names : tuple of str, length d

    Raises
    ------
    FileNotFoundError
        If there is no such file, or none in the folder, or none that matches.
    DamagedFileError
        If a file is not what its suffix says; later, if it has vanished or changed.
    ArgumentError
        If files differ in their columns or types, hold text among numbers or text that is not
        named in `one_hot`, miss values, or have no rows.
    MissingPackageError
        If pyarrow is not installed.

    Notes
    -----
    Rows are float32 if all chosen columns of numbers are, else float64; integers, booleans and
    decimals become float64. With categories the rows are sparse, with the entries of the CSR form
    of the same table: zeros are not stored.

    Opening reads footers; Parquet without categories no data at all, Feather one column. CSV text
    is walked over once, categories cost another reading of their columns and one of all, which
    counts the entries. Missing values are an error here if footers or the walk show them, else in
    the first pass. Rows are never dropped, since row numbers would then mean something else.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("x,city\\n1,Rome\\n0,Oslo\\n")
    >>> _ = (folder / "b.csv").write_text("x,city\\n3,Rome\\n")
    >>> source, names = open_table(folder, one_hot=["city"])
    >>> names
    ('x', 'city=Oslo', 'city=Rome')
    >>> source.load(1, 3).read(0, 2).toarray()
    array([[0., 1., 0.],
           [3., 0., 1.]])
    """
    if drop not in (None, "first"):
        remedy = "Pass drop='first' to leave out the first value of each column."
        raise argument_error("drop", repr(drop), "None or 'first'", remedy)
    files = [_TYPES[table.type_name](table) for table in find_tables(paths)]
    with_rows = [file for file in files if file.rows]
    if not with_rows:
        got = "a table without rows" if len(files) == 1 else f"{len(files)} files without rows"
        raise argument_error("path", got, "rows of numbers", "Check the export.")
    names = with_rows[0].names
    _, found = column_numbers(columns, len(names), names)
    chosen = names if columns is None or found is None else found
    _, found = column_numbers([*one_hot] or None, len(names), names)
    encoded = found if one_hot and found is not None else ()
    check_columns(with_rows, chosen, encoded, everything=columns is None)
    is_category = check_kinds(with_rows, chosen, encoded)
    numbers = [name for name in chosen if not is_category[name]]
    categories = [name for name in chosen if is_category[name]]
    for file in with_rows:
        file.select(numbers, categories)
    values = gather_categories(with_rows, chosen, categories)
    source = TableSource(
        with_rows, Plan.make(chosen, _dtype(with_rows, numbers), values, drop == "first")
    )
    return source, source.column_names


def _dtype(files: Sequence[TableFile], numbers: Sequence[str]) -> np.dtype[Any]:
    stored = [str(file.types[name]) for file in files for name in numbers]
    single = bool(stored) and all(kind == "float" for kind in stored)
    return np.dtype(np.float32 if single else np.float64)


class TableSource(StreamedSource):
    """Rows of one or more table files. Made by `open_table`.

    Attributes
    ----------
    column_names : tuple of str, length d
    files : tuple of str
        In the order of their rows; files without rows are left out.
    """

    def __init__(self, files: Sequence[TableFile], plan: Plan) -> None:
        self._files, self._plan = list(files), plan
        self.column_names = plan.names
        self.files = tuple(str(file.path) for file in files)
        self._starts = np.cumsum([0, *(file.rows for file in files)], dtype=np.int64)
        self._stream: Iterator[tuple[int, Any]] | None = None
        self._rest: Any = None
        self._position = 0
        n, d = int(self._starts[-1]), len(plan.names)
        header = Header.dense((n, d), plan.dtype)
        if plan.is_sparse:
            header = Header.sparse((n, d), plan.dtype, *self._count_entries())
        # CSV files were walked over to be counted, categories to be gathered.
        self.opening_passes = int(isinstance(files[0], CsvFile) or plan.is_sparse) + plan.is_sparse
        unit_bytes = max(file.unit_bytes for file in files)
        if plan.is_sparse:  # a position and a value for each number or category of a batch
            unit_bytes *= 2
        super().__init__(replace(header, streamed=True, unit_bytes=unit_bytes))

    def _count_entries(self) -> tuple[float, float]:
        """Stored entries, and products of two of a row."""
        entries = pairs = 0.0
        for batch in self._walk(0):
            per_row = np.diff(self._sparse(batch).indptr).astype(np.float64)
            entries += float(per_row.sum())
            pairs += float(per_row @ per_row)
        return entries, pairs

    def _sparse(self, batch: Any) -> sp.csr_array:
        try:
            return self._plan.sparse(batch)
        except Gap:
            raise missing_values(self._files, self._plan.chosen) from None

    def _walk(self, start: int) -> Iterator[Any]:
        """Record batches of all rows from `start` on."""
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        for f in range(max(first, 0), len(self._files)):
            file = self._files[f]
            skipped = max(0, start - int(self._starts[f]))
            unit = int(np.searchsorted(file.starts, skipped, side="right")) - 1
            for row, batch in file.batches(range(unit, len(file.starts) - 1)):
                if row + batch.num_rows > skipped:
                    yield batch.slice(max(0, skipped - row))

    def _next(self, count: int) -> Any:
        """At most `count` rows of the walk, as one record batch."""
        if self._rest is None:
            assert self._stream is not None
            self._rest = next(self._stream)
        batch = self._rest
        self._rest = batch.slice(count) if batch.num_rows > count else None
        return batch.slice(0, count)

    def load(self, start: int, stop: int) -> Source:
        if self._stream is None or start != self._position:
            self.close()
            self._stream = self._walk(start)
        try:
            loaded = self._load(stop - start)
        except BaseException:
            self.close()
            raise
        self._position = stop
        return loaded

    def _load(self, count: int) -> Source:
        if self.is_sparse:
            parts, done = [], 0
            while done < count:
                batch = self._next(count - done)
                parts.append(self._sparse(batch))
                done += batch.num_rows
            return SparseSource(_stacked(parts, self.shape[1], self.dtype))
        # Columns one after the other, as files have them; blocks are turned row by row later, by
        # threads that find a whole block in their cache.
        rows = np.empty((self.shape[1], count), dtype=self.dtype)
        done = 0
        while done < count:
            batch = self._next(count - done)
            self._fill(batch, rows[:, done : done + batch.num_rows])
            done += batch.num_rows
        return DenseSource(rows.T)

    def _fill(self, batch: Any, out: npt.NDArray[Any]) -> None:
        try:
            self._plan.fill(batch, out)
        except Gap:
            raise missing_values(self._files, self._plan.chosen) from None

    def take(self, rows: IntArray) -> Any:
        return take_sorted(rows, self.shape[0], self._take)

    def _take(self, rows: IntArray) -> Any:
        """Increasing row numbers; reads the units that hold them."""
        parts: list[Any] = []
        for f, file in enumerate(self._files):
            low, high = np.searchsorted(rows, self._starts[f : f + 2])
            if low == high:
                continue
            wanted = rows[low:high] - self._starts[f]
            units = np.unique(np.searchsorted(file.starts, wanted, side="right") - 1)
            for row, batch in file.batches(units.tolist()):
                a, b = np.searchsorted(wanted, [row, row + batch.num_rows])
                if a < b:
                    parts.append(self._picked(batch, wanted[a:b] - row))
        d = self.shape[1]
        if self.is_sparse:
            return _stacked(parts, d, self.dtype)
        return np.concatenate(parts) if parts else np.empty((0, d), dtype=self.dtype)

    def _picked(self, batch: Any, rows: IntArray) -> Any:
        picked = batch.take(rows)
        if self.is_sparse:
            return self._sparse(picked)
        out = np.empty((self.shape[1], rows.size), dtype=self.dtype)
        self._fill(picked, out)
        return np.ascontiguousarray(out.T)

    def identity(self) -> object:
        return "table", [file.stamp for file in self._files], self._plan.chosen, self._plan.names

    def check(self) -> None:
        for file in self._files:
            file.check()

    def where(self, row: int) -> str:
        f = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._files[f].where(row - int(self._starts[f]))

    def close(self) -> None:
        stream, self._stream, self._rest = self._stream, None, None
        if stream is not None:
            stream.close()  # type: ignore[attr-defined]


def _stacked(parts: Sequence[sp.csr_array], d: int, dtype: np.dtype[Any]) -> sp.csr_array:
    """CSR arrays below each other."""
    if not parts:
        return sp.csr_array((0, d), dtype=dtype)
    return parts[0] if len(parts) == 1 else sp.csr_array(sp.vstack(parts, format="csr"))
