"""`OnlineEmbedding`: reweighted rows of a stream, at any time, in bounded memory (SPEC A15).

Two ways. Merge and reduce (Agarwal, Har-Peled, Varadarajan, J. ACM 2004) thins samples of samples
along a binary tree; its result has the size asked for. One-pass sampling by online leverage scores
(Cohen, Musco, Pachocki, APPROX 2016) or online Lewis weights (Yasuda, PhD thesis, CMU-CS-24-110,
2024, section 6.6) decides about each row as it arrives. Both are functions of the seed and the row
numbers, so neither blocking, nor saving and resuming, nor the order of merging changes a bit.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

from .._errors import ArgumentTypeError, argument_error
from .._result import Status
from ..random import RNGLike, resolve_seed
from ..sampling import RowSample
from ..tall import TallMatrix, as_tall
from ._node import stacked
from ._stream_file import read_state, write_state
from ._stream_options import Options, Plan
from ._stream_state import Live, Part, advance, begin, folded, freeze, measured, united
from .stream_result import StreamEmbedding

__all__ = ["OnlineEmbedding"]

_CHUNK_ELEMENTS = 2**20


class OnlineEmbedding:
    """A subspace embedding of a stream of row blocks, which can be asked for at any time.

    Parameters
    ----------
    p : float
        The norm, 1 <= p < inf; at most 20 where Lewis weights are used.
    size : int, optional
        Rows to keep. With ``"merge_and_reduce"`` and ``"uniform"`` the expected number in the
        result. With the online methods a row is kept with probability min(1, size / d times its
        online score); the scores sum to d times a logarithm, not to d, so that many times more rows
        are kept.
    eps : float, optional
        Choose `size` for this distortion by `rnla.bounds.default_size`. Exactly one of `size` and
        `eps` is needed.
    delta : float
        Failure probability that goes with `eps`.
    method : {"auto", "merge_and_reduce", "online_lewis", "online_leverage", "uniform"}
        "auto" takes "merge_and_reduce", the fewest rows for the same distortion: it thins by Lewis
        weights, which for p = 2 are leverage scores. The online methods hold no row that is not in
        the sample, and decide about a row when it arrives; "online_leverage" has no theorem for p
        other than 2. "uniform" is merge and reduce with equal scores, for comparison.
    leaf : int, optional
        Rows gathered before they are thinned, at least `size`, for "merge_and_reduce" and
        "uniform"; default 4 * size, or 2**18 / d if that is more.
    max_size : int or inf, optional
        Bound on the rows that an online method holds, at least 2 * size; default 32 * size. When
        it is exceeded, they are thinned to half of it by the scores that they have with their
        present weights. ``math.inf`` never drops a row once it was kept, and needs whatever memory
        the stream asks for: up to every row, if it grows geometrically.
    first_row : int
        Number of the first row. Workers that share the rows of one matrix must each start at the
        number that their first row has in it, so that every row has its own random number.
    rng : None, int, numpy Generator or SeedSequence
        Workers whose streams will be merged need the same seed.

    Attributes
    ----------
    options
        What was asked for, checked, with the seed that was used.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For options that are out of range or do not belong to the method.

    Notes
    -----
    Each row is read once. Memory: the rows held, at most ``size * (leaf / size + log2(n / leaf) +
    1)`` in expectation with merge and reduce and `max_size` with the online methods, one such
    sample for every stream merged, and O(d^2) numbers. Time: Lewis weights of about
    (1 + 2 size / leaf) n rows with merge and reduce; about 4 n d^2 flops on one core with the
    online methods.

    The distortion is measured where the stream can: for p = 2, where A^T A is kept. For other p
    nothing certifies it once the rows are gone, see `StreamEmbedding.compare`.

    References
    ----------
    Cohen, Musco and Pachocki, *Online row sampling*, APPROX 2016. Yasuda, PhD thesis,
    CMU-CS-24-110, 2024, section 6.6. Agarwal, Har-Peled and Varadarajan, *Approximating extent
    measures of points*, J. ACM 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla import OnlineEmbedding
    >>> rng = np.random.default_rng(0)
    >>> stream = OnlineEmbedding(2, size=200, rng=0)
    >>> for _ in range(20):
    ...     stream = stream.partial_fit(rng.standard_normal((500, 3)))
    >>> kept = stream.result()
    >>> kept.seen, kept.matrix.shape == (kept.size, 3), kept.distortion < 0.5
    (10000, True, True)

    Two workers with one half each, which number the rows alike:

    >>> A = rng.standard_normal((6000, 3))
    >>> left = OnlineEmbedding(1, size=100, method="online_lewis", rng=7).partial_fit(A[:2500])
    >>> right = OnlineEmbedding(1, size=100, method="online_lewis", first_row=2500, rng=7)
    >>> both = left.merge(right.partial_fit(A[2500:])).result()
    >>> both.ranges, bool((both.rows == A[both.indices]).all())
    (((0, 6000),), True)
    """

    def __init__(
        self,
        p: float,
        *,
        size: int | None = None,
        eps: float | None = None,
        delta: float = 0.01,
        method: str = "auto",
        leaf: int | None = None,
        max_size: float | None = None,
        first_row: int = 0,
        rng: RNGLike = None,
    ) -> None:
        self.options = Options.checked(
            p, method, size, eps, delta, leaf, max_size, first_row, resolve_seed(rng)
        )
        self._plan: Plan | None = None
        self._parts: tuple[Part, ...] = ()
        self._live: Live | None = None
        self._next = self.options.first_row

    def __repr__(self) -> str:
        return (
            f"OnlineEmbedding(p={self.options.p:g}, method={self.options.method!r}, "
            f"seen={self.seen}, held={self.held}, next_row={self.next_row})"
        )

    @property
    def seen(self) -> int:
        """Rows that went in, those of merged streams too."""
        return sum(stop - start for start, stop in self.ranges)

    @property
    def held(self) -> int:
        """Rows in memory."""
        live = 0 if self._live is None else self._live.held
        return live + sum(part.node.size for part in self._parts)

    @property
    def next_row(self) -> int:
        """Number that the next row will get."""
        return self._next if self._live is None else self._live.stop

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Numbers of the rows seen: start ... stop - 1 for each pair (start, stop)."""
        glued: list[tuple[int, int]] = []
        for part in (*self._parts, *([] if self._live is None else [self._live])):
            if glued and glued[-1][1] == part.start:
                glued[-1] = (glued[-1][0], part.stop)
            else:
                glued.append((part.start, part.stop))
        return tuple(glued)

    def partial_fit(self, block: Any) -> OnlineEmbedding:
        """Take in the next rows.

        Parameters
        ----------
        block : array_like or sparse matrix, shape (rows, d)
            Real and finite, any number of rows, all blocks dense or all sparse. Not modified; what
            is kept is copied.

        Returns
        -------
        OnlineEmbedding
            The stream itself.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For NaN or infinite entries, a size below d, or columns, dtype or sparsity that change
            along the stream. The stream is then as before, and after any interruption.
        """
        tall = as_tall(block, name="block", require_tall=False)
        plan = self._plan or self.options.plan(tall)
        plan.check(tall)
        tall.scan()
        parts, live = self._parts, self._live
        if live is None:
            live, parts = begin(plan, self._next, parts)
        for piece in _pieces(tall):
            live = advance(plan, live, piece)
        self._plan, self._parts, self._live = plan, parts, live
        return self

    def result(self) -> StreamEmbedding:
        """The embedding of the rows so far; the stream can go on afterwards.

        Returns
        -------
        StreamEmbedding
            With reweighted rows in `matrix`.

        Raises
        ------
        ArgumentError
            If no row was seen yet.
        """
        plan = self._plan
        if plan is None:
            remedy = "Call partial_fit with at least one block first."
            raise argument_error("blocks", "no rows", "at least one row", remedy)
        parts = self._frozen()
        node, steps = united(plan, parts)
        sample = RowSample(
            node.indices,
            1.0 / node.probabilities,
            node.probabilities,
            design=plan.method,
            seed=plan.seed,
            n=parts[-1].stop,
            p=plan.p,
        )
        scores = folded(parts)
        ratios = measured(plan, parts, scores, node)
        status = Status.EXACT if sample.size == self.seen else Status.OK
        eps = self.options.eps
        if ratios is not None and eps is not None:
            missed = max(1.0 - ratios[0], ratios[1] - 1.0) > eps
            status = Status.EPS_NOT_MET if missed else status
        return StreamEmbedding(
            sample=sample,
            rows=node.rows,
            p=plan.p,
            method=plan.method,
            seen=self.seen,
            ranges=self.ranges,
            held=self.held,
            steps=steps,
            score_total=None if scores is None else scores.total,
            ratios=ratios,
            eps=eps,
            status=status,
        )

    def merge(self, other: Any) -> OnlineEmbedding:
        """Take in what another stream of other rows has seen: p-th powers of disjoint rows add.

        Parameters
        ----------
        other : OnlineEmbedding
            With the same options and seed, rows of the same kind, and other row numbers. Not
            modified.

        Returns
        -------
        OnlineEmbedding
            The stream itself. Its next row is numbered after the last row of both.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If the options differ or a row number was seen by both. Both are then as before.

        Notes
        -----
        The result is the same, to the last bit, for every order in which streams are merged.
        Samples are kept apart until `result` puts them together: memory for one each.
        """
        if not isinstance(other, OnlineEmbedding):
            remedy = "Load it first if it was saved to a file."
            raise argument_error(
                "other", type(other).__name__, "an OnlineEmbedding", remedy, kind=ArgumentTypeError
            )
        self.options.check_same(other.options)
        if other._plan is None:
            return self
        if self._plan is not None and self._plan != other._plan:
            remedy = "Convert the blocks to one kind before they enter the streams."
            raise argument_error("other", other._plan.kind, self._plan.kind, remedy)
        parts = sorted([*self._frozen(), *other._frozen()], key=lambda part: part.start)
        for before, after in itertools.pairwise(parts):
            if after.start < before.stop:
                raise argument_error(
                    "other",
                    f"rows {other.ranges}",
                    f"rows apart from {self.ranges}",
                    "Give every stream the number of its first row in the whole matrix as "
                    "first_row=, and merge each stream once.",
                )
        following = max(self.next_row, other.next_row)
        if self._plan is None:
            following = other.next_row
        self._plan, self._parts, self._live, self._next = other._plan, tuple(parts), None, following
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to a .npz file of plain arrays, so that `load` goes on to the same bits.

        Parameters
        ----------
        path : str or path-like
            An existing file is replaced in one step, when the new one is complete: a process that
            is killed while it saves leaves the old file whole.

        Notes
        -----
        The page on streams of the documentation lists the arrays. No pickled objects.
        """
        write_state(path, self.options, self._next, self._plan, self._parts, self._live)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> OnlineEmbedding:
        """Read what `save` wrote.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        OnlineEmbedding
            Continues exactly as the saved one would have.

        Raises
        ------
        DamagedFileError
            If the file is not such a file, is of another version, or is damaged.
        FileNotFoundError
            If there is no file.
        """
        stream = cls.__new__(cls)
        state = read_state(path)
        stream.options, stream._next, stream._plan, stream._parts, stream._live = state
        return stream

    def _frozen(self) -> list[Part]:
        live = [] if self._live is None or self._plan is None else [freeze(self._plan, self._live)]
        return [*self._parts, *live]


def _pieces(block: TallMatrix) -> Iterator[TallMatrix]:
    """The block in pieces of a limited size, read in order: one pass, wherever its rows are."""
    n, d = block.shape
    step = max(1, _CHUNK_ELEMENTS // d)
    if n <= step:
        yield block
        return
    gathered: list[Any] = []
    for start, rows in block.blocks():
        gathered.append(rows)
        stop = start + rows.shape[0]
        if stop == n or sum(part.shape[0] for part in gathered) >= step:
            # Blocks are float64; rows of the stream have the dtype that they came in.
            piece = stacked(gathered).astype(block.dtype, copy=False)
            yield as_tall(piece, name="block", require_tall=False)
            gathered = []
