"""What can go wrong with any file: not there, not what it says, not the columns asked for."""

from __future__ import annotations

import csv
import os
import pathlib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .._errors import DamagedFileError, RnlaError, argument_error

__all__ = ["PathLike", "as_damage", "existing_file", "find_column", "listed"]

PathLike = str | os.PathLike[str]


def existing_file(path: PathLike, suffixes: tuple[str, ...]) -> pathlib.Path:
    """The file, or an error if it is not there or of no known type."""
    file = pathlib.Path(path)
    expected = f"a file that ends in {', '.join(suffixes)}"
    if file.suffix.lower() not in suffixes:
        raise argument_error("path", repr(str(file)), expected, "Convert or rename the file.")
    if not file.is_file():
        kind = "is a folder" if file.is_dir() else "does not exist"
        raise FileNotFoundError(
            f"path: got {str(file)!r}, which {kind}; expected {expected}. Check the spelling."
        )
    return file


@contextmanager
def as_damage(file: pathlib.Path, expected: str, part: str = "") -> Iterator[None]:
    """Turn whatever a reader raises over the content of a file into a `DamagedFileError`.

    `part`, such as ``"row group 2"``, tells where in the file the reader was.
    """
    try:
        yield
    except (RnlaError, FileNotFoundError, PermissionError):
        raise
    except (
        OSError,
        EOFError,
        KeyError,
        NotImplementedError,
        OverflowError,
        SyntaxError,  # from a mangled array header
        TypeError,
        csv.Error,
        ValueError,  # parsers of text, JSON, Arrow and NumPy headers
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise argument_error(
            "path",
            f"{str(file)!r}{part and ', ' + part}, which cannot be read ({reason[:200]})",
            expected,
            "Copy or export the file again, without pickled objects, under the suffix of its type.",
            kind=DamagedFileError,
        ) from error


def find_column(column: str | int, names: tuple[str, ...]) -> int:
    """Position of a column given by name, or by number in any form."""
    if isinstance(column, str) and column in names:
        return names.index(column)
    try:
        number = int(column)
    except ValueError:
        number = -1
    if 0 <= number < len(names):
        return number
    raise argument_error(
        "columns",
        repr(column),
        f"names among {listed(names)}, or numbers from 0 to {len(names) - 1}",
        "Check the spelling.",
    )


def listed(items: Sequence[str], most: int = 8, separator: str = ", ") -> str:
    """The first few items as text."""
    more = f"{separator}… ({len(items) - most} more)" if len(items) > most else ""
    return separator.join(items[:most]) + more
