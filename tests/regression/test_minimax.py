"""Minimax regression: HiGHS on all rows, closed forms, boxes, degenerate data, homes of rows."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla.regression.polyhedral.minimax import minimax
from rnla.tall import as_tall


def reference(A, b, low=None, high=None):
    """min t with -t <= b - A x <= t, 2 n rows."""
    n, d = A.shape
    ones = np.ones((n, 1))
    result = scipy.optimize.linprog(
        np.append(np.zeros(d), 1.0),
        A_ub=np.block([[A, -ones], [-A, -ones]]),
        b_ub=np.concatenate([b, -b]),
        bounds=[(low, high)] * d + [(0, None)],
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return result.fun


@given(
    st.sampled_from(["normal", "cauchy", "repeated", "integers", "rank deficient"]),
    st.integers(0, 10**6),
    st.integers(1, 120),
    st.integers(1, 5),
    st.sampled_from([(None, None), (0.0, None), (-0.2, 0.3)]),
)
def test_value_and_bound_against_the_full_program(kind, seed, n, d, box):
    rng = np.random.default_rng(seed)
    A, b = rng.standard_normal((n, d)), rng.standard_normal(n)
    if kind == "cauchy":
        A, b = rng.standard_cauchy((n, d)), rng.standard_cauchy(n)
    elif kind == "repeated":
        A, b = np.repeat(A[:1], n, axis=0), np.round(b, 1)
    elif kind == "integers":
        A, b = np.round(A), np.round(2 * b)
    elif kind == "rank deficient":
        A = A @ np.outer(np.ones(d), np.ones(d))
    low = None if box == (None, None) else np.full(d, -np.inf if box[0] is None else box[0])
    high = None if low is None else np.full(d, np.inf if box[1] is None else box[1])
    found = minimax(as_tall(A, require_tall=False), b, lower=low, upper=high)
    exact = reference(A, b, *box)
    size = np.abs(b).max() + 1e-300
    np.testing.assert_allclose(found.objective, np.abs(b - A @ found.x).max(), atol=1e-12 * size)
    assert found.lower <= exact + 1e-9 * size
    assert found.objective <= exact + 1e-7 * size
    assert found.status is rnla.Status.OK
    if low is not None:
        assert np.all((found.x >= low) & (found.x <= high))


def test_midrange_of_one_column_of_ones():
    b = np.random.default_rng(0).standard_normal(1000)
    found = minimax(as_tall(np.ones((1000, 1))), b)
    np.testing.assert_allclose(found.x, (b.max() + b.min()) / 2, rtol=1e-14)
    np.testing.assert_allclose(found.objective, (b.max() - b.min()) / 2, rtol=1e-14)


def test_best_polynomial_of_chebyshev():
    """x^d minus the best polynomial of degree d - 1 is T_d / 2^(d-1), of size 2^(1-d)."""
    t = np.cos(np.linspace(0, np.pi, 4001))
    for d in (3, 8, 14):
        found = minimax(as_tall(np.vander(t, d)), t**d)
        # the grid holds the extrema of T_8 only
        np.testing.assert_allclose(found.objective, 2.0 ** (1 - d), rtol=1e-5)
        assert found.objective - found.lower <= 1e-8 * found.objective


def test_few_rounds_and_passes_for_many_rows():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((60_000, 6))
    b = A.sum(axis=1) + rng.standard_normal(60_000)
    found = minimax(as_tall(A), b)
    assert found.status is rnla.Status.OK
    assert found.iterations <= 10


def test_zero_weights_leave_rows_out_and_others_do_not_matter():
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((80, 3)), rng.standard_normal(80)
    b[:5] = 1e6
    w = np.append(np.zeros(5), rng.uniform(0.1, 9.0, 75))
    found = minimax(as_tall(A), b, weights=w)
    np.testing.assert_allclose(found.objective, reference(A[5:], b[5:]), rtol=1e-9)


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_units_of_columns_and_responses(unit):
    rng = np.random.default_rng(1)
    A, b = rng.standard_normal((200, 4)), rng.standard_normal(200)
    plain = minimax(as_tall(A), b)
    columns = minimax(as_tall(A * [unit, 1.0, 1e-6, 1e6]), b)
    np.testing.assert_allclose(columns.objective, plain.objective, rtol=1e-10)
    scaled = minimax(as_tall(A), unit * b)
    np.testing.assert_allclose(scaled.objective / unit, plain.objective, rtol=1e-10)


def test_same_answer_for_sparse_files_and_dask(tmp_path):
    import dask.array

    rng = np.random.default_rng(2)
    A = rng.standard_normal((3000, 4)) * (rng.random((3000, 4)) < 0.7)
    b = rng.standard_normal(3000)
    np.save(tmp_path / "A.npy", A)
    plain = minimax(as_tall(A), b)
    for other in (
        minimax(as_tall(sp.csr_array(A)), b),
        minimax(as_tall(tmp_path / "A.npy"), b),
        minimax(as_tall(dask.array.from_array(A, chunks=(1024, 4))), b),
    ):
        np.testing.assert_allclose(other.objective, plain.objective, rtol=1e-10)


def test_bound_of_a_wrong_dual_is_caught():
    """Must fail: multipliers that do not balance claim more than the minimum."""
    rng = np.random.default_rng(3)
    A, b = rng.standard_normal((100, 3)), rng.standard_normal(100)
    found = minimax(as_tall(A), b)
    u = np.zeros(100)
    u[np.argsort(-np.abs(b))[:4]] = 0.25
    wrong = float(np.abs(u) @ np.abs(b))
    with pytest.raises(AssertionError):
        assert wrong <= found.objective
