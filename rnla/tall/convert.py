"""`as_tall`: accept what users have, refuse what would be silently wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import ArgumentTypeError, RnlaError, argument_error
from ._engine import Engine, LocalEngine
from ._source import DenseSource, SparseSource
from .dask_collections import open_dask
from .matrix import TallMatrix

__all__ = ["as_tall"]

_EXPECTED = "a real two-dimensional array or SciPy sparse matrix"


def as_tall(A: Any, *, name: str = "A", require_tall: bool = True) -> TallMatrix:
    """Wrap a matrix so that it can be read in passes.

    Parameters
    ----------
    A : array_like, scipy.sparse array or matrix, or TallMatrix, shape (n, d)
        Any memory order, read-only too; float32, float64, integers and booleans. CSR is used as it
        is, CSC and COO are converted to CSR once. A TallMatrix is returned unchanged.
    name : str
        How error messages call the argument.
    require_tall : bool
        Refuse n < d.

    Returns
    -------
    TallMatrix

    Raises
    ------
    ArgumentTypeError
        For complex, object, masked or non-numeric data.
    ArgumentError
        For a wrong number of dimensions, an empty matrix or n < d. NaN and infinities are found by
        the first pass, not here.

    Notes
    -----
    No pass is spent and no dense data are copied. A matrix without canonical CSR form costs O(nnz).

    Examples
    --------
    >>> import numpy as np, rnla
    >>> tall = rnla.as_tall(np.eye(4, 2))
    >>> tall.shape, tall.passes
    ((4, 2), 0)
    """
    if isinstance(A, TallMatrix):
        return A
    engine: Engine | None = open_dask(A, name)
    if engine is None:
        engine = LocalEngine(_sparse(A, name) if sp.issparse(A) else _dense(A, name))
    n, d = engine.header.shape
    if n == 0 or d == 0:
        remedy = "Pass a matrix with rows and columns."
        raise argument_error(name, f"shape {(n, d)}", "at least one row and one column", remedy)
    if require_tall and n < d:
        raise argument_error(
            name,
            f"shape {(n, d)}",
            "at least as many rows as columns (n >= d)",
            f"Row sampling cannot help here: keep every row, or pass {name}.T if the long side is "
            "the columns.",
        )
    return TallMatrix(engine, name=name)


def _check_dtype(dtype: np.dtype[Any], name: str) -> None:
    if dtype.kind == "c":
        remedy = "Stack real and imaginary parts as separate rows or columns."
    elif dtype.kind == "O":
        remedy = f"Convert first, for example {name} = {name}.astype(float)."
    elif dtype.kind in "fiub" and dtype.itemsize <= 8 and dtype != np.float16:
        return
    else:
        remedy = f"Convert first, for example {name} = {name}.astype(np.float64)."
    expected = "float32, float64, integer or boolean entries"
    raise argument_error(name, f"dtype {dtype}", expected, remedy, kind=ArgumentTypeError)


def _dimension_error(name: str, ndim: int, shape: object) -> RnlaError:
    remedy = (
        f"For one column use {name}.reshape(-1, 1)."
        if ndim == 1
        else "Pass a two-dimensional array."
    )
    return argument_error(name, f"{ndim} dimension(s), shape {shape}", _EXPECTED, remedy)


def _dense(A: Any, name: str) -> DenseSource:
    if isinstance(A, np.ma.MaskedArray):
        remedy = "Fill or drop the masked entries first."
        raise argument_error(name, "a masked array", _EXPECTED, remedy, kind=ArgumentTypeError)
    try:
        array = np.asarray(A)
    except ValueError as error:
        remedy = "Make every row the same length."
        raise argument_error(name, f"{type(A).__name__} ({error})", _EXPECTED, remedy) from error
    except TypeError as error:
        remedy = "Copy it to the host first, for example with .get() or .cpu().numpy()."
        raise argument_error(
            name, f"{type(A).__name__} ({error})", _EXPECTED, remedy, kind=ArgumentTypeError
        ) from error
    if array.ndim != 2:
        raise _dimension_error(name, array.ndim, array.shape)
    _check_dtype(array.dtype, name)
    return DenseSource(array)


def _sparse(A: Any, name: str) -> SparseSource:
    if A.ndim != 2:
        raise _dimension_error(name, A.ndim, A.shape)
    _check_dtype(np.dtype(A.dtype), name)
    csr = sp.csr_array(A)
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    if csr.dtype not in (np.float32, np.float64):
        csr = csr.astype(np.float64)
    return SparseSource(csr)
