"""A device that runs launches on the emulator, and the arrays that live on it."""

from __future__ import annotations

import ctypes
import pathlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from rnla.kernels import dispatch
from rnla.kernels.dispatch import Launch

from . import build

__all__ = ["EmulatedArray", "EmulatedDevice", "EmulatorError", "argument_types", "execute"]

GUARD = 4096  # bytes before and after every array that belong to none
MOST_SHARED = 227 * 1024
MOST_STATIC = 48 * 1024


class EmulatorError(AssertionError):
    """A kernel did something that is wrong, or undefined, on a GPU."""


class EmulatedArray(np.ndarray):
    """Stands for a CuPy array: contract functions take it for one that lives on a device."""


class EmulatedDevice:
    """Runs launches block by block; `order` 0 forward, 1 backward, more: shuffled threads.

    Without `check` memory is not watched, and kernels are several times as fast.
    """

    def __init__(self, cache: pathlib.Path, *, order: int = 0, check: bool = True) -> None:
        self.cache, self.order, self.check = cache, order, check
        self.launches: list[Launch] = []
        self.sources: dict[str, pathlib.Path] = {}  # that stand for a kernel's own

    def empty(self, shape: Any, dtype: Any) -> EmulatedArray:
        """Memory full of ones bits: NaN, or -1."""
        dtype = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        memory = np.full(size + 2 * GUARD + 256, 0xFF, dtype=np.uint8)
        first = GUARD + -(memory.ctypes.data + GUARD) % 256
        return memory[first : first + size].view(dtype).reshape(shape).view(EmulatedArray)

    def zeros(self, shape: Any, dtype: Any) -> EmulatedArray:
        out = self.empty(shape, dtype)
        out[...] = 0
        return out

    def put(self, array: Any) -> EmulatedArray:
        """A copy on the device, in C order."""
        array = np.asarray(array)
        out = self.empty(array.shape, array.dtype)
        out[...] = array
        return out

    def arange(self, stop: int, step: int = 1) -> EmulatedArray:
        return self.put(np.arange(0, stop, step, dtype=np.int64))

    def contiguous(self, array: Any, dtype: Any) -> EmulatedArray:
        if array.dtype == dtype and array.flags.c_contiguous:
            return array
        return self.put(np.asarray(array).astype(dtype))

    def sort(self, keys: Any) -> EmulatedArray:
        return self.put(np.sort(keys))

    def cumsum(self, counts: Any) -> EmulatedArray:
        return self.put(np.cumsum(counts))

    def flatnonzero(self, flags: Any) -> EmulatedArray:
        return self.put(np.flatnonzero(flags))

    @contextmanager
    def here(self) -> Iterator[EmulatedDevice]:
        """Within the block contract functions run emulated arrays on this device."""
        name = __name__.partition(".")[0]
        dispatch.DEVICES[name] = lambda array: self
        try:
            yield self
        finally:
            del dispatch.DEVICES[name]

    def library(
        self, kernel: str, types: tuple[str, ...], source: pathlib.Path | None = None
    ) -> ctypes.CDLL:
        return build.library(kernel, types, self.cache, source, watched=self.check)

    def run(self, launch: Launch) -> None:
        self.launches.append(launch)
        source = self.sources.get(launch.kernel)
        library = self.library(launch.kernel, launch.types, source)
        execute(library, launch, order=self.order, check=self.check)


def execute(library: ctypes.CDLL, launch: Launch, *, order: int = 0, check: bool = True) -> None:
    """Run a launch; raise for limits, types and everything that emulator.cpp reports."""
    where = f"{launch.kernel}.{launch.function}"
    if check and not ctypes.c_int.in_dll(library, "emulator_watched").value:
        raise ValueError(f"{where}: cannot be checked, it was built without watching memory")
    _check_limits(library, launch, where)
    types = argument_types(library, launch.function)
    if len(types) != len(launch.arguments):
        raise EmulatorError(f"{where}: {len(launch.arguments)} arguments for {len(types)}")
    values = []
    buffers: dict[int, np.ndarray] = {}
    for place, (kind, given) in enumerate(zip(types, launch.arguments, strict=True)):
        values.append(_value(kind, given, f"{where}, argument {place}"))
        if isinstance(given, np.ndarray) and given.size:
            known = buffers.get(given.ctypes.data)
            if known is None or known.nbytes < given.nbytes:
                buffers[given.ctypes.data] = given
    before = [
        (place, given, given.copy())
        for place, (kind, given) in enumerate(zip(types, launch.arguments, strict=True))
        if kind[0] == "&" and given is not None and given.size < 1 << 20
    ]
    message = ctypes.create_string_buffer(1024)
    arrays = list(buffers.values())
    failed = library.emulator_launch(
        library[f"call_{launch.function}"],
        len(values),
        (ctypes.c_void_p * max(1, len(values)))(*(v.ctypes.data for v in values)),
        (ctypes.c_size_t * max(1, len(values)))(*(v.nbytes for v in values)),
        (ctypes.c_uint * 3)(*launch.grid),
        (ctypes.c_uint * 3)(*launch.block),
        ctypes.c_size_t(launch.shared),
        len(arrays),
        (ctypes.c_void_p * max(1, len(arrays)))(*(a.ctypes.data for a in arrays)),
        (ctypes.c_size_t * max(1, len(arrays)))(*(a.nbytes for a in arrays)),
        (ctypes.c_size_t * max(1, len(arrays)))(*(min(8, a.itemsize) for a in arrays)),
        order,
        int(check),
        message,
        ctypes.c_size_t(len(message)),
    )
    if failed:
        raise EmulatorError(f"{where}: {message.value.decode()}")
    for place, given, old in before:
        if given.tobytes() != old.tobytes():
            raise EmulatorError(f"{where}: argument {place} is const and was changed")


def argument_types(library: ctypes.CDLL, function: str) -> list[str]:
    """NumPy's names of a function's parameters: "f8", "*f8" for a pointer, "&f8" to constants."""
    types_of = library[f"types_{function}"]
    types_of.restype = ctypes.c_char_p
    return types_of().decode().split()


def _check_limits(library: ctypes.CDLL, launch: Launch, where: str) -> None:
    library.emulator_static_shared.restype = ctypes.c_size_t
    threads = int(np.prod(launch.block))
    static = library.emulator_static_shared()
    good = (
        all(isinstance(n, int) and n >= 1 for n in (*launch.grid, *launch.block))
        and threads <= 1024
        and launch.block[2] <= 64
        and launch.grid[0] < 2**31
        and max(launch.grid[1:]) < 2**16
        and static <= MOST_STATIC
        and static + launch.shared <= MOST_SHARED
    )
    if not good:
        raise EmulatorError(
            f"{where}: grid {launch.grid}, block {launch.block}, {static} + {launch.shared} bytes "
            "of shared memory are outside of what a GPU can launch"
        )


def _value(kind: str, given: Any, where: str) -> Any:
    """The bytes of an argument, if it has the type that the C++ function declares."""
    if kind[0] in "*&":
        if given is None:
            return np.zeros(1, np.uint64)
        if not isinstance(given, EmulatedArray):
            raise EmulatorError(f"{where}: {type(given).__name__} is not on the device")
        if given.dtype.str[1:].replace("|", "") != kind[1:] or not given.flags.c_contiguous:
            raise EmulatorError(f"{where}: array of {given.dtype} for {kind}, or not contiguous")
        return np.array([given.ctypes.data], np.uint64)
    if not isinstance(given, np.generic) or given.dtype.str[1:] != kind:
        raise EmulatorError(f"{where}: {given!r} of type {type(given).__name__} for {kind}")
    return np.array([given])
