"""Content digests: equal for equal work, in every process, without pickles.

A checkpoint finds the result of a pass by a BLAKE2b digest of everything that went into it: the
function, its arguments, arrays by their bytes, row vectors in parts where they are. Values are
written with their type and length, so that different values never feed the same bytes. About
1 GB/s.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import os
import struct
import types
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import import_optional
from .._result import FloatArray
from ._source import Block
from .rows import is_distributed

__all__ = ["CONTENT_SHAPE", "UndigestibleError", "add_content", "digest"]

_DIGEST_BYTES = 20
_WORDS = 8  # of a block's digest, each 32 bits: their sums over blocks are exact in float64
CONTENT_SHAPE = (_WORDS,)


class UndigestibleError(TypeError):
    """An argument has no content that could be told from that of another."""


def digest(*values: Any) -> bytes:
    """The digest of values: numbers, text, arrays, dataclasses, functions and partials of them.

    Raises
    ------
    UndigestibleError
        For anything else, such as a function defined inside another one.
    """
    state = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    _feed(state, values)
    return state.digest()


def add_content(block: Block, start: int, out: FloatArray) -> None:
    """A visit that adds up digests of the blocks: what a matrix without a file is known by."""
    state = hashlib.blake2b(digest_size=4 * _WORDS)
    if isinstance(block, np.ndarray):
        _feed(state, (start, block))
    else:
        # The types of positions differ between homes of the same rows.
        positions = (block.indices.astype(np.int64), block.indptr.astype(np.int64))
        _feed(state, (start, block.shape, block.data, *positions))
    out += np.frombuffer(state.digest(), dtype="<u4").astype(np.float64)


def _feed(state: Any, value: Any) -> None:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
        _feed(state, ("dataclass", type(value), fields))
    elif isinstance(value, (list, tuple)):
        _open(state, type(value).__name__, len(value))
        for item in value:
            _feed(state, item)
    elif isinstance(value, dict):
        _feed(state, ("dict", list(value.items())))
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        _feed_array(state, value)
    elif sp.issparse(value):
        csr = sp.csr_array(value)
        _feed(state, ("sparse", csr.shape, csr.data, csr.indices, csr.indptr))
    elif is_distributed(value):
        _feed(state, ("parts", _part_digests(value)))
    elif isinstance(value, functools.partial):
        _feed(state, ("partial", value.func, value.args, value.keywords))
    elif isinstance(value, types.MethodType):
        _feed(state, ("method", value.__func__, value.__self__))
    else:
        kind, content = _atom(value)
        _open(state, kind, len(content))
        state.update(content)


def _open(state: Any, kind: str, size: int) -> None:
    state.update(f"{kind}:{size};".encode())


def _feed_array(state: Any, array: np.ndarray[Any, Any]) -> None:
    header = f"{array.dtype.str}{array.shape}"
    _open(state, f"array{header}", array.nbytes)
    if array.size:
        state.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _atom(value: Any) -> tuple[str, bytes]:
    """A value without parts, as its kind and its bytes."""
    if isinstance(value, enum.Enum):
        return "enum", f"{type(value).__module__}.{value}".encode()
    if value is None or isinstance(value, (bool, int, np.integer, np.bool_, range, slice)):
        plain = value.item() if isinstance(value, np.generic) else value
        return type(plain).__name__, repr(plain).encode()
    if isinstance(value, (float, np.floating)):
        return "float", struct.pack("<d", float(value))
    if isinstance(value, (bytes, bytearray)):
        return "bytes", bytes(value)
    if isinstance(value, str):
        return "str", value.encode("utf-8", "surrogatepass")
    if isinstance(value, os.PathLike):
        return "path", os.fsencode(value)
    if isinstance(value, np.dtype):
        return "dtype", repr(value.descr).encode()
    if isinstance(value, np.ufunc):
        return "ufunc", value.__name__.encode()
    name = getattr(value, "__qualname__", "<")
    if callable(value) and "<" not in name:
        return "name", f"{value.__module__}.{name}".encode()
    raise UndigestibleError(f"{type(value).__name__} has no content to tell it by")


def _part_digests(vector: Any) -> Any:
    """Digests of the parts of a distributed row vector, each computed where the part is."""
    dask = import_optional("dask", extra="dask", purpose="to read row vectors on workers")
    found = [dask.delayed(digest)(part) for part in vector.to_delayed().ravel()]
    return [vector.chunks, list(dask.compute(*found))]
