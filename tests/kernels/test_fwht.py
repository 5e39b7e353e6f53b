"""fwht: every size against the explicit Hadamard matrix."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from rnla.kernels import fwht


@pytest.mark.parametrize("k", range(9))
@pytest.mark.parametrize("width", [1, 5, 16])
def test_transform_is_the_product_with_the_hadamard_matrix(k, width):
    x = np.random.default_rng(k).standard_normal((2**k, width))
    expected = scipy.linalg.hadamard(2**k) @ x
    fwht.transform(x)
    np.testing.assert_allclose(x, expected, atol=1e-12)


@pytest.mark.parametrize("k", range(6))
def test_strided_transform_touches_its_columns_only(k):
    x = np.random.default_rng(k).standard_normal((2**k, 11))
    expected = x.copy()
    expected[:, 4:7] = scipy.linalg.hadamard(2**k) @ x[:, 4:7]
    fwht.transform_strided(x, 4, np.empty((2**k, 3)))
    np.testing.assert_allclose(x, expected, atol=1e-12)


def test_parts_add_up_to_chosen_rows_of_the_whole_transform():
    x = np.random.default_rng(0).standard_normal((64, 3))
    chosen = np.array([0, 5, 17, 63, 40])
    out = np.zeros((5, 3))
    for offset in range(0, 64, 16):
        part = x[offset : offset + 16].copy()
        fwht.transform(part)
        fwht.add_signed_rows(part, offset, chosen, 0.5, out)
    np.testing.assert_allclose(out, 0.5 * (scipy.linalg.hadamard(64) @ x)[chosen], atol=1e-12)
