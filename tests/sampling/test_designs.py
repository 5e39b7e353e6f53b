"""What every design promises: checks 6, 7 and 8, exact weights, fixed sizes, nested samples."""

from __future__ import annotations

import concurrent.futures
import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from rnla.kernels import ordered_pivotal as pivotal_kernel
from rnla.kernels.unit_steps import crossings
from rnla.random import Stream
from rnla.sampling import (
    DESIGNS,
    flattening_recursion,
    merge_samples,
    ordered_pivotal,
    ordered_pivotal_sample,
    poisson,
    poisson_sample,
    priority_sample,
    sample_rows,
    sampling_probabilities,
    spatial_order,
    systematic,
    systematic_sample,
)
from rnla.sampling._rows import DUEL_PURPOSE, OFFSET_PURPOSE, ROW_PURPOSE
from rnla.sampling._steps import unit_steps
from rnla.sampling.priority import priority_keys
from tests.sampling.reference import (
    ordered_duels,
    priority_inclusion,
    swapped_survivor_probability,
)

Q = np.array([0.2, 0.25, 0.35, 0.4, 0.5, 0.5, 0.55, 0.65, 0.7, 0.9])
PRESCRIBED = ("poisson", "systematic", "ordered_pivotal", "tree_pivotal")
FIXED_SIZE = ("priority", "systematic", "ordered_pivotal", "tree_pivotal")
TOLERANCE = 0.015


# --- check 6: marginals --------------------------------------------------------------------------


def frequencies(draw, draws: int) -> np.ndarray:
    kept = np.zeros(Q.size)
    for seed in range(draws):
        kept[draw(seed)] += 1
    return kept / draws


def false_alarm_rate(draws: int, q: np.ndarray = Q) -> float:
    """Union bound over the rows of the exact binomial tails beyond the tolerance."""
    width = TOLERANCE * draws
    counts = scipy.stats.binom(draws, q)
    return float(np.sum(counts.cdf(draws * q - width) + counts.sf(draws * q + width)))


@pytest.mark.parametrize("design", PRESCRIBED)
def test_check_06_marginals(design, record_property):
    """20 000 draws: a correct design raises a false alarm with probability 1.0e-4 (exact tails)."""
    draws = 20_000
    assert false_alarm_rate(draws) < 2e-4
    found = frequencies(lambda seed: sample_rows(Q, design=design, rng=seed).indices, draws)
    worst = float(np.abs(found - Q).max())
    record_property("check", f"6 {design}")
    record_property("measured", worst)
    record_property("threshold", TOLERANCE)
    record_property("count", draws)
    record_property("false_alarm_rate", false_alarm_rate(draws))
    assert worst <= TOLERANCE


def test_check_06_marginals_of_the_designs_that_do_not_take_probabilities():
    """Priority and with-replacement sampling have other marginals, known by quadrature and formula.

    Same tolerance, same false-alarm rate.
    """
    draws = 20_000
    expected = priority_inclusion(Q, 5)
    found = frequencies(lambda seed: priority_sample(Q, 5, rng=seed).indices, draws)
    assert false_alarm_rate(draws, expected) < 2e-4
    assert np.abs(found - expected).max() <= TOLERANCE
    once = 1.0 - (1.0 - Q / Q.sum()) ** 5
    found = frequencies(
        lambda seed: sample_rows(Q, 5, design="with_replacement", floor=0, rng=seed).indices, draws
    )
    assert np.abs(found - once).max() <= TOLERANCE


def test_check_06_catches_a_wrong_survivor():
    """Companion: pivotal duels won by the wrong row miss the marginals by far more than 0.015."""
    draws = 4_000
    uniforms = np.random.default_rng(0).random((draws, Q.size))

    def draw(seed):
        kept, last, mass = ordered_duels(Q, uniforms[seed], swapped_survivor_probability)
        return [*kept, last] if mass > 0.5 else kept

    assert np.abs(frequencies(draw, draws) - Q).max() > 3 * TOLERANCE


@pytest.mark.parametrize("design", FIXED_SIZE)
def test_check_06_fixed_size_designs_always_return_exactly_five_rows(design):
    assert {sample_rows(Q, design=design, rng=seed).size for seed in range(2_000)} == {5}


# --- check 7: unbiasedness -----------------------------------------------------------------------


def four_standard_errors(ratios: np.ndarray) -> np.ndarray:
    """Distance of the means from one, in units of four standard errors."""
    error = ratios.std(axis=0, ddof=1) / np.sqrt(len(ratios))
    return np.abs(ratios.mean(axis=0) - 1.0) / (4.0 * np.maximum(error, 1e-15))


def norm_ratios(draw, p: float, draws: int) -> np.ndarray:
    rng = np.random.default_rng(12)
    A = rng.standard_normal((60, 4)) * rng.uniform(0.3, 3.0, size=(60, 1))
    X = rng.standard_normal((4, 20))
    whole = np.sum(np.abs(A @ X) ** p, axis=0)
    scores = np.linalg.norm(A, axis=1) ** p
    return np.array(
        [np.sum(np.abs(draw(scores, seed) @ A @ X) ** p, axis=0) / whole for seed in range(draws)]
    )


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("p", [1.0, 3.0])
def test_check_07_unbiased(design, p):
    """2000 draws, 20 vectors within 4 standard errors: false alarm below 20 * 6.4e-5 = 1.3e-3.

    The vectors see the same draws, so the union bound is generous; the seeds are fixed.
    """

    def draw(scores, seed):
        return sample_rows(scores, 15, design=design, p=p, rng=seed)

    assert four_standard_errors(norm_ratios(draw, p, 2_000)).max() <= 1.0


def test_check_07_unbiased_after_flattening():
    """The same for the recursion with split rows; false alarm below 1.3e-3."""

    def draw(scores, seed):
        return flattening_recursion(scores, 20, p=3.0, rng=seed).sample

    assert four_standard_errors(norm_ratios(draw, 3.0, 2_000)).max() <= 1.0


def test_check_07_catches_weights_that_forget_the_power():
    """Companion: weights 1/q used as row scales, without the p-th root, are far off."""

    def draw(scores, seed):
        return sample_rows(scores, 15, p=1.0, rng=seed)

    assert four_standard_errors(norm_ratios(draw, 3.0, 500)).min() > 1.0


def row_weight_means(weights_of, draws: int) -> np.ndarray:
    """Mean of w_i [i kept] over the draws of priority sampling, and its standard error, per row."""
    kept = np.zeros((draws, Q.size))
    for seed in range(draws):
        sample = priority_sample(Q, 5, rng=seed)
        kept[seed, sample.indices] = weights_of(sample)
    return four_standard_errors(kept)


def test_check_07_priority_is_unbiased_in_every_row():
    """10 rows, 20 000 draws, 4 standard errors: false alarm below 10 * 6.4e-5 = 6.4e-4."""
    assert row_weight_means(lambda sample: sample.weights, 20_000).max() <= 1.0


def test_check_07_catches_priority_weights_without_the_threshold():
    """Companion: weights one over the scores, as if they were the inclusion probabilities."""
    assert row_weight_means(lambda sample: 1.0 / Q[sample.indices], 20_000).max() > 2.0


# --- check 8: chunks, workers, nested samples ----------------------------------------------------

CHUNKS = (1, 7, 64)
SCORES = np.random.default_rng(5).exponential(size=3_000) ** 3


def bounds_of(chunks: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, SCORES.size, chunks + 1).astype(int)
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]


def by_workers(function, chunks: int) -> list:
    """Run the chunks on several threads, in an order that has nothing to do with the rows."""
    pieces = bounds_of(chunks)
    shuffled = np.random.default_rng(chunks).permutation(chunks)
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(chunks, 8)) as pool:
        results = dict(
            zip(shuffled, pool.map(lambda k: function(*pieces[k]), shuffled), strict=True)
        )
    return [results[k] for k in range(chunks)]


@pytest.mark.parametrize("chunks", CHUNKS)
def test_check_08_poisson_by_chunks(chunks):
    q = sampling_probabilities(SCORES, 200)
    rows = by_workers(lambda a, b: poisson.poisson_rows(q[a:b], a, 11), chunks)
    np.testing.assert_array_equal(np.concatenate(rows), poisson_sample(q, rng=11).indices)


@pytest.mark.parametrize("chunks", CHUNKS)
def test_check_08_priority_by_chunks(chunks):
    """Each worker keeps its own m + 1 smallest keys; the smallest of those are the sample."""
    m = 200

    def best(a, b):
        keys = priority_keys(SCORES[a:b], a, 11)
        first = np.argsort(keys, kind="stable")[: m + 1]
        return keys[first], a + first

    keys, rows = (np.concatenate(part) for part in zip(*by_workers(best, chunks), strict=True))
    merged = rows[np.lexsort((rows, keys))]
    whole = priority_sample(SCORES, m, rng=11)
    np.testing.assert_array_equal(np.sort(merged[:m]), whole.indices)
    last = merged[m]
    threshold = Stream(11, ROW_PURPOSE).uniform(np.array([last]))[0] / SCORES[last]
    np.testing.assert_allclose(
        whole.probabilities, np.minimum(1.0, threshold * SCORES[whole.indices]), rtol=1e-15
    )


@pytest.mark.parametrize("chunks", CHUNKS)
def test_check_08_systematic_by_chunks(chunks):
    """Sums modulo 2^64 are associative: workers need only the sums of the chunks before theirs."""
    q = sampling_probabilities(SCORES, 20)
    assert q.max() < 1.0
    steps, total = unit_steps(q)
    sums = by_workers(lambda a, b: steps[a:b].sum(dtype=np.uint64), chunks)
    starts = np.uint64(systematic._offset(11, total)) + np.cumsum([0, *sums], dtype=np.uint64)
    place = {a: k for k, (a, _) in enumerate(bounds_of(chunks))}
    rows = by_workers(lambda a, b: a + crossings(steps[a:b], int(starts[place[a]]))[0], chunks)
    np.testing.assert_array_equal(np.concatenate(rows), systematic_sample(q, rng=11).indices)


@pytest.mark.parametrize("chunks", CHUNKS)
def test_check_08_ordered_pivotal_by_chunks(chunks):
    """Numbers may come from any worker, and what goes from chunk to chunk is two numbers."""
    steps, _ = unit_steps(sampling_probabilities(SCORES, 200))
    stream = Stream(11, DUEL_PURPOSE)
    uniforms = by_workers(lambda a, b: stream.uniform(range(a, b)), chunks)
    rows, standing, mass = [], -1, 0
    for (a, b), u in zip(bounds_of(chunks), uniforms, strict=True):
        kept, standing, mass = pivotal_kernel.ordered_pivotal(steps[a:b], u, a, standing, mass)
        rows.append(kept)
    assert mass == 0
    found = np.concatenate(rows)
    whole = ordered_pivotal_sample(sampling_probabilities(SCORES, 200), rng=11)
    certain = np.setdiff1d(whole.indices[whole.probabilities == 1.0], found)
    np.testing.assert_array_equal(np.sort([*found, *certain]), whole.indices)


@pytest.mark.parametrize("module", [poisson, ordered_pivotal])
@pytest.mark.parametrize("chunk", [1, 47, 429, 10**6])
def test_check_08_the_internal_chunk_does_not_matter(module, chunk, monkeypatch):
    design = "poisson" if module is poisson else "ordered_pivotal"
    order = None if module is poisson else np.random.default_rng(0).permutation(SCORES.size)
    whole = sample_rows(SCORES, 200, design=design, order=order, rng=11)
    monkeypatch.setattr(module, "CHUNK", chunk)
    again = sample_rows(SCORES, 200, design=design, order=order, rng=11)
    np.testing.assert_array_equal(again.indices, whole.indices)
    np.testing.assert_array_equal(again.weights, whole.weights)


@pytest.mark.parametrize("design", DESIGNS)
def test_check_08_concurrent_draws_do_not_disturb_each_other(design):
    alone = [sample_rows(SCORES, 200, design=design, rng=seed).indices for seed in range(8)]
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        together = list(
            pool.map(lambda s: sample_rows(SCORES, 200, design=design, rng=s).indices, range(8))
        )
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_check_08_catches_numbers_drawn_chunk_after_chunk():
    """Companion: one generator per chunk, as chunked code is often written, is not invariant."""
    q = sampling_probabilities(SCORES, 200)

    def draw(chunks):
        parts = [
            a + np.flatnonzero(np.random.default_rng((11, a)).random(b - a) < q[a:b])
            for a, b in bounds_of(chunks)
        ]
        return np.concatenate(parts)

    assert not np.array_equal(draw(1), draw(7))


def contains(design: str, small: int, large: int, seed: int, **options) -> bool:
    less = sample_rows(SCORES, small, design=design, rng=seed, **options)
    more = sample_rows(SCORES, large, design=design, rng=seed, **options)
    return bool(np.isin(less.indices, more.indices).all())


@pytest.mark.parametrize("design", ["poisson", "priority", "with_replacement"])
@pytest.mark.parametrize("floor", ["1/n", 0])
@pytest.mark.parametrize(("small", "large"), [(50, 100), (100, 200), (200, 211), (1, 2_999)])
def test_check_08_samples_are_nested(design, floor, small, large):
    assert all(contains(design, small, large, seed, floor=floor) for seed in range(20))


@pytest.mark.parametrize("factor", [2, 3, 10])
def test_check_08_systematic_samples_are_nested_while_nothing_is_clipped(factor):
    for seed in range(20):
        flat = np.random.default_rng(seed).uniform(0.5, 2.0, size=3_000)
        less = sample_rows(flat, 40, design="systematic", floor=0, rng=seed)
        more = sample_rows(flat, 40 * factor, design="systematic", floor=0, rng=seed)
        assert np.isin(less.indices, more.indices).all()


def test_check_08_catches_designs_that_do_not_nest():
    """Companion: pivotal samples of two sizes overlap only by chance, and the test sees it."""
    assert not all(contains("tree_pivotal", 100, 200, seed) for seed in range(20))


# --- properties that hold for every draw ---------------------------------------------------------

PROBABILITIES = st.lists(
    st.one_of(st.sampled_from([0.0, 1.0, 0.5, 1e-12, 1e-310]), st.floats(0.0, 1.0)),
    min_size=1,
    max_size=60,
).map(np.array)


@given(PROBABILITIES, st.sampled_from(PRESCRIBED), st.integers(0, 2**70))
def test_weights_times_probabilities_are_one(q, design, seed):
    sample = sample_rows(q, design=design, rng=seed)
    np.testing.assert_array_equal(sample.probabilities, q[sample.indices])
    np.testing.assert_allclose(sample.weights * sample.probabilities, 1.0, rtol=1e-15)
    assert np.isin(np.flatnonzero(q == 1.0), sample.indices).all()
    assert (sample.design, sample.seed, sample.n) == (design, seed, q.size)


@given(PROBABILITIES, st.sampled_from(PRESCRIBED[1:]), st.integers(0, 2**70))
def test_fixed_sizes_are_the_floor_or_the_ceiling_of_the_sum(q, design, seed):
    q = np.where(q < 1e-300, 0.0, q)
    total = q.sum()
    size = sample_rows(q, design=design, rng=seed).size
    assert np.floor(total * (1 - 1e-9)) <= size <= np.ceil(total * (1 + 1e-9))


@given(
    st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=80).map(np.array),
    st.data(),
    st.sampled_from(FIXED_SIZE),
    st.integers(0, 2**63),
)
def test_a_size_that_is_asked_for_is_met_exactly(scores, data, design, seed):
    size = data.draw(st.integers(1, scores.size))
    order = None
    if design != "priority" and data.draw(st.booleans()):
        order = np.random.default_rng(0).permutation(scores.size)
    sample = sample_rows(scores, size, design=design, order=order, rng=seed)
    assert sample.size == size
    np.testing.assert_array_equal(sample.multiplicities, 1)


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=80).map(np.array),
    st.integers(1, 500),
    st.integers(0, 2**63),
)
def test_draws_with_replacement_add_up(scores, size, seed):
    from rnla.sampling import with_replacement_sample

    sample = with_replacement_sample(scores, size, rng=seed)
    if not scores.any():
        assert sample.size == 0
        return
    assert sample.multiplicities.sum() == size
    assert np.all(scores[sample.indices] > 0.0)
    expected = size * scores[sample.indices] / scores.sum()
    np.testing.assert_allclose(sample.probabilities, expected, rtol=1e-12)


@pytest.mark.parametrize("design", PRESCRIBED[1:])
def test_a_fractional_last_unit_is_kept_with_its_residual_probability(design):
    """Sum q = 1.75: two rows with probability 3/4. 4000 draws, 5 standard errors: rate 6e-7."""
    q = np.array([0.25, 0.5, 0.625, 0.375])
    sizes = np.array([sample_rows(q, design=design, rng=seed).size for seed in range(4_000)])
    assert set(sizes) == {1, 2}
    assert abs(np.mean(sizes == 2) - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 4_000)


def test_systematic_marginals_are_exact():
    """Every one of 256 equally spaced starts, with probabilities in 256ths: counts are exact."""
    q = np.random.default_rng(3).integers(0, 256, size=40) / 256
    steps = (q * 2.0**64).astype(np.uint64)
    kept = np.zeros(40, dtype=int)
    for k in range(256):
        kept[crossings(steps, k << 56)[0]] += 1
    np.testing.assert_array_equal(kept, q * 256)


def test_systematic_offsets_are_uniform():
    """Kolmogorov-Smirnov on 2000 seeds, integer and fractional totals: rate 1e-4 each."""
    for total in (7 << 64, (7 << 64) + (1 << 62)):
        offsets = [systematic._offset(seed, total) / 2.0**64 for seed in range(2_000)]
        assert scipy.stats.kstest(offsets, "uniform").pvalue > 1e-4
    assert OFFSET_PURPOSE != DUEL_PURPOSE


def test_systematic_takes_equal_steps_along_the_order():
    order = np.random.default_rng(0).permutation(1_000)
    sample = systematic_sample(np.full(1_000, 0.05), order=order, rng=4)
    places = np.sort(np.argsort(order)[sample.indices])
    np.testing.assert_array_equal(np.diff(places), 20)


@pytest.mark.parametrize("design", DESIGNS)
def test_a_budget_of_all_rows_keeps_every_positive_row_with_weight_one(design):
    sample = sample_rows([3.0, 0.0, 1e-300, 2.0], 3, design=design, rng=0)
    np.testing.assert_array_equal(sample.indices, [0, 2, 3])
    np.testing.assert_array_equal(sample.weights, 1.0)


@pytest.mark.parametrize("design", DESIGNS)
def test_nothing_to_sample_gives_an_empty_sample(design):
    assert sample_rows(np.zeros(5), design=design, rng=0).size == 0
    assert sample_rows(np.zeros(5), 2, design=design, rng=0).size == 0


@pytest.mark.parametrize("design", DESIGNS)
def test_scores_over_six_hundred_decades(design):
    scores = 10.0 ** np.linspace(-300, 300, 601)
    sample = sample_rows(scores, 100, design=design, rng=1)
    assert np.isfinite(sample.weights).all()
    if design == "with_replacement":  # nine draws in ten take the last row, and repeats merge
        assert sample.multiplicities.sum() == 100
        assert sample.indices[-1] == 600
    else:
        assert sample.size > 80


def test_priority_breaks_ties_by_row(monkeypatch):
    from rnla.sampling import priority

    monkeypatch.setattr(priority, "priority_keys", lambda *_: np.array([2, 1, 1, 1, 0]))
    np.testing.assert_array_equal(priority_sample(np.ones(5), 3, rng=0).indices, [1, 2, 4])


def test_union_of_block_samples_is_a_sample_of_the_whole():
    q = sampling_probabilities(SCORES, 200)
    parts = [poisson_sample(q[a:b], rng=a).shifted(a, q.size) for a, b in bounds_of(5)]
    merged = merge_samples(parts)
    np.testing.assert_allclose(merged.weights, 1.0 / q[merged.indices])


def test_seeds_are_recorded_and_generators_advance():
    generator = np.random.default_rng(0)
    first, second = (sample_rows(Q, rng=generator) for _ in range(2))
    assert first.seed != second.seed
    np.testing.assert_array_equal(sample_rows(Q, rng=first.seed).indices, first.indices)
    assert sample_rows(Q).seed != sample_rows(Q).seed


@pytest.mark.parametrize("design", PRESCRIBED[1:])
def test_coordinates_and_their_order_are_the_same_thing(design):
    points = np.random.default_rng(1).random((300, 2))
    q = np.full(300, 0.1)
    by_points = sample_rows(q, design=design, coordinates=points, rng=7)
    by_order = sample_rows(q, design=design, order=spatial_order(points), rng=7)
    np.testing.assert_array_equal(by_points.indices, by_order.indices)
    natural = sample_rows(q, design=design, rng=7)
    same = sample_rows(q, design=design, order=np.arange(300), rng=7)
    np.testing.assert_array_equal(natural.indices, same.indices)
