"""A reader thread that loads strips of rows while earlier ones are worked on.

Files and iterators are read in order, in groups of whole strips, at most `_AHEAD` groups before
they are needed, so disk and arithmetic overlap and memory stays bounded by the budget.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

from ._source import Source

__all__ = ["GROUPS_IN_MEMORY", "read_ahead"]

_AHEAD = 1
#: One being loaded, those waiting, and up to two whose strips are being worked on.
GROUPS_IN_MEMORY = _AHEAD + 3

Group = tuple[int, int]


def read_ahead(source: Source, groups: list[Group]) -> Iterator[tuple[int, Source]]:
    """Yield (start, rows in memory) for each range of rows, in order."""
    loaded: queue.Queue[tuple[int, Source] | BaseException | None] = queue.Queue(_AHEAD)
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
