"""Residual products against NumPy, for every number of rows that four does or does not divide."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels.residual_product import add_residual_product


@pytest.mark.parametrize("rows", [1, 3, 4, 7, 64, 1021])
@pytest.mark.parametrize("columns", [1, 5, 64])
@pytest.mark.parametrize("weighted", [False, True])
def test_matches_numpy_and_adds(rows, columns, weighted):
    rng = np.random.default_rng(rows)
    block = rng.standard_normal((rows, columns))
    x, target = rng.standard_normal(columns), rng.standard_normal(rows)
    scale = rng.uniform(0.0, 2.0, rows) if weighted else None
    out = np.ones(columns + 1)
    add_residual_product(block, x, target, scale, out)
    factors = np.ones(rows) if scale is None else scale
    residual = factors * (target - block @ x)
    np.testing.assert_allclose(out[:-1], 1.0 + block.T @ (factors * residual), rtol=0, atol=1e-11)
    assert out[-1] == pytest.approx(1.0 + residual @ residual, rel=1e-13)


def test_strided_vectors_and_read_only_rows():
    block = np.arange(12.0).reshape(4, 3)
    block.flags.writeable = False
    x, target = np.arange(6.0)[::2], np.arange(8.0)[::2]
    out = np.zeros(4)
    add_residual_product(block, x, target, None, out)
    residual = target - block @ x
    np.testing.assert_allclose(out, np.append(block.T @ residual, residual @ residual))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_non_finite_numbers_are_not_lost(bad):
    block = np.ones((5, 2))
    block[3, 1] = bad
    out = np.zeros(3)
    add_residual_product(block, np.ones(2), np.ones(5), None, out)
    assert not np.isfinite(out).any()
