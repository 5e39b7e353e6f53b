"""`RowSample`: which rows were kept and how much each counts.

A row kept with probability q stands for 1/q rows in a sum of p-th powers, so the sampled matrix has
rows a_i w_i^(1/p) with w_i = 1/q_i (SPEC 1.1). Weights of a sample of a sample multiply; samples of
disjoint row blocks unite. O(size) memory; files are .npz archives without pickled objects.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from numbers import Number
from typing import Any

import numpy as np

from .._errors import argument_error, check_size
from .._result import IntArray
from ..tall import TallMatrix, as_tall, rows
from ..tall._device import is_sparse_rows, on_device
from ..tall.blocks import row_numbers
from ._archive import damage_reported, read_archive, write_archive
from ._checks import (
    Vector,
    as_vector,
    check_column,
    check_exponent,
    check_indices,
    first_bad,
)

__all__ = ["RowSample"]


@dataclass(frozen=True, eq=False)
class RowSample:
    """A reweighted subset of the rows 0 to n - 1.

    Parameters
    ----------
    indices : array_like of int, shape (size,)
        Rows kept, strictly increasing.
    weights : array_like of float, shape (size,)
        What each row counts for in a sum of p-th powers; finite and non-negative.
    probabilities : array_like of float, shape (size,)
        Expected number of times each kept row is drawn: the inclusion probability for designs
        without replacement, size times the draw probability with replacement. Always
        ``weights * probabilities == multiplicities``.
    design : str
        How the rows were drawn.
    seed : int
        Seed of the draw; the same seed repeats it.
    n : int
        Number of rows of the matrix that was sampled.
    p : float, optional
        Exponent that ``sample @ A`` uses; None if the sample is not tied to one.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the arrays disagree in length, an index is out of range or out of order, or a weight is
        negative or not finite.

    Notes
    -----
    The arrays are copied once and made read-only.

    Examples
    --------
    >>> import numpy as np
    >>> sample = RowSample([0, 2], [1.0, 4.0], [1.0, 0.25], design="poisson", seed=0, n=3, p=2)
    >>> sample @ np.array([[1.0], [5.0], [3.0]])
    array([[1.],
           [6.]])
    >>> sample.size, round(sample.effective_sample_size, 3)
    (2, 1.471)
    """

    indices: IntArray
    weights: Vector
    probabilities: Vector
    design: str
    seed: int
    n: int
    p: float | None = None

    def __post_init__(self) -> None:
        n = check_size(self.n, name="n")
        indices = check_indices(self.indices, n)
        weights = check_column(self.weights, "weights", indices.size)
        probabilities = check_column(self.probabilities, "probabilities", indices.size)
        if probabilities.size and not probabilities.min() > 0.0:
            raise argument_error(
                "probabilities",
                first_bad("probabilities", probabilities, probabilities <= 0.0),
                "positive probabilities for rows that were kept",
                "Drop rows that cannot be drawn.",
            )
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "seed", int(self.seed))
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "probabilities", probabilities)
        if self.p is not None:
            object.__setattr__(self, "p", check_exponent(self.p))

    def __repr__(self) -> str:
        return (
            f"RowSample({self.size} of {self.n} rows, design={self.design!r}, seed={self.seed}, "
            f"p={self.p})"
        )

    def __len__(self) -> int:
        return self.size

    @property
    def size(self) -> int:
        """Number of distinct rows kept."""
        return int(self.indices.size)

    @property
    def effective_sample_size(self) -> float:
        """(sum w)^2 / sum w^2: the number of equally weighted rows that would vary as little."""
        if not self.size or not self.weights.max() > 0.0:
            return 0.0
        scaled = self.weights / self.weights.max()
        return float(scaled.sum() ** 2 / (scaled @ scaled))

    @property
    def multiplicities(self) -> IntArray:
        """How often each kept row was drawn: ones, except with replacement and after flattening."""
        counts: IntArray = np.rint(self.weights * self.probabilities).astype(np.int64)
        return counts

    def scale(self, p: float | None = None) -> Vector:
        """Factors w_i^(1/p) of the kept rows, ones for p = inf."""
        exponent = self._exponent(p)
        factors: Vector = self.weights ** (0.0 if math.isinf(exponent) else 1.0 / exponent)
        return factors

    def take(self, A: Any) -> Any:
        """The kept rows without weights.

        Parameters
        ----------
        A : ndarray, shape (n,) or (n, d), or whatever `as_tall` accepts
            Not modified, not scanned.

        Returns
        -------
        ndarray or scipy.sparse.csr_array
            Sparse stays sparse, float32 stays float32; integers become float64. Rows on a GPU stay
            there.
        """
        if on_device(A) and A.ndim == 1:
            self._check_rows(A.shape[0])
            column = A if A.dtype == np.float32 else rows.float64(A)
            return column[rows.beside(A, self.indices)]
        if not isinstance(A, TallMatrix):
            # A list of numbers is a column; other lists hold rows, row blocks or paths.
            numbers = isinstance(A, list | tuple) and len(A) > 0 and isinstance(A[0], Number)
            values = np.asarray(A) if numbers or isinstance(A, np.ndarray) else None
            if values is not None and values.ndim == 1:
                self._check_rows(values.shape[0])
                kept = values if values.dtype == np.float32 else as_vector(values, "A")
                return kept[self.indices]
            A = as_tall(A, require_tall=False)
        self._check_rows(A.shape[0])
        return A.take(self.indices)

    def reweight(self, A: Any, p: float | None = None) -> Any:
        """The kept rows times w_i^(1/p); `p` defaults to the sample's own. See `take`."""
        taken = self.take(A)
        factors = rows.beside(taken, self.scale(p))
        if not is_sparse_rows(taken):
            shape = (-1,) + (1,) * (taken.ndim - 1)
            return (taken * factors.reshape(shape)).astype(taken.dtype, copy=False)
        scaled = taken.copy()
        scaled.data = (taken.data * factors[row_numbers(taken)]).astype(taken.dtype, copy=False)
        return scaled

    def __matmul__(self, A: Any) -> Any:
        return self.reweight(A)

    def with_p(self, p: float) -> RowSample:
        """The same rows and weights, for another exponent."""
        return replace(self, p=p)

    def compose(self, inner: RowSample) -> RowSample:
        """Sample of a sample: `inner` was drawn from the rows this sample kept.

        Parameters
        ----------
        inner : RowSample
            Its `n` must be this sample's `size`.

        Returns
        -------
        RowSample
            Indices refer to the original rows; weights and probabilities multiply.

        Examples
        --------
        >>> outer = RowSample([1, 5, 7], [2.0] * 3, [0.5] * 3, design="poisson", seed=0, n=8)
        >>> inner = RowSample([2], [3.0], [1 / 3], design="poisson", seed=1, n=3)
        >>> both = outer.compose(inner)
        >>> both.indices, both.weights
        (array([7]), array([6.]))
        """
        if inner.n != self.size:
            raise argument_error(
                "inner",
                f"a sample of {inner.n} rows",
                f"a sample of the {self.size} rows kept here",
                "Draw the second sample from the rows that the first one kept.",
            )
        if self.p is not None and inner.p is not None and inner.p != self.p:
            raise argument_error(
                "inner",
                f"p = {inner.p:g}",
                f"p = {self.p:g}",
                "Weights of p-th powers compose for one p only; use with_p to retag.",
            )
        picked = inner.indices
        return RowSample(
            self.indices[picked],
            self.weights[picked] * inner.weights,
            self.probabilities[picked] * inner.probabilities,
            design=self.design if self.design == inner.design else f"{self.design}+{inner.design}",
            seed=self.seed,
            n=self.n,
            p=self.p if inner.p is None else inner.p,
        )

    def shifted(self, start: int, n: int) -> RowSample:
        """The same sample as part of `n` rows of which its own begin at row `start`.

        Workers that sampled their own blocks use it before `merge_samples`.
        """
        total = check_size(n, name="n")
        if not 0 <= start <= total - self.n:
            raise argument_error(
                "start",
                start,
                f"a row from 0 to {total - self.n}",
                f"The block of {self.n} rows must fit into n = {total}.",
            )
        return replace(self, indices=self.indices + int(start), n=total)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz archive of plain arrays; `RowSample.load` reads back the same bits."""
        write_archive(
            path,
            {name: getattr(self, name) for name in ("indices", "weights", "probabilities")},
            # Seeds may exceed 64 bits, so they travel as text.
            {"design": self.design, "p": self.p, "seed": str(self.seed), "n": str(self.n)},
            "RowSample",
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> RowSample:
        """Read what `save` wrote.

        Raises
        ------
        DamagedFileError
            If the file is not such an archive, is cut short, or fails its checksums.
        FileNotFoundError
            If there is no file.
        """
        arrays, meta = read_archive(path, "RowSample")
        with damage_reported(path, "RowSample"):
            return cls(
                arrays["indices"],
                arrays["weights"],
                arrays["probabilities"],
                design=str(meta["design"]),
                seed=int(meta["seed"]),
                n=int(meta["n"]),
                p=meta["p"],
            )

    def _exponent(self, p: float | None) -> float:
        if p is None:
            p = self.p
        if p is None:
            raise argument_error(
                "p",
                "None",
                "an exponent, since this sample is not tied to one",
                "Call sample.reweight(A, p), or draw the sample with p=.",
            )
        return check_exponent(p)

    def _check_rows(self, rows: int) -> None:
        if rows != self.n:
            raise argument_error(
                "A",
                f"{rows} rows",
                f"the {self.n} rows that were sampled",
                "Apply the sample to the matrix it was drawn for.",
            )
