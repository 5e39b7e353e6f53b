"""Ridge paths: exact leave-one-out errors against refits, scikit-learn, units, homes, bad input."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from tests import families

ALPHAS = np.array([0.0, 1e-6, 1e-2, 1.0, 300.0])


def fitted(A, b, alpha, w=None, intercept=False):
    """One ridge regression by an orthogonal factorisation of the rows and the penalty."""
    n, d = A.shape
    w = np.ones(n) if w is None else w
    mean, level = (w @ A / w.sum(), w @ b / w.sum()) if intercept else (np.zeros(d), 0.0)
    root = np.sqrt(w)
    stack = np.vstack([root[:, None] * (A - mean), np.sqrt(alpha) * np.eye(d)])
    x = np.linalg.lstsq(stack, np.append(root * (b - level), np.zeros(d)), rcond=1e-12)[0]
    return x, level - mean @ x


def errors_by_refits(A, b, alpha, w=None, intercept=False, fit=fitted):
    """b_i minus its prediction from all other rows, for every row that counts."""
    n = len(A)
    w = np.ones(n) if w is None else w
    errors = np.zeros(n)
    for i in np.flatnonzero(w):
        others = np.delete(np.arange(n), i)
        x, level = fit(A[others], b[others], alpha, w[others], intercept)
        errors[i] = b[i] - A[i] @ x - level
    return errors


def problem(n, d, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d)) + 1.0
    return A, A @ rng.standard_normal(d) + rng.standard_normal(n) + 3.0


@pytest.mark.parametrize("shape", [(30, 4), (5, 5), (6, 9), (3, 1)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_leave_one_out_errors_are_those_of_refits(shape, intercept, weighted):
    A, b = problem(*shape)
    w = np.arange(len(b)) % 4 + (np.arange(len(b)) == 4) if weighted else None
    path = rnla.ridge(A, b, alphas=ALPHAS, intercept=intercept, weights=w)
    counts = np.ones(len(b)) if w is None else w.astype(float)
    for j, alpha in enumerate(ALPHAS):
        x, level = fitted(A, b, alpha, counts, intercept)
        np.testing.assert_allclose(path.coefficients[j], x, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(path.intercepts[j], level, rtol=1e-9, atol=1e-11)
        errors = errors_by_refits(A, b, alpha, counts, intercept)
        mean = counts @ errors**2 / counts.sum()
        spread = np.sqrt(np.sum((counts * (errors**2 - mean)) ** 2)) / counts.sum()
        np.testing.assert_allclose(path.loo[j], mean, rtol=1e-9)
        np.testing.assert_allclose(path.loo_error[j], spread, rtol=1e-8, atol=1e-7 * mean)
    assert path.best == np.argmin(path.loo)
    assert path.best_alpha == ALPHAS[path.best]
    np.testing.assert_array_equal(path.x, path.coefficients[path.best])
    assert path.intercept == path.intercepts[path.best]


def test_the_comparison_notices_errors_of_the_fit_instead_of_those_left_out():
    A, b = problem(30, 4)
    path = rnla.ridge(A, b, alphas=1.0)
    x, _ = fitted(A, b, 1.0)
    assert abs(np.mean((b - A @ x) ** 2) / path.loo[0] - 1.0) > 0.1


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("shape", [(20_000, 5), (400, 12)])
def test_scikit_learn_agrees(shape, intercept):
    from sklearn.linear_model import Ridge, RidgeCV

    A, b = problem(*shape)
    path = rnla.ridge(A, b, alphas=ALPHAS[1:], intercept=intercept)
    theirs = RidgeCV(ALPHAS[1:], fit_intercept=intercept, store_cv_results=True).fit(A, b)
    np.testing.assert_allclose(path.loo, theirs.cv_results_.mean(axis=0), rtol=1e-8)
    assert path.best_alpha == theirs.alpha_
    np.testing.assert_allclose(path.x, theirs.coef_, rtol=1e-8)
    w = np.random.default_rng(1).uniform(0.0, 2.0, len(b))
    path = rnla.ridge(A, b, alphas=7.0, intercept=intercept, weights=w)
    theirs = Ridge(7.0, fit_intercept=intercept, solver="cholesky").fit(A, b, sample_weight=w)
    np.testing.assert_allclose(path.x, theirs.coef_, rtol=1e-8)
    np.testing.assert_allclose(path.intercept, theirs.intercept_, rtol=1e-8, atol=1e-12)


def test_many_responses_are_fitted_like_each():
    A, b = problem(3000, 6)
    B = np.column_stack([b, np.random.default_rng(3).standard_normal(3000), 1e8 * A[:, 0] - 5.0])
    together = rnla.ridge(A, B, alphas=ALPHAS, intercept=True)
    assert together.coefficients.shape == (5, 6, 3)
    assert together.loo.shape == together.intercepts.shape == (5, 3)
    assert together.x.shape == (6, 3)
    for k in range(3):
        alone = rnla.ridge(A, B[:, k], alphas=ALPHAS, intercept=True)
        np.testing.assert_allclose(
            together.loo[1:, k], alone.loo[1:], rtol=1e-4 if k == 2 else 1e-9
        )
        assert together.best[k] == alone.best or k == 2
        if k != 2:
            np.testing.assert_allclose(together.x[:, k], alone.x, rtol=1e-10)
            np.testing.assert_allclose(together.intercept[k], alone.intercept, rtol=1e-10)
            assert together.best_alpha[k] == alone.best_alpha
        np.testing.assert_allclose(
            together.coefficients[..., k],
            alone.coefficients,
            rtol=1e-10,
            atol=1e-6 if k == 2 else 0.0,
        )


@pytest.mark.parametrize("intercept", [False, True])
def test_copies_of_isolated_and_interpolated_rows(intercept):
    A, b = problem(5, 8)
    A = np.vstack([A, np.zeros((2, 8))])
    b, w = np.append(b, [1.0, 2.0]), np.array([1.0, 2.0, 3.0, 0.0, 1.0, 0.0, 2.0])
    copies = rnla.ridge(A, b, alphas=ALPHAS, intercept=intercept, weights=w, leave_out="copy")
    again = np.repeat(np.arange(7), w.astype(int))
    repeated = rnla.ridge(A[again], b[again], alphas=ALPHAS, intercept=intercept)
    np.testing.assert_allclose(copies.loo, repeated.loo, rtol=1e-9)
    np.testing.assert_allclose(copies.coefficients, repeated.coefficients, rtol=1e-9, atol=1e-11)
    small = rnla.ridge(A, b, alphas=ALPHAS, weights=w / 4.0, leave_out="copy")
    rows = rnla.ridge(A, b, alphas=ALPHAS, weights=w / 4.0)
    np.testing.assert_array_equal(small.loo, rows.loo)  # a weight below one is no copy


def test_one_penalty_is_a_least_squares_fit_with_a_ridge():
    A, b = problem(20_000, 5)
    np.testing.assert_allclose(
        rnla.ridge(A, b, alphas=50.0).x, rnla.lstsq(A, b, ridge=50.0, rng=0).x, rtol=1e-10
    )


def test_many_penalties_of_many_responses_on_a_cluster():
    array = pytest.importorskip("dask.array")
    A, b = problem(9000, 2)
    B, alphas = np.column_stack([b, -b, A[:, 1]]), np.logspace(-3, 3, 2000)
    here = rnla.ridge(A, B, alphas=alphas, intercept=True)
    there = rnla.ridge(
        array.from_array(A, chunks=(4096, 2)),
        array.from_array(B, chunks=(3000, 3)),
        alphas=alphas,
        intercept=True,
    )
    np.testing.assert_array_equal(there.loo, here.loo)
    some = rnla.ridge(A, B, alphas=alphas[::100], intercept=True)
    np.testing.assert_allclose(some.loo, here.loo[::100], rtol=1e-9, atol=1e-12)


def test_degrees_of_freedom_are_the_trace_of_the_hat_matrix():
    A, b = problem(40, 5)
    path = rnla.ridge(A, b, alphas=ALPHAS, intercept=True)
    for j, alpha in enumerate(ALPHAS):
        hat = np.column_stack(
            [A @ x + level for x, level in (fitted(A, e, alpha, None, True) for e in np.eye(40))]
        )
        assert path.degrees_of_freedom[j] == pytest.approx(np.trace(hat), rel=1e-10)


def test_the_default_grid_reaches_from_no_shrinkage_to_nothing_left():
    A, b = problem(500, 5)
    path = rnla.ridge(A, b)
    s = np.linalg.svd(A, compute_uv=False)
    np.testing.assert_allclose(path.singular_values, s, rtol=1e-12)
    assert path.alphas[0] == pytest.approx(1e-4 * s[-1] ** 2)
    assert path.alphas[-1] == pytest.approx(1e2 * s[0] ** 2)
    assert np.all(np.diff(np.log10(path.alphas)) < 0.26)
    assert path.degrees_of_freedom[0] == pytest.approx(5.0, abs=1e-3)
    assert path.degrees_of_freedom[-1] < 0.05


# --- equivariance -------------------------------------------------------------------------------

SEEDS = st.integers(0, 10**6)


@given(SEEDS, st.floats(-1e3, 1e3).filter(lambda c: abs(c) > 1e-3), st.booleans())
def test_scaling_and_shifting_the_response_scales_and_shifts_the_fit(seed, c, intercept):
    A, b = problem(25, 3, seed)
    shift = 10.0 if intercept else 0.0
    plain = rnla.ridge(A, b, alphas=ALPHAS, intercept=intercept)
    other = rnla.ridge(A, c * b + shift, alphas=ALPHAS, intercept=intercept)
    np.testing.assert_allclose(other.loo, c * c * plain.loo, rtol=1e-7)
    np.testing.assert_allclose(other.coefficients, c * plain.coefficients, rtol=1e-7, atol=1e-9)


@given(SEEDS, st.booleans())
def test_a_rotation_of_the_columns_rotates_the_coefficients(seed, intercept):
    A, b = problem(25, 3, seed)
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    plain = rnla.ridge(A, b, alphas=ALPHAS, intercept=intercept)
    other = rnla.ridge(A @ Q, b, alphas=ALPHAS, intercept=intercept)
    np.testing.assert_allclose(other.loo, plain.loo, rtol=1e-7)
    np.testing.assert_allclose(other.coefficients @ Q.T, plain.coefficients, rtol=1e-6, atol=1e-8)


@given(SEEDS, st.booleans())
def test_repeated_rows_are_integer_weights_whose_copies_are_left_out(seed, intercept):
    A, b = problem(12, 3, seed)
    w = np.random.default_rng(seed).integers(1, 4, 12)
    weighted = rnla.ridge(A, b, alphas=ALPHAS, intercept=intercept, weights=w)
    repeated = rnla.ridge(
        np.repeat(A, w, axis=0), np.repeat(b, w), alphas=ALPHAS, intercept=intercept
    )
    copies = rnla.ridge(A, b, alphas=ALPHAS, intercept=intercept, weights=w, leave_out="copy")
    np.testing.assert_allclose(copies.loo, repeated.loo, rtol=1e-7)
    np.testing.assert_allclose(copies.loo_error, repeated.loo_error, rtol=1e-6)
    np.testing.assert_allclose(weighted.coefficients, repeated.coefficients, rtol=1e-6, atol=1e-8)
    errors = errors_by_refits(A, b, 1.0, w.astype(float), intercept)
    assert weighted.loo[3] == pytest.approx(w @ errors**2 / w.sum(), rel=1e-8)
    if (w > 1).any():  # a repetition that stays behind helps to predict
        assert repeated.loo[3] < weighted.loo[3]


@given(SEEDS, st.sampled_from([2.0**-60, 1e-5, 3.0, 1e7]), st.booleans())
def test_a_common_factor_of_weights_and_penalties_changes_nothing(seed, c, intercept):
    A, b = problem(15, 3, seed)
    w = np.random.default_rng(seed).uniform(0.1, 1.0, 15)
    plain = rnla.ridge(A, b, alphas=ALPHAS, weights=w, intercept=intercept)
    other = rnla.ridge(A, b, alphas=c * ALPHAS, weights=c * w, intercept=intercept)
    np.testing.assert_allclose(other.loo, plain.loo, rtol=1e-7)
    np.testing.assert_allclose(other.coefficients, plain.coefficients, rtol=1e-6, atol=1e-9)


# --- hard numbers -------------------------------------------------------------------------------


def fitted_exactly(A, b, alpha, w, intercept):
    """The same in 60 digits, by normal equations."""
    with mpmath.workdps(60):
        rows, d = len(A), A.shape[1] + intercept
        X = mpmath.matrix(np.column_stack([A, np.ones(rows)]).tolist() if intercept else A.tolist())
        W = mpmath.diag([mpmath.mpf(float(v)) for v in w])
        penalty = mpmath.diag([mpmath.mpf(float(alpha))] * A.shape[1] + [0] * intercept)
        y = mpmath.matrix([float(v) for v in b])
        x = mpmath.lu_solve(X.T * W * X + penalty, X.T * W * y)
        found = np.array([float(x[j]) for j in range(d)])
    return (found[:-1], found[-1]) if intercept else (found, 0.0)


HARD = {
    "columns 12 orders apart": (families.scaled_columns(14, 4, 0, decades=12.0), 1e-26, 1e-9),
    "Vandermonde": (np.vander(np.linspace(0.5, 1.0, 14), 6), 1e-18, 1e-6),
    "far from the origin": (1e6 + families.gaussian(14, 3), 1e-3, 1e-8),
    "rows 6 orders apart": (families.scaled_rows(14, 3, 0, decades=6.0), 1e-8, 1e-6),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("intercept", [False, True])
def test_ill_conditioned_matrices_keep_accurate_errors(name, intercept):
    A, alpha, tolerance = HARD[name]
    b = np.random.default_rng(1).standard_normal(len(A))
    alphas = alpha * np.array([1.0, 1e4, 1e8])
    path = rnla.ridge(A, b, alphas=alphas, intercept=intercept)
    for j, penalty in enumerate(alphas):
        errors = errors_by_refits(A, b, penalty, None, intercept, fit=fitted_exactly)
        assert path.loo[j] == pytest.approx(np.mean(errors**2), rel=tolerance)


def test_a_gross_row_and_a_row_alone_in_its_direction():
    A = np.array([[1.0], [1.0], [1.0], [1e3]])
    b = np.array([1.5, 0.5, 1.0, 1e3 + 1.0])
    errors = errors_by_refits(A, b, 0.0)
    assert errors[3] == pytest.approx(1.0)
    assert rnla.ridge(A, b, alphas=0.0).loo[0] == pytest.approx(np.mean(errors**2), rel=1e-6)
    A = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    path = rnla.ridge(A, [1.0, 3.0, 7.0], alphas=[0.0, 1e-12])
    np.testing.assert_allclose(path.loo, (4.0 + 4.0 + 49.0) / 3.0)


@pytest.mark.parametrize("a", [1e-130, 1.0, 1e150])
@pytest.mark.parametrize("y", [1e-150, 1e150])
def test_units_of_any_size(a, y):
    A, b = problem(50, 3)
    plain = rnla.ridge(A, b, weights=np.arange(50))
    scaled = rnla.ridge(a * A, y * b, weights=1e-30 * np.arange(50.0))
    np.testing.assert_allclose(scaled.alphas, 1e-30 * a * a * plain.alphas, rtol=1e-9)
    np.testing.assert_allclose(scaled.loo, y * y * plain.loo, rtol=1e-9)
    np.testing.assert_allclose(scaled.coefficients, plain.coefficients / a * y, rtol=1e-8)


@pytest.mark.parametrize("a", [1e-305, 1e305])
@pytest.mark.parametrize("intercept", [False, True])
def test_entries_near_the_ends_of_the_range(a, intercept):
    A, b = problem(50, 3)
    plain = rnla.ridge(A, b, alphas=[0.0, 1e300], intercept=intercept)
    scaled = rnla.ridge(a * A, b, alphas=[0.0, 1.0], intercept=intercept)
    kept, gone = (0, 1) if a < 1.0 else (slice(None), slice(0, 0))  # the penalty is next to nothing
    np.testing.assert_allclose(scaled.loo[kept], plain.loo[0], rtol=1e-9)
    np.testing.assert_allclose(scaled.loo[gone], plain.loo[1], rtol=1e-9)
    np.testing.assert_allclose(scaled.coefficients[0] * a, plain.coefficients[0], rtol=1e-9)
    with pytest.raises(rnla.ArgumentError, match="alphas: got none"):
        rnla.ridge(a * A, b)


def test_dependent_columns_give_the_fit_of_smallest_norm():
    A, b = problem(300, 3)
    twice = np.column_stack([A, A[:, 0]])
    path = rnla.ridge(twice, b, alphas=ALPHAS)
    assert path.status is rnla.Status.RANK_DEFICIENT
    assert path.rank == 3
    for j, alpha in enumerate(ALPHAS):
        np.testing.assert_allclose(
            path.coefficients[j], fitted(twice, b, alpha)[0], rtol=1e-6, atol=1e-8
        )
    constant = rnla.ridge(np.column_stack([A, np.ones(300)]), b, alphas=ALPHAS, intercept=True)
    plain = rnla.ridge(A, b, alphas=ALPHAS, intercept=True)
    np.testing.assert_allclose(constant.loo, plain.loo, rtol=1e-9)
    np.testing.assert_allclose(constant.coefficients[:, :3], plain.coefficients, rtol=1e-9)
    np.testing.assert_allclose(constant.coefficients[:, 3], 0.0, atol=1e-12)


def test_nothing_to_fit():
    A, b = problem(20, 3)
    zeros = rnla.ridge(np.zeros((20, 3)), b, intercept=True)
    np.testing.assert_array_equal(zeros.x, np.zeros(3))
    assert zeros.intercept == pytest.approx(b.mean())
    assert zeros.loo[0] == pytest.approx(b.var() * (20 / 19) ** 2)
    equal = rnla.ridge(A, np.full(20, 4.0), alphas=ALPHAS, intercept=True)
    np.testing.assert_allclose(equal.loo, 0.0, atol=1e-28)
    np.testing.assert_array_equal(rnla.ridge(A, np.zeros(20)).coefficients, 0.0)
    one = rnla.ridge([[2.0]], [3.0], alphas=[0.0, 1.0])
    np.testing.assert_allclose(one.x, 1.5 if one.best == 0 else 1.2)
    np.testing.assert_allclose(one.loo, 9.0)


def test_a_perfect_fit_prefers_no_penalty():
    A, _ = problem(100, 3)
    path = rnla.ridge(A, A @ [1.0, 2.0, 3.0], alphas=[0.0, 1e-3, 1.0])
    assert path.best_alpha == 0.0
    assert path.loo[0] < 1e-28
    np.testing.assert_allclose(path.x, [1.0, 2.0, 3.0], rtol=1e-13)


# --- homes and paths ----------------------------------------------------------------------------


def test_every_home_of_the_rows_gives_the_same_bits(tmp_path):
    array = pytest.importorskip("dask.array")
    A, b = problem(30_000, 4)
    w = np.random.default_rng(1).uniform(size=len(b))
    np.save(tmp_path / "A.npy", A)
    here = rnla.ridge(A, b, weights=w, intercept=True, rng=0)
    homes = {
        "file": (str(tmp_path / "A.npy"), b, w),
        "blocks": ([A[:10_000], A[10_000:]], b, w),
        "dask": (
            array.from_array(A, chunks=(8192, 4)),
            array.from_array(b, chunks=8192),
            array.from_array(w, chunks=5000),
        ),
    }
    for A, b, w in homes.values():
        there = rnla.ridge(A, b, weights=w, intercept=True, rng=0)
        np.testing.assert_array_equal(there.loo, here.loo)
        np.testing.assert_array_equal(there.coefficients, here.coefficients)
        assert there.path == here.path == "gram"


@pytest.mark.parametrize("intercept", [False, True])
def test_sparse_rows(intercept):
    A = sp.random_array((5000, 40), density=0.1, format="csr", rng=np.random.default_rng(0))
    b = np.random.default_rng(1).standard_normal(5000)
    before = A.copy()
    sparse = rnla.ridge(A, b, intercept=intercept)
    full = rnla.ridge(A.toarray(), b, intercept=intercept)
    np.testing.assert_allclose(sparse.loo, full.loo, rtol=1e-10)
    np.testing.assert_allclose(sparse.coefficients, full.coefficients, rtol=1e-8, atol=1e-12)
    assert (before != A).nnz == 0


@pytest.mark.parametrize("method", ["auto", "exact", "gram"])
@pytest.mark.parametrize("power", [0, 3, 6, 9])
def test_every_path_is_accurate(method, power):
    A = families.gaussian(20_000, 5)
    A[:, 4] = A[:, 3] + 10.0**-power * A[:, 4]
    b = A @ np.arange(5.0) + 1e-3 * np.random.default_rng(0).standard_normal(20_000)
    path = rnla.ridge(A, b, alphas=[1e-2], method=method, rng=0)
    x, _ = fitted(A, b, 1e-2)
    np.testing.assert_allclose(A @ path.x, A @ x, atol=1e-10 * np.abs(b).max())


def test_passes_are_counted():
    A, b = problem(20_000, 5)
    tall = rnla.as_tall(A)
    assert rnla.ridge(tall, b).passes == tall.passes == 3
    again = rnla.ridge(tall, b, intercept=True)
    assert again.passes == tall.passes - 3 <= 4


def test_input_is_left_alone_and_the_seed_is_recorded():
    A, b = problem(50, 3)
    w = np.ones(50)
    copies = A.copy(), b.copy(), w.copy()
    path = rnla.ridge(A, b, weights=w, rng=5)
    assert path.seed == 5
    for ours, theirs in zip((A, b, w), copies, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"alphas": [1.0, -1.0]}, "alphas: got -1.0"),
        ({"alphas": [np.nan]}, "alphas: got nan"),
        ({"alphas": []}, "alphas: got"),
        ({"alphas": [[1.0]]}, "alphas: got"),
        ({"alphas": "many"}, "alphas: got"),
        ({"weights": -np.ones(20)}, "weights: got"),
        ({"weights": np.zeros(20)}, "weights: got zeros only"),
        ({"weights": np.ones(19)}, "weights: got"),
        ({"weights": np.eye(20)[0], "intercept": True}, "A: got 1 row that counts"),
        ({"b": np.ones(19)}, "b: got"),
        ({"b": np.full(20, np.inf)}, "b: got"),
        ({"A": np.full((20, 3), np.nan)}, "A: got"),
        ({"leave_out": "two"}, "leave_out: got 'two'"),
        ({"method": "fast"}, "method: got 'fast'"),
        ({"rcond": -1.0}, "rcond: got"),
    ],
)
def test_bad_input(change, message):
    A, b = problem(20, 3)
    options = {"A": A, "b": b, **change}
    with pytest.raises(ValueError, match=message):
        rnla.ridge(options.pop("A"), options.pop("b"), **options)
