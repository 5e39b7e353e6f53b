"""Lewis weights against closed forms and plain references: checks 1, 11, 12, 13 and 14."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from rnla import Status
from rnla.scores import lewis_weights
from rnla.scores._reweighted import ReweightedLeverage
from rnla.scores.lewis_damped import damped
from rnla.scores.lewis_one_sided import averaged
from rnla.tall import as_tall
from tests import families

from .lewis_reference import excess_ratio, khachiyan, lewis_reference, residual

FINITE = (1.0, 1.3, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 16.0, 20.0)


def evaluator(A):
    return ReweightedLeverage(as_tall(A))


# --- check 1: closed forms -----------------------------------------------------------------------


def c9_lewis(d, c, p):
    """C9, Lewis weights of the identity over c times the all-ones row, by one scalar equation."""

    def equation(u):  # u on the identity rows, v on the last; Sherman-Morrison on s I + t c^2 11^T
        v = d * (1.0 - u)
        s, t = u ** (1 - 2 / p), v ** (1 - 2 / p)
        return v ** (2 / p) - c**2 * d / (s + t * c**2 * d)

    u = scipy.optimize.brentq(equation, 1.0 - 1.0 / d + 1e-12, 1.0 - 1e-12, xtol=1e-15, rtol=1e-14)
    return np.append(np.full(d, u), d * (1.0 - u))


@pytest.mark.parametrize("form", families.closed_forms(), ids=lambda form: form.name)
@pytest.mark.parametrize("p", FINITE)
def test_check_01_closed_forms(form, p):
    if form.lewis is not None:
        expected = form.lewis(p)
    else:
        expected = c9_lewis(form.matrix.shape[1], form.matrix[-1, 0], p)
    got = lewis_weights(form.matrix, p, tol=1e-13, rng=0)
    assert np.abs(got.values - expected).max() <= 1e-12
    assert got.rank == form.matrix.shape[1]


@pytest.mark.parametrize("form", families.closed_forms(), ids=lambda form: form.name)
def test_check_01_closed_forms_at_infinity(form):
    """Square, uniform and graph instances keep their formula; C2 has all weight on the largest."""
    if form.name.startswith(("C2", "C9")):
        return
    got = lewis_weights(form.matrix, np.inf, tol=1e-12, rng=0)
    M = got.basis
    assert np.linalg.norm(form.matrix @ M, axis=1).max() <= 1 + 1e-12
    # equal leverage means the uniform design is optimal, and the optimal quadratic is unique
    w = form.lewis(np.inf)
    expected = np.linalg.pinv(form.matrix.T @ (w[:, None] * form.matrix))
    assert np.allclose(M @ M.T, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_check_01_is_not_passed_by_leverage_scores():
    """Companion: leverage instead of Lewis weights, i.e. the exponent forgotten, is caught."""
    form = families.c2_single_column()
    wrong = lewis_weights(form.matrix, 2.0, rng=0).values
    assert np.abs(wrong - form.lewis(1.0)).max() > 1e-3


# --- check 11: iteration counts ------------------------------------------------------------------

CHECK_11 = ("gaussian", "cauchy", "student_t", "coherent", "legendre", "vandermonde",
            "total_degree", "scaled_rows", "scaled_columns")  # fmt: skip


@pytest.mark.parametrize("name", CHECK_11)
@pytest.mark.parametrize(
    "p, limit", [(1.0, 40), (1.5, 40), (2.0, 40), (3.0, 40), (4.0, 40), (8.0, 70), (16.0, 130)]
)
@pytest.mark.parametrize("momentum", [False, True])
def test_check_11_residual_within_iterations(name, p, limit, momentum):
    leverage = evaluator(families.FAMILIES[name](400, 8, 3))
    found = damped(leverage, p, tol=1e-10, max_iter=limit, momentum=momentum)
    assert found.converged, f"residual {found.residual:.1e}"
    assert abs(leverage.live(np.exp(found.log_w)).sum() - leverage.rank) <= 1e-9
    if momentum and p >= 3:
        assert found.iterations <= 0.8 * limit


def test_check_11_residual_is_the_plain_residual():
    """The residual reported is the one a textbook QR finds for the returned weights."""
    for name in ("gaussian", "coherent", "scaled_rows"):
        A = families.FAMILIES[name](200, 6, 1)
        for p in (1.0, 3.0, 8.0):
            w = lewis_weights(A, p, tol=1e-4, rng=0)
            assert abs(residual(A, w.values, p) - w.residual) <= 1e-9


@pytest.mark.parametrize("p", [5.0, 6.0, 8.0])
def test_check_11_undamped_map_fails(p):
    """Companion: theta = 1 does not converge above p = 4, so the limits above mean something."""
    _, rho = lewis_reference(families.gaussian(100, 5), p, theta=1.0, iterations=130)
    assert rho > 0.1
    _, rho = lewis_reference(families.gaussian(100, 5), p, iterations=130)
    assert rho < 1e-10


# --- check 12: independent methods agree ---------------------------------------------------------


CHECK_12 = ("gaussian", "coherent", "scaled_rows", "rank_deficient", "cauchy")


@pytest.mark.parametrize("name", CHECK_12)
@pytest.mark.parametrize("p", [3.0, 4.0, 8.0])
def test_check_12_damped_and_potential(name, p):
    A = families.FAMILIES[name](200, 6, 2)
    one = lewis_weights(A, p, method="damped", tol=1e-9, rng=0)
    two = lewis_weights(A, p, method="potential", tol=1e-8, rng=0)
    assert two.method == "potential"
    assert two.status is one.status is not Status.NOT_CONVERGED
    assert np.allclose(one.values, two.values, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", CHECK_12)
@pytest.mark.parametrize("p", [1.0, 1.5, 3.0])
def test_check_12_damped_and_fixed_point_and_reference(name, p):
    A = families.FAMILIES[name](200, 6, 2)
    one = lewis_weights(A, p, method="damped", tol=1e-11, rng=0).values
    two = lewis_weights(A, p, method="fixed_point", tol=1e-11, rng=0).values
    plain, _ = lewis_reference(A, p, theta=1.0)
    assert np.allclose(one, two, rtol=1e-9, atol=0)
    assert np.allclose(one, plain, rtol=1e-9, atol=0)


@pytest.mark.parametrize("p", [6.0, 16.0, 20.0])
def test_check_12_damped_and_reference_for_large_p(p):
    A = families.FAMILIES["gaussian"](150, 5, 4)
    got = lewis_weights(A, p, tol=1e-11, rng=0).values
    plain, _ = lewis_reference(A, p)
    assert np.allclose(got, plain, rtol=1e-9, atol=0)


# --- check 13: one-sided weights -----------------------------------------------------------------

DENSE = [name for name in families.FAMILIES if name not in ("augmentation", "road_network")]


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("p", [3.0, 4.0, 8.0, np.inf])
def test_check_13_averaging_in_five_steps(name, p):
    """Lee's mean before it is raised: tau <= 2 w with sum at most 1.01 rank."""
    leverage = evaluator(families.FAMILIES[name](300, 8, 1))
    found = averaged(leverage, p, steps=5)
    assert np.exp(found.residual) <= 2.0
    raised = leverage.live(np.exp(found.log_w - found.residual))
    assert raised.sum() <= 1.01 * leverage.rank


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("p", [1.0, 1.5, 3.0, 4.0, 8.0, np.inf])
def test_check_13_one_sided(name, p):
    """Through the front door: certified weights, and no more than twice the rank in all."""
    A = families.FAMILIES[name](300, 8, 1)
    w = lewis_weights(A, p, method="one_sided", rng=0)
    assert w.kind == "one_sided"
    assert w.iterations <= 5
    assert w.gamma >= 1 - 1e-12
    assert w.total <= 2.0 * 1.01 * w.rank
    if name != "near_deficient":  # there two ways to compute a leverage differ by 1e-6
        assert excess_ratio(families.dense(A), w.values, p) <= 1 + 1e-9


def test_check_13_too_few_steps_are_caught():
    """Companion: one step is the uniform weight, and its price shows in the total."""
    w = lewis_weights(families.coherent(300, 8), 4.0, method="one_sided", max_iter=1, rng=0)
    assert w.total > 10 * w.rank


# --- check 14: switching, and p = infinity -------------------------------------------------------


@pytest.mark.parametrize("p, q", [(1.0, 2.0), (1.0, 4.0), (4.0, 1.5)])
@pytest.mark.parametrize("name", ["gaussian", "coherent", "scaled_rows"])
def test_check_14_switching(name, p, q):
    A = families.FAMILIES[name](150, 6, 5)
    w = lewis_weights(A, p, tol=1e-11, rng=0).values
    B = w[:, None] ** (1.0 / q - 1.0 / p) * A
    assert np.allclose(lewis_weights(B, q, tol=1e-11, rng=0).values, w, rtol=1e-8, atol=0)


@pytest.mark.parametrize("name, d", [("gaussian", 4), ("student_t", 5), ("gaussian", 6)])
def test_check_14_infinity_is_the_d_optimal_design(name, d):
    A = families.FAMILIES[name](200, d, 6)
    w = lewis_weights(A, np.inf, tol=1e-9, rng=0)
    assert w.method == "active_set"
    assert np.abs(w.values - khachiyan(A, tol=1e-9)).max() <= 1e-5
    # Kiefer and Wolfowitz: feasible, and the gap to the optimum is the excess of the sum
    assert np.linalg.norm(A @ w.basis, axis=1).max() <= 1 + 1e-9
    assert w.total <= w.rank * (1 + 1e-8)


def test_check_14_large_p_approaches_infinity():
    A = families.gaussian(100, 4, 7)
    M = lewis_weights(A, np.inf, rng=0).basis
    N = lewis_weights(A, 20.0, rng=0).basis
    shapes = np.linalg.eigvals(np.linalg.solve(M @ M.T, N @ N.T)).real
    assert shapes.min() > 0.8
    assert shapes.max() < 1.7


@pytest.mark.parametrize("name", ["vandermonde", "duplicated_rows", "coherent", "sparse_power_law",
                                  "rank_deficient", "scaled_rows"])  # fmt: skip
def test_infinity_certificate(name):
    A = families.FAMILIES[name](5000, 6, 8)
    w = lewis_weights(A, np.inf, tol=1e-7, rng=0)
    assert w.status is not Status.NOT_CONVERGED
    assert np.linalg.norm(families.dense(A) @ w.basis, axis=1).max() <= 1 + 1e-7
    assert w.rank * (1 - 1e-12) <= w.total <= w.rank * (1 + 2e-7)
    assert np.count_nonzero(w.values) < 500


class LinearModel:
    """An evaluator whose map is linear, log w - log T = K log w, with K wider than the theory's."""

    rounding = 1e-15
    rank = 1

    def __init__(self, p, widest):
        self.p = p
        self.K = np.linspace(1.0, widest, 50)

    def __call__(self, log_scale):
        log_w = log_scale / (0.5 - 1.0 / self.p)
        return (log_w - self.K * log_w) / self.p


@pytest.mark.parametrize("momentum", [False, True])
def test_damping_adapts_when_the_spectrum_is_wider_than_the_theory(momentum):
    p, start = 4.0, np.linspace(-1.0, 1.0, 50)
    model = LinearModel(p, 12.0)
    found = damped(model, p, tol=1e-8, max_iter=200, start=start, momentum=momentum)
    assert found.converged
    assert np.abs(found.log_w).max() < 1e-7
    # Companion: the fixed step of the theory diverges on the same model.
    log_w = start
    for _ in range(50):
        log_w = log_w - 4.0 / (p + 2.0) * model.K * log_w
    assert np.abs(log_w).max() > 1e3
