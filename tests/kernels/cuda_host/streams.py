"""Streams, events and page-locked memory of the stand-in for CuPy: copies are as late as can be.

Work of the null stream, and of any stream that is the current one, is done when it is queued.
Copies that are queued on another stream from page-locked memory are done when somebody waits for
them, and read the host's memory then. Beside the numbers there is a clock per stream (Lamport's, as
vectors): an array that is used on one stream while another may still be copying into it, or copied
into while it may still be in use or has only been allocated elsewhere, is an error even if the
numbers happen to be right. Streams that wait for the null stream by themselves do not exist here.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["Memory", "RaceError", "Streams"]

Clock = dict[int, int]


class RaceError(AssertionError):
    """Two streams use memory, and nothing says which one is first."""


def _merge(clock: Clock, other: Clock) -> None:
    for number, ticks in other.items():
        if clock.get(number, 0) < ticks:
            clock[number] = ticks


class Memory:
    """Who has used an allocation: shared by all arrays that look at it."""

    __slots__ = ("used", "written")

    def __init__(self) -> None:
        self.used: Clock = {}  # the last use by each stream
        self.written: tuple[int, int] | None = None  # the last copy that was queued


class Streams:
    """The classes of cupy.cuda for one module `cupy`."""

    def __init__(self) -> None:
        host: Clock = {}  # what this process has waited for
        every: weakref.WeakSet[Any] = weakref.WeakSet()
        numbers = iter(range(1 << 30))
        local = threading.local()
        pinned: list[tuple[Any, int, int]] = []

        class Event:
            def __init__(
                self, block: bool = False, disable_timing: bool = False, interprocess: bool = False
            ) -> None:
                self._stream: Any = None
                self._clock: Clock = {}
                self._upto = 0

            def record(self, stream: Any = None) -> None:
                self._stream = Stream.null if stream is None else stream
                self._clock = self._stream._tick()
                self._upto = self._stream._queued

            def synchronize(self) -> None:
                self._reach()
                _merge(host, self._clock)

            def _reach(self) -> None:
                if self._stream is not None:
                    self._stream._do(self._upto)

        class Stream:
            null: Any = None

            def __init__(
                self, null: bool = False, non_blocking: bool = False, ptds: bool = False
            ) -> None:
                if ptds or not (null or non_blocking):
                    raise NotImplementedError("streams that wait for the null stream by themselves")
                self.ptr = next(numbers)
                self._clock: Clock = {}
                self._work: list[Callable[[], None]] = []
                self._queued = self._done = 0
                every.add(self)

            def _tick(self) -> Clock:
                _merge(self._clock, host)
                self._clock[self.ptr] = self._clock.get(self.ptr, 0) + 1
                return dict(self._clock)

            def _queue(self, work: Callable[[], None]) -> None:
                self._work.append(work)
                self._queued += 1
                if self is current():
                    self._do(self._queued)

            def _do(self, upto: int) -> None:
                while self._done < upto:
                    self._done += 1
                    self._work.pop(0)()

            def record(self, event: Any = None) -> Any:
                event = Event() if event is None else event
                event.record(self)
                return event

            def wait_event(self, event: Any) -> None:
                _merge(self._clock, event._clock)
                self._queue(event._reach)

            def synchronize(self) -> None:
                self._do(self._queued)
                _merge(host, self._tick())

            def __enter__(self) -> Any:
                stack().append(self)
                self._do(self._queued)
                return self

            def __exit__(self, *error: object) -> None:
                stack().pop()

        def stack() -> list[Any]:
            if not hasattr(local, "stack"):
                local.stack = [Stream.null]
            found: list[Any] = local.stack
            return found

        def current(device_id: int = -1) -> Any:
            return stack()[-1]

        class PinnedMemoryPointer(bytearray):
            """Page-locked memory, full of what nobody has written; more of it than asked for."""

        def alloc_pinned_memory(size: int) -> Any:
            memory = PinnedMemoryPointer(b"\xff" * (-(-max(size, 1) // 512) * 512))
            first = np.frombuffer(memory, np.uint8).ctypes.data
            pinned.append((weakref.ref(memory), first, first + len(memory)))
            return memory

        def is_pinned(array: Any) -> bool:
            first = array.ctypes.data
            return any(
                start <= first and first + array.nbytes <= stop and alive() is not None
                for alive, start, stop in pinned
            )

        def use(memory: Memory) -> None:
            """The current stream reads or writes an allocation."""
            stream = current()
            clock = stream._tick()
            if memory.written is not None:
                writer, ticks = memory.written
                if clock.get(writer, 0) < ticks:
                    raise RaceError("an array is used before the copy into it is complete")
            memory.used[stream.ptr] = clock[stream.ptr]

        def copy_later(memory: Memory, there: Any, here: Any, stream: Any) -> None:
            """Queue a copy of host memory on a stream that is not the current one."""
            clock = stream._tick()
            last = dict(memory.used)
            if memory.written is not None:
                last[memory.written[0]] = max(last.get(memory.written[0], 0), memory.written[1])
            if any(clock.get(number, 0) < ticks for number, ticks in last.items()):
                raise RaceError("an array is copied into that may still be in use elsewhere")
            memory.written = stream.ptr, clock[stream.ptr]
            if not is_pinned(here):
                here = here.copy()  # ordinary memory has been read when the call returns
            stream._queue(lambda: np.copyto(there, here))

        def synchronize() -> None:
            for stream in list(every):
                stream.synchronize()

        Stream.null = Stream(null=True)
        self.Stream, self.Event, self.current = Stream, Event, current
        self.alloc_pinned_memory = alloc_pinned_memory
        self.use, self.copy_later, self.synchronize = use, copy_later, synchronize
