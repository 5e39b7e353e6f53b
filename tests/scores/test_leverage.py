"""Leverage scores: closed forms, invariances, accuracy of every row, and what the record says."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla import Status, leverage_scores
from tests import families

from .leverage_reference import exact_leverage, largest_relative_error, rotated

EXACT_METHODS = ("auto", "exact", "gram")
# M1-M5, M11, M12 of the acceptance check; near_deficient is covered by the accuracy tests, since
# there a change of variables in floating point changes the scores themselves.
CHECK_2 = (
    "gaussian",
    "cauchy",
    "student_t",
    "coherent",
    "replicated_identity",
    "block_identity",
    "hadamard",
    "scaled_rows",
    "scaled_columns",
    "duplicated_rows",
    "zero_rows",
    "rank_deficient",
)
RANK = {"rank_deficient": lambda d: d - max(d // 3, 1)}

instances = st.tuples(
    st.sampled_from(CHECK_2), st.integers(20, 200), st.integers(2, 8), st.integers(0, 10**6)
)


def instance(which):
    name, n, d, seed = which
    A = families.FAMILIES[name](n, d, seed)
    rank = RANK[name](d) if name in RANK else d
    return A, rank


def scores(A, method="auto"):
    return leverage_scores(A, method=method, rng=0).values


# --- closed forms --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", EXACT_METHODS)
@pytest.mark.parametrize("form", families.closed_forms(), ids=lambda form: form.name)
def test_check_01_closed_forms(form, method):
    np.testing.assert_allclose(scores(form.matrix, method), form.leverage, atol=1e-12)
    sparse = scores(sp.csr_array(form.matrix), method)
    np.testing.assert_allclose(sparse, form.leverage, atol=1e-12)


# --- invariances ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", EXACT_METHODS)
@given(which=instances)
def test_I1_check_02_between_zero_and_one_and_sum_to_the_rank(method, which):
    A, rank = instance(which)
    result = leverage_scores(A, method=method, rng=0)
    assert result.rank == rank
    assert np.all((result.values >= 0) & (result.values <= 1))
    assert abs(result.values.sum() - rank) <= 1e-8 * rank
    assert result.diagnostics["sum"] == result.values.sum()


@pytest.mark.parametrize("method", EXACT_METHODS)
@given(which=instances, power=st.integers(-100, 100))
def test_I2_check_02_invariant_under_changes_of_variables_scale_and_order(method, which, power):
    A, _ = instance(which)
    rng = np.random.default_rng(which[3])
    tau = scores(A, method)
    d = A.shape[1]
    # Q1 diag(1 … 100) Q2: invertible, well-conditioned, so rounding in A G stays rounding.
    G = np.linalg.qr(rng.standard_normal((d, d)))[0] * np.geomspace(1, 100, d)
    G = G @ np.linalg.qr(rng.standard_normal((d, d)))[0]
    order = rng.permutation(A.shape[0])
    if which[0] != "scaled_columns":  # mixing columns of sizes 1e-6 … 1e6 rounds the small away
        np.testing.assert_allclose(scores(A @ G, method), tau, atol=1e-8)
    np.testing.assert_allclose(scores(3.7 * 2.0**power * A, method), tau, atol=1e-8)
    np.testing.assert_allclose(scores(A * 10.0 ** rng.uniform(-6, 6, d), method), tau, atol=1e-8)
    np.testing.assert_allclose(scores(A[order], method), tau[order], atol=1e-8)
    np.testing.assert_allclose(scores(A[:, rng.permutation(d)], method), tau, atol=1e-8)


@pytest.mark.parametrize("method", EXACT_METHODS)
@given(which=instances, extra=st.integers(1, 20))
def test_I9_check_02_more_rows_never_raise_a_score(method, which, extra):
    A, _ = instance(which)
    new = np.random.default_rng(which[3]).standard_normal((extra, A.shape[1]))
    new *= np.abs(A).max(axis=0)
    before, after = scores(A, method), scores(np.vstack([A, new]), method)
    assert np.all(after[: len(A)] <= before + 1e-8)


@pytest.mark.parametrize("method", EXACT_METHODS)
@given(which=instances, copies=st.integers(2, 5), row=st.integers(0, 19))
def test_I10_check_02_splitting_a_row_splits_its_score(method, which, copies, row):
    A, _ = instance(which)
    row %= len(A)
    split = np.vstack([np.delete(A, row, axis=0), np.tile(A[row] / np.sqrt(copies), (copies, 1))])
    before, after = scores(A, method), scores(split, method)
    np.testing.assert_allclose(after[-copies:], before[row] / copies, atol=1e-8)
    np.testing.assert_allclose(after[:-copies], np.delete(before, row), atol=1e-8)


def test_the_invariances_catch_row_norms():
    """Companion: squared row norms, normalised to sum to the rank, fail I1, I2 and I9."""

    def wrong(A):
        squares = (A**2).sum(axis=1)
        return squares * np.linalg.matrix_rank(A) / squares.sum()

    A = families.cauchy(50, 4, 0)
    assert wrong(A).max() > 1
    assert np.abs(wrong(A * [1, 10, 1, 1]) - wrong(A)).max() > 1e-8
    A[:, 3] = 0.0
    more = np.vstack([A, 1e-3 * np.eye(4)[3:]])  # one small row adds a dimension
    assert np.any(wrong(more)[:50] > wrong(A) + 1e-8)


# --- accuracy ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", EXACT_METHODS)
@pytest.mark.parametrize("shape", [(12, 8), (25, 6), (200, 5)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_check_09_rows_over_twelve_decades_keep_every_score(method, shape, seed, record_property):
    A = families.scaled_rows(*shape, seed)
    exact = exact_leverage(A)
    worst = largest_relative_error(scores(A, method), exact)
    record_property("check", "9")
    record_property("measured", worst)
    record_property("threshold", 1e-9)
    assert worst <= 1e-9
    assert float(min(exact)) < 1e-4 or shape == (12, 8)  # small scores are there to be lost


def test_check_09_norms_of_a_computed_factor_lose_small_scores():
    """Companion: row norms of LAPACK's Q are noise where scores are below rounding."""
    A = families.scaled_rows(200, 5, 0)
    Q = np.linalg.qr(A)[0]
    with pytest.raises(AssertionError):
        assert largest_relative_error((Q**2).sum(axis=1), exact_leverage(A)) <= 1e-9


@pytest.mark.parametrize("n", [60, 3000])
@pytest.mark.parametrize("method", EXACT_METHODS)
@pytest.mark.parametrize("seed", [0, 1])
def test_check_09_rank_deficient_with_column_scales(n, method, seed):
    """Two redundant columns and a zero one, columns over twelve decades: absolute error 1e-12."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((n, 5))
    A = np.hstack([base, base @ rng.standard_normal((5, 2)), np.zeros((n, 1))])
    order = rng.permutation(8)
    A = A[:, order] * 10.0 ** rng.uniform(-6, 6, 8)
    result = leverage_scores(A, method=method, rng=0)
    exact = exact_leverage(base) if n == 60 else (np.linalg.qr(base)[0] ** 2).sum(axis=1)
    assert result.rank == 5
    assert result.status is Status.RANK_DEFICIENT
    assert result.gap > 1e3
    np.testing.assert_allclose(result.values, np.array(exact, dtype=float), atol=1e-12)


@pytest.mark.parametrize("condition", [1e4, 1e6, 1e8, 1e10, 1e12, 1e14])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_condition_sweep_to_1e14(condition, kind, record_property):
    """No special structure: LAPACK's QR loses eps times the condition number, we do not."""
    A = rotated(300, 6, condition)
    exact = exact_leverage(A)
    lapack = largest_relative_error((np.linalg.qr(A)[0] ** 2).sum(axis=1), exact)
    record_property("measured", lapack)
    for method in EXACT_METHODS:
        result = leverage_scores(kind(A), method=method, rng=0)
        assert result.rank == 6
        worst = largest_relative_error(result.values, exact)
        assert worst <= max(1e-10, 1e-23 * condition)
        if condition >= 1e10:
            assert worst < 1e-3 * lapack


def test_an_inverse_gram_matrix_loses_twice_as_many_digits():
    """Companion: a_i^T (A^T A)^-1 a_i as it is often written fails the sweep from 1e8 on."""
    A = rotated(300, 6, 1e8)
    naive = np.einsum("ij,jk,ik->i", A, np.linalg.inv(A.T @ A), A)
    assert largest_relative_error(naive, exact_leverage(A)) > 1e-2


@pytest.mark.parametrize("method", ["auto", "exact"])
def test_nearly_dependent_columns(method):
    """A gap of 1e-10 between two columns is information, and is used to the last digit."""
    A = families.near_deficient(150, 5, 0)
    result = leverage_scores(A, method=method, rng=0)
    assert result.rank == 5
    assert largest_relative_error(result.values, exact_leverage(A)) <= 1e-9


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
@pytest.mark.parametrize("method", [*EXACT_METHODS, "sketch"])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_extreme_scales(scale, method, kind):
    A = families.gaussian(300, 4, 0)
    plain = leverage_scores(kind(A), method=method, rng=0)
    for factor in (scale, scale ** np.array([1, 0, 0.5, -1])):
        scaled = leverage_scores(kind(A * factor), method=method, rng=0)
        np.testing.assert_allclose(scaled.values, plain.values, rtol=1e-10)
        assert scaled.rank == 4


# --- kinds of input ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*EXACT_METHODS, "sketch"])
@pytest.mark.parametrize("n", [300, 20_000])
def test_sparse_and_dense_agree(method, n):
    A = families.sparse_power_law(n, 6, 0)
    dense = leverage_scores(A.toarray(), method=method, rng=3)
    for kind in (sp.csr_array, sp.csc_array, sp.coo_array, sp.csr_matrix):
        sparse = leverage_scores(kind(A), method=method, rng=3)
        np.testing.assert_allclose(sparse.values, dense.values, rtol=1e-9, atol=1e-15)
        assert sparse.path == dense.path


@pytest.mark.parametrize("name", ["gaussian", "scaled_columns", "rank_deficient", "vandermonde"])
@pytest.mark.parametrize("method", EXACT_METHODS)
def test_check_10_float32(name, method):
    """float32 in, float32 out, within 1e-4 of the scores of the float64 matrix."""
    A = families.FAMILIES[name](500, 5, 0)
    single = leverage_scores(A.astype(np.float32), method=method, rng=0)
    double = leverage_scores(A, method=method, rng=0)
    assert single.values.dtype == np.float32
    assert double.values.dtype == np.float64
    assert single.rank == double.rank
    np.testing.assert_allclose(single.values, double.values, atol=1e-4)


def test_check_10_zero_rows_and_columns():
    A = families.gaussian(40, 4, 0)
    A[::5] = 0.0
    A[:, 2] = 0.0
    result = leverage_scores(A)
    assert np.all(result.values[::5] == 0.0)
    assert result.rank == 3
    np.testing.assert_allclose(result.values, scores(np.delete(A, 2, axis=1)), atol=1e-14)


def test_check_10_degenerate_shapes():
    """n < d, n = 0, d = 0, NaN: typed errors. n = d, d = 1 and the zero matrix have answers."""
    for bad in (np.ones((2, 3)), np.ones((0, 3)), np.ones((3, 0)), np.full((4, 2), np.nan)):
        with pytest.raises(rnla.ArgumentError, match=r"^A: got .*; expected "):
            leverage_scores(bad)
    np.testing.assert_allclose(scores(families.gaussian(4, 4, 0)), 1.0, atol=1e-12)
    np.testing.assert_allclose(scores(np.array([[3.0], [4.0]])), [0.36, 0.64], atol=1e-15)
    assert leverage_scores(np.zeros((3, 2))).rank == 0
    np.testing.assert_array_equal(scores(np.zeros((3, 2))), 0.0)
    np.testing.assert_array_equal(scores(np.array([[5.0]])), 1.0)


@pytest.mark.parametrize("n,d", [(1, 1), (2, 1), (3, 1), (2, 2), (3, 2), (3, 3)])
@pytest.mark.parametrize("method", [*EXACT_METHODS, "sketch"])
def test_tiny_inputs(n, d, method):
    A = families.gaussian(n, d, 1)
    expected = np.einsum("ij,ji->i", A, np.linalg.pinv(A))
    np.testing.assert_allclose(scores(A, method), expected, atol=1e-12)


def test_a_tall_matrix_is_accepted_and_not_scanned_twice():
    tall = rnla.as_tall(families.gaussian(100, 3, 0))
    first, second = leverage_scores(tall), leverage_scores(tall)
    np.testing.assert_array_equal(first.values, second.values)
    assert (first.passes, second.passes) == (3, 2)
    assert tall.passes == 5


# --- the record ----------------------------------------------------------------------------------


def test_record():
    A = families.gaussian(100, 3, 0)
    result = leverage_scores(A, rng=5)
    assert isinstance(result, rnla.Scores)
    assert np.asarray(result) is not None
    np.testing.assert_array_equal(np.asarray(result), result.values)
    assert len(result) == 100
    assert (result.kind, result.p, result.rank, result.seed) == ("leverage", 2.0, 3, 5)
    assert result.status is Status.OK
    with pytest.raises(AttributeError):
        result.rank = 2


@pytest.mark.parametrize(
    "method,n,path,passes",
    [
        ("auto", 300, "householder", 3),
        ("exact", 300, "householder", 3),
        ("gram", 300, "gram", 2),
        ("sketch", 300, "sketched", 3),
        ("auto", 30_000, "gram", 2),
        ("exact", 30_000, "sketch", 4),
        ("sketch", 30_000, "sketched", 3),
        ("sketch", 50, "householder", 3),
    ],
)
def test_the_table_of_the_docstring(method, n, path, passes):
    result = leverage_scores(families.gaussian(n, 4, 0), method=method, rng=0)
    assert (result.path, result.passes) == (path, passes)
    assert result.status is (Status.EXACT if (method, n) == ("sketch", 50) else Status.OK)


def test_exact_scores_do_not_depend_on_the_seed_beyond_rounding():
    A = families.gaussian(5000, 5, 0)
    first, second = (leverage_scores(A, method="exact", rng=seed) for seed in (0, 1))
    np.testing.assert_allclose(first.values, second.values, rtol=1e-12)


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"method": "qr"}, "method"),
        ({"method": None}, "method"),
        ({"ridge": -1.0}, "ridge"),
        ({"ridge": np.nan}, "ridge"),
        ({"rank": 0}, "rank"),
        ({"rank": 4}, "rank"),
        ({"rank": 2, "ridge": 1.0}, "rank"),
        ({"rcond": -1.0}, "rcond"),
        ({"sketch_size": 0}, "sketch_size"),
        ({"projection": -3}, "projection"),
        ({"rng": -1}, "rng"),
        ({"rng": "seed"}, "rng"),
    ],
)
def test_bad_arguments(arguments, name):
    form = rf"^{name}: got .*; expected .*\. [A-Z].*\.$"
    with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match=form):
        leverage_scores(families.gaussian(20, 3, 0), **arguments)


# --- rank-k leverage -----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [100, 20_000])
@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("name", ["cauchy", "vandermonde", "rank_deficient", "scaled_columns"])
def test_rank_k_scores_are_those_of_the_dominant_subspace(n, k, name):
    A = families.FAMILIES[name](n, 6, 0)
    U, singular, _ = np.linalg.svd(A, full_matrices=False)
    result = leverage_scores(A, rank=k, rng=0)
    np.testing.assert_allclose(result.values, (U[:, :k] ** 2).sum(axis=1), atol=1e-8)
    assert result.rank == k
    if k < 4:
        np.testing.assert_allclose(result.gap, singular[k - 1] / singular[k], rtol=1e-6)
    assert abs(result.diagnostics["sum"] - k) < 1e-8


def test_full_rank_scores_flatten_where_rank_k_scores_do_not():
    """Signal of rank 1 in noise: the full-rank scores hide the row that carries the signal."""
    rng = np.random.default_rng(0)
    A = 0.01 * rng.standard_normal((400, 40))
    A[7] += 0.05
    assert leverage_scores(A, rank=1).values.argmax() == 7
    assert leverage_scores(A, rank=1).values[7] > 10 * np.median(leverage_scores(A, rank=1).values)
    assert leverage_scores(A).values[7] < 10 * np.median(leverage_scores(A).values)


def test_rank_above_the_numerical_rank_keeps_what_there_is():
    A = families.rank_deficient(200, 6, 0)
    result = leverage_scores(A, rank=5)
    assert result.rank == 4
    assert result.status is Status.RANK_DEFICIENT
    np.testing.assert_allclose(result.values, scores(A), atol=1e-14)
