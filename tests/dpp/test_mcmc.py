"""The basis-exchange walk: exact transition matrix, law after the stated steps, underflow."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.linalg

import rnla
from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.dpp import exchange_steps, k_dpp_inclusion_probabilities, mcmc_k_dpp
from rnla.dpp._exchange import Exchange, greedy_start
from tests.dpp.kernel_laws import (
    FALSE_ALARM,
    chi_square,
    law_of_likelihood,
    minor,
    positive,
    record,
)

DRAWS = 500


def operand(L):
    return (lambda items: L[:, items]), np.diagonal(L).real.copy()


def transition_matrix(L, k):
    """Drop an item, take one in with probability proportional to the determinant: by definition."""
    sets = list(itertools.combinations(range(len(L)), k))
    number = {S: i for i, S in enumerate(sets)}
    P = np.zeros((len(sets), len(sets)))
    for S in sets:
        for dropped in S:
            rest = set(S) - {dropped}
            reach = [tuple(sorted(rest | {j})) for j in range(len(L)) if j not in rest]
            weights = np.array([minor(L, T) for T in reach])
            for T, weight in zip(reach, weights / weights.sum(), strict=True):
                P[number[S], number[T]] += weight / k
    return sets, P


@pytest.mark.parametrize("complex_entries", [False, True])
def test_law_after_the_stated_steps(complex_entries, record_property):
    """Chi-square over all C(7, 3) sets; the walk is within 1e-3: false alarm 1.1e-3."""
    B, L = positive(7, 5, complex_entries=complex_entries)
    sample = mcmc_k_dpp(k=3, factor=B, distance=1e-3, draws=DRAWS, rng=1)
    p = chi_square(sample.sets(), law_of_likelihood(L, 3))
    record(record_property, p, DRAWS, rate=1.1e-3)
    assert p >= FALSE_ALARM


def test_the_chi_square_catches_too_few_steps():
    """Must fail: one step from the greedy start."""
    _, L = positive(7, 5)
    sample = mcmc_k_dpp(L, 3, steps=1, draws=DRAWS, rng=1)
    assert sample.law == "approximate k-DPP, 1 exchange steps"
    law = {S: max(p, 1e-300) for S, p in law_of_likelihood(L, 3).items()}
    assert chi_square(sample.sets(), law) < FALSE_ALARM


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("spread", [1.0, 1e-4])
def test_the_stated_steps_reach_the_distance(k, spread):
    """The theorem against the exact transition matrix, from the greedy start."""
    B, _ = positive(7, 7)
    B = B * np.geomspace(1.0, spread, 7)
    L = B @ B.T
    sets, P = transition_matrix(L, k)
    law = np.array(list(law_of_likelihood(L, k).values()))
    np.testing.assert_allclose(law @ P, law, rtol=0, atol=1e-12)
    start = tuple(sorted(int(i) for i in greedy_start(*operand(L), k, np.zeros(7))))
    assert law[sets.index(start)] >= 1.0 / (math.comb(7, k) * math.factorial(k) ** 2)
    for distance in (0.3, 0.01):
        after = np.linalg.matrix_power(P, exchange_steps(7, k, distance))[sets.index(start)]
        assert 0.5 * np.abs(after - law).sum() <= distance


@pytest.mark.parametrize("complex_entries", [False, True])
def test_updates_agree_with_a_new_factorisation(complex_entries):
    _, L = positive(40, 40, complex_entries=complex_entries)
    columns, diagonal = operand(L)
    noise = np.zeros(40)
    walk = Exchange(columns, diagonal, greedy_start(columns, diagonal, 12, noise), noise)
    rng = np.random.default_rng(0)
    for step in range(200):
        walk.step(int(rng.integers(12)), float(rng.random()))
        S = walk.items
        assert np.unique(S).size == 12
        if step % 7 == 0:
            block = L[np.ix_(S, S)]
            assert walk.log_determinant == pytest.approx(np.linalg.slogdet(block)[1], abs=1e-9)
            rest = np.diagonal(L - L[:, S] @ np.linalg.solve(block, L[S])).real
            np.testing.assert_allclose(walk._variance, rest, rtol=0, atol=1e-9)


def test_determinants_that_underflow():
    """DPPy's walk cannot start where det L_S underflows: here it is about 1e-800."""
    n, k = 300, 100
    rng = np.random.default_rng(0)
    vectors = scipy.linalg.qr(rng.standard_normal((n, n)))[0]
    values = np.geomspace(1.0, 1e-8, n) * 1e-5
    L = (vectors * values) @ vectors.T
    sample = mcmc_k_dpp(L, k, steps=300, rng=0)
    assert np.unique(sample.indices).size == k
    assert np.linalg.det(L[np.ix_(sample.indices, sample.indices)]) == 0.0
    assert np.linalg.slogdet(L[np.ix_(sample.indices, sample.indices)])[1] < -1200.0


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_any_units(scale):
    _, L = positive(12, 12)
    plain = mcmc_k_dpp(L, 4, draws=5, rng=0)
    np.testing.assert_array_equal(mcmc_k_dpp(L * scale, 4, draws=5, rng=0).indices, plain.indices)


def test_inclusion_frequencies_on_a_longer_list(record_property):
    """N = 60, k = 8, 120 walks: the 60 frequencies against the exact probabilities.

    |z| <= 5.1 for each: false alarm 2e-5 in all, and 0.01 for the distance of the walk.
    """
    B, L = positive(60, 20)
    exact = k_dpp_inclusion_probabilities(L, 8)
    walks = 120
    sample = mcmc_k_dpp(k=8, factor=rnla.as_tall(B), draws=walks, rng=2)
    counts = np.bincount(np.ravel(sample.indices), minlength=60)
    z = np.abs(counts / walks - exact) / np.sqrt(exact * (1.0 - exact) / walks)
    record(record_property, float(z.max()), walks, threshold=5.1, rate=0.01)
    assert z.max() <= 5.1


def test_check_20_draws_are_keyed_by_seed_and_number():
    _, L = positive(20, 20)
    many = mcmc_k_dpp(L, 5, steps=40, draws=4, rng=3)
    assert many.indices.shape == (4, 5)
    np.testing.assert_array_equal(many.indices[0], mcmc_k_dpp(L, 5, steps=40, rng=3).indices)
    np.testing.assert_array_equal(
        many.indices[:2], mcmc_k_dpp(L, 5, steps=40, draws=2, rng=3).indices
    )


@pytest.mark.parametrize(
    ("L", "options", "kind", "words"),
    [
        (np.eye(3), {"k": 4}, ArgumentError, "^k: got 4"),
        (np.ones((3, 3)), {"k": 2}, ArgumentError, "^k: got 2 for a kernel of numerical rank 1"),
        (np.eye(3), {}, ArgumentTypeError, "^k: got None"),
        (np.eye(3), {"k": 2, "steps": 0}, ArgumentError, "^steps: got 0"),
        (np.eye(3), {"k": 2, "distance": 1.0}, ArgumentError, r"^distance: got 1\.0"),
        (
            np.diag([1.0, -1.0]),
            {"k": 1},
            ArgumentError,
            r"^L: got a negative diagonal entry L\[1, 1\]",
        ),
        (np.diag([1.0, np.nan]), {"k": 1}, ArgumentError, r"L\[1, 1\] = nan"),
        (np.triu(np.ones((3, 3))), {"k": 1}, ArgumentError, "Hermitian"),
        (None, {"k": 1}, ArgumentTypeError, "no kernel"),
        (np.eye(3), {"k": 1, "factor": np.eye(3)}, ArgumentTypeError, "L and factor"),
    ],
)
def test_check_21_input_that_is_refused(L, options, kind, words):
    with pytest.raises(kind, match=words):
        mcmc_k_dpp(L, **options)


def test_items_of_very_different_sizes():
    """Noise is relative to each item: a diagonal kernel over 40 decades has full rank."""
    L = np.diag(np.logspace(0.0, -40.0, 9))
    assert mcmc_k_dpp(L, 9, rng=0).indices.size == 9
    np.testing.assert_array_equal(mcmc_k_dpp(L, 4, steps=50, rng=0).indices, np.arange(4))


def test_an_indefinite_kernel_does_not_pass_unnoticed():
    """Positive diagonal, but blocks with negative eigenvalues everywhere."""
    L = np.array([[1.0, 2.0, 2.0], [2.0, 1.0, 2.0], [2.0, 2.0, 1.0]])
    with pytest.raises(ArgumentError, match=r"^k: got 2 for a kernel of numerical rank 1"):
        mcmc_k_dpp(L, 2)


def test_a_factor_of_any_home_gives_the_same_walk():
    B, _ = positive(30, 6)
    plain = mcmc_k_dpp(k=4, factor=B, draws=3, rng=0)
    tall = mcmc_k_dpp(k=4, factor=rnla.as_tall(B), draws=3, rng=0)
    np.testing.assert_array_equal(plain.indices, tall.indices)
    assert (plain.passes, tall.passes) == (0, 2)
