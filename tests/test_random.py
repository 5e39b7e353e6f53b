"""rnla.random: every draw is a function of seed, purpose and index, and looks random."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.random import Stream, resolve_seed
from tests.kernels.test_philox import plain_words

METHODS = {
    "words": lambda stream, index: stream.words(index, block=3, draw=2),
    "uniform": lambda stream, index: stream.uniform(index, draw=1),
    "signs": lambda stream, index: stream.signs(index),
    "integers": lambda stream, index: stream.integers(1000, index),
    "normal": lambda stream, index: stream.normal(index, 3),
}


# --- known answers -------------------------------------------------------------------------------


def test_words_follow_the_documented_layout():
    stream = Stream(5, "layout")
    expected = [plain_words(stream.key, i, 3, 2) for i in range(2**32 - 2, 2**32 + 2)]
    np.testing.assert_array_equal(
        stream.words(range(2**32 - 2, 2**32 + 2), block=3, draw=2), expected
    )


def test_known_answers_stay_what_they_are():
    """Bits are part of the interface: a seed recorded in a result must repeat it for ever."""
    assert Stream(0, "example").key == KNOWN_KEY
    np.testing.assert_array_equal(Stream(0, "example").uniform(range(3)), KNOWN_UNIFORM)
    np.testing.assert_array_equal(Stream(0, "example").integers(100, range(5)), KNOWN_INTEGERS)
    np.testing.assert_array_equal(Stream(0, "example").signs(range(8)), KNOWN_SIGNS)


KNOWN_KEY = 0x1D85581A7B60EE17
KNOWN_UNIFORM = [
    float.fromhex(x)
    for x in ("0x1.f05e311550e49p-1", "0x1.22b7c0296f454p-3", "0x1.739e48873a116p-2")
]
KNOWN_INTEGERS = [96, 14, 36, 27, 29]
KNOWN_SIGNS = [-1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0]


# --- one function of the index -------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@given(cuts=st.lists(st.integers(0, 200), max_size=6), start=st.integers(0, 2**62))
def test_chunks_do_not_matter(method, cuts, start):
    draw, stream = METHODS[method], Stream(11, "chunks")
    whole = draw(stream, range(start, start + 200))
    edges = [0, *sorted(cuts), 200]
    parts = [draw(stream, range(start + a, start + b)) for a, b in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("method", METHODS)
def test_any_index_in_any_order(method):
    draw, stream = METHODS[method], Stream(12, "order")
    index = np.random.default_rng(0).permutation(500)
    np.testing.assert_array_equal(draw(stream, index), draw(stream, range(500))[index])
    np.testing.assert_array_equal(draw(stream, range(0, 500, 7)), draw(stream, range(500))[::7])


def test_two_processes_draw_the_same_bits():
    code = (
        "import hashlib; from rnla.random import Stream; s = Stream(3, 'process');"
        "print(hashlib.sha256(s.uniform(range(5000)).tobytes() + s.signs(range(99)).tobytes())"
        ".hexdigest())"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout != ""


# --- keys ----------------------------------------------------------------------------------------


def test_purposes_and_seeds_do_not_collide():
    """Keys of seed + index numbering overlap; hashed ones collide with probability 2^-64 a pair.

    2 x 10^4 keys have 2 x 10^8 pairs: false alarm 1e-11.
    """
    purposes = ["poisson", "poisson.", "", "a", "b", "sketch.sparse_sign", "leverage.projection"]
    purposes += [f"step {i}" for i in range(13)]
    seeds = [*range(900), *(2**k for k in range(10, 100)), *(256**k - 1 for k in range(2, 12))]
    keys = [Stream(seed, purpose).key for seed, purpose in itertools.product(seeds, purposes)]
    assert len(set(keys)) == len(keys) == 20 * len(seeds)


def test_seed_plus_index_numbering_would_collide():
    """Companion: the numbering seen elsewhere, seed + number of the purpose, is caught."""
    keys = [seed + purpose for seed, purpose in itertools.product(range(900), range(20))]
    assert len(set(keys)) < len(keys)


def test_seed_and_purpose_cannot_run_into_each_other():
    """The purpose's length is hashed first, so bytes cannot move from one field to the other."""
    assert Stream(ord("a"), "").key != Stream(0, "a").key
    assert Stream(0, "").key != Stream(0, "\0").key != Stream(0, "\0\0").key


# --- looks random --------------------------------------------------------------------------------

ALPHA = 1e-6  # false alarm per test below, at the fixed seeds used


def uniformity_p_value(u):
    return stats.kstest(u, "uniform").pvalue


def independence_p_value(u, v):
    """Chi-square on an 8 x 8 table of pairs."""
    table = np.histogram2d(u, v, bins=8, range=[[0, 1], [0, 1]])[0]
    return stats.chi2.sf(np.sum((table - u.size / 64) ** 2) / (u.size / 64), 63)


@pytest.mark.parametrize("draw", [0, 1, 2**31])
def test_uniforms_are_uniform_and_independent(draw):
    """Kolmogorov-Smirnov and chi-square of neighbours; false alarm 1e-6 each, two tests."""
    u = Stream(1, "uniformity").uniform(range(10**5), draw=draw)
    assert u.min() > 0.0
    assert u.max() < 1.0
    assert uniformity_p_value(u) > ALPHA
    assert independence_p_value(u[:-1:2], u[1::2]) > ALPHA


def test_streams_are_independent_of_each_other():
    """Neighbouring seeds, purposes, draws and blocks: chi-square, false alarm 4e-6 in all."""
    index = range(10**5)
    u = Stream(1, "a").uniform(index)
    for v in (
        Stream(2, "a").uniform(index),
        Stream(1, "b").uniform(index),
        Stream(1, "a").uniform(index, draw=1),
        Stream(1, "a").uniform(index, block=1),
    ):
        assert independence_p_value(u, v) > ALPHA


def test_the_checks_catch_a_bad_generator():
    """Companion: a lattice u_i = frac(i phi) fails independence, a slight skew uniformity."""
    lattice = np.modf(np.arange(10**5) * 0.6180339887498949)[0]
    assert independence_p_value(lattice[:-1:2], lattice[1::2]) < ALPHA
    assert uniformity_p_value(Stream(1, "uniformity").uniform(range(10**5)) ** 1.05) < ALPHA


@pytest.mark.parametrize("high", [1, 2, 3, 10, 1000])
def test_integers_are_uniform(high):
    """Chi-square over the values; false alarm 1e-6 each."""
    values = Stream(4, "integers").integers(high, range(10**5))
    counts = np.bincount(values, minlength=high)
    assert counts.size == high
    if high > 1:
        statistic = np.sum((counts - 1e5 / high) ** 2) / (1e5 / high)
        assert stats.chi2.sf(statistic, high - 1) > ALPHA


def test_integers_reach_the_whole_range_of_32_bits():
    values = Stream(4, "integers").integers(2**32, range(1000))
    assert values.min() >= 0
    assert 2**31 < values.max() < 2**32


def test_signs_are_balanced_and_uncorrelated():
    """Mean and autocorrelation at lags 1 … 64: |z| < 5.9, false alarm 65 x 4e-9 = 2.4e-7."""
    signs = Stream(9, "signs").signs(range(10**5))
    assert set(np.unique(signs)) == {-1.0, 1.0}
    for lag in range(65):
        products = signs if lag == 0 else signs[lag:] * signs[:-lag]
        assert abs(products.sum()) < 5.9 * np.sqrt(products.size)


def test_index_zero_is_not_special():
    """The sign of index 0 over 4000 seeds: |z| < 5.9, false alarm 4e-9."""
    signs = [Stream(seed, "zero").signs(range(1))[0] for seed in range(4000)]
    assert abs(sum(signs)) < 5.9 * np.sqrt(4000)


def test_normals_are_normal_and_uncorrelated():
    """Kolmogorov-Smirnov of five columns, and their correlations: false alarm 5e-6 + 4e-8."""
    X = Stream(2, "normal").normal(range(20000), 5)
    for column in X.T:
        assert stats.kstest(column, "norm").pvalue > ALPHA
    correlation = np.corrcoef(X.T)[np.triu_indices(5, 1)]
    assert np.abs(correlation).max() < 5.9 / np.sqrt(20000)


def test_generator_is_keyed():
    a, b = Stream(1, "small").generator(), Stream(1, "small").generator()
    np.testing.assert_array_equal(a.random(4), b.random(4))
    assert Stream(2, "small").generator().random() != Stream(1, "small").generator().random()


# --- resolve_seed --------------------------------------------------------------------------------


def test_an_integer_is_its_own_seed():
    for seed in (0, 7, 2**100, np.int32(5), np.uint64(2**63)):
        assert resolve_seed(seed) == int(seed)
        assert type(resolve_seed(seed)) is int


def test_a_generator_advances_and_a_seed_sequence_does_not():
    generator = np.random.default_rng(0)
    assert resolve_seed(generator) != resolve_seed(generator)
    assert resolve_seed(np.random.default_rng(0)) == resolve_seed(np.random.default_rng(0))
    sequence = np.random.SeedSequence(5)
    assert resolve_seed(sequence) == resolve_seed(sequence)
    children = sequence.spawn(2)
    assert resolve_seed(children[0]) != resolve_seed(children[1])


def test_none_takes_fresh_entropy_and_no_global_state():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert resolve_seed(None) != resolve_seed()  # equal with probability 2^-63
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize("bad", [-1, np.int64(-5)])
def test_negative_seeds_are_refused(bad):
    with pytest.raises(ArgumentError, match=r"^rng: got -\d; expected .*\. Pass rng=0"):
        resolve_seed(bad)


@pytest.mark.parametrize("bad", [1.0, "0", True, np.random, np.random.RandomState(0), [1, 2]])
def test_other_kinds_are_refused(bad):
    with pytest.raises(ArgumentTypeError, match=r"^rng: got \w+; expected .*\. Pass rng=0"):
        resolve_seed(bad)
