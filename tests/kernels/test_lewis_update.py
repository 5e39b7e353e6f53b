"""Steps of Lewis iterations: the bits of array operations, on the CPU and the emulated GPU."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import lewis_update


def vectors(n, seed=0):
    return 10.0 * np.random.default_rng(seed).standard_normal((3, n))


@pytest.mark.parametrize("n", [1, 31, 257, 6000])
@pytest.mark.parametrize("p", [1.0, 1.3, 7.0])
def test_extremes(gpu, n, p):
    h, log_w, _ = vectors(n)
    plain = 2.0 * h - (2.0 / p) * log_w
    expected = plain.min(), plain.max()
    assert lewis_update.extremes(h, log_w, p) == expected
    assert lewis_update.extremes(gpu.put(h), gpu.put(log_w), p) == expected


@pytest.mark.parametrize("place", [0, 700, 2999])
def test_extremes_of_what_is_not_a_number(gpu, place):
    h, log_w, _ = vectors(3000)
    h[place] = np.nan
    for one, other in ((h, log_w), (gpu.put(h), gpu.put(log_w))):
        assert np.isnan(lewis_update.extremes(one, other, 2.5)).all()
    h[place] = np.inf
    for one, other in ((h, log_w), (gpu.put(h), gpu.put(log_w))):
        assert lewis_update.extremes(one, other, 2.5)[1] == np.inf


def test_extremes_of_no_rows(gpu):
    for none in (np.empty(0), gpu.put(np.empty(0))):
        assert lewis_update.extremes(none, none, 3.0) == (np.inf, -np.inf)
        assert lewis_update.steps(none, none, None, 3.0, 0.0, 1.0, 2.0).size == 0


@pytest.mark.parametrize("n", [1, 31, 257, 6000])
@pytest.mark.parametrize("p", [1.0, 1.3, 7.0])
def test_steps(gpu, n, p):
    h, log_w, before = vectors(n)
    for kept, factor, divisor in ((0.3, 0.7, 1.0), (0.0, 1.0, 1.7)):
        for held in (None, before) if kept == 0.0 else (before,):
            old = 0.0 if held is None else kept * held
            expected = old + factor * (p * h - log_w) / divisor
            there = [None if x is None else gpu.put(x) for x in (h, log_w, held)]
            for arrays in ((h, log_w, held), there):
                found = lewis_update.steps(*arrays, p, kept, factor, divisor)
                np.testing.assert_array_equal(found, expected)
