"""A .csv file as record batches: cut into chunks of whole lines, each parsed on its own.

The first walk parses everything once: it finds text among numbers wherever it stands, and remembers
where each chunk begins, so that later passes and single rows are read from there. Column types are
those of the first chunk: numbers are float64 to the last bit, text is for categories only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from .._errors import RnlaError, argument_error
from ._table_files import TableFile, arrow
from ._table_paths import TablePath
from ._tables import check_header, is_number

__all__ = ["CsvFile"]

_CHUNK = 2**22
_LONGEST_LINE = 2**26
#: Cells that stand for a missing value, as pandas reads them.
_MISSING = [
    "",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "-1.#IND",
    "-1.#QNAN",
    "-NaN",
    "-nan",
    "1.#IND",
    "1.#QNAN",
] + ["<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"]


@dataclass(frozen=True)
class _Chunk:
    """Whole lines of the file."""

    offset: int
    length: int
    rows: int
    line: int  # number of the first line, counted from 1


class CsvFile(TableFile):
    """Comma-separated text in UTF-8 with a line of column names."""

    unit_name = "chunk"
    expected = "comma-separated text with a line of column names"

    def __init__(self, table: TablePath) -> None:
        super().__init__(table)
        self._chunks: list[_Chunk] = []
        self._notes: dict[str, str] = {}
        with self.reading(), open(self.path, "rb") as file:
            self._end = _end_of_text(file)
            header = next(self._cut(file, 0, 2**16), b"")
            length = _first_row_end(header)
            names = next(
                csv.reader(io.StringIO(header[:length].decode("utf-8-sig"), newline="")), []
            )
            check_header(self.path, names)
            self._header = [name or f"Unnamed: {j}" for j, name in enumerate(names)]
            self._data, self._first_line = length, header[:length].count(b"\n") + 1
            first = next(self._cut(file, length, _CHUNK), b"")
            types = self._guess(first) if first.strip() else {}
            self._describe((name, types.get(name)) for name in self._header)
        self.starts = np.array([0, 1] if types else [0])

    def note(self, name: str) -> str:
        return self._notes.get(name) or super().note(name)

    def select(self, numbers: Sequence[str], categories: Sequence[str]) -> None:
        super().select(numbers, categories)
        self._size_memory()

    def _size_memory(self) -> None:
        """A chunk, the one read before it, text in between, and what is parsed."""
        longest = max((chunk.length for chunk in self._chunks), default=_CHUNK)
        rows = float(np.diff(self.starts).max(initial=0))
        self.unit_bytes = 4.0 * longest + 2.0 * rows * 8 * len(self._stored())

    def survey(self) -> Iterator[tuple[int, Any]]:
        yield from self._keyed(self._walk())

    def _walk(self) -> Iterator[tuple[int, Any]]:
        """The first walk: parse all, fill the list of chunks."""
        self._chunks, rows = [], 0
        offset, line, names = self._data, self._first_line, self._stored() or [self.names[0]]
        with self.reading(), open(self.path, "rb") as file:
            for text in self._cut(file, offset, _CHUNK):
                chunk = _Chunk(offset, len(text), 0, line)
                count = 0
                for batch in self._parse(text, chunk, names):
                    yield rows + count, batch
                    count += batch.num_rows
                self._chunks.append(_Chunk(offset, len(text), count, line))
                offset, line, rows = offset + len(text), line + text.count(b"\n"), rows + count
        counts = [chunk.rows for chunk in self._chunks]
        self.starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self._size_memory()

    @contextmanager
    def _opened(self, names: list[str]) -> Iterator[Callable[[int], Iterator[Any]]]:
        with open(self.path, "rb") as file:

            def batches(unit: int) -> Iterator[Any]:
                chunk = self._chunks[unit]
                file.seek(chunk.offset)
                return self._parse(file.read(chunk.length), chunk, names)

            yield batches

    def where(self, row: int) -> str:
        unit = int(np.searchsorted(self.starts, row, side="right")) - 1
        chunk = self._chunks[unit]
        with self.reading(), open(self.path, "rb") as file:
            file.seek(chunk.offset)
            lines = self._lines(file.read(chunk.length), chunk)
            line = next(line for j, (line, _) in enumerate(lines) if j == row - self.starts[unit])
        return f"in {str(self.path)!r}, line {line}, row {row} of the file"

    # Text to batches --------------------------------------------------------------------------

    def _cut(self, file: BinaryIO, offset: int, size: int) -> Iterator[bytes]:
        """Pieces of about `size` bytes from `offset` to the end, each of whole lines."""
        file.seek(offset)
        rest = b""
        while offset < self._end:
            piece = file.read(min(size, self._end - offset))
            if not piece:
                raise EOFError("it has become shorter")
            offset += len(piece)
            rest += piece
            end = len(rest) if offset == self._end else _last_row_end(rest)
            if end:
                yield rest[:end]
                rest = rest[end:]
            elif len(rest) > _LONGEST_LINE:
                raise ValueError(f"no end of a line in {len(rest)} bytes; is a quote left open?")

    def _parse(self, text: bytes, chunk: _Chunk, names: Sequence[str]) -> Iterator[Any]:
        pa = arrow()
        category = pa.dictionary(pa.int32(), pa.string())
        types = {
            name: category
            if name in self.categories
            else pa.bool_()
            if self.types[name] == pa.bool_()
            else pa.float64()
            for name in names
        }
        try:
            table = self._arrow_csv(text, types, list(names))
        except (ValueError, KeyError) as error:
            raise self._explained(text, chunk, types, error) from error
        if table is not None:
            yield from table.to_batches()

    def _arrow_csv(self, text: bytes, types: dict[str, Any] | None, names: list[str]) -> Any:
        if not text.strip():
            return None
        reader = arrow(".csv")
        return reader.read_csv(
            arrow().py_buffer(text),
            read_options=reader.ReadOptions(column_names=self._header),
            parse_options=reader.ParseOptions(
                newlines_in_values=b'"' in text,
                # In a single column an empty line is a cell without a value.
                ignore_empty_lines=len(self._header) > 1,
            ),
            convert_options=reader.ConvertOptions(
                column_types=types,
                include_columns=names,
                null_values=_MISSING,
                strings_can_be_null=True,
            ),
        )

    def _guess(self, text: bytes) -> dict[str, Any]:
        """Types of the columns in the first chunk; notes where a text stands."""
        pa = arrow()
        chunk = _Chunk(self._data, len(text), 0, self._first_line)
        try:
            table = self._arrow_csv(text, None, self._header)
        except ValueError as error:
            raise self._explained(text, chunk, {}, error) from error
        types = {field.name: field.type for field in table.schema}
        for name, kind in types.items():
            if pa.types.is_binary(kind):
                self._notes[name] = "text that is not UTF-8"
            elif pa.types.is_string(kind):
                line, cell = self._first_text(text, chunk, name)
                self._notes[name] = f"text {cell!r} in line {line}"
        return types

    def _lines(self, text: bytes, chunk: _Chunk) -> Iterator[tuple[int, list[str]]]:
        """Line number and fields of every row."""
        reader = csv.reader(io.StringIO(text.decode("utf-8", "replace"), newline=""))
        for fields in reader:
            if fields or len(self._header) == 1:
                yield chunk.line + reader.line_num - 1, fields

    def _first_text(self, text: bytes, chunk: _Chunk, name: str) -> tuple[int, str]:
        """The first cell of a column that is neither a number nor missing."""
        position = self._header.index(name)
        for line, fields in self._lines(text, chunk):
            cell = fields[position] if position < len(fields) else ""
            if not is_number(cell) and cell not in _MISSING:
                return line, cell
        return chunk.line, ""

    def _explained(
        self, text: bytes, chunk: _Chunk, types: dict[str, Any], error: Exception
    ) -> Exception:
        """What is wrong with a chunk that cannot be parsed, and in which line."""
        width = len(self._header)
        for line, fields in self._lines(text, chunk):
            if len(fields) != width and (fields or width > 1):
                return ValueError(f"line {line} has {len(fields)} fields, the first line {width}")
        for name, kind in types.items():
            if not arrow().types.is_dictionary(kind):
                line, cell = self._first_text(text, chunk, name)
                if cell:
                    return self._text_cell(name, line, cell)
        return ValueError(f"after line {chunk.line}: {error}")

    def _text_cell(self, name: str, line: int, cell: str) -> RnlaError:
        return argument_error(
            "path",
            f"{str(self.path)!r} with {cell[:40]!r} in line {line}, column {name!r}",
            "a number in every cell of the column",
            f"Correct the cell, leave the column out, or pass one_hot=[{name!r}] to make 0/1 "
            "columns of its values.",
        )


def _end_of_text(file: BinaryIO) -> int:
    """Length of the file without empty lines at its end."""
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - 2**16)
    file.seek(start)
    tail = file.read(size - start).rstrip(b"\r\n")
    return start + len(tail)


def _row_ends(text: bytes) -> Any:
    """Positions after every line end that is not inside quotes."""
    data = np.frombuffer(text, dtype=np.uint8)
    inside = np.bitwise_xor.accumulate(data == ord('"'))
    return np.flatnonzero((data == ord("\n")) & ~inside) + 1


def _last_row_end(text: bytes) -> int:
    if b'"' not in text:
        return text.rfind(b"\n") + 1
    ends = _row_ends(text)
    return int(ends[-1]) if ends.size else 0


def _first_row_end(text: bytes) -> int:
    ends = _row_ends(text)
    return int(ends[0]) if ends.size else len(text)
