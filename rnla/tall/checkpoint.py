"""Checkpoints: a run that was killed replays its finished passes from disk and goes on.

Every algorithm here is a function of the results of its passes and of a seed. So nothing of its
state is saved: each finished pass is stored under a digest of what it was asked, and a run that is
started again asks the same, gets the stored answers without reading a row, and reads rows from
where the first run ended. Other data, arguments or versions ask for something else and find
nothing, so a stored result is never used for the wrong question.

Disk: 8 n bytes for every pass that returns a number per row, little for the others; Lewis weights
for p = 1 take about 64 n bytes. Time: 1 ns per byte of the row vectors that go into a pass, and
one reading of a matrix that is not in files, to recognise it.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import scipy
import scipy.sparse as sp

from .._errors import argument_error, import_optional
from .._result import FloatArray, IntArray
from ._checkpoint_folder import Arrays, CheckpointFolder
from ._digest import CONTENT_SHAPE, UndigestibleError, add_content, digest
from ._engine import Engine, Visit, Wrap
from ._file_errors import PathLike
from ._reduction import ADD, Reduction
from ._source import Block, csr_block
from .rows import is_distributed

__all__ = ["CheckpointEngine", "with_checkpoint"]


class CheckpointEngine:
    """An engine that answers from a folder what was asked before, and else asks `engine`.

    Passes through `blocks` are read again, and so are visits that cannot be told apart (functions
    inside functions). Rows of a matrix in memory are taken from there.

    Attributes
    ----------
    folder : CheckpointFolder
    replayed : int
        Passes answered from the folder, views included.
    """

    def __init__(
        self, engine: Engine, folder: CheckpointFolder, *, parent: CheckpointEngine | None = None
    ) -> None:
        if engine.is_on_device:
            raise argument_error(
                "checkpoint",
                "a folder for rows on a GPU",
                "None, since n-vectors would have to come to the host",
                "Leave it out, or convert the matrix with cupy.asnumpy.",
            )
        self.engine, self.folder = engine, folder
        self.header, self.is_distributed = engine.header, engine.is_distributed
        self.is_on_device: bool = engine.is_on_device
        self._identity: bytes | None = None if parent is None else parent._identity
        self._replayed: list[int] = [0] if parent is None else parent._replayed

    @property
    def replayed(self) -> int:
        return self._replayed[0]

    def identity(self) -> bytes:
        """What tells this matrix from any other; reads all rows if nothing else does."""
        if self._identity is None:
            known = self.engine.identity()
            if known is None:
                known, _ = self.engine.run(add_content, shape=CONTENT_SHAPE, raw=True)
            header = self.header
            kind = header.shape, header.dtype, header.is_sparse, header.entry_count
            self._identity = digest(_versions(), kind, header.row_cost, known)
        return self._identity

    def run(
        self,
        visit: Visit,
        *,
        rows: Sequence[Any] = (),
        shape: tuple[int, ...] | None = None,
        reduction: Reduction = ADD,
        width: int | None = None,
        raw: bool = False,
        gather: bool = True,
    ) -> tuple[FloatArray | None, Any]:
        """See `Engine`."""
        asked = (
            visit,
            tuple(rows),
            shape,
            reduction,
            width,
            raw,
            gather or not self.is_distributed,
        )
        key = self._key("pass", *asked)
        stored = None if key is None else self.folder.load(key)
        if stored is not None:
            self._replayed[0] += 1
            getattr(self.engine, "skipped", lambda: None)()
            return stored.get("total"), _restored(stored)
        total, values = self.engine.run(
            visit, rows=rows, shape=shape, reduction=reduction, width=width, raw=raw, gather=gather
        )
        if key is not None:
            self.folder.store(key, _arrays(total, values))
        return total, values

    def _key(self, *asked: Any) -> bytes | None:
        try:
            return digest(self.identity(), *asked)
        except UndigestibleError:
            return None

    def lazy(self, visit: Visit, *, rows: Sequence[Any] = (), width: int = 0) -> Any:
        """See `Engine`; what is computed later, elsewhere, is not stored."""
        if self.is_distributed:
            return self.engine.lazy(visit, rows=rows, width=width)
        return self.run(visit, rows=rows, width=width)[1]

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """See `Engine`."""
        return self.engine.blocks()

    def take(self, rows: IntArray) -> Any:
        """See `Engine`."""
        small = 2 * len(rows) <= self.header.shape[0]
        away = self.header.streamed or self.is_distributed
        key = self._key("take", rows) if small and away else None
        stored = None if key is None else self.folder.load(key)
        if stored is not None:
            return _matrix(stored)
        taken = self.engine.take(rows)
        if key is not None:
            self.folder.store(key, _matrix_arrays(taken))
        return taken

    def view(self, wrap: Wrap) -> CheckpointEngine:
        """See `Engine`."""
        other = CheckpointEngine(self.engine.view(wrap), self.folder, parent=self)
        try:
            other._identity = digest(self.identity(), "view", wrap)
        except UndigestibleError:
            other._identity = None  # read to be recognised, as a matrix of its own
        return other

    def inside(self, wrap: Callable[[Engine], Engine]) -> CheckpointEngine:
        """The same checkpoint around wrap(engine), which changes no result."""
        return CheckpointEngine(wrap(self.engine), self.folder, parent=self)

    def where(self, row: int) -> str:
        """See `Engine`."""
        return self.engine.where(row)


def with_checkpoint(engine: Engine, directory: PathLike) -> CheckpointEngine:
    """The engine with a checkpoint in `directory`, whose entries stay until the folder is deleted.

    Functions that draw a seed because they were given none take the one in the folder.

    Raises
    ------
    ArgumentError
        If the directory is unsuitable or another process is using it.
    """
    return CheckpointEngine(engine, CheckpointFolder(directory))


def _versions() -> tuple[str, ...]:
    """Other versions may round differently, or ask for other passes."""
    return importlib.metadata.version("rnla"), np.__version__, scipy.__version__


def _arrays(total: FloatArray | None, values: Any) -> Arrays:
    arrays: dict[str, Any] = {}
    if total is not None:
        arrays["total"] = total
    if is_distributed(values):
        # One part at a time is here; the folder may be out of reach where the parts are.
        parts = values.to_delayed().ravel()
        arrays |= {f"part{number}": part.compute() for number, part in enumerate(parts)}
    elif values is not None:
        arrays["values"] = values
    return arrays


def _restored(stored: Arrays) -> Any:
    """The row vector of a stored pass, in the parts that it had."""
    if "part0" not in stored:
        return stored.get("values")
    dask = import_optional("dask.array", extra="dask", purpose="to hand row vectors to workers")
    count = sum(name.startswith("part") for name in stored)
    parts = (stored[f"part{number}"] for number in range(count))
    return dask.concatenate([dask.from_array(part, chunks=part.shape) for part in parts]).persist()


def _matrix_arrays(rows: Any) -> Arrays:
    if not sp.issparse(rows):
        return {"rows": np.asarray(rows)}
    csr = sp.csr_array(rows)
    shape = np.array(csr.shape)
    return {"shape": shape, "data": csr.data, "indices": csr.indices, "indptr": csr.indptr}


def _matrix(stored: Arrays) -> Any:
    if "rows" in stored:
        return stored["rows"]
    arrays = stored["data"], stored["indices"], stored["indptr"]
    return csr_block(*arrays, int(stored["shape"][1]))
