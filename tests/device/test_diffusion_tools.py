"""The tools around the solvers on CuPy arrays give what NumPy gives, there (SPEC 17.5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnla.diffusion._arrays import on_host
from tests.diffusion.test_tools_arrays import DEVICE, HOST, X


@pytest.mark.parametrize("tool", DEVICE + HOST, ids=lambda f: f.__name__)
def test_18_8_tools_give_on_a_device_what_they_give_here(tool: Any, cupy: Any) -> None:
    expected = np.asarray(tool(X))
    there = cupy.asarray(X)
    got = tool(there)
    assert type(got) is (cupy.ndarray if tool in DEVICE else np.ndarray)
    assert np.abs(on_host(got) - expected).max() < 1e-9
    assert np.array_equal(there.get(), X)
