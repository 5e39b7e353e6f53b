"""random_columns and count_sketch: entries against plain references, for any block."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import count_sketch, random_columns
from rnla.random import Stream

from .test_philox import plain_words

STREAM = Stream(3, "tests.random_columns")
KEY = STREAM.key


def plain_unit(high, low):
    """52 bits of two words plus half a step."""
    return ((high >> 6) * 2**26 + (low >> 6) + 0.5) * 2.0**-52


def test_normals_are_those_of_the_stream():
    for rows in (1, 2, 7):
        drawn = random_columns.normal(KEY, 5, 30, rows)
        np.testing.assert_allclose(drawn, STREAM.normal(range(5, 35), rows), rtol=1e-13, atol=1e-13)


def test_signs_are_bits_of_the_words():
    drawn = random_columns.signs(KEY, 2**35, 4, 300)
    for i in range(4):
        for r in range(300):
            word = plain_words(KEY, 2**35 + i, r // 128, 0)[(r // 32) % 4]
            assert drawn[i, r] == 1.0 - 2.0 * ((word >> (r % 32)) & 1)


def test_cauchy_is_the_quantile_transform():
    drawn = random_columns.cauchy(KEY, 9, 5, 3)
    for i in range(5):
        for r in range(3):
            words = plain_words(KEY, 9 + i, r // 2, 0)
            u = plain_unit(*words[2 * (r % 2) : 2 * (r % 2) + 2])
            np.testing.assert_allclose(drawn[i, r], np.tan(np.pi * (u - 0.5)), rtol=1e-12)


@pytest.mark.parametrize("p", [0.5, 1.0, 1.3, 2.0])
def test_stable_is_the_formula_of_chambers_mallows_and_stuck(p):
    drawn = random_columns.stable(KEY, 9, 5, 3, p)
    for i in range(5):
        for r in range(3):
            w = plain_words(KEY, 9 + i, r, 0)
            angle = np.pi * (plain_unit(w[0], w[1]) - 0.5)
            exponential = -np.log(plain_unit(w[2], w[3]))
            first = np.sin(p * angle) / np.cos(angle) ** (1 / p)
            second = (np.cos((1 - p) * angle) / exponential) ** ((1 - p) / p)
            np.testing.assert_allclose(drawn[i, r], first * second, rtol=1e-11)


def test_count_sketch_is_a_product_of_a_word():
    places, signs = count_sketch.columns(KEY, 2**33 - 2, 5, 1000, draw=3)
    for i in range(5):
        words = plain_words(KEY, 2**33 - 2 + i, 0, 3)
        assert places[i] == (words[0] * 1000) >> 32
        assert signs[i] == 1.0 - 2.0 * (words[1] & 1)


DRAWS = {
    "normal": lambda start, count: random_columns.normal(KEY, start, count, 9),
    "signs": lambda start, count: random_columns.signs(KEY, start, count, 9),
    "cauchy": lambda start, count: random_columns.cauchy(KEY, start, count, 9),
    "stable": lambda start, count: random_columns.stable(KEY, start, count, 9, 1.5),
    "count_sketch": lambda start, count: np.stack(
        count_sketch.columns(KEY, start, count, 9), axis=1
    ),
}


@pytest.mark.parametrize("kind", DRAWS)
def test_any_block_has_the_same_bits(kind):
    whole = DRAWS[kind](0, 200)
    for start, count in ((0, 1), (1, 7), (13, 64), (130, 70)):
        np.testing.assert_array_equal(DRAWS[kind](start, count), whole[start : start + count])


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (700, 3), (0, 4), (4, 0), (33, 8)])
@pytest.mark.parametrize("start", [0, 2**33 - 2])
def test_the_same_columns_on_a_gpu(gpu, shape, start):
    """Bits, but for p-stable numbers: powers and logarithms of another library."""
    like = gpu.zeros(1, np.float64)
    for draw in (random_columns.normal, random_columns.signs, random_columns.cauchy):
        found = draw(KEY, start, *shape, like=like)
        np.testing.assert_array_equal(found, draw(KEY, start, *shape))
    for p in (0.5, 1.0, 1.3, 2.0):
        found = random_columns.stable(KEY, start, *shape, p, like=like)
        np.testing.assert_allclose(found, random_columns.stable(KEY, start, *shape, p), rtol=1e-12)
