"""The .npz archives of saved objects: plain arrays and one JSON text, no pickled objects."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import DamagedFileError, argument_error
from ..tall.write import atomic_file

__all__ = ["damage_reported", "read_archive", "write_archive"]

Path = str | os.PathLike[str]


def write_archive(
    path: Path, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, object], kind: str
) -> None:
    """Write arrays and a description to exactly this path, whole or not at all."""
    text = json.dumps({"format": _format(kind), **meta}).encode()
    columns: dict[str, Any] = {**arrays, "meta": np.frombuffer(text, dtype=np.uint8)}
    with atomic_file(path) as file:
        np.savez(file, allow_pickle=False, **columns)


def read_archive(path: Path, kind: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the description, or raise DamagedFileError."""
    with open(path, "rb") as file:
        content = io.BytesIO(file.read())
    try:
        with np.load(content, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(bytes(arrays.pop("meta")).decode())
        if meta["format"] != _format(kind):
            raise ValueError(f"format {meta['format']!r}")
    # The bytes are in memory: whatever goes wrong in parsing them is damage.
    except Exception as error:
        raise _damage(path, kind, error) from error
    return arrays, meta


@contextmanager
def damage_reported(path: Path, kind: str) -> Iterator[None]:
    """Report contents that do not make such an object as damage too."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise _damage(path, kind, error) from error


def _format(kind: str) -> str:
    return f"rnla.{kind}/1"


def _damage(path: Path, kind: str, error: Exception) -> Exception:
    return argument_error(
        "path",
        f"{os.fspath(path)!r} ({type(error).__name__}: {error})",
        f"an archive written by {kind}.save, format {_format(kind)}",
        f"Copy the file again, or make the {kind} again from its seed.",
        kind=DamagedFileError,
    )
