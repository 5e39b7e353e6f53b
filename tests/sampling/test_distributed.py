"""Budgets and samples of scores kept in parts: those of all scores in one place, for any parts."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla import ArgumentError, ArgumentTypeError
from rnla.random import Stream
from rnla.sampling import DESIGNS, budget, poisson_sample, sample_rows, sampling_probabilities
from rnla.sampling._rows import ROW_PURPOSE

da = pytest.importorskip("dask.array")

N = 4000


def parts(x, cuts):
    """x as a Dask array cut at the given rows."""
    edges = sorted({0, len(x), *(cut for cut in cuts if cut < len(x))})
    return da.from_array(np.asarray(x), chunks=(tuple(np.diff(edges).tolist()),))


CUTS = st.lists(st.integers(1, N - 1), max_size=8)


def heavy(seed=0, n=N):
    """Scores over forty decades, some zero, some equal, a few far above the rest."""
    rng = np.random.default_rng(seed)
    scores = np.exp(8.0 * rng.standard_normal(n)) * (rng.random(n) < 0.9)
    scores[100:1100] = 1.0
    return scores


SCORES = {
    "heavy": heavy(),
    "equal": np.full(N, 0.3),
    "nearly equal": 1.0 + 1e-15 * np.arange(N),
    "600 decades": 10.0 ** np.random.default_rng(1).uniform(-300, 300, N),
    "subnormal": 5e-324 * np.random.default_rng(2).integers(1, 50, N),
    "two sizes": np.where(np.arange(N) % 400 == 0, 1e300, 1e-300),
}
names = st.sampled_from(sorted(SCORES))
floors = st.sampled_from(["1/n", 0, 1e-3])
sizes = st.sampled_from([1, 7, 10, 399, 2000, N - 1])


@pytest.fixture
def no_gathering(monkeypatch):
    """Fail if scores come to the caller."""

    def refuse(self, *args, **options):
        raise AssertionError("a row vector was gathered")

    monkeypatch.setattr(da.Array, "__array__", refuse)


# Budget -----------------------------------------------------------------------------------------


@given(names, sizes, floors, CUTS)
def test_K6_any_chunks_give_the_same_probabilities(name, size, floor, cuts):
    scores = SCORES[name]
    if floor == 1e-3 and size < 0.001 * np.count_nonzero(scores):
        return
    here = sampling_probabilities(scores, size, floor=floor)
    kept = sampling_probabilities(parts(scores, cuts), size, floor=floor)
    assert isinstance(kept, da.Array)
    np.testing.assert_array_equal(np.asarray(kept), here)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("floor", ["1/n", 0])
def test_K6_does_not_depend_on_how_bins_are_refined(name, floor, monkeypatch):
    """Few bins, and scores looked at one by one only at the end, against the usual numbers."""
    wanted = [sampling_probabilities(SCORES[name], size, floor=floor) for size in (1, 50, 2000)]
    for bins, few in ((2, 0), (8, 3), (1024, 0), (1024, N)):
        monkeypatch.setattr(budget, "_BINS", bins)
        monkeypatch.setattr(budget, "_FEW", few)
        for size, q in zip((1, 50, 2000), wanted, strict=True):
            found = sampling_probabilities(SCORES[name], size, floor=floor)
            np.testing.assert_array_equal(found, q)


@given(names, sizes, floors)
def test_K6_is_the_exact_solution_rounded_once(name, size, floor):
    """In rational arithmetic: the budget at the level implied by any row between floor and one."""
    scores = SCORES[name]
    lower = {"1/n": 1.0 / N}.get(floor, floor)
    positive = scores > 0.0
    if size >= np.count_nonzero(positive) or lower * np.count_nonzero(positive) > size:
        return
    q = sampling_probabilities(scores, size, floor=floor)
    inside = np.flatnonzero((q > max(lower, 1e-290)) & (q < 1.0))
    if not inside.size:
        return
    top, bottom = positive & (q == 1.0), positive & (q <= lower)
    rest = [Fraction(s) for s in scores[positive & ~top & ~bottom].tolist()]
    left = size - int(top.sum()) - Fraction(lower) * int(bottom.sum())
    level = sum(rest) / left
    i = inside[0]
    exact = float(Fraction(float(scores[i])) / level)
    assert abs(q[i] - exact) <= 2.0 * np.spacing(exact)


@given(st.integers(1, N // 2), st.sampled_from([0, 1e-4]))
def test_K6_increases_with_the_budget_to_the_last_bit(size, floor):
    """So that Poisson samples nest without a tolerance, if the floor does not change."""
    less = sampling_probabilities(SCORES["heavy"], size, floor=floor)
    more = sampling_probabilities(SCORES["heavy"], 2 * size, floor=floor)
    assert np.all(less <= more)


def test_sums_in_floating_point_depend_on_the_cut():
    """Companion: the budget from sums of parts, as one would write it first, moves with them."""
    scores = SCORES["heavy"]
    sums = {float(np.sum([scores[:k].sum(), scores[k:].sum()])) for k in range(1, N, 100)}
    assert len({100.0 / total for total in sums}) > 1


# Designs ----------------------------------------------------------------------------------------


@given(st.sampled_from(DESIGNS), names, sizes, CUTS)
def test_any_chunks_give_the_same_sample(design, name, size, cuts):
    here = sample_rows(SCORES[name], size, design=design, rng=5)
    kept = sample_rows(parts(SCORES[name], cuts), size, design=design, rng=5)
    np.testing.assert_array_equal(kept.indices, here.indices)
    np.testing.assert_array_equal(kept.weights, here.weights)
    assert isinstance(kept.indices, np.ndarray)


@given(CUTS)
def test_any_chunks_of_probabilities_give_the_same_sample(cuts):
    q = sampling_probabilities(SCORES["heavy"], 300)
    np.testing.assert_array_equal(
        poisson_sample(parts(q, cuts), rng=1).indices, poisson_sample(q, rng=1).indices
    )
    for design in ("poisson", "priority"):
        here, kept = (
            sample_rows(q, design=design, rng=1),
            sample_rows(parts(q, cuts), design=design, rng=1),
        )
        np.testing.assert_array_equal(kept.indices, here.indices)
        np.testing.assert_array_equal(kept.weights, here.weights)


def by_position_in_the_chunk(scores, size, seed):
    """Wrong on purpose: each chunk numbers its rows from 0."""
    q = np.asarray(sampling_probabilities(scores, size))
    kept, start = [], 0
    for rows in scores.chunks[0]:
        u = Stream(seed, ROW_PURPOSE).uniform(range(rows))
        kept.append(start + np.flatnonzero(u < q[start : start + rows]))
        start += rows
    return np.concatenate(kept)


def test_numbers_keyed_by_the_position_in_a_chunk_are_caught():
    """Companion: equal for one chunk, another sample for two."""
    scores = SCORES["heavy"]
    here = sample_rows(scores, 300, rng=5).indices
    np.testing.assert_array_equal(by_position_in_the_chunk(parts(scores, []), 300, 5), here)
    wrong = by_position_in_the_chunk(parts(scores, [1000]), 300, 5)
    assert not np.array_equal(wrong, here)


@pytest.mark.parametrize("design", ["poisson", "priority"])
def test_only_kept_rows_travel(design, no_gathering):
    sample = sample_rows(parts(SCORES["heavy"], [100, 900]), 200, design=design, rng=0)
    assert 0 < sample.size < 300


def test_other_designs_gather(no_gathering):
    """Companion: the guard of the test above sees scores that travel."""
    with pytest.raises(AssertionError, match="gathered"):
        sample_rows(parts(SCORES["heavy"], [100]), 200, design="systematic", rng=0)


def test_few_positive_scores_keep_exactly_these_rows(no_gathering):
    scores = np.zeros(N)
    scores[[5, 999, 3000]] = 1e-300, 1.0, 7.0
    sample = sample_rows(parts(scores, [6, 1000]), 3, rng=0)
    assert sample.indices.tolist() == [5, 999, 3000]
    assert sample.weights.tolist() == [1.0, 1.0, 1.0]


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_bad_scores_are_named_by_their_row(bad):
    scores = np.ones(N)
    scores[[2345, 3999]] = bad
    with pytest.raises(ArgumentError, match=rf"^scores: got scores\[2345\] = {bad!r}; expected"):
        sampling_probabilities(parts(scores, [1000, 2000]), 5)
    with pytest.raises(ArgumentError, match=r"\[2345\] = "):
        sample_rows(parts(scores, [1000, 2000]), rng=0)


def test_scores_must_be_a_real_vector_with_known_chunks():
    x = da.ones(10, chunks=5)
    with pytest.raises(ArgumentError, match=r"unknown size.*compute_chunk_sizes"):
        sampling_probabilities(x[x > 0], 5)
    with pytest.raises(ArgumentError, match=r"shape \(10, 1\).*ravel"):
        sampling_probabilities(x[:, None], 5)
    with pytest.raises(ArgumentTypeError, match="dtype complex128"):
        sampling_probabilities(x.astype(complex), 5)
