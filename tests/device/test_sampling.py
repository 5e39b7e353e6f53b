"""Samples of scores on a GPU: those of the same scores on the host, and only kept rows travel."""

from __future__ import annotations

import numpy as np
import pytest

import rnla
from rnla import ArgumentTypeError
from rnla.sampling import (
    DESIGNS,
    RowSample,
    flattening_recursion,
    poisson_sample,
    priority_sample,
    root_leverage_recursion,
    sample_rows,
    sampling_probabilities,
    systematic_sample,
    tree_pivotal_sample,
    with_replacement_sample,
)
from rnla.sampling.ordered_pivotal import ordered_pivotal_sample

N = 3000


def heavy(n=N, seed=0):
    """Scores over many decades, some zero, some equal."""
    rng = np.random.default_rng(seed)
    scores = np.exp(6.0 * rng.standard_normal(n)) * (rng.random(n) < 0.9)
    scores[100:600] = 1.0
    return scores


SCORES = {
    "heavy": heavy(),
    "equal": np.full(N, 0.3),
    "600 decades": 10.0 ** np.random.default_rng(1).uniform(-300, 300, N),
    "subnormal": 5e-324 * np.random.default_rng(2).integers(1, 50, N),
    "one row": np.array([2.5]),
    "few positive": np.where(np.arange(50) % 10 == 0, 1.0, 0.0),
}


def assert_same(found, expected):
    """The same record to the last bit, in host memory."""
    assert isinstance(found, RowSample)
    for name in ("indices", "weights", "probabilities"):
        one, other = getattr(found, name), getattr(expected, name)
        assert type(one) is np.ndarray
        np.testing.assert_array_equal(one, other, err_msg=name)
    for name in ("design", "seed", "n", "p"):
        assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("floor", ["1/n", 0])
def test_probabilities_have_the_bits_of_the_host(cupy, name, floor):
    scores = SCORES[name]
    for size in {max(1, scores.size // 7), scores.size}:
        found = sampling_probabilities(cupy.asarray(scores), size, floor=floor)
        assert type(found) is cupy.ndarray
        expected = sampling_probabilities(scores, size, floor=floor)
        np.testing.assert_array_equal(found.get(), expected)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", ["heavy", "600 decades", "one row", "few positive"])
def test_the_same_rows_for_the_same_seed(cupy, design, name):
    scores = SCORES[name]
    size = max(1, scores.size // 20)
    found = sample_rows(cupy.asarray(scores), size, design=design, p=1.5, rng=3)
    assert_same(found, sample_rows(scores, size, design=design, p=1.5, rng=3))


@pytest.mark.parametrize("design", DESIGNS)
def test_only_histograms_and_kept_rows_travel(cupy, design):
    """Counts and sums of 2047 binades, counts of 2048 digits, and a few numbers per row kept."""
    there = cupy.asarray(heavy(40_000))
    cupy.copies.clear()
    sample = sample_rows(there, 50, design=design, rng=0)
    assert cupy.copies["to host"] < 2 * 3 * 2047 + 4 * 2048 + 10 * sample.size
    assert cupy.copies["to device"] < 100
    q = sampling_probabilities(there, 50)
    cupy.copies.clear()
    sample = sample_rows(q, design=design, rng=0)
    if design in ("poisson", "systematic", "ordered_pivotal", "tree_pivotal"):
        assert cupy.copies["to host"] < 10 * sample.size


@pytest.mark.parametrize("design", ["systematic", "ordered_pivotal", "tree_pivotal"])
def test_along_an_order_of_the_host(cupy, design):
    scores = heavy()
    order = np.random.default_rng(4).permutation(N)
    found = sample_rows(cupy.asarray(scores), 200, design=design, order=order, rng=3)
    assert_same(found, sample_rows(scores, 200, design=design, order=order, rng=3))
    points = np.random.default_rng(5).random((N, 2))
    found = sample_rows(cupy.asarray(scores), 200, design=design, coordinates=points, rng=3)
    assert_same(found, sample_rows(scores, 200, design=design, coordinates=points, rng=3))


def test_functions_of_one_design(cupy):
    q = sampling_probabilities(heavy(), 150)
    q[5] = 1.0
    there = cupy.asarray(q)
    for sample in (
        poisson_sample,
        systematic_sample,
        ordered_pivotal_sample,
        tree_pivotal_sample,
        lambda x, rng: priority_sample(x, 70, rng=rng),
        lambda x, rng: with_replacement_sample(x, 70, rng=rng),
    ):
        assert_same(sample(there, rng=8), sample(q, rng=8))


def test_float32_and_integer_scores(cupy):
    for dtype in (np.float32, np.int32):
        scores = np.ceil(5 * np.random.default_rng(0).random(500)).astype(dtype)
        found = sample_rows(cupy.asarray(scores), 40, rng=1)
        assert_same(found, sample_rows(scores, 40, rng=1))


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_bad_scores_are_named_like_those_of_the_host(cupy, bad):
    scores = np.ones(20)
    scores[7] = bad
    with pytest.raises(rnla.ArgumentError) as expected:
        sample_rows(scores, 3)
    with pytest.raises(rnla.ArgumentError) as found:
        sample_rows(cupy.asarray(scores), 3)
    assert str(found.value) == str(expected.value)
    with pytest.raises(rnla.ArgumentError, match="shape"):
        sample_rows(cupy.asarray(np.ones((4, 2))), 3)
    with pytest.raises(ArgumentTypeError, match="dtype"):
        sample_rows(cupy.asarray(np.ones(4, dtype=complex)), 3)


def test_what_stays_on_the_host_says_so(cupy):
    there = cupy.asarray(np.ones(20))
    with pytest.raises(ArgumentTypeError, match=r"cupy\.asnumpy\(sensitivities\)"):
        flattening_recursion(there, 5)
    with pytest.raises(ArgumentTypeError, match=r"cupy\.asnumpy\(order\)"):
        sample_rows(there, 3, design="systematic", order=cupy.asarray(np.arange(20)))
    with pytest.raises(ArgumentTypeError, match=r"cupy\.asnumpy\(coordinates\)"):
        sample_rows(there, 3, design="tree_pivotal", coordinates=there)
    A = np.ones((20, 2)) + np.eye(20, 2)
    with pytest.raises(ArgumentTypeError, match=r"leverage\(A\): got a CuPy array"):
        root_leverage_recursion(
            cupy.asarray(A), 1, leverage=lambda A: rnla.leverage_scores(A).values
        )


@pytest.mark.parametrize("design", DESIGNS)
def test_embeddings_by_every_design(cupy, design):
    """Scores agree to rounding, so the rows are the same but for an accident of 1e-12."""
    A = np.random.default_rng(6).standard_normal((900, 3)) ** 3
    options = {"size": 60, "design": design, "method": "leverage", "certify": False, "rng": 2}
    there = rnla.lp_subspace_embedding(cupy.asarray(A), 2, **options)
    here = rnla.lp_subspace_embedding(A, 2, **options)
    np.testing.assert_array_equal(there.indices, here.indices)
    np.testing.assert_allclose(there.weights, here.weights, rtol=1e-9)
    np.testing.assert_allclose((there @ cupy.asarray(A)).get(), here @ A, rtol=1e-9)
