"""A home for rows that keeps row vectors in Dask arrays cut anywhere a strip may end.

The passes themselves run here. So what algorithms do with distributed row vectors is tested apart
from how a cluster runs passes.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from rnla.tall import TallMatrix, as_tall
from rnla.tall._cut import Cut
from rnla.tall._engine import LocalEngine


class CutEngine:
    is_distributed = True
    is_on_device = False

    def __init__(self, engine: LocalEngine, ends) -> None:
        self._engine, self.ends, self.header = engine, ends, engine.header
        self.gathered = 0  # row vectors that came to the caller

    def keep(self, values):
        import dask.array as da

        starts = [0, *self.ends[:-1]]
        chunks = (tuple(end - start for start, end in zip(starts, self.ends, strict=True)),)
        return da.from_array(values, chunks=(*chunks, *((k,) for k in values.shape[1:]))).persist()

    def run(self, visit, *, rows=(), width=None, gather=True, **options):
        here = [np.asarray(vector) for vector in rows]
        total, values = self._engine.run(visit, rows=here, width=width, **options)
        if width is None:
            return total, None
        self.gathered += gather
        return total, values if gather else self.keep(values)

    def lazy(self, visit, *, rows=(), width=0):
        import dask
        import dask.array as da

        def compute():
            return self._engine.run(visit, rows=[np.asarray(v) for v in rows], width=width)[1]

        whole = da.from_delayed(dask.delayed(compute)(), (self.header.shape[0],), dtype=float)
        return whole.rechunk(self.keep(np.zeros(self.header.shape[0])).chunks)

    def blocks(self):
        return self._engine.blocks()

    def take(self, rows):
        return self._engine.take(rows)

    def view(self, wrap):
        return CutEngine(self._engine.view(wrap), self.ends)

    def where(self, row):
        return self._engine.where(row)


def strip_rows(A) -> int:
    """Rows of a strip, the unit in which rows are cut."""
    engine = as_tall(A, require_tall=False)._engine
    return Cut.of(engine.header).strip


def cut(A, ends) -> TallMatrix:
    """A with row vectors cut at the given strips; the last end is always n."""
    engine = as_tall(A)._engine
    n, strip = engine.header.shape[0], strip_rows(A)
    ends = sorted({min(strip * end, n) for end in ends if end > 0} | {n})
    return TallMatrix(CutEngine(engine, ends))


def evenly(A, parts: int) -> TallMatrix:
    """A cut into at most so many parts of about equal size."""
    strips = -(-A.shape[0] // strip_rows(A))
    return cut(A, [strips * (i + 1) // parts for i in range(parts)])


def difficult_rows(kind: str, n: int, d: int, *, decades: float):
    """Rows that are hard to cut, at least 4100 of them; `decades` is for "uneven rows"."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((n, d)) * np.exp(rng.standard_normal((n, 1)))
    if kind == "zero rows":
        A[:1500] = 0.0
        A[4000:4100] = 0.0
    if kind == "duplicates":
        A[n // 5 :] = A[: n // 5].repeat(4, axis=0)
    if kind == "rank-deficient":
        A[:, 3] = A[:, 0] - 2.0 * A[:, 1]
    if kind == "uneven rows":
        A *= 10.0 ** rng.uniform(-decades, 0, (n, 1))
    if kind == "sparse":
        return sp.csr_array(A * (rng.random((n, d)) < 0.4))
    return A.astype(np.float32) if kind == "float32" else A
