"""Lewis weights: inequalities I1, I2, I9-I14 and I18 as properties; check 2 for Lewis weights."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st

from rnla.scores import lewis_weights
from rnla.scores._lewis_error import estimate_error_bound
from tests import families

from .lewis_reference import leverage, lewis_reference, residual

POWERS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
CHECK_2 = ("gaussian", "cauchy", "student_t", "coherent", "replicated_identity", "block_identity",
           "hadamard", "scaled_rows", "scaled_columns", "duplicated_rows", "zero_rows",
           "rank_deficient")  # fmt: skip

powers = st.sampled_from(POWERS)
seeds = st.integers(0, 10_000)


def lewis(A, p):
    return lewis_weights(A, p, tol=1e-11, rng=0)


@st.composite
def matrices(draw, largest_d=5):
    """Small random matrices of the families with independent rows, all scales."""
    d = draw(st.integers(1, largest_d))
    n = draw(st.integers(d + 1, 40))
    name = draw(st.sampled_from(("gaussian", "cauchy", "coherent", "scaled_rows", "integer")))
    A = families.FAMILIES[name](n, d, draw(seeds))
    # Few rows of very different size leave directions that float64 cannot tell from rounding.
    size = np.linalg.norm(A, axis=0)
    if (size == 0).any() or np.linalg.cond(A / size) > 1e5:
        return families.gaussian(n, d, draw(seeds))
    return A


@pytest.mark.parametrize("name", CHECK_2)
@pytest.mark.parametrize("p", POWERS)
def test_check_02_I1_range_and_sum(name, p):
    A = families.FAMILIES[name](200, 8, 1)
    w = lewis(A, p)
    assert w.values.min() >= 0
    assert w.values.max() <= 1 + 1e-8
    assert abs(w.values.sum() - np.linalg.matrix_rank(families.dense(A))) <= 1e-8 * w.rank


@pytest.mark.parametrize("name", CHECK_2)
@pytest.mark.parametrize("p", POWERS)
def test_check_02_I2_invariance(name, p):
    A = families.dense(families.FAMILIES[name](200, 8, 1))
    rng = np.random.default_rng(0)
    G = np.linalg.qr(rng.standard_normal((8, 8)))[0] * rng.uniform(0.5, 2.0, size=8)
    order = rng.permutation(len(A))
    base = lewis(A, p).values
    # mixing columns of very different size is itself a perturbation of the small ones
    mixed = A if name == "scaled_columns" else A @ G
    rtol = 1e-8 if name != "scaled_rows" else 1e-7
    assert np.allclose(lewis(mixed, p).values, base, rtol=rtol, atol=1e-12)
    assert np.allclose(lewis(-7.3 * A, p).values, base, rtol=1e-8, atol=1e-14)
    assert np.allclose(lewis(A[order], p).values, base[order], rtol=1e-8, atol=1e-14)


@given(A=matrices(), p=powers, seed=seeds)
def test_I9_a_new_row_never_raises_weights_up_to_p_2(A, p, seed):
    row = np.random.default_rng(seed).standard_normal((1, A.shape[1])) * np.abs(A).max()
    p = min(p, 2.0)
    before, after = lewis(A, p).values, lewis(np.vstack([A, row]), p).values[:-1]
    assert (after <= before * (1 + 1e-8) + 1e-12).all()


def test_I9_a_new_row_can_raise_weights_above_p_2():
    """Companion: the same assertion is wrong at p = 4, and the test would notice."""
    worst = 0.0
    for seed in range(40):
        A = families.cauchy(12, 2, seed)
        before, after = lewis(A[:-1], 4.0).values, lewis(A, 4.0).values[:-1]
        worst = max(worst, float((after / before).max()))
    assert worst > 1.01


@given(A=matrices(), p=st.sampled_from((*POWERS, 8.0)), k=st.integers(2, 5), seed=seeds)
def test_I10_splitting_a_row(A, p, k, seed):
    i = seed % len(A)
    copies = np.repeat(A[i : i + 1] / k ** (1.0 / p), k, axis=0)
    split = np.vstack([np.delete(A, i, axis=0), copies])
    before, after = lewis(A, p), lewis(split, p)
    others = np.delete(before.values, i)
    assert np.allclose(after.values[:-k], others, rtol=1e-8, atol=1e-13)
    assert np.allclose(after.values[-k:], before.values[i] / k, rtol=1e-8, atol=1e-13)


def test_I10_splitting_with_the_wrong_power_is_caught():
    A = families.gaussian(20, 3)
    copies = np.repeat(A[-1:] / 4 ** (1.0 / 2.0), 4, axis=0)  # right for p = 2 only
    after = lewis(np.vstack([A[:-1], copies]), 4.0).values
    assert not np.allclose(after[-4:], lewis(A, 4.0).values[-1] / 4, rtol=1e-3)


def power_norm(Y, p):
    largest = np.abs(Y).max(axis=0)
    return largest * np.sum((np.abs(Y) / largest) ** p, axis=0) ** (1.0 / p)


def probes(A, w, seed):
    """Vectors that try to break an inequality: random ones, and the best for single rows."""
    rng = np.random.default_rng(seed)
    rowwise = w.basis @ (A @ w.basis).T
    return np.hstack([w.basis @ rng.standard_normal((w.rank, 30)), rowwise[:, w.values > 0]])


@given(A=matrices(), p=st.sampled_from((*POWERS, 8.0, 16.0)), seed=seeds)
def test_I11_sandwich(A, p, seed):
    w = lewis(A, p)
    Y = A @ probes(A, w, seed)
    log_w = np.log(np.maximum(w.values, 1e-300))
    two = power_norm(np.exp((0.5 - 1.0 / p) * log_w)[:, None] * Y, 2.0)
    ratio = two / power_norm(Y, p)
    slack = 1 + 1e-7
    edge = w.rank ** (0.5 - 1.0 / p)
    assert ratio.min() >= min(1.0, edge) / slack
    assert ratio.max() <= max(1.0, edge) * slack


def test_I11_sandwich_is_tight_and_leverage_scores_break_it():
    """Companion: with leverage in place of Lewis weights the sandwich fails."""
    A = families.coherent(200, 3, 1)
    A[:3] *= 30.0
    wrong = lewis(A, 2.0)
    ratios = []
    for x in np.vstack([np.eye(3), probes(A, wrong, 0).T]):
        y = A @ x
        ratios.append(np.linalg.norm(wrong.values ** (0.5 - 1.0 / 1.0) * y) / np.abs(y).sum())
    assert max(ratios) > 1 + 1e-3


def sensitivity(A, i, p):
    """sigma_i^p = 1 / min ||Ax||_p^p s.t. a_i x = 1: an LP for p = 1, Newton's method else."""
    n, d = A.shape
    if p == 1.0:
        cost = np.append(np.zeros(d), np.ones(n))
        upper = np.block([[A, -np.eye(n)], [-A, -np.eye(n)]])
        equal = np.append(A[i], np.zeros(n))[None, :]
        solved = scipy.optimize.linprog(
            cost, upper, np.zeros(2 * n), equal, [1.0], bounds=[(None, None)] * d + [(0, None)] * n
        )
        return 1.0 / solved.fun
    start = A[i] / (A[i] @ A[i])
    Z = np.linalg.svd(A[i : i + 1])[2][1:].T
    solved = scipy.optimize.minimize(
        lambda z: np.sum(np.abs(A @ (start + Z @ z)) ** p), np.zeros(d - 1), tol=1e-12
    )
    return 1.0 / solved.fun


@pytest.mark.parametrize("p", [1.0, 1.5, 3.0, 4.0, 6.0])
@pytest.mark.parametrize("name", ["gaussian", "student_t", "coherent"])
@pytest.mark.parametrize("method", ["one_sided", "damped"])
def test_I12_one_sided_weights_bound_sensitivities(name, p, method):
    A = families.FAMILIES[name](30, 3, 2)
    w = lewis_weights(A, p, method=method, max_iter=3, rng=0)
    factor = 1.0 / w.gamma if p < 2 else w.gamma ** (-p / 2) * w.total ** (p / 2 - 1)
    for i in range(0, 30, 5):
        assert sensitivity(A, i, p) <= factor * w.values[i] * (1 + 1e-6)


def test_I12_weights_below_one_sided_are_caught():
    """Companion: at a third of their size, with gamma still claimed to be 1, the bound fails."""
    A = families.coherent(30, 3, 2)
    w = lewis_weights(A, 1.0, method="one_sided", rng=0)
    broken = [sensitivity(A, i, 1.0) > w.values[i] / 3 for i in range(6)]
    assert any(broken)


@given(A=matrices(), p=powers, q=st.sampled_from((0.5, 1.0, 1.5, 2.0, 3.0, 5.0)))
def test_I13_switching(A, p, q):
    w = lewis(A, p).values
    B = np.exp((1.0 / q - 1.0 / p) * np.log(np.maximum(w, 1e-300)))[:, None] * A
    if q >= 1.0:
        assert np.allclose(lewis(B, q).values, w, rtol=1e-7, atol=1e-12)
    else:  # outside the range of the library, but the fixed-point equation holds all the same
        assert residual(B, np.maximum(w, 1e-300), q) <= 1e-7


@given(
    A=matrices(),
    p=st.sampled_from((1.0, 1.5, 3.0, 4.0)),
    q=st.sampled_from((1.0, 1.5, 2.0, 3.0, 6.0)),
    seed=seeds,
)
def test_I14_change_of_density(A, p, q, seed):
    """||W^(1/q-1/p) A x||_q over ||Ax||_p varies by the stated distortion at most."""
    w = lewis(A, p)
    Y = A @ probes(A, w, seed)
    log_w = np.log(np.maximum(w.values, 1e-300))
    ratio = power_norm(np.exp((1 / q - 1 / p) * log_w)[:, None] * Y, q) / power_norm(Y, p)
    low, high = min(p, q), max(p, q)
    exponent = abs(1 / q - 1 / p) if low <= 2 else 0.5 * (1 - low / high)
    assert ratio.max() / ratio.min() <= w.rank**exponent * (1 + 1e-7)


@given(A=matrices(), p=st.sampled_from((1.0, 1.5, 2.5, 3.0, 3.9, 4.0, 8.0, 16.0)), seed=seeds,
       size=st.sampled_from((1e-6, 1e-3, 0.02, 0.2)))  # fmt: skip
def test_I18_residual_bounds_the_error(A, p, seed, size):
    """Disturb the weights; the bound from the residual alone must cover the disturbance."""
    exact = lewis(A, p).values
    exact = exact[exact > 1e-250]
    A = A[lewis(A, p).values > 1e-250]
    disturbance = size * np.random.default_rng(seed).uniform(-1, 1, len(exact))
    w = exact * np.exp(disturbance)
    bound = estimate_error_bound(p, residual(A, w, p), A.shape[1])
    if bound is not None:
        assert np.abs(disturbance).max() <= bound + 1e-8


def test_I18_bound_is_needed():
    """Companion: the residual itself is no bound at p = 3.9 or 16, so the constants are at work."""
    rng = np.random.default_rng(0)
    beaten = {3.9: 0.0, 16.0: 0.0}
    for p in beaten:
        for seed in range(20):
            A = families.gaussian(30, 3, seed)
            exact = lewis_reference(A, p)[0]
            projector = A * np.exp((0.5 - 1 / p) * np.log(exact))[:, None]
            projector = projector @ np.linalg.pinv(projector)
            D = projector**2 / exact[:, None]
            direction = D @ D @ D @ rng.standard_normal(len(A))  # what the map damps least
            direction *= 1e-3 / np.abs(direction).max()
            rho = residual(A, exact * np.exp(direction), p)
            beaten[p] = max(beaten[p], 1e-3 / rho)
            assert estimate_error_bound(p, rho, 3) >= 1e-3
    assert min(beaten.values()) > 0.9


@pytest.mark.parametrize("p", [4.5, 8.0, 16.0])
@pytest.mark.parametrize("rank", [1, 3, 50])
@pytest.mark.parametrize("rho", [1e-5, 1e-3, 0.02])
def test_I18_bound_covers_the_worst_spectrum(p, rank, rho):
    """Largest |log x_1| over all spectra with sum (x - 1 - log x) <= eta sum |x - 1|, solved."""
    eta = np.expm1((p / 2 - 1) * rho)

    def phi(t):  # at x = e^t
        return np.expm1(t) - t - eta * np.abs(np.expm1(t))

    lowest = phi(-np.log1p(-eta))
    room = -(rank - 1) * lowest
    worst = max(
        scipy.optimize.brentq(lambda t: phi(t) - room, -np.log1p(-eta), 20.0, xtol=1e-14),
        -scipy.optimize.brentq(lambda t: phi(t) - room, -20.0, -np.log1p(eta), xtol=1e-14),
    )
    bound = estimate_error_bound(p, rho, rank)
    assert p / 2 * (rho + worst) <= bound * (1 + 1e-6)
    assert bound <= 2.0 * p / 2 * (rho + worst)


def test_I18_bound_tends_to_zero_and_disappears():
    assert estimate_error_bound(1.0, 1e-6, 10) == pytest.approx(1e-6)
    assert estimate_error_bound(3.0, 1e-6, 10) == pytest.approx(3e-6, rel=0.7)
    assert estimate_error_bound(8.0, 1.0, 10) is None
    small, large = (estimate_error_bound(8.0, rho, 10) for rho in (1e-9, 1e-8))
    assert large == pytest.approx(10 * small, rel=1e-5)


@given(A=matrices(), p=powers)
def test_weights_are_their_own_leverage(A, p):
    w = lewis(A, p).values
    log_w = np.log(np.maximum(w, 1e-300))
    assert np.allclose(leverage(A, (0.5 - 1 / p) * log_w), w, rtol=1e-7, atol=1e-13)
