"""Distribution, operator, application: the three steps of every sketch.

A distribution is plain data (shape and parameters). Drawing it with a seed gives an operator: a
seed and no matrix. The operator produces any block of its columns alone, so one pass over row
blocks, in any order and on any number of workers, adds up to S @ A. The bits of S depend on (seed,
purpose, global row) only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import argument_error, check_size
from .._result import FloatArray
from ..random import RNGLike
from ..tall._device import array_module, is_sparse_rows
from . import _apply

__all__ = ["Adjoint", "Distribution", "Operator"]


@dataclass(frozen=True)
class Distribution(ABC):
    """What to draw: `s` rows and `n` columns, and parameters of the kind.

    Parameters
    ----------
    s, n : int
        Rows and columns of the sketch S.
    """

    s: int
    n: int

    def __post_init__(self) -> None:
        check_size(self.s, name="s")
        check_size(self.n, name="n")

    @property
    def shape(self) -> tuple[int, int]:
        """(s, n)."""
        return self.s, self.n

    @abstractmethod
    def draw(self, rng: RNGLike = None) -> Operator:
        """Draw an operator; the same seed gives the same bits everywhere.

        Parameters
        ----------
        rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
            As in `rnla.resolve_seed`.

        Returns
        -------
        Operator
        """


class Operator(ABC):
    """A drawn s x n sketch S: apply it with ``S @ A``, ``A @ S.T``, ``S.T @ Y`` and ``Y @ S``.

    Operands are NumPy arrays of any memory order, SciPy sparse matrices, CuPy arrays and sparse
    matrices, `rnla.TallMatrix` and everything that `rnla.as_tall` takes; vectors too. Real and
    complex (not on a GPU), single and double precision: the result is dense, is where the operand
    is and keeps its precision; arithmetic is in float64.

    Attributes
    ----------
    shape : tuple of int
        (s, n).
    distribution : Distribution
    seed : int

    Notes
    -----
    ``S @ A`` reads A once; its bits do not depend on threads, chunks or where the rows of A live.
    Whoever writes a new kind supplies `draw` of the distribution and, here, `block`, `_add` and
    `_transposed`.
    """

    # Arrays must leave ``A @ S`` to `__rmatmul__`, not convert S entry by entry.
    __array_ufunc__ = None

    distribution: Any
    seed: int

    @property
    def shape(self) -> tuple[int, int]:
        """(s, n)."""
        return self.distribution.s, self.distribution.n

    @property
    def T(self) -> Adjoint:
        """The transposed operator."""
        return Adjoint(self)

    def __matmul__(self, A: Any) -> Any:
        return _apply.left(self, A)

    def __rmatmul__(self, A: Any) -> Any:
        return _apply.right(Adjoint(self), A)

    def apply_block(self, start: int, block: Any, *, out: FloatArray | None = None) -> FloatArray:
        """S[:, start : start + len(block)] @ block.

        Parameters
        ----------
        start : int
            Global index of the block's first row.
        block : ndarray or csr_array, shape (rows, d)
        out : ndarray, shape (s, d), optional
            C-contiguous float64 accumulator to add to.

        Returns
        -------
        ndarray, shape (s, d)
            `out`, or a new array.
        """
        self._check_columns(start, start + block.shape[0])
        if out is None:
            out = array_module(block).zeros((self.shape[0], block.shape[1]), dtype=np.float64)
        if isinstance(block, np.ndarray):
            block = np.ascontiguousarray(block, dtype=np.float64)
        elif not is_sparse_rows(block):  # on a GPU, where float32 is promoted by the kernels
            block = array_module(block).ascontiguousarray(block)
        self._add(start, block, out)
        return out

    def transposed_block(self, start: int, stop: int, Y: FloatArray) -> FloatArray:
        """Rows start … stop-1 of S.T @ Y, for a float64 Y of shape (s, k)."""
        self._check_columns(start, stop)
        Y = array_module(Y).ascontiguousarray(Y, dtype=np.float64)
        return self._transposed(start, stop, Y)

    @abstractmethod
    def block(self, start: int, stop: int) -> FloatArray:
        """Columns start … stop-1 of S as a dense (s, stop - start) array."""

    @abstractmethod
    def _add(self, start: int, block: Any, out: FloatArray) -> None:
        """Add S[:, start : …] @ block, a C-contiguous float64 array or CSR, to `out`."""

    @abstractmethod
    def _transposed(self, start: int, stop: int, Y: FloatArray) -> FloatArray:
        """S[:, start:stop].T @ Y."""

    def toarray(self) -> FloatArray:
        """S as a dense (s, n) array: s n numbers, for tests and small problems."""
        return self.block(0, self.shape[1])

    def as_linear_operator(self) -> Any:
        """S as a real `scipy.sparse.linalg.LinearOperator`."""
        from scipy.sparse.linalg import LinearOperator

        return LinearOperator(
            self.shape,
            matvec=self.__matmul__,
            rmatvec=self.T.__matmul__,
            matmat=self.__matmul__,
            rmatmat=self.T.__matmul__,
            dtype=np.float64,
        )

    def _check_columns(self, start: int, stop: int) -> None:
        n = self.shape[1]
        if not 0 <= start <= stop <= n:
            raise argument_error(
                "start",
                f"rows {start} to {stop}",
                f"a block within the {n} columns of S",
                "Draw the operator with n equal to the number of rows of A.",
            )


@dataclass(frozen=True)
class Adjoint:
    """The transpose of a sketch, n x s: ``S.T @ Y`` and ``A @ S.T``.

    Attributes
    ----------
    operator : Operator
    shape : tuple of int
        (n, s).
    """

    operator: Operator

    __array_ufunc__ = None

    @property
    def shape(self) -> tuple[int, int]:
        """(n, s)."""
        s, n = self.operator.shape
        return n, s

    @property
    def T(self) -> Operator:
        """The sketch itself."""
        return self.operator

    def __matmul__(self, Y: Any) -> Any:
        return _apply.transposed(self.operator, Y)

    def __rmatmul__(self, A: Any) -> Any:
        return _apply.right(self.operator, A)

    def toarray(self) -> FloatArray:
        """The transpose as a dense (n, s) array."""
        return self.operator.toarray().T
