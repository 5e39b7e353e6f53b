"""Matrices whose entries, norms or inverse norms are near the ends of the floating-point range."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla._errors import ArgumentError
from rnla.basis import orthonormal_basis
from rnla.tall import as_tall, within_range


def matrix(n: int, d: int = 4) -> np.ndarray:
    A = np.random.default_rng(0).standard_normal((n, d))
    return np.round(A * 256) / 256  # eleven bits: exact even among the denormal numbers


KINDS = {"dense": np.asarray, "fortran": np.asfortranarray, "sparse": sp.csr_array}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [5, 2000, 20_000])  # householder at the first two, gram at the last
@pytest.mark.parametrize("exponent", [-1050, -1030, 1000, 1021])
def test_scores_do_not_depend_on_the_unit(n: int, kind: str, exponent: int) -> None:
    A = matrix(n)
    if exponent == -1050:
        A = np.round(A)  # entries near 2^-1050 keep few bits
    extreme = KINDS[kind](np.ldexp(A, exponent))
    expected = rnla.leverage_scores(A).values
    np.testing.assert_allclose(rnla.leverage_scores(extreme).values, expected, rtol=1e-9)
    for p in (1, 3):
        plain, found = (rnla.lewis_weights(B, p, rng=0).values for B in (A, extreme))
        np.testing.assert_allclose(found, plain, rtol=1e-5)


@pytest.mark.parametrize("exponent", [-1030, 1017])
def test_dominant_and_ridge_scores_do_not_depend_on_the_unit(exponent: int) -> None:
    A = matrix(500) * np.array([8.0, 4.0, 2.0, 1.0])
    extreme = np.ldexp(A, exponent)
    for function, options in (
        (rnla.leverage_scores, {"rank": 2}),
        (rnla.ridge_leverage_scores, {"k": 2}),
    ):
        plain, found = (function(B, **options).values for B in (A, extreme))
        np.testing.assert_allclose(found, plain, rtol=1e-9)


def test_a_ridge_beyond_measure_is_refused_and_one_below_it_does_nothing() -> None:
    A = matrix(500)
    with pytest.raises(ArgumentError, match=r"ridge.*Rescale A by a power of two"):
        rnla.leverage_scores(np.ldexp(A, -1030), ridge=1.0)
    values = rnla.leverage_scores(np.ldexp(A, 1021), ridge=1.0).values
    np.testing.assert_allclose(values, rnla.leverage_scores(A).values, rtol=1e-9)


def test_columns_of_opposite_extremes() -> None:
    A = matrix(2000)
    extreme = A * np.ldexp(1.0, [1020, -1010, 0, 500])
    np.testing.assert_allclose(
        rnla.leverage_scores(extreme).values, rnla.leverage_scores(A).values, rtol=1e-9
    )


def test_a_basis_that_cannot_be_represented_names_the_matrix() -> None:
    with pytest.raises(ArgumentError, match=r"A: .*Rescale A by a power of two"):
        orthonormal_basis(as_tall(matrix(2000) * 1e307))


def test_row_scales_of_a_matrix_of_denormal_numbers() -> None:
    A, scale = matrix(2000), np.random.default_rng(1).uniform(0.1, 1.0, 2000)
    tall = as_tall(np.ldexp(A, -1025))
    tau = orthonormal_basis(tall, row_scale=scale).leverage(tall, scale)
    plain = as_tall(A)
    expected = orthonormal_basis(plain, row_scale=scale).leverage(plain, scale)
    np.testing.assert_allclose(tau, expected, rtol=1e-9)


def test_ordinary_matrices_have_no_twin_and_passes_over_a_twin_are_counted() -> None:
    ordinary = as_tall(matrix(100))
    assert within_range(ordinary) == (ordinary, None)
    extreme = as_tall(matrix(100) * 1e307)
    twin, units = within_range(extreme)
    assert units is not None
    assert twin is within_range(extreme)[0]
    twin.gram()
    assert twin.passes == extreme.passes == 2
    np.testing.assert_array_equal(twin.take(np.arange(100)), matrix(100) * 1e307 * units)
