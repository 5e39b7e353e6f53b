"""What functions that run for long offer: a checkpoint, bars, a seed that survives a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ..random import RNGLike, resolve_seed
from ._checkpoint_folder import CheckpointFolder
from ._file_errors import PathLike
from .checkpoint import CheckpointEngine
from .matrix import TallMatrix
from .progress import PassCounter, with_progress

__all__ = ["long_run"]


@contextmanager
def long_run(
    A: TallMatrix,
    *,
    checkpoint: PathLike | None = None,
    progress: bool = False,
    what: str = "",
    passes: float | None = None,
    rng: RNGLike = None,
) -> Iterator[tuple[TallMatrix, int, PassCounter]]:
    """The same matrix read through a checkpoint and shown by bars, a seed, and the bar of passes.

    Parameters
    ----------
    A : TallMatrix
    checkpoint : path-like, optional
        Folder for finished passes: emptied when the block ends without an error, kept otherwise.
    progress : bool
        Whether to show bars.
    what, passes
        What the bar says first, and about how many passes it takes.
    rng : None, int, numpy Generator or SeedSequence
        None means the seed of the run that is being resumed, if there is a checkpoint: this one
        or one that `A` has already.

    Yields
    ------
    tuple of (TallMatrix, int, PassCounter)
        Passes over the matrix count as passes over `A`.
    """
    counter = PassCounter(what, passes=passes, shown=progress)
    folder = None if checkpoint is None else CheckpointFolder(checkpoint)
    try:
        seed = resolve_seed(rng)
        if folder is not None:
            A = A.through(partial(CheckpointEngine, folder=folder))
        if rng is None and isinstance(A._engine, CheckpointEngine):
            seed = A._engine.folder.seed(seed)
        if progress:
            A = A.through(partial(with_progress, counter=counter))
        yield A, seed, counter
        if folder is not None:
            folder.clear()
    finally:
        counter.close()
        if folder is not None:
            folder.close()
