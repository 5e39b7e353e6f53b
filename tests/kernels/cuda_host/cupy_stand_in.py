"""A module `cupy` that computes on the emulator's memory and is no more obliging than CuPy is.

Its arrays are not NumPy's: they refuse implicit conversion to NumPy and mixing with NumPy arrays,
in operators and functions alike, with TypeError; numbers of theirs are 0-d arrays on the device,
and only what is listed here exists. Stricter than CuPy in two ways: no index may be a NumPy array,
and none may be out of range. Copies between host and device are counted. Kernels are run from
their CUDA sources. Streams are those of `streams`. There is one matrix format beside CSR to convert
from.
"""

from __future__ import annotations

import ctypes
import re
import types
from collections import Counter
from typing import Any

import numpy as np
import scipy.sparse as sp

from rnla.kernels import dispatch

from .device import MOST_SHARED, MOST_STATIC, EmulatedArray, EmulatedDevice, argument_types
from .streams import Memory, Streams

__all__ = ["modules"]

_REFUSED = (
    "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy "
    "array explicitly."
)
# Elementwise functions that CuPy has under NumPy's names.
_UFUNCS = """absolute add arctan bitwise_and bitwise_or ceil copysign cos divide equal
    exp exp2 expm1 fabs floor floor_divide frexp greater greater_equal hypot invert isfinite isinf
    isnan ldexp left_shift less less_equal log log1p log2 logaddexp logical_and logical_not
    logical_or matmul maximum minimum multiply negative not_equal power reciprocal remainder
    right_shift rint sign signbit sin sqrt square subtract tan true_divide"""
# Functions by the optional arguments that CuPy's have and rnla may use; results are on the device.
_FUNCTIONS = {
    "all": "axis", "any": "axis", "amax": "axis", "amin": "axis", "argmax": "axis",
    "argmin": "axis", "argsort": "axis kind", "bincount": "weights minlength", "clip": "out",
    "concatenate": "axis", "count_nonzero": "axis", "cumsum": "axis dtype", "diff": "axis",
    "dot": "", "einsum": "", "flatnonzero": "", "hstack": "", "max": "axis", "mean": "axis",
    "median": "axis", "min": "axis", "nonzero": "", "outer": "", "ravel": "", "repeat": "axis",
    "searchsorted": "side", "sort": "axis", "stack": "axis", "sum": "axis dtype", "take": "axis",
    "tensordot": "axes", "tile": "", "transpose": "", "triu": "k",
    "unique": "return_inverse return_counts", "vstack": "", "where": "",
}  # fmt: skip
_EMPTY_FAILS = ("amax", "amin", "argmax", "argmin", "bincount", "max", "min")


class Device:
    """cupy.cuda.Device: a number, and a context."""

    active: list[int] = [0]
    compute_capability = "90"
    mem_info = (2**33, 2**34)
    attributes = {"MaxSharedMemoryPerBlockOptin": MOST_SHARED}

    def __init__(self, number: int | None = None) -> None:
        self.id = Device.active[-1] if number is None else number

    def __enter__(self) -> Device:
        Device.active.append(self.id)
        return self

    def __exit__(self, *error: object) -> None:
        Device.active.pop()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and other.id == self.id

    def __hash__(self) -> int:
        return self.id

    def synchronize(self) -> None:
        pass


def _scalar(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex, np.generic))


def modules(emulated: EmulatedDevice) -> dict[str, types.ModuleType]:
    """Fresh modules `cupy`, `cupyx`, … for sys.modules; `cupy.copies` counts the numbers copied."""
    copies: Counter[str] = Counter()
    streams = Streams()

    def put(array: Any) -> Any:
        """Numbers that the device itself computed, in an array of theirs."""
        plain = np.asarray(array)
        if plain.ndim > 1 and plain.flags.f_contiguous and not plain.flags.c_contiguous:
            return ndarray(emulated.put(plain.T).T)
        return ndarray(emulated.put(plain))

    def inner(value: Any, what: str) -> Any:
        """What an argument holds; what is not on the device is refused, but for plain numbers."""
        if isinstance(value, ndarray):
            return value._a
        if isinstance(value, (list, tuple)):
            return type(value)(inner(item, what) for item in value)
        if value is None or isinstance(value, (str, slice, type(...), type, np.dtype)):
            return value
        if not _scalar(value):
            raise TypeError(f"{what}: Unsupported type {type(value)}")
        return value

    def outer(result: Any) -> Any:
        return tuple(put(one) for one in result) if isinstance(result, tuple) else put(result)

    class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
        __array_priority__ = 100

        def __init__(
            self, memory: EmulatedArray, device: Device | None = None, uses: Memory | None = None
        ) -> None:
            self._memory, self.device = memory, device or Device()
            self._uses = Memory() if uses is None else uses
            if uses is None:
                streams.use(self._uses)

        @property
        def _a(self) -> EmulatedArray:
            """The numbers, for work on the current stream."""
            streams.use(self._uses)
            return self._memory

        def _same(self, memory: Any) -> ndarray:
            """Another look at the same memory."""
            return ndarray(memory, self.device, self._uses)

        # What NumPy asks.
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            raise TypeError(_REFUSED)

        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kw: Any) -> Any:
            name = ufunc.__name__
            if method != "__call__" or name not in _UFUNCS.split():
                return NotImplemented
            out = kw.pop("out", None)
            assert not kw, f"cupy.{name} has no {list(kw)}"
            plain = [inner(value, name) for value in inputs]
            if name == "ldexp" and not isinstance(inputs[0], ndarray):
                raise TypeError("ldexp: CuPy may take a number for one of half precision")
            with np.errstate(all="ignore"):
                result = ufunc(*(np.asarray(x) if isinstance(x, EmulatedArray) else x
                                 for x in plain))  # fmt: skip
            if out is None:
                return outer(result)
            (target,) = out if isinstance(out, tuple) else (out,)
            if not isinstance(target, ndarray):
                raise TypeError(f"{name}: out is {type(target)}")
            np.copyto(target._a, result, casting="same_kind")
            return target

        def __array_function__(self, function: Any, kinds: Any, args: Any, kw: Any) -> Any:
            name = function.__name__
            if not function.__module__.startswith("numpy") or not hasattr(cupy, name):
                return NotImplemented
            return getattr(cupy, name)(*args, **kw)

        # Attributes.
        shape = property(lambda self: self._memory.shape)
        dtype = property(lambda self: self._memory.dtype)
        ndim = property(lambda self: self._memory.ndim)
        size = property(lambda self: self._memory.size)
        nbytes = property(lambda self: self._memory.nbytes)
        itemsize = property(lambda self: self._memory.itemsize)
        strides = property(lambda self: self._memory.strides)
        flags = property(lambda self: self._memory.flags)
        T = property(lambda self: self._same(self._memory.T))

        # Numbers that come to the host.
        def get(self) -> np.ndarray:
            copies["to host"] += self.size
            copies["gets"] += 1
            found = np.array(self._a)
            streams.current().synchronize()
            return found

        def set(self, arr: np.ndarray, stream: Any = None) -> None:
            if type(arr) is not np.ndarray:
                raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
            if self.dtype != arr.dtype:
                raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
            if self.shape != arr.shape:
                raise ValueError(f"Shape mismatch. {arr.shape} for {self.shape}")
            if not (self.flags.c_contiguous and arr.flags.c_contiguous):
                raise RuntimeError("Cannot set to non-contiguous array")
            copies["to device"] += self.size
            if stream is None or stream is streams.current():
                self._a[...] = arr
            else:
                streams.copy_later(self._uses, self._memory, arr, stream)

        def item(self) -> Any:
            return self.get().item()

        def tolist(self) -> Any:
            return self.get().tolist()

        def __bool__(self) -> bool:
            return bool(self.get())

        def __int__(self) -> int:
            return int(self.get())

        def __float__(self) -> float:
            return float(self.get())

        def __len__(self) -> int:
            return len(self._memory)

        def __repr__(self) -> str:
            return f"cupy{np.asarray(self._a)!r}"

        # Parts, and other looks.
        def _key(self, key: Any) -> Any:
            parts = key if isinstance(key, tuple) else (key,)
            found = tuple(inner(part, "index") for part in parts)
            return found if isinstance(key, tuple) else found[0]

        def __getitem__(self, key: Any) -> ndarray:
            found = self._memory[self._key(key)]
            if isinstance(found, EmulatedArray) and np.may_share_memory(found, self._memory):
                return self._same(found)
            streams.use(self._uses)
            return put(found)

        def __setitem__(self, key: Any, value: Any) -> None:
            self._a[self._key(key)] = inner(value, "value")

        def reshape(self, *shape: Any) -> ndarray:
            new = self._memory.reshape(*shape)
            if np.may_share_memory(new, self._memory):
                return self._same(new)
            return put(self._a.reshape(*shape))

        def ravel(self) -> ndarray:
            return self.reshape(-1)

        def view(self, dtype: Any) -> ndarray:
            return self._same(self._memory.view(dtype))

        def copy(self) -> ndarray:
            return put(self._a)

        def astype(self, dtype: Any, copy: bool = True) -> ndarray:
            return put(self._a.astype(dtype)) if copy or self.dtype != dtype else self

        def fill(self, value: Any) -> None:
            self[...] = value

        def __iter__(self) -> Any:
            return (self[i] for i in range(len(self)))

    for name in ("all", "any", "argmax", "argmin", "cumsum", "dot", "max", "mean", "min", "nonzero",
                 "repeat", "sum", "take", "transpose"):  # fmt: skip
        setattr(
            ndarray,
            name,
            lambda self, *args, _name=name, **kw: getattr(cupy, _name)(self, *args, **kw),
        )
    ndarray.__module__ = "cupy"

    cupy = types.ModuleType("cupy")
    cupy.ndarray, cupy.copies, cupy.launches = ndarray, copies, emulated.launches
    cupy.is_available = lambda: True
    cupy.cuda = types.SimpleNamespace(
        Device=Device,
        Stream=streams.Stream,
        Event=streams.Event,
        get_current_stream=streams.current,
        alloc_pinned_memory=streams.alloc_pinned_memory,
        is_available=lambda: True,
        runtime=types.SimpleNamespace(
            getDeviceCount=lambda: 2, deviceSynchronize=streams.synchronize
        ),
    )

    def function(name: str, options: str) -> Any:
        def call(*args: Any, **kw: Any) -> Any:
            for option in kw:
                if option not in options.split():
                    raise TypeError(f"cupy.{name} has no argument {option!r}")
            if name in _EMPTY_FAILS and args[0].size == 0:
                raise ValueError(f"cupy.{name}: zero-size array")
            out = kw.pop("out", None)
            found = getattr(np, name)(
                *(inner(a, name) for a in args), **{k: inner(v, name) for k, v in kw.items()}
            )
            if out is None:
                return outer(found)
            out._a[...] = found
            return out

        return call

    for name, options in _FUNCTIONS.items():
        setattr(cupy, name, function(name, options))
    for name in _UFUNCS.split():
        setattr(cupy, name, getattr(np, name))
    cupy.shape = lambda a: a.shape

    def asarray(values: Any, dtype: Any = None, order: str = "K") -> ndarray:
        if isinstance(values, ndarray):
            return values if dtype is None else values.astype(dtype, copy=False)
        array = np.asarray(values, dtype=dtype)
        if array.dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {array.dtype}")
        copies["to device"] += array.size
        return put(array)

    def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
        a = asarray(a, dtype)
        return a if a.flags.c_contiguous else ndarray(emulated.put(a._a))

    cupy.asarray = cupy.array = asarray
    cupy.ascontiguousarray = ascontiguousarray
    cupy.asnumpy = lambda a: a.get() if hasattr(a, "get") else np.asarray(a)
    cupy.empty = lambda shape, dtype=float: ndarray(emulated.empty(shape, dtype))
    cupy.zeros = lambda shape, dtype=float: ndarray(emulated.zeros(shape, dtype))
    cupy.ones = lambda shape, dtype=float: put(np.ones(shape, dtype))
    cupy.full = lambda shape, value, dtype=None: put(np.full(shape, value, dtype))
    cupy.arange = lambda *args, dtype=None: put(np.arange(*args, dtype=dtype))
    cupy.eye = lambda n, dtype=float: put(np.eye(n, dtype=dtype))
    for name in ("empty_like", "zeros_like", "ones_like"):
        make = getattr(cupy, name.removesuffix("_like"))
        setattr(cupy, name, lambda a, dtype=None, make=make: make(a.shape, dtype or a.dtype))
    cupy.full_like = lambda a, value, dtype=None, shape=None: cupy.full(
        a.shape if shape is None else shape, value, dtype or a.dtype
    )
    cupy.from_dlpack = lambda other: other.__dlpack__()

    class RawModule:
        def __init__(self, *, code: str, options: tuple[str, ...], backend: str) -> None:
            assert backend == "nvrtc"
            assert set(dispatch.OPTIONS) <= set(options)
            self.kernel = re.findall(r'#line 1 "(\w+)/cuda\.cu"', code)[-1]
            assert code == dispatch.source(self.kernel)
            self.types = tuple(option[2:] for option in options if option.startswith("-D"))

        def get_function(self, name: str) -> Any:
            library = emulated.library(self.kernel, self.types)

            def run(grid: Any, block: Any, arguments: Any, *, shared_mem: int) -> None:
                kinds = argument_types(library, name)
                given = []
                for kind, value in zip(kinds, arguments, strict=True):
                    if isinstance(value, ndarray):
                        assert value.device.id == Device.active[-1], "launched on another GPU"
                        given.append(value._a)
                    else:
                        null = kind[0] in "*&" and isinstance(value, np.intp) and value == 0
                        given.append(None if null else value)
                asked = call.max_dynamic_shared_size_bytes
                assert shared_mem <= asked, "more shared memory than was asked for"
                emulated.run(
                    dispatch.Launch(
                        self.kernel, name, grid, block, tuple(given), self.types, shared_mem
                    )
                )

            call: Any = run
            library.emulator_static_shared.restype = ctypes.c_size_t
            call.shared_size_bytes = library.emulator_static_shared()
            call.max_dynamic_shared_size_bytes = MOST_STATIC - call.shared_size_bytes
            return call

    cupy.RawModule = RawModule
    sparse = _sparse(cupy, ndarray, put)
    cupyx, scipy = types.ModuleType("cupyx"), types.ModuleType("cupyx.scipy")
    cupyx.scipy, scipy.sparse = scipy, sparse
    return {"cupy": cupy, "cupyx": cupyx, "cupyx.scipy": scipy, "cupyx.scipy.sparse": sparse}


def _sparse(cupy: Any, ndarray: Any, put: Any) -> types.ModuleType:
    """cupyx.scipy.sparse: CSR with dense products on either side, rows by number, COO and CSC."""

    class spmatrix:
        shape = property(lambda self: self._shape)
        nnz = property(lambda self: self.data.size)
        dtype = property(lambda self: self.data.dtype)
        device = property(lambda self: self.data.device)
        ndim = 2

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            raise TypeError(_REFUSED)

        def __len__(self) -> int:
            raise TypeError("sparse matrix length is ambiguous; use getnnz() or shape[0]")

        def get(self) -> Any:
            return self._host(self.data.get(), *(part.get() for part in self._positions()))

        def _there(self) -> Any:
            """The matrix for computations that stand for the device's."""
            return self._host(
                np.asarray(self.data._a), *(np.asarray(part._a) for part in self._positions())
            )

        def __matmul__(self, other: Any) -> Any:
            if not isinstance(other, ndarray):
                return NotImplemented
            product = np.asarray(self._there() @ np.asarray(other._a))
            return put(np.asfortranarray(product))

        def __rmatmul__(self, other: Any) -> Any:
            return (self.T @ other.T).T

        def toarray(self) -> Any:
            return put(self._there().toarray())

        def tocsr(self) -> Any:
            csr = self._there().tocsr()
            return csr_matrix((put(csr.data), put(csr.indices), put(csr.indptr)), shape=self.shape)

    class compressed(spmatrix):
        def __init__(self, parts: Any, shape: Any = None, dtype: Any = None) -> None:
            if not isinstance(parts, tuple) or not all(isinstance(x, ndarray) for x in parts):
                raise ValueError("Unsupported initializer format")
            self.data, self.indices, self.indptr = parts
            self._shape = tuple(shape)

        def _positions(self) -> Any:
            return self.indices, self.indptr

        def copy(self) -> Any:
            parts = (part.copy() for part in (self.data, self.indices, self.indptr))
            return type(self)(tuple(parts), shape=self.shape)

        def __abs__(self) -> Any:
            return type(self)((abs(self.data), *self._positions()), shape=self.shape)

        def astype(self, dtype: Any) -> Any:
            return type(self)((self.data.astype(dtype), *self._positions()), shape=self.shape)

    class csr_matrix(compressed):
        format = "csr"
        T = property(
            lambda self: csc_matrix((self.data, *self._positions()), shape=self.shape[::-1])
        )
        _canonical: bool | None = None

        def _host(self, *parts: Any) -> Any:
            return sp.csr_matrix(parts, shape=self.shape)

        @property
        def has_canonical_format(self) -> bool:
            if self._canonical is None:
                self._canonical = bool(self._there().has_canonical_format)
            return self._canonical

        @has_canonical_format.setter
        def has_canonical_format(self, value: bool) -> None:
            self._canonical = value

        def sum_duplicates(self) -> None:
            csr = self._there().copy()
            csr.sum_duplicates()
            self.data, self.indices, self.indptr = map(put, (csr.data, csr.indices, csr.indptr))
            self._canonical = True

        def tocsr(self) -> Any:
            return self

        def __getitem__(self, rows: Any) -> Any:
            if isinstance(rows, ndarray):
                rows = np.asarray(rows._a)
            elif not all(isinstance(k, slice) for k in (rows if type(rows) is tuple else [rows])):
                raise TypeError(f"index: Unsupported type {type(rows)}")
            part = self._there()[rows]
            return csr_matrix(
                (put(part.data), put(part.indices), put(part.indptr)), shape=part.shape
            )

    class csc_matrix(compressed):
        format = "csc"
        T = property(
            lambda self: csr_matrix((self.data, *self._positions()), shape=self.shape[::-1])
        )

        def _host(self, *parts: Any) -> Any:
            return sp.csc_matrix(parts, shape=self.shape)

    class coo_matrix(spmatrix):
        format = "coo"

        def __init__(self, parts: Any, shape: Any) -> None:
            self.data, (self.row, self.col) = parts
            self._shape = tuple(shape)

        def _positions(self) -> Any:
            return self.row, self.col

        def _host(self, data: Any, row: Any, col: Any) -> Any:
            return sp.coo_matrix((data, (row, col)), shape=self.shape)

    module = types.ModuleType("cupyx.scipy.sparse")
    for kind in (spmatrix, csr_matrix, csc_matrix, coo_matrix):
        kind.__module__ = f"cupyx.scipy.sparse._{kind.__name__[:3]}"
        setattr(module, kind.__name__, kind)
    module.issparse = lambda x: isinstance(x, spmatrix)

    def stacked(name: str) -> Any:
        def stack(blocks: Any, format: Any = None, dtype: Any = None) -> Any:
            csr = getattr(sp, name)([block._there() for block in blocks], "csr", dtype)
            return csr_matrix((put(csr.data), put(csr.indices), put(csr.indptr)), shape=csr.shape)

        return stack

    module.vstack, module.hstack = stacked("vstack"), stacked("hstack")
    return module
