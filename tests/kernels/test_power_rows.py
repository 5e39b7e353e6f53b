"""power_rows: the sums and vectors of one pass against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import power_rows
from rnla.regression import Power


def rows(p, n=777, seed=0):
    rng = np.random.default_rng(seed)
    r = rng.standard_normal(n)
    r[:4] = 0.0, 1e-12, -1e-9, 1e3
    floor = 1e-10
    held = np.maximum(np.abs(r), floor)
    return r, held, held ** (p - 2.0), rng.uniform(0.0, 2.0, n), Power(p, floor=floor)


@pytest.mark.parametrize("p", [1.3, 2.0, 2.5, 8.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_plain_rows(p, weighted):
    r, _, power, w, loss = rows(p)
    w = w if weighted else None
    found, slope, root = power_rows.power_rows(r, power, w, p)
    weight = np.ones(r.size) if w is None else w
    value, slopes, curvatures = loss.expand(r)
    np.testing.assert_allclose(found, weight @ value, rtol=1e-13)
    np.testing.assert_allclose(slope, weight * slopes, rtol=1e-13)
    np.testing.assert_allclose(root, np.sqrt(weight * curvatures), rtol=1e-13)


@pytest.mark.parametrize("length", [1.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_guided_rows(length, weighted):
    p = 1.3
    r, held, power, w, loss = rows(p)
    w = w if weighted else None
    weight = np.ones(r.size) if w is None else w
    rng = np.random.default_rng(1)
    known = np.column_stack([rng.standard_normal(r.size), rng.uniform(0.1, 3.0, r.size)])
    bend = rng.standard_normal(r.size)
    total, slope, root, kept, u = power_rows.guided_power_rows(
        r, held, power, known, bend, w, p, length
    )
    np.testing.assert_allclose(u, known[:, 0] - known[:, 1] * bend, rtol=1e-14)
    guess = known[:, 0] - length * known[:, 1] * bend
    value, slopes, curvatures = loss.expand(r, guess)
    np.testing.assert_allclose(total, weight @ value, rtol=1e-10)
    assert total >= weight @ value * (1 - 1e-14)
    np.testing.assert_allclose(kept, np.column_stack([slopes, curvatures]), rtol=1e-12)
    np.testing.assert_allclose(slope, weight * slopes, rtol=1e-13)
    np.testing.assert_allclose(root, np.sqrt(weight * curvatures), rtol=1e-12)


def test_no_denormals():
    r = np.full(8, 1e-3)
    power = np.array([1e-320, 1e-250, 1e-200, 1e-150, 1e-100, 1.0, 0.0, 1e-180])
    root = power_rows.power_rows(r, power, None, 3.0)[2]
    assert np.all((root == 0.0) | (root > 1e-101))


def test_residuals_and_scaled_rows():
    rng = np.random.default_rng(2)
    b, z = rng.standard_normal(37), rng.standard_normal(37)
    r, held = power_rows.held_rows(b, z, 3.0, 0.5)
    np.testing.assert_array_equal(r, b / 3.0 - z)
    np.testing.assert_array_equal(held, np.maximum(np.abs(r), 0.5))
    for columns in (5, 1, 0, 7):  # the memory behind grows and shrinks
        B = rng.standard_normal((37, columns))
        np.testing.assert_array_equal(power_rows.scaled_rows(B, z), z[:, None] * B)
