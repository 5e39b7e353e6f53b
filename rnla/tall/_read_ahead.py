"""A reader thread that loads strips of rows while earlier ones are worked on.

Files and iterators are read in order, in groups of whole strips, at most two groups before
they are needed, so disk and arithmetic overlap and memory stays bounded by the budget.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from ._source import Source

__all__ = ["READ_AHEAD", "read_ahead"]

#: Groups in memory beside those that are being worked on: one being loaded, one that waits.
READ_AHEAD = 2
_WAITING = READ_AHEAD - 1

Group = tuple[int, int]


def read_ahead(source: Source, groups: list[Group]) -> Iterator[tuple[int, Source]]:
    """Yield (start, rows in memory) for each range of rows, in order."""
    loaded: queue.Queue[tuple[int, Source] | BaseException | None] = queue.Queue(_WAITING)
    stop = threading.Event()

    def put(item: tuple[int, Source] | BaseException | None) -> None:
        while not stop.is_set():
            try:
                loaded.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def read() -> None:
        try:
            for start, end in groups:
                if stop.is_set():
                    return
                put((start, source.load(start, end)))
            put(None)
        except BaseException as error:  # the caller raises it where the rows were wanted
            put(error)

    reader = threading.Thread(target=read, name="rnla-reader", daemon=True)
    reader.start()
    try:
        while (item := loaded.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
            del item
    finally:
        stop.set()
        reader.join()
