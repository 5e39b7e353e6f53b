"""Philox on the emulated GPU: the published vectors, and the bits of the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import philox

from .test_philox import KNOWN

KEY = 0xFEDCBA9876543210


@pytest.mark.parametrize("name", KNOWN)
def test_published_vectors(gpu, name):
    counter, key, expected = KNOWN[name]
    index = gpu.put(np.array([counter[0] | counter[1] << 32], dtype=np.uint64))
    words = philox.words(key[0] | key[1] << 32, index, counter[2], counter[3])
    assert tuple(words[0]) == expected


@pytest.mark.parametrize("count", [0, 1, 255, 256, 1500])
@pytest.mark.parametrize("start", [0, 2**32 - 100, 2**63])
def test_ranges(gpu, start, count):
    like, index = gpu.zeros(1, np.float64), range(start, start + count)
    for function, arguments in [
        (philox.words, (index, 5, 2**32 - 1)),
        (philox.uniform, (index, 2, 9)),
        (philox.signs, (index, 3)),
    ]:
        found = function(KEY, *arguments, like=like)
        expected = function(KEY, *arguments)
        assert type(found) is type(like)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("high", [1, 2, 1000, 2**31 + 7, 2**32])
def test_integers(gpu, high):
    index = np.array([5, 0, 2**40, 17, 17])
    expected = philox.integers(KEY, high, index, 4)
    np.testing.assert_array_equal(philox.integers(KEY, high, gpu.put(index), 4), expected)


def test_indices_of_any_integer_type(gpu):
    index = np.random.default_rng(0).integers(0, 1000, 300)
    for kind in (np.int32, np.int64, np.uint64):
        found = philox.uniform(KEY, gpu.put(index.astype(kind)))
        np.testing.assert_array_equal(found, philox.uniform(KEY, index))
    stepped = philox.words(KEY, range(3, 40, 4), like=gpu.zeros(1, np.float64))
    np.testing.assert_array_equal(stepped, philox.words(KEY, np.arange(3, 40, 4)))


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_normals_agree_to_a_few_units_in_the_last_place(gpu, columns):
    index = range(7, 1007)
    found = philox.normal(KEY, index, columns, 1, like=gpu.zeros(1, np.float64))
    expected = philox.normal(KEY, index, columns, 1)
    # An error of the angle, half a unit of a number up to 2 pi, counts beside that of the cosine.
    np.testing.assert_allclose(found, expected, rtol=4e-16, atol=4e-15)
