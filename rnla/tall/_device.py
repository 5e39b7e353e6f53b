"""Which arrays live on a GPU, and small arrays put beside them.

A package is recognised by the name of an array's type, so none is imported until such an array
arrives. Between host and device only small things are copied (d x d, s x d, sampled rows), and only
by the functions here; n-vectors stay where the rows are.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import ArgumentTypeError, RnlaError, argument_error

__all__ = [
    "array_module",
    "beside",
    "chunks_stay",
    "is_sparse_rows",
    "of_device",
    "on_device",
    "on_host",
    "package_of",
    "refuse_device",
    "stays_on_device",
    "to_host",
]


def package_of(x: Any) -> str:
    """The package that the type of `x` belongs to."""
    return type(x).__module__.partition(".")[0]


def on_device(x: Any) -> bool:
    """Whether `x` is an array or a sparse matrix of CuPy."""
    return package_of(x) in ("cupy", "cupyx")


def is_sparse_rows(x: Any) -> bool:
    """Whether rows are sparse, of SciPy or CuPy."""
    return hasattr(x, "indptr")


def array_module(x: Any) -> Any:
    """The namespace that makes arrays where `x` is: cupy or numpy."""
    return importlib.import_module("cupy" if on_device(x) else "numpy")


def beside(x: Any, small: Any) -> Any:
    """A small array of the host, or None, where `x` is."""
    if small is None or not on_device(x) or on_device(small):
        return small
    return array_module(x).asarray(small)


def to_host(x: Any) -> Any:
    """An array or sparse matrix of a device, copied to the host; others as they are."""
    if not on_device(x):
        return x
    found = x.get()
    return sp.csr_array(found) if is_sparse_rows(x) else found


def of_device(x: Any) -> str:
    """What messages call an array on a device."""
    kind = "CuPy sparse matrix" if hasattr(x, "tocsr") else "CuPy array"
    return f"a {kind} on GPU {x.device.id}"


def refuse_device(x: Any, name: str, what: str) -> None:
    """Raise, with the conversion, if `x` is on a device and `what` works on the host."""
    if on_device(x):
        raise stays_on_device(name, of_device(x), what)


def on_host(x: Any, name: str, what: str) -> Any:
    """`x` as a NumPy array; an error that names the conversion if it is on a device."""
    refuse_device(x, name, what)
    return np.asarray(x)


def chunks_stay(name: str, what: str) -> RnlaError:
    """The same for a Dask array of CuPy chunks."""
    return argument_error(
        name,
        f"a Dask array of CuPy chunks on GPUs, for {what}",
        "rows in the memory of hosts, since nothing is copied between devices silently",
        f"Convert first, with {name}.map_blocks(cupy.asnumpy).",
        kind=ArgumentTypeError,
    )


def stays_on_device(name: str, got: str, what: str) -> RnlaError:
    """The error of a step that has no way to run on a device."""
    return argument_error(
        name,
        f"{got}, for {what}",
        "rows in the host's memory, since nothing is copied between devices silently",
        f"Convert first, with cupy.asnumpy({name}), or {name}.get() if it is sparse; leave device "
        "out of as_tall.",
        kind=ArgumentTypeError,
    )
