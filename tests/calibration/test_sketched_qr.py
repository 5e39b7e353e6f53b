"""Orthonormal columns by products: as good as by reflections, and refused where rank is missing."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.calibration import Problem, canonical_correlation, relative_error
from rnla.calibration._sketched_qr import is_tall, sketched_factor, sketched_qr
from rnla.calibration._whitening import orthonormal
from tests.calibration.cases import complex_normal, draw


def matrix(rows, n, condition, seed=0):
    rng = np.random.default_rng(seed)
    U = np.linalg.qr(complex_normal(rng, rows, n))[0]
    V = np.linalg.qr(complex_normal(rng, n, n))[0]
    return (U * np.geomspace(1, 1 / condition, n)) @ V.conj().T


@pytest.mark.parametrize("condition", [1.0, 1e6, 1e11])
def test_columns_are_orthonormal_for_any_condition(condition):
    A = matrix(2000, 30, condition)
    Q, inverse = sketched_qr(A)
    np.testing.assert_allclose(Q.conj().T @ Q, np.eye(30), atol=1e-13)
    # The span is that of A as far as A determines it.
    rest = A - Q @ (Q.conj().T @ A)
    assert np.linalg.norm(rest) < 1e-13
    np.testing.assert_allclose(A @ inverse, Q, atol=1e-15 * condition + 1e-13)
    # Companion: Cholesky QR without the sketch breaks down.
    if condition > 1e9:
        with pytest.raises(np.linalg.LinAlgError):
            np.linalg.cholesky(A.conj().T @ A - 1e-16 * np.eye(30))


def test_the_sketch_alone_conditions():
    A = matrix(4000, 40, 1e8)
    assert np.linalg.cond(A @ sketched_factor(A)) < 5.0


def test_missing_rank_is_left_to_others():
    A = matrix(2000, 30, 1.0)
    A[:, 7] = A[:, 3]
    assert sketched_qr(A) is None
    _, inverse, deficient = orthonormal(A)
    assert deficient
    assert np.isfinite(inverse).all()


def test_single_precision():
    Q, _ = sketched_qr(matrix(2000, 30, 10.0).astype(np.complex64))
    assert Q.dtype == np.complex64
    np.testing.assert_allclose(Q.conj().T @ Q, np.eye(30), atol=1e-5)


def test_large_problems_use_it_and_find_the_same():
    case = draw("repeated", 512, 24, 24, snr=20.0)
    assert is_tall(512 * 24, 24)
    problem = Problem(case.Y, case.A)
    found = canonical_correlation(problem)
    slow = np.linalg.qr(case.A.reshape(-1, 24))[0]
    fast = orthonormal(case.A.reshape(-1, 24))[0]
    np.testing.assert_allclose(fast @ (fast.conj().T @ slow), slow, atol=1e-12)
    assert relative_error(found.signal, case.x) < 0.05
