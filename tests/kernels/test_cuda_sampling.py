"""Sampling passes on the emulated GPU: the rows of the CPU, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import unit_steps
from rnla.kernels.dispatch import Launch
from rnla.kernels.ordered_pivotal import ordered_pivotal
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
