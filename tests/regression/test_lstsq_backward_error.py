"""Backward stability of `lstsq` on the difficult grid, and the estimate that it reports."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg

from rnla import lstsq, sketch
from rnla.regression.least_squares.backward_error import forward_error, karlson_walden

from .least_squares_problems import (
    backward_error,
    difficult,
    householder,
    optimal_backward_error,
)

KAPPAS = (1e0, 1e2, 1e4, 1e6, 1e8, 1e10, 1e12, 1e14, 1e15)
RESIDUALS = (1e-15, 1e-10, 1e-5, 1.0)
FACTOR = 10.0  # of Householder QR: the target of the issue
N, D = 2000, 40


def relative_to_householder(A, b, x) -> float:
    return backward_error(A, b, x) / max(backward_error(A, b, householder(A, b)), 1e-17)


@pytest.mark.parametrize("kappa", KAPPAS)
@pytest.mark.parametrize("residual", RESIDUALS)
def test_backward_error_within_ten_times_householder_qr(kappa, residual, record_property):
    A, b = difficult(N, D, kappa, residual, seed=3)
    for method in ("auto", "sketch", "direct"):
        fit = lstsq(A, b, method=method, rng=0)
        assert fit.rank == D
        ratio = relative_to_householder(A, b, fit.x)
        record_property("measured", ratio)
        assert ratio <= FACTOR, (method, ratio)


@pytest.mark.parametrize("kappa", [1e0, 1e6, 1e10, 1e15])
@pytest.mark.parametrize("residual", RESIDUALS)
def test_iterated_products_are_backward_stable_too(kappa, residual):
    A, b = difficult(N, D, kappa, residual, seed=4)
    fit = lstsq(scipy.sparse.linalg.aslinearoperator(A), b, rng=0)
    assert fit.method == "sketch"
    assert relative_to_householder(A, b, fit.x) <= FACTOR


@pytest.mark.parametrize("kappa", [1e10, 1e12, 1e14])
def test_must_fail_no_refinement(kappa):
    """Sketch-and-precondition with LSQR alone, and normal equations, are caught by the threshold.

    Meier, Nakatsukasa, Townsend, Webb (SIMAX 2024) found the first.
    """
    A, b = difficult(N, D, kappa, 1e-5, seed=3)
    C = sketch.SparseSign(8 * D, N).draw(0) @ A
    R = np.linalg.qr(C)[1]
    B = scipy.sparse.linalg.LinearOperator(
        A.shape,
        matvec=lambda y: A @ scipy.linalg.solve_triangular(R, y),
        rmatvec=lambda r: scipy.linalg.solve_triangular(R, A.T @ r, trans="T"),
        dtype=float,
    )
    y = scipy.sparse.linalg.lsqr(B, b, atol=1e-16, btol=1e-16, iter_lim=100)[0]
    assert relative_to_householder(A, b, scipy.linalg.solve_triangular(R, y)) > FACTOR
    with np.errstate(all="ignore"):
        normal = np.linalg.solve(A.T @ A, A.T @ b)
    assert relative_to_householder(A, b, normal) > FACTOR


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [1e-6, 1e-3, 1e-1])
@pytest.mark.parametrize("residual", [1e-4, 1.0])
def test_karlson_walden_against_the_optimal_backward_error(seed, size, residual):
    """Within sqrt(2): Hallman, SIMAX 2020, theorem 1."""
    A, b = difficult(60, 6, 1e3, residual, seed=seed)
    rng = np.random.default_rng(seed)
    x = householder(A, b) + size * rng.standard_normal(6)
    _, s, Vt = np.linalg.svd(A, full_matrices=False)
    r = b - A @ x
    estimate = karlson_walden(
        s,
        Vt.T,
        (A.T @ r)[:, None],
        np.array([np.linalg.norm(r)]),
        np.array([np.linalg.norm(x)]),
    )[0]
    exact = optimal_backward_error(A, b, x)
    slack = 1e-13 * np.linalg.norm(A) / exact  # rounding of the singular value
    assert 1.0 / np.sqrt(2.0) - slack <= estimate / exact <= np.sqrt(2.0) + slack


def test_karlson_walden_at_zero_is_the_limit():
    A, b = difficult(50, 4, 10.0, 0.3)
    _, s, Vt = np.linalg.svd(A, full_matrices=False)
    norm = np.array([np.linalg.norm(b)])
    found = karlson_walden(s, Vt.T, (A.T @ b)[:, None], norm, np.zeros(1))
    assert found == pytest.approx(np.linalg.norm(A.T @ b) / norm)
    assert karlson_walden(s, Vt.T, np.zeros((4, 1)), np.zeros(1), np.zeros(1)) == 0.0


@pytest.mark.parametrize("kappa", [1e0, 1e5, 1e12])
@pytest.mark.parametrize("method", ["auto", "sketch"])
def test_reported_backward_error_is_near_the_true_one(kappa, method):
    """Singular values of the sketch are off by a factor 2 at most, and so is the estimate."""
    A, b = difficult(N, D, kappa, 1e-2, seed=5)
    fit = lstsq(A, b, method=method, tol=1e-9, rng=0, max_iter=1)
    true = backward_error(A, b, fit.x)
    # Both carry the rounding of the gradient, far below eps.
    assert 0.2 * true - 1e-16 <= fit.backward_error <= 5.0 * true + 1e-16


@pytest.mark.parametrize("kappa", [1e0, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("residual", [1e-12, 1e-3, 1.0])
def test_forward_error_is_a_bound(kappa, residual):
    """Against the solution of the stored matrix with 60 digits."""
    mpmath = pytest.importorskip("mpmath")
    A, b = difficult(300, 6, kappa, residual, seed=6)
    with mpmath.workdps(60):
        M, c = mpmath.matrix(A.tolist()), mpmath.matrix(b.tolist())
        exact = mpmath.lu_solve(M.T * M, M.T * c)
        exact = np.array([float(value) for value in exact])
    for method in ("sketch", "direct"):
        fit = lstsq(A, b, method=method, rng=0)
        # Columns are of equal size here, so that norms before and after scaling agree within 2.
        error = np.linalg.norm(fit.x - exact) / np.linalg.norm(fit.x)
        assert error <= 2.0 * fit.forward_error


def test_forward_error_is_infinite_without_a_digit():
    bound = forward_error(1e16, np.array([1e-16]), 1.0, np.ones(1), np.ones(1))
    assert np.isinf(bound).all()
    assert forward_error(1.0, np.zeros(1), 0.0, np.ones(1), np.zeros(1)) == 0.0
