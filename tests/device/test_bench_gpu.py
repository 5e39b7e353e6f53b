"""What `bench.gpu` times is right: every kernel against plain formulas, as it checks them."""

from __future__ import annotations

import dataclasses
import pathlib
import types

import pytest

from bench import _gpu_problems, gpu
from bench._gpu_kernels import KERNELS
from bench._gpu_twins import TWINS
from rnla import kernels


@pytest.mark.parametrize("work", [*KERNELS, *TWINS], ids=lambda work: work.name)
def test_every_kernel_passes_the_check_of_the_benchmark(cupy, work):
    assert (
        gpu.error(dataclasses.replace(work, small=64 if work.small == 256 else work.small), cupy)
        <= work.tolerance
    )
    arrays = work.make(cupy, 64)
    assert work.bytes(arrays) > 0.0
    assert work.flops(arrays) >= 0.0


def test_the_check_of_the_benchmark_sees_a_wrong_kernel(cupy):
    work = next(work for work in KERNELS if work.name == "Walsh-Hadamard")
    wrong = dataclasses.replace(work, small=64, run=lambda arrays: arrays["x"])
    assert gpu.error(wrong, cupy) > 0.1


def test_every_kernel_of_a_gpu_is_timed():
    folders = {path.parent.name for path in pathlib.Path(kernels.__file__).parent.glob("*/cuda.cu")}
    assert {work.kernel for work in (*KERNELS, *TWINS)} == folders


@pytest.fixture
def with_pool(cupy, monkeypatch):
    """CuPy's pool of memory, of which the benchmark asks that it be emptied."""
    pool = types.SimpleNamespace(free_all_blocks=lambda: None)
    monkeypatch.setattr(cupy, "get_default_memory_pool", lambda: pool, raising=False)
    return cupy


RATES = {"copy, GB/s": 1.0, "matrix product float64, GFlop/s": 1.0}


def test_the_kernels_are_timed(with_pool, monkeypatch):
    """The loop of the benchmark, without what CuPy does otherwise, which the stand-in has not."""
    few = [work for work in KERNELS if work.name in ("poisson rows", "Walsh-Hadamard")]
    few = [dataclasses.replace(work, rows=64, small=64, baselines=lambda *_: {}) for work in few]
    monkeypatch.setattr(gpu, "KERNELS", few)
    monkeypatch.setattr(gpu, "TWINS", [])
    rows = gpu.kernels(with_pool, RATES, False)
    assert [row["kernel"] for row in rows] == [work.name for work in few]
    for row in rows:
        assert row["ms"] > 0.0
        assert row["of copy"] == row["GB/s"] > 0.0
    assert rows[1]["sweeps as copies / time"] > 0.0
    wrong = [dataclasses.replace(few[1], run=lambda arrays: arrays["x"])]
    monkeypatch.setattr(gpu, "KERNELS", wrong)
    with pytest.raises(SystemExit, match="Walsh-Hadamard"):
        gpu.kernels(with_pool, RATES, False)


def test_the_problems_are_timed(with_pool, monkeypatch):
    monkeypatch.setattr(_gpu_problems, "LEVERAGE", {False: [(300, 4, False)]})
    monkeypatch.setattr(_gpu_problems, "LEWIS", {False: (300, 3)})
    draws = [(60, 4, 25, "proposals"), (60, 3, 25, "pools")]
    monkeypatch.setattr(_gpu_problems, "DRAWS", {False: draws})
    monkeypatch.setattr(_gpu_problems, "STREAMED", {False: (1500, 4, "180 kB")})
    monkeypatch.setattr("rnla.tall.device_engine._UNIT", 64)
    (row,) = _gpu_problems.streamed(with_pool, gpu.device_seconds, False)
    assert "streamed to GPU 0 by 64 rows" in row["rows"]
    assert row["longer of the two / time"] > 0.0
    assert _gpu_problems.leverage(with_pool, gpu.device_seconds, RATES, False)[0]["ms"] > 0.0
    for row in _gpu_problems.lewis(with_pool, gpu.device_seconds, False):
        assert row["float32 from float64"] < row["target"]
    for row in _gpu_problems.determinantal(with_pool, gpu.device_seconds, False):
        assert row["CPU's"]
