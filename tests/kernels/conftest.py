"""A device for the CUDA kernels that needs no GPU: see `cuda_host`."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Iterator

import pytest

from rnla.kernels import dispatch

from .cuda_host import build, nvrtc
from .cuda_host.device import EmulatedDevice

REQUIRED = os.environ.get("RNLA_KERNEL_CHECKS") == "required"  # as in `make check`


def skip(reason: str) -> None:
    if REQUIRED and sys.platform == "linux":
        pytest.fail(f"{reason}; RNLA_KERNEL_CHECKS=required forbids to skip this")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def cuda_cache(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """Where compiled kernels are kept from one run to the next, if pytest keeps anything."""
    if sys.platform != "linux":
        skip("the emulator of CUDA blocks needs Linux")
    if build.compiler() is None:
        skip("no C++ compiler to run the CUDA kernels with: install g++, or set CXX")
    cache = getattr(pytestconfig, "cache", None)
    return cache.mkdir("cuda_host") if cache else tmp_path_factory.mktemp("cuda_host")


@pytest.fixture(params=["whole grid", "few blocks, threads shuffled"])
def gpu(
    request: pytest.FixtureRequest, cuda_cache: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmulatedDevice]:
    """Contract functions run emulated arrays here; once with threads in strides of the grid."""
    order = 0
    if request.param != "whole grid":
        monkeypatch.setattr(dispatch, "MOST_BLOCKS", 2)
        order = 7
    with EmulatedDevice(cuda_cache, order=order).here() as device:
        yield device


@pytest.fixture(scope="session")
def cuda_compiler() -> None:
    if nvrtc.find() is None:
        skip("no NVRTC: install nvidia-cuda-nvrtc-cu12, of which there are wheels for Linux")
