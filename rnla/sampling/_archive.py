"""The .npz archives of samples: plain arrays and one JSON text, no pickled objects."""

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

__all__ = ["damage_reported", "read_archive", "write_archive"]

_FORMAT = "rnla.RowSample/1"
Path = str | os.PathLike[str]


def write_archive(
    path: Path, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, object]
) -> None:
    """Write arrays and a description to exactly this path."""
    text = json.dumps({"format": _FORMAT, **meta}).encode()
    columns: dict[str, Any] = {**arrays, "meta": np.frombuffer(text, dtype=np.uint8)}
    with open(path, "wb") as file:
        np.savez(file, **columns)


def read_archive(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the description, or raise DamagedFileError."""
    with open(path, "rb") as file:
        content = io.BytesIO(file.read())
    try:
        with np.load(content, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(bytes(arrays.pop("meta")).decode())
        if meta["format"] != _FORMAT:
            raise ValueError(f"format {meta['format']!r}")
    # The bytes are in memory: whatever goes wrong in parsing them is damage.
    except Exception as error:
        raise _damage(path, error) from error
    return arrays, meta


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Report contents that do not make a sample as damage too."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise _damage(path, error) from error


def _damage(path: Path, error: Exception) -> Exception:
    return argument_error(
        "path",
        f"{os.fspath(path)!r} ({type(error).__name__}: {error})",
        "an archive written by RowSample.save",
        "Copy the file again, or draw the sample again from its seed.",
        kind=DamagedFileError,
    )
