"""The emulator of CUDA blocks: right kernels run, wrong ones are caught, each in its own way."""

from __future__ import annotations

import ctypes
import re

import numpy as np
import pytest

from rnla.kernels.dispatch import Launch

from .cuda_host import build
from .cuda_host.device import EmulatedDevice, EmulatorError, execute

SOURCE = r"""
#include "cuda_on_host.h"
#include "numbers.cuh"
#define KERNEL(name) extern "C" __global__ void name(double* out, const double* in)
#define ME (blockIdx.x * blockDim.x + threadIdx.x)

KERNEL(reversed) {
  __shared__ double part[64];
  part[threadIdx.x] = in[ME];
  __syncthreads();
  out[ME] = part[63 - threadIdx.x];
}
KERNEL(pairs_of_a_warp) {
  DYNAMIC_SHARED(double, part);
  part[threadIdx.x] = in[ME];
  __syncwarp();
  out[ME] = part[threadIdx.x ^ 1];
}
KERNEL(sums_of_warps) {
  double x = in[ME];
  for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(ALL_LANES, x, offset);
  out[ME] = x;
}
KERNEL(shuffles) {
  int lane = threadIdx.x;
  double up = __shfl_up_sync(ALL_LANES, in[ME], 3);
  double down = __shfl_down_sync(ALL_LANES, in[ME], 3, 8);
  double third = __shfl_sync(ALL_LANES, in[ME], 3, 16);
  out[ME] = up + 100 * down + 10000 * third + (lane < 0);
}
KERNEL(votes) {
  unsigned odd = __ballot_sync(ALL_LANES, threadIdx.x & 1);
  bool any = __any_sync(ALL_LANES, threadIdx.x == 40), all = __all_sync(ALL_LANES, true);
  out[ME] = odd + 0.25 * any + 0.5 * all;
}
KERNEL(atomics) {
  atomicAdd(out, 1.0);
  atomicMax((unsigned long long*)out + 1, (unsigned long long)ME);
}

KERNEL(race_in_shared_memory) {
  __shared__ double part[64];
  for (int k = 0; k < 2; ++k) {
    part[threadIdx.x] = in[ME];
    __syncthreads();
    out[ME] = part[63 - threadIdx.x];
  }
}
KERNEL(race_between_warps) {
  __shared__ double part[64];
  part[threadIdx.x] = in[ME];
  __syncwarp();
  out[ME] = part[63 - threadIdx.x];
}
KERNEL(race_between_blocks) { out[threadIdx.x] = in[ME]; }
KERNEL(race_of_plain_sums) { out[0] += in[ME]; }
KERNEL(shared_memory_not_written) {
  __shared__ double part[64];
  out[ME] = part[threadIdx.x];
}
KERNEL(write_beyond) { out[ME + 1] = 0.0; }
KERNEL(read_before) { out[ME] = in[(long long)ME - 1]; }
KERNEL(barrier_of_some) {
  if (threadIdx.x < 40) __syncthreads();
  out[ME] = 0.0;
}
KERNEL(two_barriers) {
  if (threadIdx.x < 40)
    __syncthreads();
  else
    __syncthreads();
  out[ME] = 0.0;
}
KERNEL(shuffle_of_some) {
  double x = in[ME];
  if (threadIdx.x % 32 < 16) x = __shfl_xor_sync(ALL_LANES, x, 1);
  out[ME] = x;
}
KERNEL(lane_outside_of_the_mask) {
  double x = in[ME];
  if (threadIdx.x % 32 < 16) x = __shfl_xor_sync(0xFFFFu, x, 16);
  out[ME] = x;
}
KERNEL(writes_its_input) { ((double*)in)[ME] = 0.0; }
"""
NAMES = re.findall(r"KERNEL\((\w+)\) \{", SOURCE)
RIGHT = NAMES[: NAMES.index("atomics") + 1]
COMPLAINTS = {
    "race_in_shared_memory": "no barrier after the",
    "race_between_warps": "no barrier after the",
    "race_between_blocks": "no barrier after the write by thread",
    "race_of_plain_sums": "no barrier after the write by thread",
    "shared_memory_not_written": "is read before it is written",
    "write_beyond": "write of 8 bytes outside of all memory",
    "read_before": "read of 8 bytes outside of all memory",
    "barrier_of_some": "for ever: 40 threads are at a barrier",
    "two_barriers": "are at different barriers",
    "shuffle_of_some": "for ever: 0 threads are at a barrier, 32 at a warp collective",
    "lane_outside_of_the_mask": "which is not in the mask",
    "writes_its_input": "argument 1 is const and was changed",
}


def runner(cuda_cache, *, watched, check):
    entries = "".join(f"ENTRY({name})\n" for name in NAMES)
    made = build.build("emulator_test", SOURCE + entries, cuda_cache, watched=watched)
    library = ctypes.CDLL(str(made))
    device = EmulatedDevice(cuda_cache)

    def run(name, order, grid=(2, 1, 1), block=(64, 1, 1), shared=512, arguments=None):
        x = device.put(np.arange(128.0))
        out = device.zeros(128, np.float64)
        given = (out, x) if arguments is None else arguments
        launch = Launch("test", name, grid, block, given, (), shared)
        execute(library, launch, order=order, check=check)
        return out

    return run


@pytest.fixture(scope="module")
def run(request, cuda_cache):
    watched = getattr(request, "param", "watched") == "watched"
    return runner(cuda_cache, watched=watched, check=watched)


@pytest.mark.parametrize("order", [0, 1, 5])
@pytest.mark.parametrize("run", ["watched", "unwatched"], indirect=True)
def test_right_kernels_give_the_right_numbers(run, order):
    lanes, all_ = np.arange(32), np.arange(128)
    up = np.where(lanes < 3, lanes, lanes - 3)
    down = np.where(lanes % 8 < 5, lanes + 3, lanes)
    whole = (up + 100 * down + 10000 * (lanes // 16 * 16 + 3))[None, :]
    warps = 32 * np.arange(4)[:, None]
    expected = {
        "reversed": np.concatenate([np.arange(63, -1, -1), np.arange(127, 63, -1)]),
        "pairs_of_a_warp": all_ ^ 1,
        "sums_of_warps": np.repeat(496 + 1024 * np.arange(4), 32),
        "shuffles": (whole + 10101 * warps).ravel(),
        "votes": 0xAAAAAAAA + 0.5 + 0.25 * (all_ // 32 % 2),
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(run(name, order), values, err_msg=name)
    out = run("atomics", order)
    assert out[0] == 128.0
    assert out.view(np.uint64)[1] == 127
    assert {*expected, "atomics"} == set(RIGHT)


@pytest.mark.parametrize("order", [0, 1, 5])
@pytest.mark.parametrize("name", COMPLAINTS)
def test_wrong_kernels_are_caught(run, name, order):
    with pytest.raises(EmulatorError, match=COMPLAINTS[name]):
        run(name, order)


@pytest.mark.parametrize("order", [0, 5])
@pytest.mark.parametrize("run", ["unwatched"], indirect=True)
def test_without_watching_only_memory_goes_unseen(run, cuda_cache, order):
    """Stuck threads are found, kernels after one that failed are right, and to ask for more than
    the library can tell is an error."""
    for name in ("barrier_of_some", "two_barriers", "shuffle_of_some", "lane_outside_of_the_mask"):
        with pytest.raises(EmulatorError, match=COMPLAINTS[name]):
            run(name, order)
        np.testing.assert_array_equal(run("pairs_of_a_warp", order), np.arange(128) ^ 1)
    run("race_in_shared_memory", order)
    with pytest.raises(ValueError, match="built without watching memory"):
        runner(cuda_cache, watched=False, check=True)("reversed", order)


def test_every_kernel_of_this_file_is_tested():
    assert set(COMPLAINTS) == set(NAMES) - set(RIGHT)


@pytest.mark.parametrize(
    "geometry",
    [
        {"grid": (0, 1, 1)},
        {"grid": (1, 65536, 1)},
        {"grid": (2**31, 1, 1)},
        {"block": (1056, 1, 1)},
        {"shared": 300_000},
    ],
)
def test_launches_that_a_gpu_refuses(run, geometry):
    with pytest.raises(EmulatorError, match="outside of what a GPU can launch"):
        run("reversed", 0, **geometry)


def test_arguments_of_the_wrong_type(run, cuda_cache):
    device = EmulatedDevice(cuda_cache)
    good = device.zeros(128, np.float64)
    for bad, match in [
        (device.zeros(128, np.float32), "float32"),
        (np.zeros(128), "not on the device"),
        (device.zeros((128, 2), np.float64)[:, 0], "contiguous"),
    ]:
        with pytest.raises(EmulatorError, match=match):
            run("reversed", 0, arguments=(good, bad))
    with pytest.raises(EmulatorError, match="1 arguments for 2"):
        run("reversed", 0, arguments=(good,))
