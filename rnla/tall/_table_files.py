"""Parquet and Arrow files as sequences of record batches of bounded size.

A file is cut into units that can be read on their own: row groups, record batches. Footers say how
many rows each has, so opening reads no data. A unit is decoded batch by batch, never whole if the
format allows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import numpy as np

from .._errors import import_optional
from .._result import IntArray
from ._file_errors import as_damage
from ._streamed import FileStamp, damage
from ._table_paths import TablePath
from ._tables import check_names

__all__ = ["BATCH_BYTES", "ArrowFile", "ParquetFile", "TableFile", "arrow"]

#: What one record batch is meant to hold.
BATCH_BYTES = 2**23
FEWEST_ROWS, MOST_ROWS = 1024, 65536
#: Two pages of a column, compressed or not, and a buffer: what a Parquet reader holds for each.
_PAGES = 2.5 * 2**20
_BUFFER = 2**16

UnitBatches = AbstractContextManager[Callable[[int], Iterator[Any]]]


def arrow(module: str = "") -> Any:
    """The package pyarrow, or one of its modules."""
    return import_optional(f"pyarrow{module}", extra="io", purpose="to read tables from files")


class TableFile:
    """One file of a table: its columns, its rows in units, and record batches on demand.

    Attributes
    ----------
    names : tuple of str
        Columns of the file, then keys of its folders.
    types : dict
        Arrow type of each.
    starts : ndarray of int, shape (units + 1,)
        First row of each unit, and the number of rows.
    unit_bytes : float
        What reading may hold in memory, once `select` was called.
    stamp : FileStamp
        Size and time of change when the file was opened.
    """

    unit_name = ""
    expected = ""

    def __init__(self, table: TablePath) -> None:
        self.path = table.path
        self.stamp = FileStamp.of(table.path)
        self._keys: dict[str, str | None] = dict(table.keys)
        self.names: tuple[str, ...] = ()
        self.types: dict[str, Any] = {}
        self.starts: IntArray = np.zeros(1, dtype=np.int64)
        self.unit_bytes = 0.0
        self.numbers: tuple[str, ...] = ()
        self.categories: tuple[str, ...] = ()

    def _describe(self, fields: Iterable[tuple[str, Any]]) -> None:
        """Fill `names` and `types`; a column of the file hides a key of the same name."""
        fields = list(fields)
        check_names(self.path, [name for name, _ in fields])
        self.names = tuple(name for name, _ in fields)
        self.types = dict(fields)
        self._keys = {key: v for key, v in self._keys.items() if key not in self.types}
        pa = arrow()
        for key in self._keys:
            self.names += (key,)
            self.types[key] = pa.dictionary(pa.int32(), pa.string())

    @property
    def rows(self) -> int:
        """Number of rows; of a CSV file, known after `survey`, but 0 is right before."""
        return int(self.starts[-1])

    def note(self, name: str) -> str:
        """What a column holds, for messages."""
        return str(self.types[name])

    def select(self, numbers: Sequence[str], categories: Sequence[str]) -> None:
        """Say which columns `batches` shall have, and which of them hold categories."""
        self.numbers, self.categories = tuple(numbers), tuple(categories)

    def _stored(self, names: Iterable[str] | None = None) -> list[str]:
        """Names of the wanted columns that the file itself holds."""
        names = (*self.numbers, *self.categories) if names is None else names
        return [name for name in dict.fromkeys(names) if name not in self._keys]

    def survey(self) -> Iterator[tuple[int, Any]]:
        """Batches, as `batches` gives them, that opening a table has to see."""
        yield from self._keyed(self._read(range(len(self.starts) - 1), self.categories))

    def unsure(self) -> Collection[int]:
        """Units that may miss values."""
        return range(len(self.starts) - 1)

    def misses(self) -> bool:
        """Whether values are known to be missing, before any is read."""
        return any(value is None for key, value in self._keys.items() if key in self.categories)

    def batches(self, units: Iterable[int]) -> Iterator[tuple[int, Any]]:
        """Record batches of some units, in increasing order, and the first row of each."""
        yield from self._keyed(self._read(units, (*self.numbers, *self.categories)))

    def _keyed(self, batches: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        """Add a constant column for every key that is wanted."""
        pa = arrow()
        keys = {key: value for key, value in self._keys.items() if key in self.categories}
        for row, batch in batches:
            for key, value in keys.items():
                codes = pa.array([None if value is None else 0], pa.int32())
                codes = codes.take(pa.array(np.zeros(batch.num_rows, np.int32)))
                column = pa.DictionaryArray.from_arrays(codes, pa.array([value or ""]))
                batch = batch.append_column(key, column)
            yield row, batch

    def _read(self, units: Iterable[int], names: Iterable[str]) -> Iterator[tuple[int, Any]]:
        """As `batches`, for the given columns, without those of keys."""
        stored = self._stored(names) or [self.names[0]]  # without a column there are no rows
        with ExitStack() as stack:
            self.stamp.check()
            with self.reading():
                unit_batches = stack.enter_context(self._opened(stored))
            for unit in units:
                row, stop = int(self.starts[unit]), int(self.starts[unit + 1])
                pieces = unit_batches(unit) if row < stop else iter(())
                while True:
                    self.stamp.check(f", {self.unit_name} {unit}")
                    with self.reading(unit):
                        batch = next(pieces, None)
                    if batch is None:
                        break
                    if batch.num_rows:
                        yield row, batch
                    row += batch.num_rows
                if row != stop:
                    raise damage(f"{str(self.path)!r}, {self.unit_name} {unit}, with other rows")

    def _opened(self, names: list[str]) -> UnitBatches:
        """Open the file for its columns `names`; gives a function from units to batches."""
        raise NotImplementedError

    def reading(self, unit: int | None = None) -> Any:
        """Context in which whatever the reader raises names the file and the unit."""
        part = "" if unit is None else f"{self.unit_name} {unit}"
        return as_damage(self.path, self.expected, part)

    def check(self) -> None:
        """Raise if the file has vanished or changed."""
        self.stamp.check()

    def where(self, row: int) -> str:
        """Where a row of the file is stored."""
        unit = int(np.searchsorted(self.starts, row, side="right")) - 1
        return f"in {str(self.path)!r}, {self.unit_name} {unit}, row {row} of the file"


def _columns(schema: Any) -> list[tuple[str, Any]]:
    """Names and types of data columns: what pandas stored as its index is none."""
    stored = (schema.metadata or {}).get(b"pandas")
    index = json.loads(stored).get("index_columns", []) if stored else []
    return [(field.name, field.type) for field in schema if field.name not in index]


def _width(kind: Any) -> int:
    """Bytes of a value, about; text is decoded as a number that stands for it."""
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:
        return 16


class ParquetFile(TableFile):
    """A Parquet file: row groups, decoded in batches.

    Neither memory maps nor read-ahead of whole row groups, which would count as resident memory.
    """

    unit_name = "row group"
    expected = "a Parquet file"

    def __init__(self, table: TablePath) -> None:
        super().__init__(table)
        with self.reading(), self._reader(()) as opened:
            self._describe(_columns(opened.schema_arrow))
            metadata = opened.metadata
            groups = [metadata.row_group(g) for g in range(metadata.num_row_groups)]
            rows = [group.num_rows for group in groups]
            self.starts = np.concatenate([[0], np.cumsum(rows, dtype=np.int64)])
            self._missing: list[int | None] = [None] * len(groups)

    def _reader(self, dictionaries: Sequence[str]) -> Any:
        return arrow(".parquet").ParquetFile(
            self.path,
            read_dictionary=list(dictionaries),
            buffer_size=_BUFFER,
            pre_buffer=False,
            page_checksum_verification=True,
        )

    def select(self, numbers: Sequence[str], categories: Sequence[str]) -> None:
        super().select(numbers, categories)
        stored = set(self._stored())
        row_bytes = max(1, sum(_width(self.types[name]) for name in stored))
        self._batch_rows = min(MOST_ROWS, max(FEWEST_ROWS, BATCH_BYTES // row_bytes))
        largest = 0.0
        with self.reading(), self._reader(()) as opened:
            metadata = opened.metadata
            for g in range(metadata.num_row_groups):
                group = metadata.row_group(g)
                chunks = [group.column(j) for j in range(group.num_columns)]
                chunks = [c for c in chunks if c.path_in_schema in stored]
                self._missing[g] = _null_count(chunks)
                pages = (min(2 * c.total_uncompressed_size, _PAGES) + _BUFFER for c in chunks)
                largest = max(largest, sum(pages))
        self.unit_bytes = largest + 3.0 * self._batch_rows * row_bytes

    def unsure(self) -> Collection[int]:
        if super().misses():
            return super().unsure()
        return [unit for unit, missing in enumerate(self._missing) if missing != 0]

    def misses(self) -> bool:
        return super().misses() or any(self._missing)

    @contextmanager
    def _opened(self, names: list[str]) -> Iterator[Callable[[int], Iterator[Any]]]:
        reader = self._reader([name for name in self.categories if name in names])
        try:
            yield lambda unit: iter(
                reader.iter_batches(self._batch_rows, row_groups=[unit], columns=names)
            )
        finally:
            reader.close()


def _null_count(chunks: list[Any]) -> int | None:
    """Missing values of some column chunks, if the footer says so."""
    statistics = [chunk.statistics for chunk in chunks]
    if any(found is None or not found.has_null_count for found in statistics):
        return None
    return sum(int(found.null_count) for found in statistics)


class ArrowFile(TableFile):
    """A Feather (version 2) or Arrow IPC file: record batches, each read whole."""

    unit_name = "record batch"
    expected = "a Feather or Arrow IPC file"

    def __init__(self, table: TablePath) -> None:
        super().__init__(table)
        with self.reading():
            pa, file = arrow(), arrow().OSFile(str(self.path))
            with file:
                self._schema = arrow(".ipc").open_file(file).schema
                self._describe(_columns(self._schema))
                # Nothing but a batch knows its rows; reading its narrowest column costs the least.
                widths = [(_width(field.type), j) for j, field in enumerate(self._schema)]
                options = pa.ipc.IpcReadOptions(included_fields=[min(widths)[1]] if widths else [])
                reader = pa.ipc.open_file(file, options=options)
                rows = [reader.get_batch(b).num_rows for b in range(reader.num_record_batches)]
        self.starts = np.concatenate([[0], np.cumsum(rows, dtype=np.int64)])

    def select(self, numbers: Sequence[str], categories: Sequence[str]) -> None:
        super().select(numbers, categories)
        row_bytes = sum(_width(self.types[name]) for name in self._stored())
        # Compressed buffers, decoded ones, and the rest of the batch before.
        self.unit_bytes = 3.0 * float(np.diff(self.starts).max(initial=0)) * row_bytes

    @contextmanager
    def _opened(self, names: list[str]) -> Iterator[Callable[[int], Iterator[Any]]]:
        pa, fields = arrow(), [self._schema.get_field_index(name) for name in names]
        with pa.OSFile(str(self.path)) as file:
            options = arrow(".ipc").IpcReadOptions(included_fields=fields)
            reader = pa.ipc.open_file(file, options=options)
            yield lambda unit: iter([reader.get_batch(unit)])
