"""qr_append: the factor and the scores against a plain reference that knows all rows so far."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels.qr_append import UNSEEN, qr_append


def empty_state(d):
    return np.zeros((d, d)), np.zeros(d, dtype=np.int64), np.full(d, UNSEEN, dtype=np.int64)


def factor(triangle, row_exponents, column_exponents):
    columns = np.where(column_exponents == UNSEEN, 0, column_exponents)
    return np.ldexp(triangle, (row_exponents[:, None] + columns).astype(int))


def run(rows, p, exponents=None):
    state = empty_state(rows.shape[1])
    powers = np.zeros(len(rows), dtype=np.int64) if exponents is None else exponents
    return qr_append(rows, powers, p, *state), state


def reference(rows, p):
    """Scores by least squares against all earlier reweighted rows, and the reweighted rows."""
    scaled = np.zeros_like(rows)
    scores = np.zeros(len(rows))
    for i, row in enumerate(rows):
        if not row.any():
            continue
        y = np.linalg.lstsq(scaled[:i].T, row, rcond=None)[0] if i else np.zeros(0)
        inside = i > 0 and np.linalg.norm(scaled[:i].T @ y - row) <= 1e-10 * np.linalg.norm(row)
        scores[i] = min(1.0, np.linalg.norm(y) ** p) if inside else 1.0
        scaled[i] = row * scores[i] ** (0.5 - 1 / p)
    return scores, scaled


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, 6.0])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_scores_and_factor_equal_the_plain_reference(p, d):
    rows = np.random.default_rng(d).standard_normal((60, d))
    rows[7] = 0.0
    rows[20] = rows[3]
    scores, state = run(rows, p)
    expected, scaled = reference(rows, p)
    np.testing.assert_allclose(scores, expected, rtol=1e-9)
    R = factor(*state)
    assert np.array_equal(R, np.triu(R))
    np.testing.assert_allclose(R.T @ R, scaled.T @ scaled, rtol=1e-9, atol=1e-12 * np.ptp(R) ** 2)


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0])
def test_directions_that_appear_late_are_new_and_the_span_is_respected(p):
    rng = np.random.default_rng(1)
    basis = rng.standard_normal((3, 6))
    rows = rng.standard_normal((40, 3)) @ basis
    rows[:10] = rows[:10, :1] * basis[0]
    rows[10:25] = rng.standard_normal((15, 2)) @ basis[:2]
    scores, (triangle, _, _) = run(rows, p)
    np.testing.assert_allclose(scores, reference(rows, p)[0], rtol=1e-8)
    assert np.count_nonzero(np.diag(triangle)) == 3
    assert [scores[0], scores[10], scores[25]] == [1.0, 1.0, 1.0]


def test_leading_zeros_need_no_pivoting():
    rows = np.array([[0.0, 0.0, 2.0], [0.0, 3.0, 1.0], [0.0, 3.0, 1.0], [5.0, 0.0, 0.0]])
    scores, state = run(rows, 2.0)
    np.testing.assert_allclose(scores, [1.0, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(factor(*state).T @ factor(*state), rows.T @ rows, atol=1e-14)


def test_exponents_shift_rows_exactly():
    rows = np.random.default_rng(2).standard_normal((30, 4))
    powers = np.random.default_rng(3).integers(-40, 40, size=30)
    scores, _ = run(rows, 1.5, powers)
    np.testing.assert_array_equal(scores, run(np.ldexp(rows, powers[:, None]), 1.5)[0])


def test_far_apart_exponents_neither_overflow_nor_forget():
    rows = np.array([[1.0, 0.0], [1.0, 1.0], [3.0, 4.0], [0.5, 0.0]])
    scores, (_, row_exponents, _) = run(rows, 2.0, np.array([0, 0, 5000, 0]))
    # Beside 2^5000 (3, 4) only the part orthogonal to it is left of the first two rows.
    normal = np.array([4.0, -3.0]) / 5.0
    old = rows[:2] @ normal
    np.testing.assert_allclose(scores[3], (rows[3] @ normal) ** 2 / (old @ old), rtol=1e-12)
    assert abs(int(row_exponents[0] - row_exponents[1])) > 4900


def test_the_state_continues_where_the_last_block_ended():
    rows = np.random.default_rng(4).standard_normal((50, 3))
    whole, state = run(rows, 1.0)
    again = empty_state(3)
    parts = [
        qr_append(np.ascontiguousarray(part), np.zeros(len(part), dtype=np.int64), 1.0, *again)
        for part in np.array_split(rows, 7)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    for one, other in zip(again, state, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0])
def test_the_short_way_and_the_careful_way_agree(p):
    """A column without entries leaves a direction unknown, extreme units leave the usual range."""
    rows = np.random.default_rng(3).standard_normal((300, 4)) * np.arange(1, 301)[:, None] ** 0.7
    scores, state = run(rows, p)
    units = np.ldexp(1.0, np.array([0, 500, -500, 10]))
    np.testing.assert_array_equal(run(rows * units, p)[0], scores)
    careful, wide = run(np.column_stack([rows, np.zeros(300)]), p)
    np.testing.assert_allclose(careful, scores, rtol=1e-13)
    np.testing.assert_allclose(factor(*wide)[:4, :4], factor(*state), rtol=1e-12)
    far, shifted = run(rows, p, np.full(300, 10**6))
    np.testing.assert_array_equal(far, scores)
    np.testing.assert_array_equal(shifted[2], state[2] + 10**6)
