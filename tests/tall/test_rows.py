"""Row vectors of either kind: sums, extremes and folds do not depend on how they are cut."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla.tall import rows

da = pytest.importorskip("dask.array")

BLOCK = 1024
N = 5 * BLOCK + 77


def parts(x, cuts):
    edges = sorted({0, len(x), *cuts})
    return da.from_array(x, chunks=(tuple(np.diff(edges).tolist()),))


ANYWHERE = st.lists(st.integers(1, N - 1), max_size=8)
AT_BLOCKS = st.lists(st.integers(1, 5).map(lambda k: k * BLOCK), max_size=5)


def numbers(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(N) * np.exp(20 * rng.standard_normal(N))


@given(AT_BLOCKS, st.integers(0, 5))
def test_totals_of_parts_are_the_total_of_all(cuts, seed):
    x = numbers(seed)
    assert rows.total(parts(x, cuts)) == rows.total(x)


@given(ANYWHERE)
def test_totals_of_a_vector_cut_anywhere_once_it_is_aligned(cuts):
    x = numbers()
    y = rows.aligned(parts(x, cuts))
    assert all(size % BLOCK == 0 for size in y.chunks[0][:-1])
    assert rows.total(y) == rows.total(x)


def test_plain_sums_of_parts_would_differ():
    """Companion: adding up parts as they are is seen by the tests above."""
    x = numbers()
    sums = {float(np.sum([np.sum(x[:k]), np.sum(x[k:])])) for k in range(BLOCK, N, BLOCK)}
    assert len(sums) > 1


@given(ANYWHERE)
def test_extremes_and_order_of_parts(cuts):
    x = numbers()
    y = parts(x, cuts)
    assert rows.extremes(y) == rows.extremes(x) == (x.min(), x.max())
    assert rows.largest(y) == x.max()
    edges = [0, *np.cumsum(y.chunks[0]).tolist()]
    where = rows.fold(_where, _after, y, y + 1.0)
    assert where == list(itertools.pairwise(edges))


def _where(start, x, y):
    np.testing.assert_array_equal(x + 1.0, y)
    return [(start, start + len(x))]


def _after(left, right):
    return left + right


def test_vectors_like_another_and_in_double_precision():
    x = da.ones(N, chunks=BLOCK, dtype=np.float32)
    np.testing.assert_array_equal(np.asarray(rows.like(x, 0.5)), np.full(N, 0.5))
    assert rows.like(x, 0.5).chunks == x.chunks
    assert rows.float64(x).dtype == np.float64
    y = np.ones(3)
    assert rows.float64(y) is y


def test_a_function_of_parts_may_silence_warnings_where_it_runs():
    x = parts(np.zeros(N), [BLOCK])
    assert np.all(np.asarray(rows.each(_quiet_log, x)) == -np.inf)


def _quiet_log(x):
    with np.errstate(divide="ignore"):
        return np.log(x)
