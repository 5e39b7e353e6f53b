"""What `as_tall` and the first scan refuse, and that every message says what to do."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse as sp

from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.tall import as_tall

HOUSE_FORM = re.compile(r"^X: got .+; expected .+\. [A-Z].+\.$", re.DOTALL)
GOOD = np.arange(12.0).reshape(4, 3)

REFUSED = {
    "complex": (GOOD + 1j, ArgumentTypeError, "dtype complex128", "real and imaginary"),
    "sparse complex": (sp.csr_array(GOOD + 1j), ArgumentTypeError, "complex128", "real and imag"),
    "object": (GOOD.astype(object), ArgumentTypeError, "dtype object", r"X.astype\(float\)"),
    "text": (np.full((3, 2), "a"), ArgumentTypeError, "dtype <U1", "astype"),
    "dates": (np.zeros((3, 2), "M8[D]"), ArgumentTypeError, "datetime64", "astype"),
    "half precision": (GOOD.astype(np.float16), ArgumentTypeError, "float16", "astype"),
    "long double": (GOOD.astype(np.longdouble), ArgumentTypeError, "dtype float128", "astype"),
    "masked": (np.ma.masked_less(GOOD, 3), ArgumentTypeError, "a masked array", "Fill or drop"),
    "0-D": (3.0, ArgumentError, r"0 dimension\(s\)", "two-dimensional"),
    "1-D": (GOOD[0], ArgumentError, r"1 dimension\(s\), shape \(3,\)", r"reshape\(-1, 1\)"),
    "3-D": (GOOD[None], ArgumentError, r"3 dimension\(s\)", "two-dimensional"),
    "ragged": ([[1.0], [2.0, 3.0]], ArgumentError, "list", "same length"),
    "no rows": (np.empty((0, 3)), ArgumentError, r"shape \(0, 3\)", "rows and columns"),
    "no columns": (np.empty((3, 0)), ArgumentError, r"shape \(3, 0\)", "rows and columns"),
    "wide": (GOOD.T, ArgumentError, r"shape \(3, 4\)", "X.T"),
    "sparse wide": (sp.csr_array(GOOD.T), ArgumentError, r"shape \(3, 4\)", "X.T"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    value, kind, got, remedy = REFUSED[name]
    with pytest.raises(kind, match=got) as caught:
        as_tall(value, name="X")
    assert HOUSE_FORM.match(str(caught.value))
    assert re.search(remedy, str(caught.value))


def test_wide_is_accepted_on_request():
    assert as_tall(GOOD.T, require_tall=False).shape == (3, 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, sp.csr_array, np.float32])
def test_nan_and_infinity_are_found_with_their_row(bad, kind):
    B = np.random.default_rng(0).standard_normal((3000, 4))
    B[1234, 2] = bad
    B[2900, 0] = bad
    with pytest.raises(ArgumentError, match=r"^A: got 2 row\(s\) .* the first is row 1234"):
        as_tall(kind(B)).scan()


def test_a_device_array_is_not_copied_silently():
    class OnDevice:
        shape = (4, 2)
        ndim = 2

        def __array__(self, *args, **kwargs):
            raise TypeError("implicit conversion is not allowed")

    with pytest.raises(ArgumentTypeError, match=r"OnDevice.*Copy it to the host first"):
        as_tall(OnDevice())
