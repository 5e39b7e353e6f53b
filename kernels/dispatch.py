"""Where a kernel runs: Numba for NumPy arrays, CUDA C++ for arrays that live on a GPU.

A contract function asks `device_of` its arrays; None means the Numba code beside it. A device has a
few array operations and `run`, which executes a `Launch`: a named function of a kernel's `cuda.cu`
with its grid, block, shared memory and arguments. All that Python computes for a GPU ends up in
launches, so whatever executes launches can check it. CuPy is imported when a CuPy array arrives.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

__all__ = [
    "DEVICES",
    "OPTIONS",
    "Launch",
    "blocks",
    "device_of",
    "functions",
    "in_place",
    "lanes",
    "of_types",
    "source",
    "strips",
]

# Products and sums are rounded one by one, as on the CPU, except where a kernel writes fma().
# CuPy appends -ftz=true: float arithmetic would lose subnormal numbers, so kernels compute in
# double and turn float into double by as_double().
OPTIONS = ("--std=c++14", "--fmad=false")
MOST_BLOCKS = 1 << 16  # of one launch; threads go on in strides of the grid
MOST_STRIPS = 65535  # what a grid can have in its second extent

_C_TYPES = {
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
    np.dtype(np.int32): "int",
    np.dtype(np.int64): "long long",
}
_INCLUDE = re.compile(r'^#include "(\w+\.cuh)"\n', re.MULTILINE)
_FUNCTION = re.compile(r"__global__\s+void\s+(\w+)\s*\(")


@dataclass(frozen=True)
class Launch:
    """A call of `function` in `kernels/<kernel>/cuda.cu`.

    Arguments are arrays of the device, NumPy scalars of the C++ types, or None for a null pointer.
    `types` are the macros, such as "Real=float", that the source is compiled with.
    """

    kernel: str
    function: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    arguments: tuple[Any, ...]
    types: tuple[str, ...] = ()
    shared: int = 0


def blocks(work: int, threads: int = 1) -> tuple[int, int, int]:
    """A grid for `work` > 0 threads (or blocks, with threads=1), in strides if there is more."""
    return (max(1, min(-(-work // threads), MOST_BLOCKS)), 1, 1)


def strips(work: int) -> int:
    """The second extent of a grid for `work` > 0 strips of columns, in strides if there is more."""
    return max(1, min(work, MOST_STRIPS, MOST_BLOCKS))


def lanes(columns: int) -> int:
    """How many lanes of a warp share a row of so many columns: a power of two, at most 32."""
    return min(32, 1 << max(0, columns - 1).bit_length())


def of_types(**types: Any) -> tuple[str, ...]:
    """Macros for the types of arrays: of_types(Real=np.float32) is ("Real=float",)."""
    return tuple(f"{name}={_C_TYPES[np.dtype(dtype)]}" for name, dtype in types.items())


def in_place(array: Any, name: str, dtype: Any = np.float64) -> Any:
    """An array that a kernel writes into: nothing but what it is will do."""
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(
            f"{name}: got {array.dtype}, strides {array.strides}; expected a C-contiguous array of "
            f"{np.dtype(dtype)}. Copy it first, and the result back."
        )
    return array


def _cupy(array: Any) -> Any:
    from .cupy_device import CupyDevice

    return CupyDevice(array.device.id)


# What runs arrays of a package, by its name: the package is not imported to find out.
DEVICES: dict[str, Callable[[Any], Any]] = {"cupy": _cupy}


def device_of(*arrays: Any) -> Any:
    """The device that holds the arrays, or None for NumPy arrays; None and ranges do not count.

    Raises
    ------
    TypeError
        If some are on a device and some are not: nothing is copied silently.
    """
    kinds = {}
    for array in arrays:
        if array is None or isinstance(array, range):
            continue
        package = type(array).__module__.partition(".")[0]
        kinds[package if package in DEVICES else "numpy"] = array
    if len(kinds) > 1:
        raise TypeError(
            f"arrays: got {' and '.join(sorted(kinds))} arrays together; expected arrays of one "
            "kind. Convert with cupy.asarray or cupy.asnumpy."
        )
    for package, array in kinds.items():
        if package != "numpy":
            return DEVICES[package](array)
    return None


@lru_cache
def source(kernel: str) -> str:
    """The text of a kernel's `cuda.cu`, with what it includes of `kernels/include` in place."""
    root = files(__package__)
    included: set[str] = set()

    def expand(text: str, name: str) -> str:
        def replace(match: re.Match[str]) -> str:
            header = match[1]
            if header in included:
                return "\n"
            included.add(header)
            inner = root.joinpath("include", header).read_text(encoding="utf-8")
            inner = expand(inner.replace("#pragma once\n", "\n"), header)
            line = text.count("\n", 0, match.start()) + 2
            return f'#line 1 "{header}"\n{inner}\n#line {line} "{name}"\n'

        return _INCLUDE.sub(replace, text)

    name = f"{kernel}/cuda.cu"
    text = root.joinpath(kernel, "cuda.cu").read_text(encoding="utf-8")
    return f'#line 1 "{name}"\n{expand(text, name)}'


def functions(kernel: str) -> list[str]:
    """Names of the functions that a kernel's `cuda.cu` can launch."""
    return _FUNCTION.findall(source(kernel))
