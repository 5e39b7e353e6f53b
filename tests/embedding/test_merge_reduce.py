"""Merge and reduce: check 27, independence of the blocking, unbiasedness, memory, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla.certify import certify_embedding
from rnla.embedding import _node
from rnla.embedding.merge_reduce import MergeReduce, merge_and_reduce
from rnla.random import Stream
from rnla.sampling import sample_rows
from rnla.scores import lewis_weights
from tests import families
from tests.counts import count

LEAVES = 64


def found_distortion(A, sample, p):
    """Exact: eigenvalues for p = 2, enumeration for p = 1 and two columns."""
    if p == 2.0:
        R = np.linalg.qr(A, mode="r")
        B = np.linalg.solve(R.T, sample.reweight(A, p).T)
        values = np.linalg.eigvalsh(B @ B.T)
        return max(values[-1] - 1.0, 1.0 - values[0])
    return certify_embedding(A, sample, p, tiers=("enumeration",), rng=0).found


def median_ratio(name, p, seeds):
    """Distortion of merge and reduce over that of one-shot sampling: median over paired seeds."""
    d = 2 if p == 1.0 else 4
    A = families.FAMILIES[name](LEAVES * 60, d, 0)
    size = 12 * d
    weights = np.asarray(lewis_weights(A, p, tol=1e-3, rng=0))
    ratios = []
    for seed in range(seeds):
        kept = merge_and_reduce([A], p, size, leaf=len(A) // LEAVES, rng=seed)
        assert (kept.leaves, kept.levels) == (LEAVES, 7)
        whole = sample_rows(weights, size, p=p, rng=seed)
        ratios.append(found_distortion(A, kept.sample, p) / found_distortion(A, whole, p))
    return float(np.median(ratios))


# --- Check 27 -------------------------------------------------------------------------------------


def check_27(name, p, seeds, record_property, false_alarm_rate):
    ratio = median_ratio(name, p, seeds)
    record_property("check", 27)
    record_property("measured", ratio)
    record_property("threshold", 1.2)
    record_property("count", seeds)
    record_property("false_alarm_rate", false_alarm_rate)
    assert ratio <= 1.2


def test_check_27_as_good_as_one_shot(record_property):
    """64 leaves, 7 levels: median ratio of exact distortions at most 1.2, over 40 seeds.

    Both samples read the same random numbers, so pairs differ little. Over 80 seeds the median was
    1.05; the median of 40 has a bootstrap standard error of 0.042 in the logarithm, and 1.2 is 3.2
    of them away: false alarm 7e-4.
    """
    check_27("gaussian", 2.0, 40, record_property, 7e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, p",
    [
        ("student_t", 2.0),
        ("coherent", 2.0),
        ("gaussian", 1.0),
        ("student_t", 1.0),
        ("coherent", 1.0),
    ],
)
def test_check_27_on_other_matrices_and_norms(name, p, record_property):
    """The same over 100 seeds (full) or 25 (check), where 1.2 is at least 2.8 standard errors away.

    False alarm: 3e-3 for each at 25 seeds, below 1e-7 at 100.
    """
    seeds = count(full=100, check=25)
    check_27(name, p, seeds, record_property, 3e-3 if seeds == 25 else 1e-7)


@pytest.mark.parametrize("name", ["gaussian", "coherent"])
def test_check_27_catches_nodes_that_forget_the_weights(name, monkeypatch):
    """Scores of unweighted rows cost a factor above 1.6 in the median."""
    monkeypatch.setattr(_node, "scaled", lambda rows, factors: rows)
    assert median_ratio(name, 2.0, 15) > 1.2


# --- The sample is a Poisson sample ---------------------------------------------------------------


@given(st.lists(st.integers(0, 500), max_size=6), st.sampled_from(["lewis", "uniform"]))
def test_C8_blocks_do_not_matter(cuts, method):
    A = families.student_t(500, 3, 1)
    options = {"method": method, "leaf": 64, "rng": 5}
    whole = merge_and_reduce([A], 1.0, 30, **options)
    pieces = [piece for piece in np.split(A, sorted(cuts)) if len(piece)]
    parts = merge_and_reduce(pieces, 1.0, 30, **options)
    np.testing.assert_array_equal(parts.sample.indices, whole.sample.indices)
    np.testing.assert_array_equal(parts.sample.weights, whole.sample.weights)
    np.testing.assert_array_equal(parts.rows, A[parts.sample.indices])


def test_rows_stay_while_their_number_is_below_their_probability():
    A = families.gaussian(3000, 4, 0)
    kept = merge_and_reduce(np.array_split(A, 9), 2.0, 150, rng=11).sample
    u = Stream(11, "sampling.row").uniform(kept.indices)
    assert np.all(u < kept.probabilities)
    np.testing.assert_array_equal(kept.weights, 1.0 / kept.probabilities)
    whole = sample_rows(np.asarray(lewis_weights(A, 2.0, rng=0)), 150, p=2, rng=11)
    assert np.isin(kept.indices, whole.indices).mean() > 0.8


@pytest.mark.parametrize("p", [1.0, 3.0])
def test_check_7_norms_are_unbiased(p):
    """Mean over 200 seeds within 4 standard errors for 5 vectors; false alarm 3e-4 for each p."""
    A = families.student_t(400, 3, 2)
    X = np.random.default_rng(0).standard_normal((3, 5))
    exact = (np.abs(A @ X) ** p).sum(axis=0)
    estimates = []
    for seed in range(200):
        kept = merge_and_reduce([A], p, 25, method="leverage", leaf=100, rng=seed)
        estimates.append((np.abs(kept.matrix @ X) ** p).sum(axis=0) / exact)
    error = np.std(estimates, axis=0) / np.sqrt(200)
    assert np.all(np.abs(np.mean(estimates, axis=0) - 1.0) <= 4 * error)


def test_uniform_scores_give_the_leaf_rate():
    kept = merge_and_reduce([np.ones((1024, 1))], 1.0, 16, method="uniform", leaf=64, rng=0)
    # Every thinning aims at 16 rows of those that came through: weights add to n in expectation.
    assert 0.5 * 1024 < kept.sample.weights.sum() < 2 * 1024
    assert kept.size < 40


# --- Streams --------------------------------------------------------------------------------------


def test_a_stream_can_be_asked_at_any_time():
    A = families.gaussian(700, 3, 0)
    stream = MergeReduce(1.0, 40, leaf=50, rng=3)
    for block in np.array_split(A[:330], 4):
        stream.update(block)
    middle = stream.result()
    expected = merge_and_reduce([A[:330]], 1.0, 40, leaf=50, rng=3)
    np.testing.assert_array_equal(middle.sample.indices, expected.sample.indices)
    assert (middle.sample.n, middle.leaves) == (330, 7)
    stream.update(A[330:])
    expected = merge_and_reduce([A], 1.0, 40, leaf=50, rng=3)
    np.testing.assert_array_equal(stream.result().sample.indices, expected.sample.indices)
    np.testing.assert_array_equal(stream.result().sample.weights, expected.sample.weights)


def test_memory_is_a_few_samples():
    stream = MergeReduce(2.0, 30, leaf=60, rng=0)
    rng = np.random.default_rng(0)
    for _ in range(100):
        stream.update(rng.standard_normal((97, 3)))
        held = [node.size for _, node in stream._tree.stack]
        assert len(held) <= np.log2(stream.rows / 60 + 1) + 1
        assert max(held, default=0) <= 30 + 6 * np.sqrt(30)
        assert sum(part.size for part in stream._tree.waiting) < 60


def test_few_rows_are_kept_whole():
    A = families.gaussian(20, 3, 0)
    kept = merge_and_reduce(np.array_split(A, 4), 1.0, 30, rng=0)
    assert (kept.status.name, kept.size, len(kept)) == ("EXACT", 20, 20)
    np.testing.assert_array_equal(kept.matrix, A)


def test_sparse_and_float32_stay_what_they_are():
    A = families.sparse_power_law(900, 5, 0)
    sparse = merge_and_reduce([A[:400], sp.coo_array(A[400:])], 1.0, 60, rng=1)
    dense = merge_and_reduce([A.toarray()], 1.0, 60, rng=1)
    assert sp.issparse(sparse.rows)
    assert sp.issparse(sparse.matrix)
    np.testing.assert_array_equal(sparse.sample.indices, dense.sample.indices)
    np.testing.assert_allclose(sparse.matrix.toarray(), dense.matrix, rtol=1e-6)
    single = merge_and_reduce([A.toarray().astype(np.float32)], 1.0, 60, rng=1)
    assert single.rows.dtype == single.matrix.dtype == np.float32


def test_zero_rows_and_dependent_columns_are_no_trouble():
    A = families.rank_deficient(800, 5, 0)
    A[::3] = 0.0
    kept = merge_and_reduce([A], 1.0, 60, rng=0)
    assert not np.any(kept.sample.indices % 3 == 0)
    assert np.linalg.matrix_rank(kept.matrix) == np.linalg.matrix_rank(A)
    assert merge_and_reduce([np.zeros((480, 2))], 1.0, 60, rng=0).size == 0


@pytest.mark.parametrize(
    "options, blocks, name",
    [
        ({"p": 0.5}, [], "p"),
        ({"size": 0}, [], "size"),
        ({"method": "norms"}, [], "method"),
        ({"leaf": 5}, [], "leaf"),
        ({"rng": -1}, [], "rng"),
        ({}, [], "blocks"),
        ({"size": 2}, [np.ones((4, 3))], "size"),
        ({}, [np.ones((4, 3)), np.ones((4, 2))], "block"),
        ({}, [np.ones((4, 3)), sp.csr_array(np.ones((4, 3)))], "block"),
        ({}, [np.ones((4, 3)), np.full((1, 3), np.nan)], "block"),
        ({}, [np.ones(4)], "block"),
    ],
)
def test_bad_input_is_named(options, blocks, name):
    with pytest.raises(rnla.RnlaError, match=f"^{name}: got"):
        merge_and_reduce(blocks, **{"p": 1.0, "size": 10, "rng": 0, **options})
