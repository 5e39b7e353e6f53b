"""two_sum: pairs of arrays against exact rational sums."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnla.kernels import two_sum

numbers = st.floats(-1e100, 1e100, allow_nan=False)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20))
def test_the_error_is_exact(pairs):
    total, term = (np.array(side) for side in zip(*pairs, strict=True))
    first, error = total.copy(), np.zeros_like(total)
    two_sum.add_to_pair(total, error, term)
    np.testing.assert_array_equal(total, first + term)
    for a, b, s, e in zip(first, term, total, error, strict=True):
        # Below the smallest normal number of the inputs nothing is lost, so equality is exact.
        assert Fraction(a) + Fraction(b) == Fraction(s) + Fraction(e)


def test_arrays_of_any_shape_are_written_in_place():
    total, error = np.ones((3, 4)), np.zeros((3, 4))
    two_sum.add_to_pair(total, error, np.full((3, 4), 2.0**-60))
    np.testing.assert_array_equal(total, 1.0)
    np.testing.assert_array_equal(error, 2.0**-60)
