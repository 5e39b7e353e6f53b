"""From a CuPy array to a launch: with a stand-in for CuPy that runs launches on the emulator."""

from __future__ import annotations

import re
import subprocess
import sys
import types

import numpy as np
import pytest

from rnla.kernels import count_sketch, dispatch, fwht, philox, poisson_rows, power_rows
from rnla.random import Stream

from .cuda_host import build
from .cuda_host.device import EmulatedArray, EmulatedDevice, argument_types


class Device:
    """cupy.cuda.Device: a number, and a context."""

    active: list[int] = []
    compute_capability = "90"

    def __init__(self, number):
        self.id = number

    def __enter__(self):
        Device.active.append(self.id)

    def __exit__(self, *error):
        Device.active.pop()


class FakeArray(EmulatedArray):
    """cupy.ndarray: of the package "cupy", on GPU 3."""

    device = Device(3)


FakeArray.__module__ = "cupy"


@pytest.fixture
def cupy(cuda_cache, monkeypatch):
    """A module like CuPy. It runs what is launched and insists on what CuPy insists on."""
    emulated = EmulatedDevice(cuda_cache)

    class RawModule:
        def __init__(self, *, code, options, backend):
            assert backend == "nvrtc"
            assert set(dispatch.OPTIONS) <= set(options)
            self.kernel = re.findall(r'#line 1 "(\w+)/cuda\.cu"', code)[-1]
            assert code == dispatch.source(self.kernel)
            self.types = tuple(option[2:] for option in options if option.startswith("-D"))

        def get_function(self, name):
            library = build.library(self.kernel, self.types, cuda_cache)

            def call(grid, block, arguments, *, shared_mem):
                assert Device.active[-1:] == [3], "launched on another GPU"
                kinds = argument_types(library, name)
                given = tuple(
                    None if kind[0] in "*&" and not isinstance(a, np.ndarray) else a
                    for kind, a in zip(kinds, arguments, strict=True)
                )
                assert shared_mem <= max(48 * 1024, getattr(call, "most_shared", 0))
                emulated.run(
                    dispatch.Launch(self.kernel, name, grid, block, given, self.types, shared_mem)
                )

            return call

    def made(function):
        return lambda *arguments, **options: function(*arguments, **options).view(FakeArray)

    module = types.ModuleType("cupy")
    module.RawModule = RawModule
    module.cuda = types.SimpleNamespace(Device=Device)
    module.empty, module.zeros = made(emulated.empty), made(emulated.zeros)
    module.arange = made(lambda *args, dtype: emulated.put(np.arange(*args, dtype=dtype)))
    module.ascontiguousarray = made(lambda a, dtype: emulated.contiguous(a, dtype))
    module.sort, module.cumsum = made(emulated.sort), made(emulated.cumsum)
    module.asarray = made(emulated.put)
    module.launches = emulated.launches
    monkeypatch.setitem(sys.modules, "cupy", module)
    monkeypatch.delitem(sys.modules, "rnla.kernels.cupy_device", raising=False)
    yield module
    sys.modules.pop("rnla.kernels.cupy_device", None)


def test_cupy_arrays_take_the_same_way(cupy):
    block = np.random.default_rng(0).standard_normal((300, 3))
    expected = np.zeros((7, 3))
    count_sketch.add_dense(1, 0, block, expected)
    for deterministic in (True, False):
        out = cupy.zeros((7, 3), np.float64)
        count_sketch.add_dense(1, 0, cupy.asarray(block), out, deterministic=deterministic)
        np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-13)
    q = np.full(3000, 0.3)
    kept = poisson_rows.poisson_rows(1, 5, cupy.asarray(q), 0.0)
    assert type(kept) is FakeArray
    np.testing.assert_array_equal(kept, poisson_rows.poisson_rows(1, 5, q, 0.0))
    x = np.random.default_rng(1).standard_normal((2**10, 8)).astype(np.float64)
    there = cupy.asarray(x)
    fwht.transform(there)
    fwht.transform(x)
    np.testing.assert_array_equal(there, x)
    total, *_ = power_rows.power_rows(cupy.asarray(q), cupy.asarray(q), None, 3.0)
    assert type(total) is FakeArray
    assert {launch.kernel for launch in cupy.launches} >= {"count_sketch", "fwht", "poisson_rows"}


def test_old_gpus_are_told_apart(cupy, monkeypatch):
    monkeypatch.setattr(Device, "compute_capability", "70")
    with pytest.raises(
        RuntimeError, match=r"GPU 3: got compute capability 7\.0; expected at least"
    ):
        fwht.transform(cupy.zeros((4, 1), np.float64))


def test_streams_draw_where_their_indices_are(cupy):
    stream, index = Stream(7, "test"), np.array([3, 1, 2**40])
    for method in ("words", "uniform", "signs", "normal"):
        found = getattr(stream, method)(cupy.asarray(index))
        assert type(found) is FakeArray
        np.testing.assert_allclose(found, getattr(stream, method)(index), rtol=1e-15, atol=1e-14)
    found = stream.integers(10, range(50), like=cupy.asarray(index))
    np.testing.assert_array_equal(found, stream.integers(10, range(50)))


def test_numpy_arrays_never_import_cupy():
    code = (
        "import sys, numpy as np; from rnla.kernels import fwht, philox, scan;"
        "fwht.transform(np.ones((4, 1))); philox.words(1, range(3)); scan.column_and_row_max("
        "np.ones((2, 2))); print('cupy' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"


def test_kinds_of_arrays():
    assert dispatch.device_of(np.ones(2), None, range(3)) is None
    assert dispatch.device_of() is None


@pytest.mark.parametrize("columns,expected", [(0, 1), (1, 1), (2, 2), (3, 4), (31, 32), (500, 32)])
def test_lanes(columns, expected):
    assert dispatch.lanes(columns) == expected


@pytest.mark.parametrize("work,threads,expected", [(1, 256, 1), (257, 256, 2), (2**40, 256, 2**16)])
def test_grids(work, threads, expected):
    assert dispatch.blocks(work, threads) == (expected, 1, 1)


def test_a_gpu_gets_indices_beyond_32_bits(gpu):
    """Strides of the grid are 64-bit numbers: 2^33 indices, of which the last few are looked at."""
    start = 2**64 - 700
    found = philox.words(3, range(start, start + 700), like=gpu.zeros(1, np.int64))
    expected = philox.words_range(3, start, 700)
    np.testing.assert_array_equal(found, expected)
