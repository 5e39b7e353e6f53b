"""K6: the budget is met exactly, for scores of any scale, and grows row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.sampling import sampling_probabilities
from tests.sampling.reference import budget_by_rescaling

# Exponents span more than 600 decades.
SCORES = st.lists(
    st.one_of(st.just(0.0), st.floats(-308, 308).map(lambda e: 10.0**e)), min_size=1, max_size=40
).map(np.array)
FLOORS = st.sampled_from(["1/n", 0, 0.001])


def floor_value(floor, n):
    return 1.0 / n if floor == "1/n" else float(floor)


@given(SCORES, st.data(), FLOORS)
def test_K6_probabilities_sum_to_the_budget(scores, data, floor):
    size = data.draw(st.integers(1, scores.size))
    q = sampling_probabilities(scores, size, floor=floor)
    positive = np.count_nonzero(scores)
    assert q.sum() == pytest.approx(min(size, positive), rel=1e-13)
    assert np.all((q >= 0.0) & (q <= 1.0))
    assert np.all(q[scores == 0.0] == 0.0)


@given(SCORES, st.data(), FLOORS)
def test_K6_agrees_with_plain_bisection(scores, data, floor):
    size = data.draw(st.integers(1, scores.size))
    if np.count_nonzero(scores) <= size:
        return
    q = sampling_probabilities(scores, size, floor=floor)
    reference = budget_by_rescaling(scores, size, floor_value(floor, scores.size))
    np.testing.assert_allclose(q, reference, rtol=1e-9, atol=1e-300)


@given(SCORES, st.data(), FLOORS)
def test_K6_increases_with_the_budget_in_every_row(scores, data, floor):
    small, large = sorted(data.draw(st.tuples(*[st.integers(1, scores.size)] * 2)))
    less = sampling_probabilities(scores, small, floor=floor)
    more = sampling_probabilities(scores, large, floor=floor)
    assert np.all(less <= more * (1.0 + 1e-13))


@given(SCORES, st.data(), FLOORS)
def test_K6_is_proportional_between_floor_and_one(scores, data, floor):
    size = data.draw(st.integers(1, scores.size))
    q = sampling_probabilities(scores, size, floor=floor)
    lower = floor_value(floor, scores.size)
    inside = (q > max(lower, 1e-290) * (1 + 1e-12)) & (q < 1.0)
    logs = np.log(q[inside]) - np.log(scores[inside])
    assert logs.size == 0 or np.ptp(logs) <= 1e-10
    if np.count_nonzero(scores) > size:
        assert np.all(q[scores > 0.0] >= lower)


@given(SCORES, st.data(), st.integers(-200, 200))
def test_K6_is_invariant_under_scaling_of_the_scores(scores, data, power):
    """Exact while no score leaves the normal range."""
    with np.errstate(over="ignore"):
        scaled = scores * 2.0**power
    normal = (scores == 0.0) | ((scaled > 1e-300) & (scores > 1e-300) & np.isfinite(scaled))
    size = data.draw(st.integers(1, scores.size))
    if normal.all():
        np.testing.assert_array_equal(
            sampling_probabilities(scaled, size), sampling_probabilities(scores, size)
        )


def test_the_naive_rescaling_loses_six_hundred_decades():
    """Companion: dividing by the largest score, as one would write it first, misses the budget."""
    scores = np.concatenate([np.full(2, 1e300), np.full(1000, 1e-300)])
    with np.errstate(all="ignore"):
        naive = np.minimum(1.0, scores / scores.max() * (98 / (scores / scores.max())[2:].sum()))
    assert not np.isclose(naive.sum(), 100.0)
    q = sampling_probabilities(scores, 100, floor=0)
    np.testing.assert_allclose(q, np.where(scores > 1.0, 1.0, 0.098), rtol=1e-14)


def test_a_budget_of_all_positive_rows_keeps_them_all():
    np.testing.assert_array_equal(sampling_probabilities([1e-300, 0, 1e300], 2), [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(sampling_probabilities([0.0, 0.0], 1), [0.0, 0.0])


def test_ties_at_the_clip_are_treated_alike():
    q = sampling_probabilities([5.0, 5.0, 1.0, 1.0, 1.0], 2, floor=0)
    np.testing.assert_allclose(q, [10 / 13, 10 / 13, 2 / 13, 2 / 13, 2 / 13], rtol=1e-15)


def test_the_floor_bounds_the_weights_by_n():
    scores = np.geomspace(1.0, 1e-12, 1000)
    q = sampling_probabilities(scores, 50)
    assert q.min() == 1e-3
    assert q.sum() == pytest.approx(50.0, rel=1e-14)
    assert sampling_probabilities(scores, 50, floor=0).min() < 1e-6


def test_input_is_not_modified_and_may_be_read_only():
    scores = np.array([3.0, 1.0, 2.0])
    scores.flags.writeable = False
    sampling_probabilities(scores, 2)


@pytest.mark.parametrize(
    ("scores", "size", "floor", "kind", "name"),
    [
        ([1.0, -1.0], 1, 0, ArgumentError, "scores"),
        ([1.0, np.nan], 1, 0, ArgumentError, "scores"),
        ([1.0, np.inf], 1, 0, ArgumentError, "scores"),
        ([], 1, 0, ArgumentError, "scores"),
        ([[1.0], [2.0]], 1, 0, ArgumentError, "scores"),
        ([1.0, 1j], 1, 0, ArgumentTypeError, "scores"),
        (np.array([1.0, "x"], dtype=object), 1, 0, ArgumentTypeError, "scores"),
        ([[1.0], [2.0, 3.0]], 1, 0, ArgumentTypeError, "scores"),
        ([1.0, 2.0], 0, 0, ArgumentError, "size"),
        ([1.0, 2.0], 3, 0, ArgumentError, "size"),
        ([1.0, 2.0], 1.5, 0, ArgumentTypeError, "size"),
        ([1.0, 2.0], 1, -0.1, ArgumentError, "floor"),
        ([1.0, 2.0], 1, "1/m", ArgumentError, "floor"),
        ([1.0, 2.0], 1, 0.7, ArgumentError, "floor"),
    ],
)
def test_bad_input_is_a_typed_error_with_a_remedy(scores, size, floor, kind, name):
    with pytest.raises(kind, match=rf"^{name}: got .*; expected .*\. [A-Z].*\.$"):
        sampling_probabilities(scores, size, floor=floor)
