"""Orthonormal bases: orthonormal, of the right rank, by the announced path, at any scale."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from rnla._errors import ArgumentError, ArgumentTypeError
from rnla._result import Status
from rnla.basis import orthonormal_basis, sketched_preconditioner
from rnla.basis._factor import default_rcond
from rnla.tall import as_tall
from tests import families
from tests.scores.leverage_reference import rotated

PATHS = ("auto", "stable", "gram", "householder", "sketch")
D = 6
# Rank by construction; growing_rows overflows for many rows and near_deficient has its own test.
NAMES = sorted(set(families.FAMILIES) - {"growing_rows", "near_deficient"})
RANK = {"rank_deficient": D - 2, "one_hot": D - 2}


def check_basis(A, basis, *, row_scale=None, tolerance=1e-12):
    """Q = diag(s) A M orthonormal, Q R = diag(s) A, A N = 0, all relative to the columns."""
    dense = families.dense(A).astype(float)
    if row_scale is not None:
        dense = dense * row_scale[:, None]
    size = np.linalg.norm(dense, axis=0)
    size[size == 0] = 1.0
    M = basis.M * size[:, None]
    Q = (dense / size) @ M
    assert basis.M.shape == (dense.shape[1], basis.rank)
    assert basis.R.shape == (basis.rank, dense.shape[1])
    assert basis.pivots.shape == (basis.rank,)
    assert len(set(basis.pivots)) == basis.rank
    np.testing.assert_allclose(Q.T @ Q, np.eye(basis.rank), atol=tolerance)
    np.testing.assert_allclose(Q @ (basis.R / size), dense / size, atol=tolerance)
    N = basis.null_space()
    assert N.shape == (dense.shape[1], dense.shape[1] - basis.rank)
    N = N * size[:, None]
    assert np.linalg.norm((dense / size) @ N) <= tolerance * max(np.linalg.norm(N), 1.0)
    dropped = np.setdiff1d(np.arange(dense.shape[1]), basis.pivots)
    assert not np.any(basis.M[dropped])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", NAMES)
def test_every_path_on_every_family(name, path):
    A = families.FAMILIES[name](300, D, 1)
    basis = orthonormal_basis(as_tall(A), path=path)
    # A Cholesky step alone is accurate to about 1e-10 by its own criterion.
    check_basis(A, basis, tolerance=1e-10 if basis.path == "gram" else 1e-12)
    assert basis.rank == RANK.get(name, A.shape[1])
    assert basis.status is (Status.RANK_DEFICIENT if name in RANK else Status.OK)
    assert basis.gap > 1e10
    assert np.isfinite(basis.condition)


@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, np.float32, sp.csr_array])
@pytest.mark.parametrize("path", PATHS)
def test_every_path_on_every_kind(kind, path):
    A = kind(families.gaussian(400, 5, 0))
    check_basis(A, orthonormal_basis(as_tall(A), path=path))


# --- decision table ------------------------------------------------------------------------------


def _of_condition(condition, n=20_000, d=4):
    return rotated(n, d, condition)


@pytest.mark.parametrize(
    "A,path,passes",
    [
        (families.gaussian(200, 4), "householder", 2),
        (families.gaussian(600, 200), "householder", 2),
        (_of_condition(1.0), "gram", 2),
        (_of_condition(1e2), "gram", 2),
        (_of_condition(1e4), "cholesky_qr2", 3),
        (_of_condition(1e8), "sketch", 4),
        (_of_condition(1e12), "sketch", 4),
        (families.rank_deficient(20_000, 6), "sketch", 4),
    ],
    ids=lambda value: getattr(value, "shape", value),
)
def test_decision_table(A, path, passes):
    tall = as_tall(A)
    basis = orthonormal_basis(tall)
    assert basis.path == path
    # Scan, then the table's passes; a Gram matrix that turned out useless costs one more, and
    # Householder reads all rows once.
    assert tall.passes == passes


def test_stable_never_trusts_a_gram_matrix_alone():
    assert orthonormal_basis(as_tall(_of_condition(1.0)), path="stable").path == "sketch"
    assert orthonormal_basis(as_tall(_of_condition(1.0, 200)), path="stable").path == "householder"
    assert orthonormal_basis(as_tall(_of_condition(1.0, 200)), path="gram").path == "gram"


@pytest.mark.parametrize("condition", [1e0, 1e3, 1e6, 1e9, 1e12])
@pytest.mark.parametrize("path", ["auto", "sketch"])
def test_condition_is_estimated_within_a_factor_of_ten(condition, path):
    """Columns of a rotated matrix have similar norms, so equilibration changes little."""
    basis = orthonormal_basis(as_tall(rotated(20_000, 5, condition)), path=path)
    assert condition / 10 <= basis.condition <= 10 * condition


# --- rank ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["householder", "sketch", "gram"])
@pytest.mark.parametrize("n", [60, 5000])
@given(seed=st.integers(0, 10**6), redundant=st.integers(0, 3), zero=st.booleans())
def test_check_09_rank_is_exact_with_redundant_columns_and_scales_over_1e12(
    path, n, seed, redundant, zero
):
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((n, 5))
    parts = [base, base @ rng.standard_normal((5, redundant)), np.zeros((n, int(zero)))]
    A = np.hstack(parts)
    A = A[:, rng.permutation(A.shape[1])] * 10.0 ** rng.uniform(-6, 6, A.shape[1])
    basis = orthonormal_basis(as_tall(A), path=path, seed=seed)
    assert basis.rank == 5
    assert basis.status is (Status.RANK_DEFICIENT if redundant or zero else Status.OK)
    check_basis(A, basis, tolerance=1e-10)


def test_a_gram_matrix_with_a_fixed_cut_gets_the_rank_wrong():
    """Companion: eigenvalues of the unscaled Gram matrix above 1e-12 of the largest."""
    A = families.gaussian(60, 5, 0) * 10.0 ** np.linspace(-6, 6, 5)
    values = np.linalg.eigvalsh(A.T @ A)
    assert np.count_nonzero(values > 1e-12 * values[-1]) < 5


@pytest.mark.parametrize("condition", [1e8, 1e12])
def test_a_million_rows_do_not_hide_small_directions(condition):
    """The tolerance grows like sqrt(n); n eps would call 1e-10 rank-deficient at a million rows."""
    assert default_rcond(10**6, 64) < 3e-13 < 10**6 * np.finfo(float).eps
    A = as_tall(rotated(30_000, 4, condition))
    for path in ("sketch", "householder"):
        basis = orthonormal_basis(A, path=path)
        assert basis.rank == 4
        assert basis.status is Status.OK


@pytest.mark.parametrize("n", [50, 3000, 100_000])
def test_rounding_noise_stays_below_the_tolerance(n):
    """Dependent columns in floating point, 20 matrices each: their pivots are well below rcond."""
    for seed in range(20 if n < 10_000 else 3):
        rng = np.random.default_rng(seed)
        base = rng.standard_normal((n, 8))
        A = np.hstack([base, base @ rng.standard_normal((8, 8)), base[:, :2] + base[:, 2:4]])
        basis = orthonormal_basis(as_tall(A), path="sketch", seed=seed)
        assert basis.rank == 8
        assert basis.gap > 1e3


@pytest.mark.parametrize("n", [300, 20_000])
@pytest.mark.parametrize("path", PATHS)
def test_dependent_columns_in_single_precision(n, path):
    """Rounded to float32, a dependent column is off by 6e-8: rounding of the data, not rank."""
    rng = np.random.default_rng(0)
    base = rng.standard_normal((n, 20)).astype(np.float32)
    A = np.hstack([base, base @ rng.standard_normal((20, 5)).astype(np.float32)])
    assert orthonormal_basis(as_tall(A), path=path).rank == 20
    assert orthonormal_basis(as_tall(A.astype(float)), path=path).rank == 25
    assert orthonormal_basis(as_tall(rotated(n, 5, 1e4).astype(np.float32)), path=path).rank == 5


def test_a_small_gap_is_reported():
    """Columns dependent up to 1e-3 and 1e-4, with the cut between: a matter of choice."""
    rng = np.random.default_rng(0)
    base = rng.standard_normal((200, 3))
    nearly = base[:, :2] + rng.standard_normal((200, 2)) * [1e-3, 1e-4]
    basis = orthonormal_basis(as_tall(np.hstack([base, nearly])), rcond=3e-4)
    assert basis.rank == 4
    assert basis.status is Status.AMBIGUOUS_RANK
    assert 1 < basis.gap < 1e3
    assert orthonormal_basis(as_tall(np.hstack([base, nearly]))).status is Status.OK


@pytest.mark.parametrize("n", [100, 20_000])
def test_rank_and_rcond_can_be_given(n):
    A = as_tall(rotated(n, 5, 1e4))
    assert orthonormal_basis(A, rank=3).rank == 3
    assert orthonormal_basis(A, rank=3).status is Status.RANK_DEFICIENT
    assert orthonormal_basis(A, rank=5).rank == 5
    for path in PATHS:
        assert orthonormal_basis(A, rcond=1e-2, path=path).rank < 5
        assert orthonormal_basis(A, rcond=0.0, path=path).rank == 5


def test_the_zero_matrix_has_rank_zero():
    for A in (np.zeros((50, 3)), np.zeros((40_000, 3)), sp.csr_array((40_000, 3))):
        for path in PATHS:
            basis = orthonormal_basis(as_tall(A), path=path)
            assert basis.rank == 0
            assert basis.status is Status.RANK_DEFICIENT
            np.testing.assert_array_equal(basis.leverage(as_tall(A)), np.zeros(A.shape[0]))
            assert basis.null_space().shape == (3, 3)


# --- scales --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_columns_of_any_size(path, kind):
    A = families.gaussian(300, 5, 0)
    plain = orthonormal_basis(as_tall(A), path=path)
    scale = np.array([1e-300, 1e-150, 1.0, 1e150, 1e300])
    basis = orthonormal_basis(as_tall(kind(A * scale)), path=path)
    assert basis.rank == 5
    np.testing.assert_allclose(
        basis.leverage(as_tall(kind(A * scale))), plain.leverage(as_tall(A)), rtol=1e-12
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("size", [1e-200, 1e-10, 1e200])
def test_row_scales_of_any_size(path, size):
    A = families.gaussian(300, 5, 0)
    s = size * np.random.default_rng(1).uniform(0.1, 1.0, 300)
    basis = orthonormal_basis(as_tall(A), row_scale=s, path=path)
    check_basis(A * (s / size)[:, None], _rescaled(basis, size))


def _rescaled(basis, size):
    import dataclasses

    return dataclasses.replace(basis, M=basis.M * size, R=basis.R / size)


# --- reweighting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [300, 20_000])
@pytest.mark.parametrize("name", ["gaussian", "rank_deficient", "vandermonde", "one_hot"])
def test_start_keeps_rank_and_pivots(n, name):
    A = families.FAMILIES[name](n, 6, 0)
    tall = as_tall(A)
    basis = orthonormal_basis(tall)
    rng = np.random.default_rng(0)
    for _ in range(3):
        s = rng.uniform(0.1, 10.0, n)
        tall.passes, first = 0, basis
        basis = orthonormal_basis(tall, row_scale=s, start=first)
        assert tall.passes == 1
        assert set(basis.pivots) == set(first.pivots)
        assert basis.gap == first.gap
        check_basis(A, basis, row_scale=s, tolerance=1e-10)


@pytest.mark.parametrize("n", [200, 20_000])
def test_start_survives_weights_that_change_everything(n):
    """Almost all weight moves to a few rows: more steps, the same answer."""
    A = families.gaussian(n, 4, 0)
    tall = as_tall(A)
    s = np.full(n, 1e-9)
    s[:8] = 1.0
    first = orthonormal_basis(tall, path="sketch" if n > 1000 else "auto")
    check_basis(A, orthonormal_basis(tall, row_scale=s, start=first), row_scale=s, tolerance=1e-10)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("ridge", [1e-6, 1.0, 1e6])
def test_ridge_appends_rows(path, ridge):
    A = families.rank_deficient(300, 5, 0)
    basis = orthonormal_basis(as_tall(A), ridge=ridge, path=path)
    assert basis.rank == 5
    stacked = np.vstack([A, np.sqrt(ridge) * np.eye(5)])
    check_basis(stacked, basis, tolerance=1e-9)


# --- randomness ----------------------------------------------------------------------------------


def test_the_seed_matters_for_rounding_only():
    tall = as_tall(rotated(5000, 6, 1e5))
    first = orthonormal_basis(tall, path="sketch", seed=0)
    again = orthonormal_basis(tall, path="sketch", seed=0)
    other = orthonormal_basis(tall, path="sketch", seed=1)
    np.testing.assert_array_equal(first.M, again.M)
    assert np.any(first.M != other.M)
    np.testing.assert_allclose(first.leverage(tall), other.leverage(tall), rtol=1e-9)


def test_a_sketched_preconditioner_costs_one_pass_and_conditions_well():
    """s = 20 d: singular values of A M within 1 / (1 +- 0.7) at any seed with overwhelming odds."""
    A = rotated(5000, 6, 1e10)
    tall = as_tall(A)
    tall.scan()
    basis = sketched_preconditioner(tall, rows=120, seed=3)
    assert tall.passes == 2
    assert basis.path == "sketched"
    singular = np.linalg.svd(A @ basis.M, compute_uv=False)
    assert 1 / 1.7 < singular[-1] <= singular[0] < 1 / 0.3


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"path": "qr"}, "path"),
        ({"rank": 0}, "rank"),
        ({"rank": 4}, "rank"),
        ({"rank": 1.5}, "rank"),
        ({"rcond": -1e-3}, "rcond"),
        ({"rcond": np.nan}, "rcond"),
        ({"ridge": -1.0}, "ridge"),
        ({"ridge": np.inf}, "ridge"),
        ({"row_scale": np.ones(7)}, "row_scale"),
    ],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(
        (ArgumentError, ArgumentTypeError), match=rf"^{name}: got .*; expected .*\."
    ):
        orthonormal_basis(as_tall(np.ones((8, 3))), **arguments)
