"""Extrapolation of linear iterations: exact after as many steps as there are dimensions."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.calibration._anderson import Anderson
from tests.calibration.cases import complex_normal


def linear(seed, k):
    """g(d) = B d + c with ||B|| = 0.99, and its fixed point."""
    rng = np.random.default_rng(seed)
    B = complex_normal(rng, k, k)
    B *= 0.99 / np.linalg.norm(B, 2)
    c = complex_normal(rng, k)
    return B, c, np.linalg.solve(np.eye(k) - B, c)


def steps(B, c, start, count, history):
    d = start
    for _ in range(count):
        g = d @ B.T + c
        d = g if history is None else history.propose(d, g)
    return d


@pytest.mark.parametrize("k", [1, 3, 5])
def test_linear_iterations_end_after_k_steps(k):
    B, c, fixed = linear(k, k)
    start = np.zeros(k, dtype=complex)
    found = steps(B, c, start, k + 2, Anderson(depth=5))
    assert np.linalg.norm(found - fixed) < 1e-5 * np.linalg.norm(fixed)
    # Companion: the plain iteration is far away.
    assert np.linalg.norm(steps(B, c, start, k + 2, None) - fixed) > 1e-3 * np.linalg.norm(fixed)


def test_problems_of_a_batch_do_not_see_one_another():
    problems = [linear(seed, 3) for seed in range(4)]
    histories = [Anderson() for _ in problems]
    together = Anderson()
    alone = [np.zeros(3, dtype=complex)] * 4
    d = np.zeros((4, 3), dtype=complex)
    for _ in range(4):
        alone = [
            h.propose(one, B @ one + c)
            for h, one, (B, c, _) in zip(histories, alone, problems, strict=True)
        ]
        d = together.propose(
            d, np.stack([B @ one + c for one, (B, c, _) in zip(d, problems, strict=True)])
        )
        np.testing.assert_allclose(d, np.stack(alone), rtol=1e-8)


def test_what_is_forgotten_is_not_used():
    B, c, _ = linear(0, 4)
    history = Anderson()
    d = steps(B, c, np.zeros((2, 4), dtype=complex), 3, history)
    history.forget(np.array([True, False]))
    g = d @ B.T + c
    kept = history.propose(d, g)
    # The first problem has one new difference only, the second all of them.
    assert not np.allclose(kept[0], kept[1])
    history = Anderson()
    np.testing.assert_array_equal(history.propose(d, g), g)


def test_real_factors_keep_real_lines():
    history = Anderson(real=True)
    d = np.array([1.0 + 0j, 2.0])
    for _ in range(3):
        d = history.propose(d, 0.5 * d + 1.0)
    assert (d.imag == 0).all()


def test_a_fixed_point_stays():
    history = Anderson()
    d = np.ones(3)
    for _ in range(4):
        np.testing.assert_array_equal(history.propose(d, d.copy()), d)
