"""What regressions accept as responses, weights and bounds, and what they say of the rest."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError
from rnla.regression._input import check_bounds, prepare

A = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("b", "text"),
    [
        (np.ones(5), r"b: got shape \(5,\); expected 6 finite"),
        (np.ones((6, 1, 1)), r"shape \(6, 1, 1\)"),
        (np.ones((6, 0)), r"shape \(6, 0\)"),
        ([1, 2, 3, np.nan, 5, 6], r"b\[3\] = nan"),
        (np.where(np.eye(6, 2) > 0, np.inf, 0.0), r"b\[0\] = \[inf"),
    ],
)
def test_bad_responses(b, text):
    with pytest.raises(ArgumentError, match=text):
        prepare(A, b)


@pytest.mark.parametrize("b", [np.ones(6, complex), np.array(["a"] * 6), np.array([None] * 6)])
def test_responses_that_are_no_numbers(b):
    with pytest.raises(ArgumentTypeError, match="b: got dtype"):
        prepare(A, b)


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (np.zeros(6), "zeros only"),
        ([1, 1, 1, 1, 1, -2.0], r"-2\.0"),
        (np.ones(3), r"shape \(3,\)"),
        (np.ones((6, 1)), r"shape \(6, 1\)"),
    ],
)
def test_bad_weights(weights, text):
    with pytest.raises(ArgumentError, match=text):
        prepare(A, np.ones(6), weights=weights)


@pytest.mark.parametrize(
    "bounds", [(1.0, 0.0), (np.nan, 1.0), (0.0,), 3.0, (np.inf, np.inf), ([0.0] * 3, 1.0)]
)
def test_bad_bounds(bounds):
    with pytest.raises(ArgumentError, match="bounds"):
        check_bounds(bounds, 2)


def test_bounds_of_each_kind():
    lower, upper = check_bounds((0, np.inf), 3)
    np.testing.assert_array_equal(lower, np.zeros(3))
    np.testing.assert_array_equal(upper, np.full(3, np.inf))
    lower, upper = check_bounds(([1, 2], [1, 5]), 2)
    np.testing.assert_array_equal(upper, [1.0, 5.0])


def test_an_intercept_is_a_last_column_of_ones():
    problem = prepare(A, np.arange(6), intercept=True)
    np.testing.assert_array_equal(problem.A.matmul(np.eye(3)), np.column_stack([A, np.ones(6)]))
    x, intercept = problem.split(np.array([1.0, 2.0, 3.0]))
    assert intercept == 3.0
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_the_users_response_is_not_writable_through_the_problem():
    b = np.ones(6)
    problem = prepare(A, b)
    with pytest.raises(ValueError, match="read-only"):
        problem.b[0] = 2.0
    b[0] = 3.0


@pytest.mark.parametrize("shape", [(6,), (6, 2)])
def test_responses_on_workers(shape):
    b = np.arange(np.prod(shape), dtype=float).reshape(shape)
    problem = prepare(da.from_array(A, chunks=(2, 2)), da.from_array(b, chunks=2))
    np.testing.assert_array_equal(problem.A.rmatmul(problem.b), A.T @ b)
    b[4] = np.nan
    with pytest.raises(ArgumentError, match=r"b\[4\]"):
        prepare(A, da.from_array(b, chunks=2))
