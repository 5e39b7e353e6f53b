"""Median splits against a recursive sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.kernels import spatial_order as kernel
from rnla.sampling import spatial_order


def halves_by_sorting(points: np.ndarray) -> list[tuple[int, int, frozenset]]:
    """Every node of the tree: positions lo ... hi-1 and the set of rows in it."""
    nodes = []

    def split(rows, lo, depth):
        nodes.append((lo, lo + len(rows), frozenset(rows)))
        if len(rows) > 1:
            ranked = sorted(rows, key=lambda i: (points[i, depth % points.shape[1]], i))
            half = (lo + lo + len(rows)) // 2 - lo
            split(ranked[:half], lo, depth + 1)
            split(ranked[half:], lo + half, depth + 1)

    split(list(range(len(points))), 0, 0)
    return nodes


@given(st.integers(1, 70), st.integers(1, 3), st.integers(1, 20), st.integers(0, 10**6))
def test_every_node_holds_the_rows_that_sorting_puts_there(n, k, values, seed):
    """Few different values, so that ties are common."""
    points = np.random.default_rng(seed).integers(0, values, size=(n, k)).astype(float)
    order = kernel.spatial_order(points, False)
    for lo, hi, rows in halves_by_sorting(points):
        assert frozenset(order[lo:hi].tolist()) == rows


@given(st.integers(1, 200), st.integers(0, 10**6), st.sampled_from(["axes", "principal"]))
def test_the_order_is_a_permutation(n, seed, split):
    points = np.random.default_rng(seed).integers(0, 5, size=(n, 2))
    assert sorted(spatial_order(points, split=split).tolist()) == list(range(n))


@pytest.mark.parametrize("pattern", ["sorted", "reversed", "constant", "saw", "organ"])
def test_patterned_input_is_not_slow_and_is_right(pattern):
    i = np.arange(20_000)
    values = {
        "sorted": i,
        "reversed": -i,
        "constant": 0 * i,
        "saw": i % 17,
        "organ": np.minimum(i, i[::-1]),
    }[pattern]
    expected = np.lexsort((i, values))
    np.testing.assert_array_equal(spatial_order(values), expected)


def test_principal_splits_follow_the_long_side_and_rotate_along():
    rng = np.random.default_rng(0)
    points = rng.random((256, 2)) * [10.0, 1.0]
    first_half = spatial_order(points, split="principal")[:128]
    assert points[first_half, 0].max() < np.delete(points, first_half, axis=0)[:, 0].min() + 0.2
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    turned = spatial_order(points @ turn.T, split="principal")
    straight = spatial_order(points, split="principal")
    # Nodes are the same sets; a node's halves may trade places, since directions have no sign.
    for size in (128, 64, 32):
        nodes = [
            {frozenset(order[a : a + size].tolist()) for a in range(0, 256, size)}
            for order in (straight, turned)
        ]
        assert nodes[0] == nodes[1]


def test_neighbours_in_the_order_are_near_in_space():
    """Companion included: a random order has steps of the size of the square."""
    points = np.random.default_rng(1).random((4_096, 2))

    def typical_step(order):
        return np.median(np.linalg.norm(np.diff(points[order], axis=0), axis=1))

    assert typical_step(spatial_order(points)) < 0.03
    assert typical_step(spatial_order(points, split="principal")) < 0.03
    assert typical_step(np.arange(4_096)) > 0.3


@pytest.mark.parametrize("scale", [1e-150, 1e150])
@pytest.mark.parametrize("split", ["axes", "principal"])
def test_extreme_coordinates(scale, split):
    points = np.random.default_rng(2).standard_normal((100, 3))
    reference = spatial_order(points, split=split)
    np.testing.assert_array_equal(spatial_order(points * scale, split=split), reference)


@pytest.mark.parametrize(
    ("coordinates", "split", "kind", "name"),
    [
        (np.array([[0.0, np.nan]]), "axes", ArgumentError, "coordinates"),
        (np.array([[0.0, np.inf]]), "axes", ArgumentError, "coordinates"),
        (np.empty((0, 2)), "axes", ArgumentError, "coordinates"),
        (np.empty((2, 0)), "axes", ArgumentError, "coordinates"),
        (np.zeros((2, 2, 2)), "axes", ArgumentError, "coordinates"),
        (np.array(["a", "b"]), "axes", ArgumentTypeError, "coordinates"),
        (np.zeros(3, dtype=complex), "axes", ArgumentTypeError, "coordinates"),
        (np.zeros(3), "kd", ArgumentError, "split"),
    ],
)
def test_bad_input_is_a_typed_error_with_a_remedy(coordinates, split, kind, name):
    with pytest.raises(kind, match=rf"^{name}: got .*; expected .*\. [A-Z].*\.$"):
        spatial_order(coordinates, split=split)
