"""Which files make up a table: one file, a folder, a glob pattern, or a list of these.

Files of a folder or pattern are taken in the order of their names, so that row numbers do not
depend on how a disk happens to list them. Below a folder, names like ``year=2020`` are keys and
make columns.
"""

from __future__ import annotations

import glob
import os
import pathlib
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .._errors import argument_error
from ._file_errors import PathLike, listed

__all__ = ["TABLE_SUFFIXES", "TablePath", "find_tables"]

#: File types that hold tables, and what each is.
TABLE_SUFFIXES = {
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".feather": "Arrow",
    ".arrow": "Arrow",
    ".ipc": "Arrow",
    ".csv": "CSV",
}

_EXPECTED = f"a file that ends in {', '.join(TABLE_SUFFIXES)}, a folder of such, or a pattern"
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class TablePath:
    """One file and the (key, value) pairs that its folders are named by."""

    path: pathlib.Path
    keys: tuple[tuple[str, str | None], ...] = ()

    @property
    def type_name(self) -> str:
        """ "Parquet", "Arrow" or "CSV"."""
        return TABLE_SUFFIXES[self.path.suffix.lower()]


def find_tables(paths: PathLike | Sequence[PathLike]) -> list[TablePath]:
    """All files of a table, at least one, all of one type; those of a folder or pattern sorted."""
    items = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not items:
        raise argument_error("path", "an empty list", _EXPECTED, "Name at least one file.")
    found = [table for item in items for table in _expand(pathlib.Path(item))]
    _check_twice(found)
    _check_one_type(found)
    return found


def _expand(item: pathlib.Path) -> Iterator[TablePath]:
    if item.is_file():
        if item.suffix.lower() not in TABLE_SUFFIXES:
            raise argument_error("path", repr(str(item)), _EXPECTED, "Convert or rename the file.")
        yield TablePath(item)
        return
    if item.is_dir():
        base, names = item, _walk(item)
    elif glob.has_magic(str(item)):
        plain = next(j for j, part in enumerate(item.parts) if glob.has_magic(part))
        base, names = pathlib.Path(*item.parts[:plain]), _matches(item)
    else:
        raise FileNotFoundError(
            f"path: got {str(item)!r}, which does not exist; expected {_EXPECTED}. "
            "Check the spelling."
        )
    files = sorted(name for name in names if name.suffix.lower() in TABLE_SUFFIXES)
    if not files:
        what = "a folder without such files" if item.is_dir() else "which matches no such file"
        raise FileNotFoundError(
            f"path: got {str(item)!r}, {what}; expected {_EXPECTED}. Check the spelling."
        )
    for name in files:
        yield TablePath(name, _keys(name.relative_to(base).parts[:-1]))


def _matches(pattern: pathlib.Path) -> Iterator[pathlib.Path]:
    for match in map(pathlib.Path, glob.glob(str(pattern), recursive=True)):
        # "**" matches folders as well, whose files it matches one by one.
        if match.is_dir() and "**" not in pattern.parts:
            yield from _walk(match)
        elif match.is_file():
            yield match


def _walk(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Files below a folder; what starts with a dot or an underscore is bookkeeping, not data."""

    def fails(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=fails, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if not name.startswith((".", "_")):
                yield pathlib.Path(place, name)


def _keys(folders: Iterable[str]) -> tuple[tuple[str, str | None], ...]:
    pairs = (name.split("=", 1) for name in folders if "=" in name[1:])
    decode = urllib.parse.unquote
    return tuple((decode(k), None if v == _NO_VALUE else decode(v)) for k, v in pairs)


def _check_twice(found: list[TablePath]) -> None:
    seen = set()
    for table in found:
        real = os.path.realpath(table.path)
        if real in seen:
            remedy = "Name every file once, or the rows count double."
            raise argument_error("path", f"{str(table.path)!r} twice", "different files", remedy)
        seen.add(real)


def _check_one_type(found: list[TablePath]) -> None:
    first: dict[str, str] = {}
    for table in found:
        first.setdefault(table.type_name, repr(str(table.path)))
    if len(first) > 1:
        raise argument_error(
            "path",
            f"files of {len(first)} types: {listed(list(first.values()))}",
            "one type",
            "Choose by a pattern, such as 'folder/*.parquet'.",
        )
    keys = {tuple(key for key, _ in table.keys) for table in found}
    if len(keys) > 1:
        odd = next(t for t in found if t.keys and len(t.keys) == max(map(len, keys)))
        raise argument_error(
            "path",
            f"{str(odd.path)!r} below folders named by key=value, and other files not, or by "
            "other keys",
            "the same keys for every file",
            "Choose by a pattern, such as 'folder/year=*/*.parquet'.",
        )
