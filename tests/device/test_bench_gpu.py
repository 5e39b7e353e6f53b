"""What `bench.gpu` times is right: every kernel against plain formulas, as it checks them."""

from __future__ import annotations

import dataclasses

import pytest

from bench import gpu
from bench._gpu_kernels import KERNELS


@pytest.mark.parametrize("work", KERNELS, ids=lambda work: work.name)
def test_every_kernel_passes_the_check_of_the_benchmark(cupy, work):
    assert gpu.error(dataclasses.replace(work, small=64), cupy) <= work.tolerance
    arrays = work.make(cupy, 64)
    assert work.bytes(arrays) > 0.0
    assert work.flops(arrays) >= 0.0


def test_the_check_of_the_benchmark_sees_a_wrong_kernel(cupy):
    work = next(work for work in KERNELS if work.name == "Walsh-Hadamard")
    wrong = dataclasses.replace(work, small=64, run=lambda arrays: arrays["x"])
    assert gpu.error(wrong, cupy) > 0.1
