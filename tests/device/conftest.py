"""A stand-in for CuPy in sys.modules, for tests of matrices on a GPU."""

from __future__ import annotations

import sys

import pytest

from tests.kernels.conftest import cuda_cache  # noqa: F401
from tests.kernels.cuda_host.cupy_stand_in import modules
from tests.kernels.cuda_host.device import EmulatedDevice


@pytest.fixture
def cupy(cuda_cache, monkeypatch):  # noqa: F811
    """The module `cupy` of one test; its kernels are those of the CUDA sources, unwatched."""
    made = modules(EmulatedDevice(cuda_cache, check=False))
    for name, module in made.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "rnla.kernels.cupy_device", raising=False)
    yield made["cupy"]
    sys.modules.pop("rnla.kernels.cupy_device", None)
