"""Progress of long runs: a bar that counts passes, and one for the rows of a pass that takes long.

Bars go to standard error and disappear at the end. The number of passes is an estimate that the
algorithms correct as they learn more. Rows on a Dask cluster are shown by Dask's own bars. Cost:
one addition per block.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm

from .._result import FloatArray, IntArray
from ._dask_progress import dask_bars
from ._digest import add_content
from ._engine import Engine, Visit, Wrap
from ._reduction import ADD, Reduction
from ._source import Block

__all__ = ["PassCounter", "ProgressEngine", "with_progress"]

_FORMAT = "{desc}: {n_fmt} of about {total_fmt} passes |{bar}| [{elapsed}<{remaining}]"
_OPEN_FORMAT = "{desc}: {n_fmt} passes [{elapsed}]"
_DELAY = 1.0  # seconds after which a pass gets a bar of its own


class PassCounter:
    """The bar of passes; without `shown` a counter that shows nothing.

    Parameters
    ----------
    what : str
        What is computed, for example "lewis weights".
    passes : float, optional
        About how many passes it takes.
    shown : bool
        Whether to show this bar. Bars of single passes do not depend on it.
    """

    def __init__(self, what: str = "", *, passes: float | None = None, shown: bool = True) -> None:
        self.passes = 0
        self._bar = None
        if shown:
            form = _OPEN_FORMAT if passes is None else _FORMAT
            self._bar = tqdm(total=passes, desc=what, leave=False, bar_format=form)

    def expect(self, passes: float, what: str | None = None) -> None:
        """From now on about so many passes are to come; `what` says what they compute."""
        if self._bar is None:
            return
        self._bar.total, self._bar.bar_format = self.passes + max(1, round(passes)), _FORMAT
        if what is not None:
            self._bar.set_description_str(what, refresh=False)
        self._bar.refresh()

    def advance(self) -> None:
        """One more pass is done."""
        self.passes += 1
        if self._bar is None:
            return
        if self._bar.total is not None and self.passes >= self._bar.total:
            self._bar.total = self.passes + 1  # the estimate was too low
        self._bar.update()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


class ProgressEngine:
    """An engine whose passes show how far they are."""

    def __init__(self, engine: Engine, counter: PassCounter) -> None:
        self._engine, self._counter = engine, counter
        self.header, self.is_distributed = engine.header, engine.is_distributed
        self.is_on_device = engine.is_on_device
        self.place = getattr(engine, "place", "")

    def identity(self) -> object | None:
        """See `Engine`."""
        return self._engine.identity()

    @contextmanager
    def _rows_bar(self, visit: Visit | None = None) -> Iterator[Any]:
        """A bar over the rows of one pass."""
        counts = visit is not add_content
        with tqdm(
            total=self.header.shape[0],
            desc=f"pass {self._counter.passes + 1}" if counts else "recognising the rows",
            unit=" rows",
            unit_scale=True,
            leave=False,
            delay=_DELAY,
        ) as bar:
            yield bar
        if counts:
            self._counter.advance()

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
        options: dict[str, Any] = {"rows": rows, "shape": shape, "reduction": reduction}
        options |= {"width": width, "raw": raw, "gather": gather}
        if self.is_distributed and not self.is_on_device:  # a visit may travel, a bar cannot
            with dask_bars():
                result = self._engine.run(visit, **options)
            if visit is not add_content:
                self._counter.advance()
            return result
        with self._rows_bar(visit) as bar:
            lock = threading.Lock()

            def visit_and_tick(block: Block, *arguments: Any) -> FloatArray | None:
                found = visit(block, *arguments)
                with lock:
                    bar.update(block.shape[0])
                return found

            return self._engine.run(visit_and_tick, **options)

    def lazy(self, visit: Visit, *, rows: Sequence[Any] = (), width: int = 0) -> Any:
        """See `Engine`; what is computed later is shown by whoever asks for it."""
        if self.is_distributed:
            return self._engine.lazy(visit, rows=rows, width=width)
        return self.run(visit, rows=rows, width=width)[1]

    def skipped(self) -> None:
        """A pass was answered without reading."""
        self._counter.advance()

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """See `Engine`."""
        with self._rows_bar() as bar:
            for start, block in self._engine.blocks():
                yield start, block
                bar.update(block.shape[0])

    def take(self, rows: IntArray) -> Any:
        """See `Engine`."""
        return self._engine.take(rows)

    def view(self, wrap: Wrap) -> ProgressEngine:
        """See `Engine`."""
        return ProgressEngine(self._engine.view(wrap), self._counter)

    def where(self, row: int) -> str:
        """See `Engine`."""
        return self._engine.where(row)


def with_progress(engine: Engine, counter: PassCounter | None = None) -> Engine:
    """The engine with bars: those of `counter`, or of single passes only."""
    counter = PassCounter(shown=False) if counter is None else counter
    inside = getattr(engine, "inside", None)  # a checkpoint must see visits as they are
    if inside is not None:
        wrapped: Engine = inside(lambda inner: ProgressEngine(inner, counter))
        return wrapped
    return ProgressEngine(engine, counter)
