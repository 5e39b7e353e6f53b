"""Sampling passes on the emulated GPU: the rows of the CPU, one by one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from rnla.kernels import philox, priority_keys, score_histogram, unit_steps
from rnla.kernels.dispatch import Launch
from rnla.kernels.ordered_pivotal import ordered_pivotal
from rnla.kernels.score_histogram import cuda as histogram_launches
from rnla.kernels.tree_pivotal import tree_pivotal

SIZES = [0, 1, 2, 33, 777, 2048, 5000]


def probabilities(count, scale, seed=0):
    """Of all sizes, with zeros, equal ones and numbers next to 0 and 1 among them."""
    rng = np.random.default_rng(seed)
    q = np.minimum(scale * rng.random(count) ** 3, 1.0 - 2.0**-53)
    for value in (0.0, 0.5, 1e-19, 1e-30, 1.0 - 2.0**-53):
        q[rng.random(count) < 0.03] = value
    return q


def steps_of(q):
    return unit_steps.unit_steps(q)[0]


@pytest.mark.parametrize("count", SIZES)
def test_steps_their_sum_and_the_largest(gpu, count):
    q = probabilities(count, 1.0)
    q[::7] = 1.0
    plain = [0 if x == 1.0 else round(float(x) * 2**64) for x in q]
    for there in (q, gpu.put(q)):
        steps, total, largest = unit_steps.unit_steps(there)
        assert steps.dtype == np.uint64
        assert steps.tolist() == plain
        assert total == sum(plain)
        assert largest == (plain.index(max(plain)) if count else 0)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_crossings(gpu, count, scale):
    steps, position = steps_of(probabilities(count, scale)), 2**64 - 3
    plain, total = [], position
    for i, step in enumerate(steps.tolist()):
        total += step
        if total >> 64:
            plain.append(i)
            total -= 1 << 64
    for there in (steps, gpu.put(steps)):
        rows, end = unit_steps.crossings(there, position)
        assert rows.dtype == np.int64
        assert rows.tolist() == plain
        assert end == total


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("scale", [1.0, 0.01, 1e-4])
def test_ordered_duels(gpu, count, scale):
    """With few winners the row that stands may have come many tiles before."""
    steps = steps_of(probabilities(count, scale) if scale > 1e-3 else np.full(count, scale))
    uniforms = np.random.default_rng(1).random(count)
    state = (100, 7, 2**63) if count % 2 else (0, -1, 0)
    expected = ordered_pivotal(steps, uniforms, *state)
    found = ordered_pivotal(gpu.put(steps), gpu.put(uniforms), *state)
    assert found[0].dtype == np.int64
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1:] == expected[1:]


@pytest.mark.parametrize("tiles", [1, 256, 257, 1000])
def test_the_last_winner_of_many_tiles(gpu, tiles):
    """More than rows in a test give: a running maximum over several rounds of the one block."""
    rng = np.random.default_rng(5)
    winners = np.where(rng.random(tiles) < 0.02, 1 + np.arange(tiles), 0)
    there = gpu.put(winners)
    arguments = np.int64(tiles), there
    gpu.run(Launch("ordered_pivotal", "last_winners", (1, 1, 1), (256, 1, 1), arguments))
    np.testing.assert_array_equal(there, np.maximum.accumulate(winners))


def test_ordered_duels_in_which_nobody_wins(gpu):
    """Newcomers lose to a heavy row for many tiles, and it is accepted at last."""
    steps = np.full(5000, 2**50, dtype=np.uint64)
    uniforms = np.ones(5000) - 2.0**-53
    steps[-1] = 2**63
    expected = ordered_pivotal(steps, uniforms, 10, 3, 2**63)
    found = ordered_pivotal(gpu.put(steps), gpu.put(uniforms), 10, 3, 2**63)
    assert found[0].tolist() == expected[0].tolist()
    assert found[1:] == expected[1:]


@pytest.mark.parametrize("count", [*SIZES, 3, 5, 7, 11, 1023, 1025])
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_tree_duels(gpu, count, scale):
    steps, uniforms = steps_of(probabilities(count, scale)), np.random.default_rng(2).random(count)
    expected = tree_pivotal(steps, uniforms)
    found = tree_pivotal(gpu.put(steps), gpu.put(uniforms))
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1:] == expected[1:]


def scores_of_all_sizes(count, seed=0):
    """Over 600 decades, with subnormal numbers, zeros, equal and extreme ones."""
    rng = np.random.default_rng(seed)
    s = 10.0 ** rng.uniform(-323, 308, count)
    for value in (0.0, -0.0, 5e-324, np.finfo(float).max, np.finfo(float).tiny, 1.0):
        s[rng.random(count) < 0.04] = value
    return s


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("start", [0, 2**33 - 7])
def test_keys_of_the_race(gpu, count, start):
    """Ratios rounded once, in their order; a row without a score never gets there."""
    s = scores_of_all_sizes(count)
    keys = priority_keys.priority_keys(9, start, s)
    np.testing.assert_array_equal(priority_keys.priority_keys(9, start, gpu.put(s)), keys)
    uniforms = philox.uniform(9, range(start, start + count))
    for key, score, u in zip(keys.tolist(), s.tolist(), uniforms.tolist(), strict=True):
        if score == 0.0:
            assert key == priority_keys.NEVER
            continue
        number, exponent = priority_keys.ratio_of(key)
        assert 1.0 <= number < 2.0
        exact = Fraction(u) / Fraction(score) / Fraction(2) ** exponent
        assert abs(Fraction(number) - exact) <= Fraction(2) ** -53


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("ahead", [0, 1, 100, 4999])
def test_the_first_of_the_race(gpu, count, ahead):
    """With equal keys, and with rows that never arrive."""
    keys = np.random.default_rng(2).integers(-50, 50, count)
    keys[::3] = priority_keys.NEVER
    valid = np.sort(keys[keys < priority_keys.NEVER])
    last = valid[min(ahead, valid.size - 1)] if valid.size else 0
    expected = np.flatnonzero(keys <= last)
    for there in (keys, gpu.put(keys)):
        np.testing.assert_array_equal(priority_keys.smallest(there, ahead), expected)


@pytest.mark.parametrize("kind", ["wide", "one digit", "equal", "ends"])
def test_the_first_of_the_race_without_sorting(gpu, kind):
    """Keys of both signs that differ in all digits, in the last one only, or not at all."""
    rng = np.random.default_rng(4)
    least, most = np.iinfo(np.int64).min, priority_keys.NEVER - 1
    keys = {
        "wide": rng.integers(least, most, 9000),
        "one digit": 2**40 + rng.integers(0, 7, 9000),
        "equal": np.full(9000, -5),
        "ends": np.array([least, most, 0, -1, most, least] * 3),
    }[kind]
    for ahead in (0, 1, 5, keys.size // 2, keys.size - 1):
        expected = np.flatnonzero(keys <= np.sort(keys)[ahead])
        for there in (keys, gpu.put(keys)):
            np.testing.assert_array_equal(priority_keys.smallest(there, ahead), expected)


def windows_of(kind, rng):
    """First and last keys, and shifts: one bin per binade, or narrow windows with gaps."""
    largest = 0x7FEFFFFFFFFFFFFF
    if kind == "binades":
        return (np.array([1]), np.array([largest]), np.array([52]))
    ends = np.sort(rng.integers(1, largest, 2 * 40))
    exponent = ends[::2] >> 52
    lasts = np.minimum(ends[1::2], ((exponent + 1) << 52) - 1)  # within one binade
    shifts = np.full(40, 44 if kind == "many bins" else 50)
    return ends[::2], lasts, shifts


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("kind", ["binades", "few bins", "many bins"])
def test_histograms_of_scores(gpu, count, kind, monkeypatch):
    monkeypatch.setattr(histogram_launches, "ROWS_PER_BLOCK", 512)
    rng = np.random.default_rng(3)
    s = scores_of_all_sizes(count)
    firsts, lasts, shifts = windows_of(kind, rng)
    bins = [
        (w, place)
        for w in range(firsts.size)
        for place in range(int(firsts[w] >> shifts[w]), int(lasts[w] >> shifts[w]) + 1)
    ]
    assert (len(bins) > 2048) == (kind == "many bins")
    numbers = {one: i for i, one in enumerate(bins)}
    expected, kept = np.zeros((3, len(bins)), dtype=np.int64), []
    for key in s.view(np.int64).tolist():
        for w in np.flatnonzero((firsts <= key) & (key <= lasts)).tolist():
            fraction = key & ((1 << 52) - 1)
            place = numbers[w, key >> int(shifts[w])]
            expected[:, place] += 1, fraction >> 26, fraction & ((1 << 26) - 1)
            kept.append(key)
    for there in (s, gpu.put(s)):
        found = score_histogram.fill(firsts, lasts, shifts, there)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(score_histogram.inside(firsts, lasts, there), kept)
