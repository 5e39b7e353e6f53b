"""Merge and reduce: an lp row sample of a stream, in memory for a few samples (SPEC A15a).

Rows are cut into leaves. A leaf is scored and thinned to about `size` rows; two samples of a level
are put together, scored with their weights and thinned again, like the carries of a binary counter
(Agarwal, Har-Peled, Varadarajan, J. ACM 2004, after Bentley and Saxe 1980). Weights multiply along
the tree, since p-th powers of blocks add. Every row has one random number for the whole tree and
stays while that is below the product of its probabilities, so the result is the Poisson sample with
those products: thinning in steps costs no variance, only the scores are approximate. Memory
O((leaf + size log(n / leaf)) d); the time of scoring about (1 + 2 size / leaf) n rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import argument_error, check_p, check_size
from .._result import Status
from ..random import RNGLike, resolve_seed
from ..sampling import RowSample
from ..tall import as_tall
from ._merged import MergedSample
from ._node import SCORES, Thinning
from ._tree import Tree, collapse, grow

__all__ = ["MergeReduce", "MergedSample", "merge_and_reduce"]

_METHODS = ("auto", *SCORES)
_LEAF_IN_SAMPLES = 4


class MergeReduce:
    """A sample of a stream of row blocks that can be asked for at any time.

    Parameters
    ----------
    p : float
        The norm, 1 <= p < inf (at most 20 with Lewis weights).
    size : int
        Rows to keep: the expected number of the Poisson sample after each step, at least d.
    method : {"auto", "lewis", "leverage", "uniform"}
        How rows are scored. "auto" takes Lewis weights, which for p = 2 are the leverage scores.
    leaf : int, optional
        Rows gathered before they are thinned, at least `size`; default 4 * size.
    rng : None, int, numpy Generator or SeedSequence
        The same seed and rows give the same sample, however the rows are cut into blocks. Row i
        uses the random number that Poisson sampling of the whole matrix would use.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For options out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.embedding import MergeReduce
    >>> stream = MergeReduce(2.0, 100, rng=0)
    >>> rng = np.random.default_rng(0)
    >>> for _ in range(20):
    ...     stream.update(rng.standard_normal((500, 3)))
    >>> kept = stream.result()
    >>> kept.sample.n, kept.levels, kept.matrix.shape == (kept.size, 3)
    (10000, 6, True)
    """

    def __init__(
        self,
        p: float,
        size: int,
        *,
        method: str = "auto",
        leaf: int | None = None,
        rng: RNGLike = None,
    ) -> None:
        self.p = check_p(p)
        self.size = check_size(size)
        if method not in _METHODS:
            raise argument_error(
                "method", repr(method), f"one of {', '.join(_METHODS)}", "Use 'auto' if unsure."
            )
        self.method = "lewis" if method == "auto" else method
        self.leaf = _LEAF_IN_SAMPLES * self.size if leaf is None else check_size(leaf, name="leaf")
        if self.leaf < self.size:
            raise argument_error(
                "leaf", self.leaf, f"at least size = {self.size}", "Leave it out, or raise it."
            )
        self.seed = resolve_seed(rng)
        self._thin = Thinning(self.p, self.method, self.seed)
        self._tree = Tree(0, 0)

    @property
    def rows(self) -> int:
        """Rows seen so far."""
        return self._tree.stop

    def update(self, block: Any) -> None:
        """Take in the next rows.

        Parameters
        ----------
        block : array_like or sparse matrix, shape (rows, d)
            Real and finite, any number of rows, all blocks dense or all sparse. Copied.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For NaN or infinite entries, or columns, dtype or sparsity that change along the
            stream. The state is then as before.
        """
        tall = as_tall(block, name="block", require_tall=False)
        self._check(tall.shape[1], tall.dtype, tall.is_sparse)
        tall.scan()
        self._tree = grow(self._tree, tall, self.size, self.leaf, self._thin)

    def result(self) -> MergedSample:
        """The sample of the rows so far; the stream can go on afterwards.

        Raises
        ------
        ArgumentError
            If no row was seen yet.
        """
        if not self.rows:
            remedy = "Call update with at least one block first."
            raise argument_error("blocks", "no rows", "at least one row", remedy)
        level, node = collapse(self._tree, self.size, self._thin)
        sample = RowSample(
            node.indices,
            1.0 / node.probabilities,
            node.probabilities,
            design="merge_and_reduce",
            seed=self.seed,
            n=self.rows,
            p=self.p,
        )
        return MergedSample(
            sample=sample,
            rows=node.rows,
            p=self.p,
            method=self.method,
            leaves=self._tree.leaves + bool(self._tree.waiting),
            levels=level,
            status=Status.EXACT if sample.size == self.rows else Status.OK,
        )

    def _check(self, columns: int, dtype: np.dtype[Any], is_sparse: bool) -> None:
        if self.size < columns:
            raise argument_error(
                "size",
                self.size,
                f"at least the number of columns, {columns}",
                "Fewer rows cannot keep the column space.",
            )
        tree = self._tree
        held = [*tree.waiting, *(node for _, node in tree.stack)]
        known = held[0].rows if held else None
        if known is None:
            return
        got, expected = (
            f"{count} columns, {kind}, {'sparse' if sparse else 'dense'}"
            for count, kind, sparse in (
                (columns, dtype, is_sparse),
                (known.shape[1], known.dtype, sp.issparse(known)),
            )
        )
        if got != expected:
            remedy = "Convert the blocks to one kind before they enter the stream."
            raise argument_error("block", got, f"{expected}, like the blocks before", remedy)


def merge_and_reduce(
    blocks: Iterable[Any],
    p: float,
    size: int,
    *,
    method: str = "auto",
    leaf: int | None = None,
    rng: RNGLike = None,
) -> MergedSample:
    """Sample the rows of a stream of blocks so that lp norms are preserved.

    Parameters
    ----------
    blocks : iterable of array_like or sparse matrix, shape (rows, d)
        Read once, in order; together the matrix A.
    p : float
        The norm, 1 <= p < inf (at most 20 with Lewis weights).
    size : int
        Expected number of rows to keep, at least d.
    method : {"auto", "lewis", "leverage", "uniform"}
        How rows are scored. "auto" takes Lewis weights, which for p = 2 are the leverage scores.
    leaf : int, optional
        Rows gathered before they are thinned, at least `size`; default 4 * size.
    rng : None, int, numpy Generator or SeedSequence
        The same seed and rows give the same sample, however the rows are cut into blocks.

    Returns
    -------
    MergedSample
        ``matrix`` holds the reweighted rows, ``sample`` their numbers and weights.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries, blocks that do not fit together, an empty stream, or options
        out of range.

    Notes
    -----
    One pass. Up to the quality of the scores, which every node computes from the sample it has, the
    sample is as good as a Poisson sample of the same size from scores of the whole matrix. Measure
    it with `certify_embedding` if the matrix can be read again.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    Agarwal, Har-Peled and Varadarajan, *Approximating extent measures of points*, J. ACM 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.embedding import merge_and_reduce
    >>> A = np.random.default_rng(0).standard_normal((8000, 3))
    >>> kept = merge_and_reduce(np.array_split(A, 11), 1, 400, rng=0)
    >>> x = np.array([1.0, -1.0, 2.0])
    >>> bool(abs(np.abs(kept.matrix @ x).sum() / np.abs(A @ x).sum() - 1) < 0.1)
    True
    >>> bool((kept.rows == A[kept.sample.indices]).all())
    True
    """
    stream = MergeReduce(p, size, method=method, leaf=leaf, rng=rng)
    for block in blocks:
        stream.update(block)
    return stream.result()
