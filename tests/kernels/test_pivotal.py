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


def steps_of(q):
    """Probabilities in units of 2^-64, as the kernels take them."""
    return np.array([round(Fraction(x) * 2**64) for x in q], dtype=np.uint64)


def fractions_of(steps):
    return [Fraction(int(step), 2**64) for step in steps]


@pytest.mark.parametrize(("kernel", "duels"), KERNELS, ids=IDS)
@given(SIXTEENTHS)
@settings(max_examples=30)
def test_the_kernel_takes_every_branch_as_the_reference_does(kernel, duels, q):
    """With the branch probabilities exact above, equal branches give exact inclusion."""
    for _, accepted, standing, mass, uniforms in outcomes(duels, q):
        kept, last, left = kernel(steps_of(q), uniforms)
        assert sorted(kept.tolist()) == sorted(accepted)
        assert (last, left) == (standing, mass * 2**64)


@pytest.mark.parametrize(("kernel", "duels"), KERNELS, ids=IDS)
@given(
    st.lists(st.one_of(st.just(0.0), st.floats(1e-20, 1 - 1e-9)), min_size=1, max_size=200),
    st.integers(0, 2**32),
)
def test_the_kernel_agrees_with_the_reference_on_random_duels(kernel, duels, q, seed):
    """Masses and decisions in rational arithmetic, of which the kernel's are the same."""
    uniforms, steps = np.random.default_rng(seed).random(len(q)), steps_of(q)
    kept, last, left = kernel(steps, uniforms)
    accepted, standing, mass = duels(fractions_of(steps), uniforms)
    assert sorted(kept.tolist()) == sorted(accepted)
    assert (last, left) == (standing, mass * 2**64)
    assert len(set(kept.tolist())) == kept.size
    assert kept.size * 2**64 + left == sum(steps.tolist())


def test_the_ordered_kernel_returns_rows_as_they_are_accepted():
    q, u = np.random.default_rng(3).random((2, 500))
    kept, _, _ = ordered.ordered_pivotal(steps_of(q), u)
    assert kept.tolist() == ordered_duels(fractions_of(steps_of(q)), u)[0]


def test_the_ordered_kernel_resumes_where_a_chunk_ended():
    rng = np.random.default_rng(2)
    steps, u = steps_of(rng.random(1_000) ** 4), rng.random(1_000)
    whole, standing, mass = ordered.ordered_pivotal(steps, u)
    rows, last, left = [], -1, 0
    for a, b in ((0, 1), (1, 400), (400, 400), (400, 999), (999, 1_000)):
        kept, last, left = ordered.ordered_pivotal(steps[a:b], u[a:b], a, last, left)
        rows.append(kept)
    np.testing.assert_array_equal(np.concatenate(rows), whole)
    assert (last, left) == (standing, mass)


def test_the_tree_kernel_on_nothing():
    kept, last, left = tree.tree_pivotal(np.empty(0, np.uint64), np.empty(0))
    assert (kept.size, last, left) == (0, -1, 0)


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_check_33_ordered_pivotal_is_compiled(share):
    """The compiled loop, not a Python fallback, gives the reference's answer on many rows.

    Its speed (5e7 rows a second a core asked for) is measured in bench/sampling.py; a test that
    timed it would fail on a busy machine. The reference adds its masses up in floating point.
    """
    rng = np.random.default_rng(0)
    q, u = share * 2 * rng.random(50_000), rng.random(50_000)
    kept, last, left = ordered.ordered_pivotal((q * 2.0**64).astype(np.uint64), u)
    accepted, standing, mass = ordered_duels(q, u)
    assert kept.tolist() == accepted
    assert last == standing
    assert left / 2.0**64 == pytest.approx(mass, abs=1e-10)
    if not numba.config.DISABLE_JIT:
        assert ordered_cpu.ordered_pivotal.nopython_signatures
