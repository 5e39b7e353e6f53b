"""From a CuPy array to a launch: with a stand-in for CuPy that runs launches on the emulator."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from rnla.kernels import als_sweep, count_sketch, dispatch, fwht, philox, poisson_rows, power_rows
from rnla.random import Stream

from .cuda_host.cupy_stand_in import modules
from .cuda_host.device import EmulatedDevice


@pytest.fixture
def cupy(cuda_cache, monkeypatch):
    """A module like CuPy. It runs what is launched and insists on what CuPy insists on."""
    made = modules(EmulatedDevice(cuda_cache))
    for name, module in made.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "rnla.kernels.cupy_device", raising=False)
    yield made["cupy"]
    sys.modules.pop("rnla.kernels.cupy_device", None)


@pytest.fixture
def put(cupy):
    """Copies of arrays on GPU 3, which is not the current one."""

    def put(array):
        with cupy.cuda.Device(3):
            return cupy.asarray(array)

    return put


def test_cupy_arrays_take_the_same_way(cupy, put):
    block = np.random.default_rng(0).standard_normal((300, 3))
    expected = np.zeros((7, 3))
    count_sketch.add_dense(1, 0, block, expected)
    for deterministic in (True, False):
        out = put(np.zeros((7, 3)))
        count_sketch.add_dense(1, 0, put(block), out, deterministic=deterministic)
        np.testing.assert_allclose(out.get(), expected, rtol=1e-12, atol=1e-13)
    q = np.full(3000, 0.3)
    kept = poisson_rows.poisson_rows(1, 5, put(q), 0.0)
    assert type(kept) is cupy.ndarray
    np.testing.assert_array_equal(kept.get(), poisson_rows.poisson_rows(1, 5, q, 0.0))
    x = np.random.default_rng(1).standard_normal((2**10, 8)).astype(np.float64)
    there = put(x)
    fwht.transform(there)
    fwht.transform(x)
    np.testing.assert_array_equal(there.get(), x)
    total, *_ = power_rows.power_rows(put(q), put(q), None, 3.0)
    assert type(total) is cupy.ndarray
    assert {launch.kernel for launch in cupy.launches} >= {"count_sketch", "fwht", "poisson_rows"}


def test_old_gpus_are_told_apart(cupy, put, monkeypatch):
    monkeypatch.setattr(cupy.cuda.Device, "compute_capability", "70")
    with pytest.raises(
        RuntimeError, match=r"GPU 3: got compute capability 7\.0; expected at least"
    ):
        fwht.transform(put(np.zeros((4, 1))))


def test_shared_memory_is_asked_for_up_to_what_a_gpu_has(cupy, put, monkeypatch):
    """160 columns need 111 KB. Another launch with less does not take that away."""
    asked = []

    def step(n):
        squares, d, b = np.ones((1, 1, 1, n, n)), np.ones((1, 1)), np.ones((1, 1, n))
        arguments = (squares, d, b, np.ones(1, dtype=np.int32), np.zeros((1, 1, n)))
        good = als_sweep.signal_step(*map(put, arguments))
        loaded = sys.modules["rnla.kernels.cupy_device"]
        asked.append(loaded._function("als_sweep", (), "signal_step"))
        return good.get()

    for n in (100, 160, 100):
        step(n)
    assert asked[0] is asked[2]
    assert asked[0].max_dynamic_shared_size_bytes == 8 * (160 * 161 // 2 + 9 * 160)
    monkeypatch.setattr(cupy.cuda.Device, "attributes", {"MaxSharedMemoryPerBlockOptin": 65536})
    with pytest.raises(
        RuntimeError, match=r"als_sweep\.signal_step: got .* at most 65536 on GPU 3"
    ):
        step(161)


def test_streams_draw_where_their_indices_are(cupy, put):
    stream, index = Stream(7, "test"), np.array([3, 1, 2**40])
    for method in ("words", "uniform", "signs", "normal"):
        found = getattr(stream, method)(put(index))
        assert type(found) is cupy.ndarray
        assert found.device.id == 3
        np.testing.assert_allclose(
            found.get(), getattr(stream, method)(index), rtol=1e-15, atol=1e-14
        )
    found = stream.integers(10, range(50), like=put(index))
    np.testing.assert_array_equal(found.get(), stream.integers(10, range(50)))


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
