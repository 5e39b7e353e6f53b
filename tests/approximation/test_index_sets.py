"""Index sets: cardinalities, members against brute force, order, and what users pass."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla import ArgumentError, ArgumentTypeError
from rnla.approximation import (
    anisotropic,
    as_index_set,
    hyperbolic_cross,
    is_downward_closed,
    reduced_margin,
    tensor_product,
    total_degree,
)


@pytest.mark.parametrize(
    ("indices", "size"),
    [
        (total_degree(2, 9), 55),
        (total_degree(2, 13), 105),
        (total_degree(5, 3), 56),
        (total_degree(5, 4), 126),
        (total_degree(10, 2), 66),
        (total_degree(10, 3), 286),
        (total_degree(2, 43), 990),
        (hyperbolic_cross(10, 15), 2056),
    ],
)
def test_cardinalities_of_the_specification(indices, size):
    assert len(indices) == size


def members(d, p, rule):
    """Plain reference: every index of the box, tested one by one."""
    return {a for a in itertools.product(range(p + 1), repeat=d) if rule(a)}


@given(d=st.integers(1, 4), p=st.integers(0, 6))
def test_property_sets_are_what_their_rule_says(d, p):
    pairs = [
        (tensor_product(d, p), lambda a: True),
        (total_degree(d, p), lambda a: sum(a) <= p),
        (hyperbolic_cross(d, p), lambda a: math.prod(x + 1 for x in a) <= p + 1),
    ]
    for indices, rule in pairs:
        assert len(indices) == len(set(map(tuple, indices)))
        assert set(map(tuple, indices.tolist())) == members(d, p, rule)
        assert is_downward_closed(indices)
        assert (np.diff(indices.sum(axis=1)) >= 0).all()
        assert indices.dtype == np.int64


@given(weights=st.lists(st.floats(0.3, 3.0), min_size=1, max_size=3), level=st.floats(0.0, 5.0))
def test_property_anisotropic_sets(weights, level):
    indices = anisotropic(weights, level)
    spent = indices @ np.array(weights)
    assert (spent <= level * (1 + 1e-8) + 1e-12).all()
    assert is_downward_closed(indices)
    inside = members(len(weights), 17, lambda a: np.dot(a, weights) <= level * (1 - 1e-8))
    assert inside <= set(map(tuple, indices.tolist()))


def test_anisotropic_with_equal_weights_is_total_degree():
    np.testing.assert_array_equal(anisotropic([0.1] * 3, 0.6), total_degree(3, 6))


def test_anisotropic_box_and_order():
    np.testing.assert_array_equal(tensor_product(2, [2, 0]), [[0, 0], [1, 0], [2, 0]], strict=False)


def test_high_dimension_costs_members_only():
    assert len(hyperbolic_cross(1000, 1)) == 1001
    assert len(total_degree(100, 2)) == math.comb(102, 2)


@given(d=st.integers(1, 3), steps=st.lists(st.integers(0, 100), max_size=8))
def test_property_growing_by_the_margin_keeps_sets_downward_closed(d, steps):
    indices = np.zeros((1, d), dtype=np.int64)
    for step in steps:
        margin = reduced_margin(indices)
        inside = set(map(tuple, indices.tolist()))
        box = members(d, int(indices.max()) + 1, lambda a: True) - inside
        expected = {a for a in box if is_downward_closed([*indices.tolist(), list(a)])}
        assert set(map(tuple, margin.tolist())) == expected
        indices = np.vstack([indices, margin[step % len(margin)]])
    assert is_downward_closed(indices)


def test_the_order_of_a_user_list_is_kept():
    given_order = [[3, 1], [0, 0], [1, 2]]
    np.testing.assert_array_equal(as_index_set(given_order), given_order)
    assert not is_downward_closed(given_order)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: as_index_set([[0, 0], [0, 0]]), r"\[0, 0\] more than once"),
        (lambda: as_index_set([[0, -1]]), "the entry -1"),
        (lambda: as_index_set(np.empty((0, 2), dtype=int)), "shape"),
        (lambda: as_index_set([[0, 1]], dimension=3), "2 columns; expected 3"),
        (lambda: reduced_margin([[0], [2]]), "a set with gaps"),
        (lambda: total_degree(0, 2), "dimension: got 0"),
        (lambda: total_degree(2, -1), "degree: got -1"),
        (lambda: tensor_product(2, [1, 2, 3]), "3 degrees"),
        (lambda: anisotropic([1.0, 0.0], 2.0), "weights"),
        (lambda: anisotropic([1.0, np.nan], 2.0), "weights"),
        (lambda: anisotropic([1.0], -1.0), "level"),
        (lambda: tensor_product(50, 1), "more than 1000000"),
        (lambda: total_degree(50, 20), "more than 1000000"),
        (lambda: anisotropic([1e-12, 1.0], 1.0), "more than 1000000"),
        (lambda: as_index_set([[10**19]]), "the entry 10000000000000000000"),
        (lambda: as_index_set([[2**40]]), "the entry 1099511627776"),
    ],
)
def test_bad_values_are_named(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: as_index_set([[0.5, 1.0]]),
        lambda: total_degree(2, 1.5),
        lambda: anisotropic("ab", 1.0),
    ],
)
def test_bad_types_are_named(call):
    with pytest.raises(ArgumentTypeError):
        call()
