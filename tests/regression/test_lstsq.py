"""`lstsq`: right answers for every shape of problem, its invariances, and clear refusals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from rnla import ArgumentError, ArgumentTypeError, Status, as_tall, lstsq

METHODS = ("auto", "sketch", "direct")
N, D = 14_000, 6  # large enough for "auto" not to be direct
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=10, deadline=None)


def problem(seed, n=N, d=D, k=None):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d)) @ (np.eye(d) + 0.3 * rng.standard_normal((d, d)))
    return A, rng.standard_normal(n if k is None else (n, k)) + A[:, :1].sum(
        axis=1 if k is None else 0
    )


def reference(A, b):
    return np.linalg.lstsq(A, b, rcond=1e-13)[0]


def assert_close(found, expected, tolerance=1e-10):
    assert found.shape == expected.shape
    scale = np.linalg.norm(expected) or 1.0
    assert np.linalg.norm(found - expected) <= tolerance * scale


# --- what comes out ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [None, 1, 3])
def test_agrees_with_lapack(method, k):
    A, b = problem(0, k=k)
    fit = lstsq(A, b, method=method, rng=0)
    assert_close(fit.x, reference(A, b))
    assert fit.status is Status.OK
    assert fit.rank == D
    residual = np.linalg.norm(b - A @ reference(A, b), axis=0)
    np.testing.assert_allclose(fit.residual_norm, residual, rtol=1e-12)
    assert np.shape(fit.backward_error) == np.shape(fit.forward_error) == np.shape(residual)
    assert isinstance(fit.residual_norm, float) is (k is None)
    assert np.all(fit.backward_error < 1e-15)
    assert fit.condition == pytest.approx(np.linalg.cond(A / np.linalg.norm(A, axis=0)), rel=3.0)


def test_methods_and_reasons():
    A, b = problem(1)
    assert lstsq(A, b).method == "gram"
    assert lstsq(A, b).seed is None
    small = lstsq(A[:100], b[:100])
    assert small.method == "direct"
    assert "small enough for LAPACK" in small.reason
    assert "not many more" in lstsq(A[:10], b[:10]).reason
    ill = np.hstack([A, A[:, :1] + 1e-9 * A[::-1, :1]])
    fit = lstsq(ill, b, rng=7)
    assert fit.method == "sketch"
    assert "ill conditioned" in fit.reason
    assert fit.seed == 7
    assert lstsq(A, b, method="direct").reason == "LAPACK was asked for"


def test_same_seed_same_bits_and_inputs_untouched():
    A, b = problem(2)
    copies = A.copy(), b.copy()
    weights = np.ones(N)
    first = lstsq(A, b, method="sketch", weights=weights, rng=3)
    np.testing.assert_array_equal(
        first.x, lstsq(A, b, method="sketch", weights=weights, rng=first.seed).x
    )
    lstsq(A, b, method="direct", weights=weights)
    np.testing.assert_array_equal(A, copies[0])
    np.testing.assert_array_equal(b, copies[1])
    assert np.all(weights == 1.0)


def test_passes_are_counted():
    A, b = problem(3)
    tall = as_tall(A)
    tall.scan()
    fit = lstsq(tall, b)
    assert tall.passes == 1 + fit.passes
    assert fit.passes <= 3
    assert lstsq(A, b, method="sketch", rng=0).passes <= 5


def test_float32_stays_float32_with_double_arithmetic():
    A, b = problem(4)
    single = A.astype(np.float32)
    for method in METHODS:
        fit = lstsq(single, b, method=method, rng=0)
        assert fit.x.dtype == np.float32
        expected = reference(single.astype(float), b).astype(np.float32)
        np.testing.assert_allclose(fit.x, expected, rtol=1e-6)
        assert fit.backward_error < 1e-15


# --- properties ----------------------------------------------------------------------------------


@few
@given(seeds, st.integers(-300, 300), st.sampled_from(METHODS))
def test_scaling_b_scales_x(seed, exponent, method):
    A, b = problem(seed)
    unit = 2.0**exponent
    once = lstsq(A, b, method=method, rng=0)
    scaled = lstsq(A, unit * b, method=method, rng=0)
    np.testing.assert_array_equal(scaled.x, unit * once.x)
    assert scaled.residual_norm == unit * once.residual_norm
    assert scaled.backward_error == once.backward_error


@few
@given(seeds, st.sampled_from(METHODS))
def test_column_transforms(seed, method):
    A, b = problem(seed)
    G = np.eye(D) + 0.2 * np.random.default_rng(seed).standard_normal((D, D))
    expected = np.linalg.solve(G, lstsq(A, b, method=method, rng=0).x)
    assert_close(lstsq(A @ G, b, method=method, rng=1).x, expected, 1e-10 * np.linalg.cond(G))


@few
@given(seeds, st.sampled_from(METHODS))
def test_integer_weights_are_duplicated_rows(seed, method):
    A, b = problem(seed)
    w = np.random.default_rng(seed).integers(0, 4, N)
    repeated = lstsq(np.repeat(A, w, axis=0), np.repeat(b, w), method=method, rng=0)
    weighted = lstsq(A, b, weights=w, method=method, rng=0)
    assert_close(weighted.x, repeated.x)
    assert weighted.residual_norm == pytest.approx(repeated.residual_norm, rel=1e-12)
    assert_close(lstsq(A, b, weights=w * 1e300, method=method, rng=0).x, repeated.x)


@few
@given(seeds, st.floats(1e-3, 1e5), st.sampled_from(METHODS), st.booleans())
def test_ridge_is_augmented_rows(seed, ridge, method, weighted):
    A, b = problem(seed)
    w = np.random.default_rng(seed).uniform(0.5, 2.0, N) if weighted else np.ones(N)
    extended = np.vstack([A * np.sqrt(w)[:, None], np.sqrt(ridge) * np.eye(D)])
    expected = reference(extended, np.append(b * np.sqrt(w), np.zeros(D)))
    fit = lstsq(A, b, weights=w, ridge=ridge, method=method, rng=0)
    assert_close(fit.x, expected)
    residual = np.linalg.norm(np.sqrt(w) * (b - A @ expected))
    assert fit.residual_norm == pytest.approx(residual, rel=1e-10)


@few
@given(seeds, st.sampled_from(METHODS))
def test_order_of_rows_does_not_matter(seed, method):
    A, b = problem(seed)
    order = np.random.default_rng(seed).permutation(N)
    assert_close(
        lstsq(A[order], b[order], method=method, rng=0).x, lstsq(A, b, method=method, rng=0).x
    )


# --- rank and difficult data ---------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rank", [1, 3, 5])
def test_rank_deficient_gives_the_shortest_solution(method, rank):
    rng = np.random.default_rng(rank)
    A = rng.standard_normal((N, rank)) @ rng.standard_normal((rank, D))
    b = rng.standard_normal((N, 2))
    fit = lstsq(A, b, method=method, rng=0)
    assert fit.rank == rank
    assert fit.status is Status.RANK_DEFICIENT
    assert_close(fit.x, reference(A, b))


@pytest.mark.parametrize("method", METHODS)
def test_shortest_solution_with_columns_of_different_size(method):
    """Three copies of one column, 12 orders apart: the largest takes nearly all."""
    A, b = problem(5)
    copies = np.column_stack([A, 1e-6 * A[:, 0], 1e6 * A[:, 0]])
    fit = lstsq(copies, b, method=method, rng=0)
    assert fit.rank == D
    expected = reference(A, b)
    total = 1.0 + 1e-12 + 1e12
    shares = expected[0] * np.array([1.0, 1e-6, 1e6]) / total
    assert np.abs(fit.x[[0, D, D + 1]] - shares).max() <= 1e-13 * shares.max() + 1e-16
    np.testing.assert_allclose(fit.x[1:D], expected[1:], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_columns_twelve_orders_apart(method):
    A, b = problem(6)
    unit = 10.0 ** np.linspace(-6, 6, D)
    np.testing.assert_allclose(
        lstsq(A * unit, b, method=method, rng=0).x * unit, reference(A, b), rtol=1e-9
    )


@pytest.mark.parametrize("method", METHODS)
def test_columns_at_the_ends_of_the_floating_point_range(method):
    A, b = problem(7)
    unit = np.where(np.arange(D) % 2 == 0, 2.0**700, 2.0**-700)
    fit = lstsq(A * unit, b, method=method, rng=0)
    np.testing.assert_allclose(fit.x * unit, reference(A, b), rtol=1e-9)
    assert fit.rank == D


@pytest.mark.parametrize("method", METHODS)
def test_zero_rows_and_columns(method):
    A, b = problem(8)
    A[::3] = 0.0
    A[:, 2] = 0.0
    fit = lstsq(A, b, method=method, rng=0)
    assert_close(fit.x, reference(A, b))
    assert fit.x[2] == 0.0
    assert fit.rank == D - 1
    nothing = lstsq(0.0 * A, b, method=method, rng=0)
    assert nothing.rank == 0
    assert not nothing.x.any()
    assert nothing.residual_norm == pytest.approx(np.linalg.norm(b))


@pytest.mark.parametrize("method", METHODS)
def test_simple_right_hand_sides(method):
    A, b = problem(9)
    none = lstsq(A, 0.0 * b, method=method, rng=0)
    assert not none.x.any()
    assert none.residual_norm == none.backward_error == 0.0
    assert none.status is Status.OK
    assert_close(lstsq(A, np.ones(N), method=method, rng=0).x, reference(A, np.ones(N)), 1e-9)
    x = np.arange(1.0, D + 1.0)
    perfect = lstsq(A, A @ x, method=method, rng=0)
    np.testing.assert_allclose(perfect.x, x, rtol=1e-13)
    mixed = lstsq(A, np.column_stack([b, 0.0 * b, 1e200 * b]), method=method, rng=0)
    assert not mixed.x[:, 1].any()
    assert_close(mixed.x[:, 2] / 1e200, mixed.x[:, 0], 1e-13)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 70_000])
def test_one_column(method, n):
    A, b = problem(10, n=n, d=1)
    fit = lstsq(A, b, method=method, rng=0)
    assert fit.x[0] == pytest.approx((A[:, 0] @ b) / (A[:, 0] @ A[:, 0]), rel=1e-10)


@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_more_unknowns_than_rows(ridge):
    A, b = problem(11, n=5, d=12)
    fit = lstsq(A, b, ridge=ridge)
    rows = np.vstack([A, np.sqrt(ridge) * np.eye(12)])
    assert_close(fit.x, reference(rows, np.append(b, np.zeros(12))))
    assert fit.rank == (5 if ridge == 0.0 else 12)


def test_rcond_decides_the_rank():
    A, b = problem(12)
    nearly = np.hstack([A, A[:, :1] + 1e-7 * A[::-1, :1]])
    assert lstsq(nearly, b, rng=0).rank == D + 1
    dropped = lstsq(nearly, b, rcond=1e-5, rng=0)
    assert dropped.rank == D
    assert dropped.status is Status.RANK_DEFICIENT
    assert_close(dropped.x, np.linalg.lstsq(nearly, b, rcond=1e-5)[0], 1e-4)


def test_no_clear_gap_drops_nothing():
    rng = np.random.default_rng(13)
    V = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    A = np.linalg.qr(rng.standard_normal((3000, 30)))[0] * np.logspace(0, -16, 30) @ V
    fit = lstsq(A, rng.standard_normal(3000), rng=0)
    assert fit.rank == 30
    assert fit.status is Status.AMBIGUOUS_RANK


def test_coherent_rows_are_not_lost():
    """A few rows carry whole directions; sampling would miss them."""
    rng = np.random.default_rng(14)
    A = 1e-9 * rng.standard_normal((20_000, 8))
    A[rng.choice(20_000, 8, replace=False)] += np.eye(8)
    b = rng.standard_normal(20_000)
    for seed in range(5):
        assert_close(lstsq(A, b, method="sketch", rng=seed).x, reference(A, b), 1e-9)


# --- sparse, matrix-free, other homes ------------------------------------------------------------


def sparse_problem():
    A = sp.random_array((20_000, 120), density=0.02, rng=1, format="csr")
    return A, np.random.default_rng(2).standard_normal(20_000)


@pytest.mark.parametrize("method", ["auto", "sketch"])
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse(method, weighted):
    A, b = sparse_problem()
    w = np.linspace(0.0, 3.0, len(b)) if weighted else None
    root = np.ones(len(b)) if w is None else np.sqrt(w)
    fit = lstsq(A, b, weights=w, method=method, rng=0)
    assert_close(fit.x, reference(A.toarray() * root[:, None], b * root))
    assert fit.status is Status.OK


@pytest.mark.parametrize("k", [None, 2])
def test_operator(k):
    A, b = sparse_problem()
    B = b if k is None else np.column_stack([b, np.roll(b, 7)])
    w = np.linspace(0.5, 3.0, len(b))
    root = np.sqrt(w)[:, None]
    fit = lstsq(aslinearoperator(A), B, weights=w, ridge=2.0, rng=0)
    rows = np.vstack([A.toarray() * root, np.sqrt(2.0) * np.eye(120)])
    target = np.vstack([B.reshape(len(b), -1) * root, np.zeros((120, k or 1))])
    assert_close(fit.x.reshape(120, -1), reference(rows, target))
    assert fit.reason == "A is known by its products only"
    small = lstsq(aslinearoperator(A[:400].toarray()), b[:400])
    assert small.method == "direct"
    assert_close(small.x, reference(A[:400].toarray(), b[:400]))


def test_operator_with_columns_twelve_orders_apart():
    A, b = problem(15)
    unit = 10.0 ** np.linspace(-6, 6, D)
    fit = lstsq(aslinearoperator(A * unit), b, rng=0)
    np.testing.assert_allclose(fit.x * unit, reference(A, b), rtol=1e-9)


@pytest.mark.parametrize("method", ["auto", "sketch"])
@pytest.mark.parametrize("condition", [1.0, 1e10])
def test_every_home_gives_the_same_bits(tmp_path, method, condition):
    da = pytest.importorskip("dask.array")
    A, b = problem(16, n=30_000)
    A = A @ np.diag(np.logspace(0, -np.log10(condition), D)) @ np.linalg.qr(A[:D])[0]
    w = np.random.default_rng(0).uniform(0.0, 2.0, len(b))
    expected = lstsq(A, b, weights=w, method=method, rng=0)
    np.save(tmp_path / "A.npy", A)
    blocks = [A[start : start + 7000] for start in range(0, len(A), 7000)]
    chunks = (9000, 9000, 12_000)
    homes = {
        "file": (as_tall(tmp_path / "A.npy", memory="64MiB"), b, w),
        "blocks": (as_tall(blocks), b, w),
        "dask": (da.from_array(A, chunks=(chunks, D)), b, w),
        "all dask": (
            da.from_array(A, chunks=(chunks, D)),
            da.from_array(b, chunks=(chunks,)),
            da.from_array(w, chunks=(chunks,)),
        ),
    }
    for home, (rows, target, weights) in homes.items():
        fit = lstsq(rows, target, weights=weights, method=method, rng=0)
        np.testing.assert_array_equal(fit.x, expected.x, err_msg=home)
        assert fit.backward_error == expected.backward_error


# --- stopping ------------------------------------------------------------------------------------


def test_warm_start():
    A, b = sparse_problem()
    cold = lstsq(aslinearoperator(A), b, rng=0)
    warm = lstsq(aslinearoperator(A), b, x0=cold.x, rng=0)
    assert warm.iterations < cold.iterations / 2
    assert_close(warm.x, cold.x)
    A, B = problem(17, k=2)
    fit = lstsq(A, B, x0=np.ones((D, 2)), rng=0)
    assert_close(fit.x, reference(A, B))


def test_tolerance_and_most_iterations():
    A, b = sparse_problem()
    operator = aslinearoperator(A)
    full = lstsq(operator, b, rng=0)
    loose = lstsq(operator, b, tol=1e-6, rng=0)
    assert loose.iterations < full.iterations
    assert loose.backward_error <= 1e-6
    assert loose.status is Status.OK
    stopped = lstsq(operator, b, max_iter=3, rng=0)
    assert stopped.status is Status.NOT_CONVERGED
    assert stopped.backward_error > 1e-10
    assert lstsq(operator, b, tol=1e-30, rng=0).status is Status.ROUNDING_LIMITED


# --- refusals ------------------------------------------------------------------------------------


def bad_inputs():
    A, b = problem(18, n=50)
    nan, infinite = b.copy(), A.copy()
    nan[3], infinite[7, 1] = np.nan, np.inf
    large, ones = problem(18)
    broken = large.copy()
    broken[11, 2] = np.nan
    return {
        "b short": ((A, b[:-1]), {}, "b: got shape"),
        "b nan": ((A, nan), {}, r"b: got b\[3\]"),
        "b text": ((A, np.array(["x"] * 50)), {}, "b: got dtype"),
        "A infinite": ((infinite, b), {}, "first is row 7"),
        "A nan, large": ((broken, ones), {}, "first is row 11"),
        "A nan, sketch": ((broken, ones), {"method": "sketch"}, "first is row 11"),
        "A complex": ((A + 1j, b), {}, "A: got dtype complex128"),
        "b complex": ((A, b + 1j), {}, "b: got dtype complex128"),
        "A vector": ((b, b), {}, "A: got 1 dimension"),
        "weights zero": ((A, b), {"weights": np.zeros(50)}, "weights: got zeros only"),
        "weights negative": ((A, b), {"weights": -np.ones(50)}, "weights: got -1"),
        "weights short": ((A, b), {"weights": np.ones(9)}, "weights: got shape"),
        "ridge": ((A, b), {"ridge": -1.0}, "ridge: got"),
        "method": ((A, b), {"method": "magic"}, "method: got 'magic'"),
        "tol": ((A, b), {"tol": -1.0}, "tol: got"),
        "rcond": ((A, b), {"rcond": np.nan}, "rcond: got"),
        "max_iter": ((A, b), {"max_iter": 0}, "max_iter: got"),
        "x0 shape": ((A, b), {"x0": np.ones(D + 1)}, "x0: got shape"),
        "x0 nan": ((A, b), {"x0": np.full(D, np.nan)}, "x0: got NaN"),
        "too wide": ((sp.csr_array((20_000, 10_000)), np.ones(20_000)), {}, "A: got shape"),
    }


@pytest.mark.parametrize("case", bad_inputs())
def test_bad_input(case):
    arguments, options, message = bad_inputs()[case]
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        lstsq(*arguments, **options)


def test_bad_operators():
    A, b = problem(19)
    forward = LinearOperator(A.shape, matvec=lambda x: A @ x, dtype=float)
    with pytest.raises(ArgumentTypeError, match="without rmatvec"):
        lstsq(forward, b, rng=0)
    with pytest.raises(ArgumentTypeError, match="complex"):
        lstsq(aslinearoperator(A + 1j), b, rng=0)
    with pytest.raises(ArgumentError, match="NaN"):
        lstsq(aslinearoperator(A * np.nan), b, rng=0)
