"""A GPU through CuPy: runs launches on the current stream, compiles a kernel at its first call."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cupy
import numpy as np

from .dispatch import OPTIONS, Launch, source

__all__ = ["CupyDevice"]

# Beyond 48 KiB shared memory has to be asked for; of that a kernel's static arrays may take half.
_STATIC_LIMIT = 24 * 1024
_OLDEST = 75  # compute capability that the sources are compiled for in the tests


@lru_cache
def _check(number: int) -> None:
    """Say what is wrong with an old GPU before a compiler that has forgotten it fails obscurely."""
    capability = int(cupy.cuda.Device(number).compute_capability)
    if capability < _OLDEST:
        raise RuntimeError(
            f"GPU {number}: got compute capability {capability / 10}; expected at least "
            f"{_OLDEST / 10}. Convert the arrays with cupy.asnumpy to compute on the CPU."
        )


@lru_cache
def _module(kernel: str, types: tuple[str, ...]) -> Any:
    options = (*OPTIONS, *(f"-D{name}" for name in types))
    return cupy.RawModule(code=source(kernel), options=options, backend="nvrtc")


@lru_cache
def _function(kernel: str, types: tuple[str, ...], name: str) -> Any:
    """Loaded on each GPU by CuPy at the first call, which also keeps the machine code on disk."""
    return _module(kernel, types).get_function(name)


class CupyDevice:
    """Array operations and launches on one GPU."""

    def __init__(self, number: int) -> None:
        _check(number)
        self._device = cupy.cuda.Device(number)

    def empty(self, shape: Any, dtype: Any) -> Any:
        with self._device:
            return cupy.empty(shape, dtype)

    def zeros(self, shape: Any, dtype: Any) -> Any:
        with self._device:
            return cupy.zeros(shape, dtype)

    def put(self, small: Any) -> Any:
        """A copy of a small host array, such as windows of a histogram."""
        with self._device:
            return cupy.asarray(small)

    def arange(self, stop: int, step: int = 1) -> Any:
        with self._device:
            return cupy.arange(0, stop, step, dtype=np.int64)

    def contiguous(self, array: Any, dtype: Any) -> Any:
        with self._device:
            return cupy.ascontiguousarray(array, dtype=dtype)

    def sort(self, keys: Any) -> Any:
        with self._device:
            return cupy.sort(keys)

    def cumsum(self, counts: Any) -> Any:
        with self._device:
            return cupy.cumsum(counts)

    def flatnonzero(self, flags: Any) -> Any:
        with self._device:
            return cupy.flatnonzero(flags)

    def run(self, launch: Launch) -> None:
        """Queue a launch on the current stream; nothing waits for it."""
        with self._device:
            function = _function(launch.kernel, launch.types, launch.function)
            if launch.shared > _STATIC_LIMIT:
                self._ask(function, launch)
            arguments = tuple(np.intp(0) if a is None else a for a in launch.arguments)
            function(launch.grid, launch.block, arguments, shared_mem=launch.shared)

    def _ask(self, function: Any, launch: Launch) -> None:
        """Ask for shared memory; what was asked for stays, since another thread may need it."""
        if launch.shared <= function.max_dynamic_shared_size_bytes:
            return
        most = self._device.attributes["MaxSharedMemoryPerBlockOptin"] - function.shared_size_bytes
        if launch.shared > most:
            raise RuntimeError(
                f"{launch.kernel}.{launch.function}: got columns that need {launch.shared} bytes "
                f"of shared memory; expected at most {most} on GPU {self._device.id}. Convert the "
                "arrays with cupy.asnumpy to compute on the CPU."
            )
        function.max_dynamic_shared_size_bytes = launch.shared
