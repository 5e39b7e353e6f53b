"""Steps of alternating least squares against plain NumPy, problem by problem."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import als_sweep

CASES = [
    # signals, maps, p, shared
    pytest.param(1, 3, 3, True, id="repeated"),
    pytest.param(1, 3, 3, False, id="repeated, weights"),
    pytest.param(3, 3, 3, True, id="diverse"),
    pytest.param(3, 1, 3, True, id="snapshots"),
    pytest.param(3, 3, 3, False, id="snapshots, weights"),
]
KINDS = pytest.mark.parametrize("kind", [float, complex])


def numbers(rng, kind, *shape):
    real = rng.standard_normal(shape)
    return real + 1j * rng.standard_normal(shape) if kind is complex else real


def problem(kind, signals, maps, p, shared, *, count=5, m=9, n=4):
    rng = np.random.default_rng(n)
    Q = numbers(rng, kind, *(() if shared else (count,)), maps, m, n)
    d, b = numbers(rng, kind, count, m), numbers(rng, kind, count, signals, n)
    return Q, d, b


def plain_signals(Q, d, b):
    """Gram matrices summed row by row."""
    out = np.empty_like(b)
    for k in range(len(d)):
        own = Q if Q.ndim == 3 else Q[k]
        rows = np.abs(d[k])[:, None] * own
        if b.shape[1] == 1:
            grams = [sum(one.conj().T @ one for one in rows)]
        else:
            grams = [rows[i if len(rows) > 1 else 0] for i in range(b.shape[1])]
            grams = [one.conj().T @ one for one in grams]
        for index, gram in enumerate(grams):
            out[k, index] = np.linalg.solve(gram, b[k, index])
    return out


@KINDS
@pytest.mark.parametrize("signals,maps,p,shared", CASES)
@pytest.mark.parametrize("n", [1, 4, 7])
def test_signals_solve_the_normal_equations(kind, signals, maps, p, shared, n):
    Q, d, b = problem(kind, signals, maps, p, shared, n=n)
    squares = als_sweep.squares(Q, one_signal=signals == 1)
    t = np.full_like(b, np.nan)
    active = np.array([True, True, False, True, True])
    good = als_sweep.signal_step(squares, d, b, active, t)
    assert good.all()
    assert np.isnan(t[2]).all()
    expected = plain_signals(Q, d, b)
    np.testing.assert_allclose(t[active], expected[active], rtol=1e-9, atol=1e-11)


@KINDS
def test_a_matrix_that_is_not_positive_is_reported(kind):
    """No gains at all: the ridge is all there is. Without one signal to see it: not a number."""
    Q, d, b = problem(kind, 1, 3, 3, True)
    squares = als_sweep.squares(Q, one_signal=True)
    d[1] = np.nan
    t = np.zeros_like(b)
    good = als_sweep.signal_step(squares, d, b, np.ones(5, dtype=bool), t)
    np.testing.assert_array_equal(good, [True, False, True, True, True])


@KINDS
@pytest.mark.parametrize("p,m", [(1, 1), (3, 9), (4, 65)])
def test_sums_for_the_gains(kind, p, m):
    rng = np.random.default_rng(p)
    y, v, old = (numbers(rng, kind, 5, p, m) for _ in range(3))
    d = numbers(rng, kind, 5, m)
    active = np.array([True, False, True, True, False])
    marks = numbers(rng, kind, 5, m), rng.random((5, m)), old, rng.random(5), rng.random(5)
    before = als_sweep.Sums(*(one.copy() for one in marks))
    after = als_sweep.gain_sums(y, d, v, active, before)
    data = d[:, None, :] * v
    expected = (
        (v.conj() * y).sum(axis=1),
        (np.abs(v) ** 2).sum(axis=1),
        data,
        (np.abs(y - data) ** 2).sum(axis=(1, 2)),
        (np.abs(data - old) ** 2).sum(axis=(1, 2)),
    )
    for found, new, mark, kept in zip(after, expected, marks, before, strict=True):
        np.testing.assert_allclose(found[active], new[active], rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(found[~active], mark[~active])
        np.testing.assert_array_equal(kept, mark)  # not written to
