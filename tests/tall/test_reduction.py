"""Sums over strips: the same bits in any order, 106 bits before the last rounding."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla.tall import as_tall, rows
from rnla.tall._reduction import ADD, MAX, PARTS


def reduced(reduction, partials, order=None, tree=False):
    states = [reduction.lift(partial.copy()) for partial in partials]
    if order is not None:
        states = [states[i] for i in order]
    while tree and len(states) > 1:
        states = [
            functools.reduce(reduction.merge, states[i : i + 3]) for i in range(0, len(states), 3)
        ]
    return reduction.finish(functools.reduce(reduction.merge, states))


def cancelling(seed, count=40, size=50):
    """Terms of many sizes whose sums are much smaller than they are."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((count, size)) * 10.0 ** rng.integers(-8, 9, (count, size))
    X[1::2] = -X[::2] * (1.0 + 1e-9 * rng.standard_normal((count // 2, size)))
    return X


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_sums_do_not_depend_on_order_or_tree(seed, tree):
    X = cancelling(seed)
    order = np.random.default_rng(seed).permutation(len(X))
    np.testing.assert_array_equal(reduced(ADD, X), reduced(ADD, X, order, tree))
    np.testing.assert_array_equal(reduced(MAX, abs(X)), reduced(MAX, abs(X), order, tree))


def test_plain_sums_do_depend_on_order():
    """Companion: float64 addition of the same terms is caught."""
    X = cancelling(0)
    assert np.any(functools.reduce(np.add, X) != functools.reduce(np.add, X[::-1]))


@given(st.integers(0, 2**32 - 1), st.sampled_from([ADD, MAX, PARTS]))
def test_absorbing_is_merging_in_place(seed, reduction):
    X = abs(cancelling(seed, size=30)).reshape(40, 3, 10)
    states = [reduction.lift(partial.copy()) for partial in X]
    absorbed = reduction.finish(functools.reduce(reduction.absorb, states))
    np.testing.assert_array_equal(absorbed, reduced(reduction, X))


@given(st.integers(0, 2**32 - 1))
def test_sums_are_correctly_rounded(seed):
    X = cancelling(seed)
    exact = np.array([math.fsum(column) for column in X.T])
    np.testing.assert_array_equal(reduced(ADD, X), exact)


def test_infinite_sums_stay_infinite_and_silent():
    X = np.array([[np.inf, 1e308, -np.inf, np.inf], [1.0, 1e308, 2.0, -np.inf]])
    np.testing.assert_array_equal(reduced(ADD, X), [np.inf, np.inf, -np.inf, np.nan])


def test_sums_in_parts_do_not_depend_on_order():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((30, 3, 4, 4)) * np.array([1.0, 2.0**-54, 2.0**-108])[:, None, None]
    forward, backward = reduced(PARTS, X), reduced(PARTS, X, range(29, -1, -1))
    difference = math.fsum([*forward[:, 0, 0], *-backward[:, 0, 0]])
    assert abs(difference) <= 30 * 2.0**-150


@pytest.mark.parametrize("n", [1, 1023, 1024, 5000])
def test_total_is_the_sum_of_blocks_rounded_once(n):
    x = np.random.default_rng(n).standard_normal(n)
    sums = [float(x[i : i + 1024].sum()) for i in range(0, n, 1024)]
    assert rows.total(x) == math.fsum(sums)
    assert rows.largest(x) == x.max()


def test_total_and_largest_of_nothing():
    assert rows.total(np.zeros(0)) == 0.0
    assert rows.largest(np.zeros(0)) == -math.inf


@pytest.mark.parametrize("cuts", [(1024,), (2048, 3072), (1024, 2048, 3072, 4096)])
def test_total_of_parts_is_that_of_the_whole(cuts):
    da = pytest.importorskip("dask.array")
    x = cancelling(3, count=100).ravel()[:5000]
    chunks = tuple(np.diff([0, *cuts, x.size]).tolist())
    parts = da.from_array(x, chunks=(chunks,))
    assert rows.is_distributed(parts)
    assert not rows.is_distributed(x)
    assert rows.total(parts) == rows.total(x)
    assert rows.largest(parts) == rows.largest(x)
    settled = rows.settle(parts + 1.0)
    np.testing.assert_array_equal(rows.host(settled), x + 1.0)


def test_a_sum_of_parts_without_the_error_term_is_seen():
    """Companion: adding the rounded sums of two parts plainly differs from the sum of all."""
    x = cancelling(3, count=100).ravel()[:5000]
    assert any(x[:cut].sum() + x[cut:].sum() != rows.total(x) for cut in (1024, 2048, 3072, 4096))


def _visit(block, start, out, scale):
    out += (block * scale[:, None]).sum(axis=0)
    return block[:, :2] * start


def test_fold_and_each_see_every_row_once_with_its_slice():
    rng = np.random.default_rng(5)
    A, scale = rng.standard_normal((200_000, 3)), rng.uniform(size=200_000)
    tall = as_tall(A)
    np.testing.assert_allclose(tall.fold(_visit, (3,), rows=(scale,)), scale @ A, rtol=1e-12)
    found = tall.each(_first_and_start, width=2)
    np.testing.assert_array_equal(found[:, 0], A[:, 0])
    assert np.all(found[:, 1] <= np.arange(200_000))
    assert tall.passes == 2


def _first_and_start(block, start, out):
    return np.column_stack([block[:, 0], np.full(len(block), start)])
