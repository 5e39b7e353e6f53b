"""Running sums within blocks: plain Python, NumPy and the emulated GPU."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rnla.kernels.running_sums import running_sums


@pytest.mark.parametrize("n", [0, 1, 5, 1023, 1024, 1025, 40_000])
def test_sums_are_added_up_in_order(gpu, n):
    values = np.random.default_rng(n).standard_normal(n) * 10.0 ** np.arange(n).clip(0, 9)
    expected = [
        x for k in range(0, n, 1024) for x in itertools.accumulate(values[k : k + 1024].tolist())
    ]
    here = running_sums(values)
    assert here.tolist() == expected
    assert np.array_equal(running_sums(gpu.put(values)), here)
    assert np.array_equal(running_sums(gpu.put(values.astype(np.float32))),
                          running_sums(values.astype(np.float32)))  # fmt: skip
