"""Kernels of self-calibration on the emulated GPU against those of the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import als_sweep, diagonal_products
from rnla.kernels.als_sweep import cuda

KINDS = [np.float32, np.float64, np.complex64, np.complex128]
SHAPES = [(1, 1), (3, 40), (7, 5)]


def numbers(seed, kind, *shape):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    if np.dtype(kind).kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(kind)


def close(found, expected):
    atol = 1e-4 if np.asarray(expected).real.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(np.asarray(found), expected, rtol=atol, atol=atol)


def both(gpu, function, given, kept, *numbers_):
    """Run a contract function here and there; what it has written into must agree."""
    there = [gpu.put(one) for one in (*given, *kept)]
    here = [one.copy() for one in (*given, *kept)]
    split = len(given)
    found = function(*there[:split], *numbers_, *there[split:])
    expected = function(*here[:split], *numbers_, *here[split:])
    for one, other in zip(there[split:], here[split:], strict=True):
        close(one, other)
    return found, expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_products_of_rows(gpu, kind, shape):
    a, b, out = numbers(0, kind, 3, *shape)
    wide = numbers(1, kind, shape[0], shape[1] + 3)
    real = np.abs(a).astype(a.real.dtype)
    for left in (a, a.real.copy()):
        both(gpu, diagonal_products.multiply, (left, b), (wide,))
        both(gpu, diagonal_products.set_product, (left, wide), (out,))
        both(gpu, diagonal_products.add_product, (left, wide), (out,))
    both(gpu, diagonal_products.add_product, (wide, b), (out,))
    both(gpu, diagonal_products.scale, (real,), (wide,))
    both(gpu, diagonal_products.als_residual, (a, b), (wide,))
    found, expected = both(gpu, diagonal_products.add_gain_sums, (a, b, wide), (out, real))
    np.testing.assert_allclose(float(found), expected, rtol=1e-4 if real.itemsize == 4 else 1e-12)
    for first, last in ((0, shape[0]), (shape[0] - 1, shape[0])):
        turned = numbers(2, kind, shape[1], shape[0])
        there, here = gpu.put(turned), turned.copy()
        diagonal_products.transpose(gpu.put(a), first, last, there)
        diagonal_products.transpose(a, first, last, here)
        close(there, here)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 10, 35])
def test_strips_of_a_grid_that_is_not_full(gpu, kind, n):
    a, x, out = numbers(3, kind, 3, n)
    wide = numbers(4, kind, 5, 9)
    for left in (a, a.real.copy()):
        for first, last in ((0, 3), (3, 7)):
            both(gpu, diagonal_products.multiply_strip, (left, x), (wide,), 7, first, last)
            both(gpu, diagonal_products.add_strip, (left, wide), (out,), 7, first, last)


@pytest.mark.parametrize("kind", KINDS[2:])
@pytest.mark.parametrize("conjugate", [False, True])
def test_twiddles(gpu, kind, conjugate):
    low, high, v = numbers(5, kind, 3, 4), numbers(6, kind, 3, 3), numbers(7, kind, 3, 15)
    there, here = gpu.put(v), v.copy()
    diagonal_products.twiddle(gpu.put(low), gpu.put(high), 11, there, conjugate)
    diagonal_products.twiddle(low, high, 11, here, conjugate)
    close(there, here)


def test_nothing_to_do(gpu):
    empty = gpu.zeros((0, 4), np.float64)
    diagonal_products.multiply(empty, empty, empty)
    none = gpu.zeros((0, 1, 4), np.complex128)
    found = als_sweep.signal_step(
        gpu.zeros((1, 1, 3, 4, 4), np.float64),
        none[:, 0, :3].copy(),
        none,
        gpu.zeros(0, np.bool_),
        none,
    )
    assert found.shape == (0,)
    assert float(diagonal_products.add_gain_sums(*[empty] * 5)) == 0.0


def steps(kind, signals, maps, shared, count, m, n):
    Q = numbers(n, kind, *(() if shared else (count,)), maps, m, n)
    d, b = numbers(8, kind, count, m), numbers(9, kind, count, signals, n)
    return als_sweep.squares(Q, one_signal=signals == 1), d, b


@pytest.mark.parametrize("kind", [np.float64, np.complex128])
@pytest.mark.parametrize(
    "signals,maps,shared", [(1, 3, True), (1, 3, False), (3, 3, True), (11, 1, True), (3, 3, False)]
)
@pytest.mark.parametrize("n", [1, 6, 13])
def test_signals_of_a_sweep(gpu, kind, signals, maps, shared, n):
    """Several groups of right-hand sides; the last problem has no factor and one is not asked."""
    squares, d, b = steps(kind, signals, maps, shared, 5, 19, n)
    assert (signals > cuda.GROUP) == (signals == 11)
    d[4] = np.nan
    active = np.array([True, False, True, True, True])
    t = np.zeros_like(b)
    there = gpu.put(t)
    good = als_sweep.signal_step(*map(gpu.put, (squares, d, b, active)), there)
    expected = als_sweep.signal_step(squares, d, b, active, t)
    np.testing.assert_array_equal(np.asarray(good) == 1, expected)
    np.testing.assert_array_equal(expected, [True, True, True, True, False])
    np.testing.assert_allclose(np.asarray(there)[:4], t[:4], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", [np.float64, np.complex128])
@pytest.mark.parametrize("p,m", [(1, 1), (3, 40)])
def test_sums_of_a_sweep(gpu, kind, p, m):
    y, v, old = numbers(10, kind, 3, 6, p, m)
    d = numbers(11, kind, 6, m)
    active = np.array([True, False, True, True, False, True])
    rng = np.random.default_rng(12)
    before = als_sweep.Sums(numbers(13, kind, 6, m), rng.random((6, m)), old, *rng.random((2, 6)))
    expected = als_sweep.gain_sums(y, d, v, active, before)
    there = als_sweep.Sums(*map(gpu.put, before))
    found = als_sweep.gain_sums(*map(gpu.put, (y, d, v, active)), there)
    for one, other in zip(found, expected, strict=True):
        close(one, other)


@pytest.mark.parametrize("model", ["repeated", "snapshots"])
def test_check_22_sweeps_of_64_problems_agree_with_the_cpu(gpu, model):
    """Four sweeps of SPEC A8 from gains 5 per cent off: to 1e-10, and nearer to the truth."""
    count, m, n, p = 64, 12, 4, 3
    signals, maps = (1, p) if model == "repeated" else (p, 1)
    Q = np.linalg.qr(numbers(0, complex, maps * m, n))[0].reshape(maps, m, n)
    truth, x = np.exp(numbers(1, complex, count, m) / 4), numbers(2, complex, count, signals, n)
    y = truth[:, None, :] * (Q @ x[..., None])[..., 0]
    start = truth * (1.0 + 0.05 * numbers(3, complex, count, m))
    squares = als_sweep.squares(Q, one_signal=signals == 1)

    def sweeps(put):
        known, data, d = put(squares), put(y), put(start)
        active, t = put(np.ones(count, dtype=bool)), put(np.zeros((count, signals, n), complex))
        zeros = np.zeros((count, m), complex), np.zeros((count, m)), np.zeros_like(y)
        sums = als_sweep.Sums(*map(put, (*zeros, np.zeros(count), np.zeros(count))))
        costs = []
        for _ in range(4):
            b = (Q.conj().swapaxes(-1, -2) @ (d.conj()[:, None, :] * data)[..., None])[..., 0]
            b = b.sum(axis=1, keepdims=True) if signals == 1 else b
            assert np.asarray(als_sweep.signal_step(known, d, put(b), active, t)).all()
            v = (Q @ np.asarray(t)[..., None])[..., 0]
            sums = als_sweep.gain_sums(data, d, put(v), active, sums)
            costs.append(np.asarray(sums.cost))
            d = put(np.asarray(sums.top) / np.asarray(sums.below))
        return np.asarray(d), np.asarray(t), np.array(costs)

    for one, other in zip(sweeps(gpu.put), sweeps(np.array), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-10)
    costs = sweeps(np.array)[2]
    assert (np.diff(costs, axis=0) <= 0).all()
