"""min ||A x||_p subject to g^T x = 1 against plain references, closed forms and its certificate."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla._errors import ArgumentError, ArgumentTypeError
from rnla._result import Status
from rnla.constrained import ConstrainedProblem, minimise_lp_norm
from tests import families
from tests.constrained.references import primal_linear_program, smooth_minimum

POWERS = [1.0, 1.1, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, math.inf]
HARD = [
    "gaussian", "cauchy", "coherent", "random_graph", "augmentation", "legendre", "vandermonde",
    "low_rank_plus_sparse", "scaled_rows", "scaled_columns", "duplicated_rows", "zero_rows",
    "rank_deficient", "near_deficient", "time_series", "spiky_hadamard", "integer",
]  # fmt: skip


def a_row(A: np.ndarray, seed: int = 0) -> np.ndarray:
    """A nonzero row chosen at random."""
    nonzero = np.flatnonzero(np.any(A != 0, axis=1))
    return A[np.random.default_rng(seed).choice(nonzero)]


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    """A family matrix with n <= 60, d <= 6, a right-hand side in its row space, and p."""
    name = draw(st.sampled_from(HARD))
    d = draw(st.integers(2, 6))
    n = draw(st.integers(2 * d, 60))
    seed = draw(st.integers(0, 10_000))
    p = draw(st.sampled_from(POWERS))
    A = families.dense(families.FAMILIES[name](n, d, seed))
    if draw(st.booleans()):
        return A, a_row(A, seed), p
    return A, A.T @ np.random.default_rng(seed).standard_normal(len(A)), p


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("p", [1.5, 3.0, 4.0, 6.0, 8.0, 1.0, 2.0, math.inf])
def test_check_04_duality_gap_is_at_most_1e_9(name: str, p: float) -> None:
    A = families.dense(families.FAMILIES[name](200, 8, 5))
    problem = ConstrainedProblem(A, p)
    rng = np.random.default_rng(1)
    sides = [a_row(A, seed) for seed in range(4)]
    sides += [A.T @ np.sign(rng.standard_normal(len(A))) for _ in range(2)]
    for g in sides:
        found = problem.minimise(g)
        assert found.gap <= 1e-9
        # The certificate stands on its own: the multiplier is feasible and its norm is the bound.
        q = math.inf if p == 1 else (1.0 if math.isinf(p) else p / (p - 1))
        bound = np.linalg.norm(found.multiplier, q)
        assert 1.0 / bound == pytest.approx(found.norm_lower, rel=1e-9)
        residual = np.abs(A.T @ found.multiplier - g)
        column, total = np.max(np.abs(A), axis=0), np.sum(np.abs(found.multiplier))
        assert np.all(residual <= 1e-11 * column * total)


def test_check_04_zeros_of_the_minimiser_do_not_spoil_the_gap() -> None:
    # On K_v all edges away from the two poles carry y = 0, where the weights for p < 2 blow up.
    for case in (families.c6_complete_graph(9), families.c7_cycle(10), families.c4_direct_sum()):
        for p in (1.05, 1.2, 1.5, 1.9, 3.0, 4.0, 6.0, 8.0, 20.0):
            for g in case.matrix[:3]:
                skewed = np.random.default_rng(0).standard_normal(len(g))
                found = minimise_lp_norm(case.matrix, g, p, x0=skewed)
                assert found.gap <= 1e-9


@pytest.mark.parametrize("p", [1.0, math.inf])
@pytest.mark.parametrize("name", ["gaussian", "cauchy", "random_graph", "legendre"])
def test_agrees_with_the_primal_linear_program(name: str, p: float) -> None:
    A = families.dense(families.FAMILIES[name](60, 5, 2))
    g = A.T @ np.random.default_rng(3).standard_normal(len(A))
    assert minimise_lp_norm(A, g, p).norm == pytest.approx(primal_linear_program(A, g, p), rel=1e-8)


@pytest.mark.parametrize("p", [1.5, 1.8, 3.0, 4.0, 6.0])
@pytest.mark.parametrize("name", ["gaussian", "student_t", "flat"])
def test_agrees_with_a_general_minimiser(name: str, p: float) -> None:
    A = families.dense(families.FAMILIES[name](60, 5, 2))
    g = A.T @ np.random.default_rng(3).standard_normal(len(A))
    assert minimise_lp_norm(A, g, p).value == pytest.approx(smooth_minimum(A, g, p), rel=1e-6)


@pytest.mark.parametrize("case", families.closed_forms(), ids=lambda case: case.name)
def test_C1_to_C9_sensitivities_are_reciprocal_minima(case: families.ClosedForm) -> None:
    for p in case.powers:
        problem = ConstrainedProblem(case.matrix, p)
        expected = case.sensitivities(p)
        for i in range(0, len(case.matrix), max(1, len(case.matrix) // 6)):
            assert problem.minimise(case.matrix[i], tol=1e-12).value == pytest.approx(
                1.0 / expected[i], rel=1e-10
            )


@given(problems())
@settings(max_examples=80, deadline=None)
def test_no_feasible_point_is_below_the_certificate(
    problem: tuple[np.ndarray, np.ndarray, float],
) -> None:
    A, g, p = problem
    found = minimise_lp_norm(A, g, p)
    assert found.norm_lower <= found.norm
    assert found.gap <= 1e-8
    rng = np.random.default_rng(0)
    step = np.linalg.norm(found.x) * 10.0 ** rng.uniform(-4, 0, size=(30, 1))
    nearby = found.x + step * rng.standard_normal((30, len(g)))
    nearby = nearby[nearby @ g > 0]
    feasible = nearby / (nearby @ g)[:, None]
    norms = np.linalg.norm(A @ feasible.T, ord=p, axis=0) if len(feasible) else np.array([np.inf])
    # The relative error of g^T x in working precision widens the comparison.
    slack = 1e-13 * np.max(np.abs(feasible) @ np.abs(g), initial=1.0)
    assert np.all(norms >= found.norm_lower * (1 - 1e-9 - slack))


@given(problems(), st.integers(-300, 300))
@settings(max_examples=40, deadline=None)
def test_scaling_A_scales_the_norm_and_scaling_g_divides_it(
    problem: tuple[np.ndarray, np.ndarray, float], exponent: int
) -> None:
    A, g, p = problem
    base = minimise_lp_norm(A, g, p)
    c = 2.0**exponent  # exact, so that near-deficient families see the same problem
    assert minimise_lp_norm(c * A, g, p).norm == pytest.approx(c * base.norm, rel=1e-8)
    assert minimise_lp_norm(A, c * g, p).norm == pytest.approx(base.norm / c, rel=1e-8)


@given(st.integers(0, 1000), st.sampled_from(POWERS))
@settings(max_examples=30, deadline=None)
def test_change_of_basis_leaves_the_minimum(seed: int, p: float) -> None:
    rng = np.random.default_rng(seed)
    A, g = rng.standard_t(2.0, size=(40, 5)), rng.standard_normal(5)
    G = rng.standard_normal((5, 5)) + 3.0 * np.eye(5)
    direct, turned = minimise_lp_norm(A, g, p), minimise_lp_norm(A @ G, G.T @ g, p)
    assert turned.norm == pytest.approx(direct.norm, rel=1e-8)
    np.testing.assert_allclose(A @ (G @ turned.x), A @ direct.x, atol=1e-4 * np.abs(direct.y).max())


@given(st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_p2_is_the_closed_form(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, g = rng.standard_normal((30, 4)), rng.standard_normal(4)
    found = minimise_lp_norm(A, g, 2.0)
    solved = np.linalg.solve(A.T @ A, g)
    assert found.value == pytest.approx(1.0 / (g @ solved), rel=1e-11)
    np.testing.assert_allclose(found.x, solved / (g @ solved), rtol=1e-9)


@pytest.mark.parametrize("p", POWERS)
def test_result_is_feasible_and_consistent(p: float) -> None:
    A = families.gaussian(50, 5, 1)
    g = A[7]
    found = minimise_lp_norm(A, g, p)
    assert g @ found.x == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(found.y, A @ found.x, atol=1e-12)
    assert found.norm == pytest.approx(np.linalg.norm(A @ found.x, p), rel=1e-12)
    assert found.value == pytest.approx(found.norm if math.isinf(p) else found.norm**p, rel=1e-12)
    assert found.status is Status.OK
    assert found.dual <= found.value


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("name", ["sparse_power_law", "one_hot", "road_network"])
def test_sparse_input_gives_the_dense_answer(name: str, p: float) -> None:
    A = families.FAMILIES[name](150, 9, 4)
    D = A.toarray()
    sparse, dense = ConstrainedProblem(A, p), ConstrainedProblem(D, p)
    assert sparse.rank == dense.rank == np.linalg.matrix_rank(D)
    for g in (a_row(D), D.T @ np.random.default_rng(1).standard_normal(len(D))):
        assert sparse.minimise(g).norm == pytest.approx(dense.minimise(g).norm, rel=1e-8)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0, math.inf])
def test_interior_point_and_linear_program_agree_with_auto(p: float) -> None:
    A, g = families.student_t(80, 6, 3), families.gaussian(1, 6, 1)[0]
    auto = minimise_lp_norm(A, g, p)
    for method in {1.0: ("interior_point", "linear_program"), math.inf: ("linear_program",)}.get(
        p, ("quadratic",) if p == 2.0 else ("newton",)
    ):
        other = minimise_lp_norm(A, g, p, method=method)
        assert other.norm == pytest.approx(auto.norm, rel=1e-9)
        assert other.method == method


@pytest.mark.parametrize("p", POWERS)
def test_outside_the_row_space_the_minimum_is_zero_with_a_witness(p: float) -> None:
    A = families.rank_deficient(40, 6, 2)
    problem = ConstrainedProblem(A, p)
    assert problem.rank == 4
    for g in (np.eye(6)[5], np.ones(6)):
        found = problem.minimise(g)
        assert found.value == 0.0
        assert found.method == "null_space"
        assert g @ found.x == pytest.approx(1.0)
        assert np.max(np.abs(A @ found.x)) <= 1e-13 * np.max(np.abs(A)) * np.max(np.abs(found.x))


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_zero_rows_fewer_rows_than_columns_and_zero_matrix(p: float) -> None:
    A = families.gaussian(30, 4, 0)
    padded = np.insert(A, [0, 10, 30], 0.0, axis=0)
    assert minimise_lp_norm(padded, A[2], p).norm == pytest.approx(
        minimise_lp_norm(A, A[2], p).norm, rel=1e-9
    )
    wide = families.gaussian(3, 7, 0)
    assert minimise_lp_norm(wide, wide[1], p).norm == pytest.approx(1.0, rel=1e-9)
    assert minimise_lp_norm(np.zeros((5, 2)), np.ones(2), p).value == 0.0


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0, 8.0])
@pytest.mark.parametrize("exponent", [-150, 150])
def test_extreme_scales(p: float, exponent: int) -> None:
    A = families.gaussian(40, 4, 0)
    base = minimise_lp_norm(A, A[3], p)
    c = 10.0**exponent
    assert minimise_lp_norm(c * A, c * A[3], p).value == pytest.approx(base.value, rel=1e-9)
    columns = np.array([1.0, c, 1.0, 1.0 / c])
    assert minimise_lp_norm(A * columns, A[3] * columns, p).value == pytest.approx(
        base.value, rel=1e-9
    )
    # A value beyond the floating-point range is reported as such; the norm stays usable.
    far = minimise_lp_norm(1e150 * A, 1e-150 * A[3], p)
    assert far.norm == pytest.approx(1e150 * 1e150 * base.norm, rel=1e-9)
    assert far.value == (far.norm if p == 1.0 else math.inf)


@pytest.mark.parametrize("p", [1.0, 1.5, 4.0])
def test_start_is_used_and_harmless(p: float) -> None:
    A = families.student_t(300, 6, 1)
    problem = ConstrainedProblem(A, p)
    found = problem.minimise(A[5])
    again = problem.minimise(A[5], x0=found.x)
    assert again.norm == pytest.approx(found.norm, rel=1e-9)
    assert again.iterations <= found.iterations
    assert problem.minimise(A[5], x0=-found.x).norm == pytest.approx(found.norm, rel=1e-9)


def test_with_p_shares_the_factorization() -> None:
    A = families.gaussian(50, 5, 0)
    shared = ConstrainedProblem(A, 2.0).with_p(3.0)
    assert shared.minimise(A[0]).norm == minimise_lp_norm(A, A[0], 3.0).norm


def test_iteration_limit_is_reported_and_the_bound_still_holds() -> None:
    A = families.cauchy(300, 8, 1)
    for p in (1.0, 1.5, 6.0):
        problem = ConstrainedProblem(A, p)
        full = problem.minimise(A[3])
        cut = problem.minimise(A[3], max_iter=1, method="newton" if p > 1 else "interior_point")
        if p > 1:
            assert cut.status is Status.NOT_CONVERGED
        assert cut.norm_lower <= full.norm * (1 + 1e-12)
        assert cut.norm >= full.norm_lower * (1 - 1e-12)


def test_input_is_not_modified() -> None:
    A = families.gaussian(20, 3, 0)
    copy, g = A.copy(), A[1].copy()
    minimise_lp_norm(A, A[1], 1.5, x0=A[1])
    np.testing.assert_array_equal(A, copy)
    np.testing.assert_array_equal(A[1], g)
    csr = scipy.sparse.csr_array(A)
    minimise_lp_norm(csr, g, 1.0)
    np.testing.assert_array_equal(csr.toarray(), copy)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"g": np.zeros(3)}, "g: all zeros|g: got all zeros"),
        ({"g": np.ones(4)}, r"g: got shape \(4,\)"),
        ({"g": np.array([1.0, np.nan, 0.0])}, "g: got NaN"),
        ({"g": np.ones(3) * 1j}, "g: got dtype complex"),
        ({"x0": np.ones(2)}, "x0: got shape"),
        ({"tol": 2.0}, "tol: got"),
        ({"p": 0.5}, "p: got"),
        ({"p": math.nan}, "p: got"),
        ({"max_iter": 0}, "max_iter: got"),
        ({"method": "simplex"}, "method: got 'simplex'"),
        ({"method": "quadratic"}, "method: got 'quadratic'"),
        ({"A": np.full((5, 3), np.inf)}, "A: got"),
        ({"A": np.ones(3)}, "A: got"),
    ],
)
def test_bad_arguments_name_themselves(arguments: dict[str, object], message: str) -> None:
    given_: dict[str, object] = {"A": families.gaussian(10, 3, 0), "g": np.ones(3), "p": 1.5}
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        minimise_lp_norm(**(given_ | arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize("p", [1.0, 1.1, 1.2, 1.5, 2.0, 3.0, 4.0, 8.0, 12.0])
@pytest.mark.parametrize("name", ["cauchy", "legendre", "zero_rows", "rank_deficient", "one_hot"])
def test_many_at_once_agree_with_one_by_one(name: str, p: float) -> None:
    A = families.FAMILIES[name](60, 6, 3)
    D = families.dense(A)
    G = D[np.any(D != 0, axis=1)][:25] * np.array([[1.0], [1e-20], [-1e20], [2.0], [1.0]] * 5)
    problem = ConstrainedProblem(A, p)
    many = problem.minimise_many(G)
    assert many.status is Status.OK
    for j, g in enumerate(G):
        single = problem.minimise(g, in_row_space=True)
        assert many.norm[j] == pytest.approx(single.norm, rel=1e-9)
        assert many.norm_lower[j] <= many.norm[j]
        assert g @ many.x[j] == pytest.approx(1.0)
        assert np.linalg.norm(D @ many.x[j], p) == pytest.approx(many.norm[j], rel=1e-9)


@given(st.integers(0, 1000), st.sampled_from([1.0, 1.3, 1.5, 3.0, 5.0, 16.0]))
@settings(max_examples=30)
def test_quick_bounds_hold_for_any_weights(seed: int, p: float) -> None:
    rng = np.random.default_rng(seed)
    A = rng.standard_t(1.5, size=(50, 4))
    problem = ConstrainedProblem(A, p)
    quick = problem.minimise_many(A, weights=10.0 ** rng.uniform(-2, 2, 50), quick=True)
    full = problem.minimise_many(A)
    assert np.all(quick.norm_lower <= full.norm * (1 + 1e-10))
    assert np.all(quick.norm >= full.norm_lower * (1 - 1e-10))


def test_many_refuses_zero_rows_and_wrong_shapes() -> None:
    problem = ConstrainedProblem(families.gaussian(20, 3, 0), 3.0)
    with pytest.raises(ArgumentError, match="G: got zeros in row 1"):
        problem.minimise_many(np.array([[1.0, 0, 0], [0, 0, 0]]))
    with pytest.raises(ArgumentError, match="G: got shape"):
        problem.minimise_many(np.ones(3))
    assert len(problem.minimise_many(np.zeros((0, 3))).norm) == 0


@pytest.mark.parametrize("p", [1.5, 4.0])
def test_noise_in_the_start_costs_no_digits(p: float) -> None:
    # The least-squares start is optimal here, so the first direction is rounding noise.
    case = families.c6_complete_graph(10)
    noise = 1.0 + 1e-15 * np.random.default_rng(0).standard_normal(len(case.matrix))
    found = ConstrainedProblem(case.matrix, p).minimise_many(case.matrix, weights=noise)
    np.testing.assert_allclose(found.norm**-p, case.sensitivities(p), rtol=1e-13)
    np.testing.assert_allclose(found.norm_lower**-p, case.sensitivities(p), rtol=1e-13)


def test_rank_can_be_decided_elsewhere() -> None:
    A = families.near_deficient(40, 4, 0, gap=1e-12)
    assert ConstrainedProblem(A, 3.0).rank == 4
    assert ConstrainedProblem(A, 3.0, rcond=1e-9).rank == 3
    assert ConstrainedProblem(A, 3.0, rank=3).rank == 3
    reduced = ConstrainedProblem(A, 3.0, rank=3).minimise(A[0], in_row_space=True)
    assert reduced.norm == pytest.approx(minimise_lp_norm(A[:, :3], A[0, :3], 3.0).norm, rel=1e-6)
    with pytest.raises(ArgumentError, match="rank: got 5"):
        ConstrainedProblem(A, 3.0, rank=5)
