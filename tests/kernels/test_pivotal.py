"""Pivotal kernels against duels followed outcome by outcome in rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla.kernels import ordered_pivotal as ordered
from rnla.kernels import tree_pivotal as tree
from rnla.kernels.ordered_pivotal import cpu as ordered_cpu
from tests.sampling.reference import (
    inclusion_probabilities,
    ordered_duels,
    outcomes,
    swapped_survivor_probability,
    tree_duels,
)

KERNELS = [(ordered.ordered_pivotal, ordered_duels), (tree.tree_pivotal, tree_duels)]
IDS = ["ordered", "tree"]
# Sixteenths are exact in binary, so that kernel and reference see the same numbers.
SIXTEENTHS = st.lists(st.integers(0, 15).map(lambda k: Fraction(k, 16)), min_size=1, max_size=8)


@pytest.mark.parametrize("duels", [ordered_duels, tree_duels], ids=IDS)
@given(SIXTEENTHS)
@settings(max_examples=30)
def test_pivotal_inclusion_probabilities_are_exact(duels, q):
    """The rule itself, by summing over all outcomes: equality of fractions, no tolerance."""
    assert inclusion_probabilities(duels, q) == q


@pytest.mark.parametrize("duels", [ordered_duels, tree_duels], ids=IDS)
def test_a_wrong_survivor_is_caught_by_enumeration(duels):
    """Companion: exchanging the two rows of a duel changes the inclusion probabilities."""
    q = [Fraction(k, 16) for k in (3, 9, 4, 14, 2)]
    assert inclusion_probabilities(duels, q, swapped_survivor_probability) != q


@pytest.mark.parametrize(("kernel", "duels"), KERNELS, ids=IDS)
@given(SIXTEENTHS)
@settings(max_examples=30)
def test_the_kernel_takes_every_branch_as_the_reference_does(kernel, duels, q):
    """With the branch probabilities exact above, equal branches give exact inclusion."""
    floats = np.array([float(x) for x in q])
    for _, accepted, standing, mass, uniforms in outcomes(duels, q):
        kept, last, left = kernel(floats, uniforms)
        assert kept.tolist() == accepted
        assert (last, left) == (standing, float(mass))


@pytest.mark.parametrize(("kernel", "duels"), KERNELS, ids=IDS)
@given(
    st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1 - 1e-9)), min_size=1, max_size=200),
    st.integers(0, 2**32),
)
def test_the_kernel_agrees_with_the_reference_on_random_duels(kernel, duels, q, seed):
    uniforms = np.random.default_rng(seed).random(len(q))
    kept, last, left = kernel(np.array(q), uniforms)
    accepted, standing, mass = duels(q, uniforms)
    assert kept.tolist() == accepted
    assert (last, left) == (standing, mass)
    assert len(set(kept.tolist())) == kept.size
    assert kept.size + left == pytest.approx(sum(q), rel=1e-12, abs=1e-15)


def test_the_ordered_kernel_resumes_where_a_chunk_ended():
    rng = np.random.default_rng(2)
    q, u = rng.random(1_000) ** 4, rng.random(1_000)
    whole, standing, mass = ordered.ordered_pivotal(q, u)
    rows, last, left = [], -1, 0.0
    for a, b in ((0, 1), (1, 400), (400, 400), (400, 999), (999, 1_000)):
        kept, last, left = ordered.ordered_pivotal(q[a:b], u[a:b], a, last, left)
        rows.append(kept)
    np.testing.assert_array_equal(np.concatenate(rows), whole)
    assert (last, left) == (standing, mass)


def test_the_tree_kernel_on_nothing():
    kept, last, left = tree.tree_pivotal(np.empty(0), np.empty(0))
    assert (kept.size, last, left) == (0, -1, 0.0)


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_check_33_ordered_pivotal_is_compiled(share):
    """The compiled loop, not a Python fallback, gives the reference's answer on many rows.

    Its speed (5e7 rows a second a core asked for) is measured in bench/sampling.py; a test that
    timed it would fail on a busy machine.
    """
    rng = np.random.default_rng(0)
    q, u = share * 2 * rng.random(50_000), rng.random(50_000)
    kept, last, left = ordered.ordered_pivotal(q, u)
    accepted, standing, mass = ordered_duels(q, u)
    assert kept.tolist() == accepted
    assert (last, left) == (standing, mass)
    if not numba.config.DISABLE_JIT:
        assert ordered_cpu.ordered_pivotal.nopython_signatures
