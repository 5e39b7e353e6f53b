"""The generators keep their promises: shapes, seeds, and the structure each family is named for."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from tests import counts, families


@pytest.mark.parametrize("name", families.FAMILIES)
@pytest.mark.parametrize("n, d", [(60, 6), (200, 8), (35, 3)])
def test_family_is_finite_seeded_and_has_d_columns(name: str, n: int, d: int) -> None:
    build = families.FAMILIES[name]
    A, again = families.dense(build(n, d, 3)), families.dense(build(n, d, 3))
    assert A.shape[1] == d
    assert 0 < A.shape[0] <= max(n, 3 * d)
    assert np.all(np.isfinite(A))
    np.testing.assert_array_equal(A, again)
    assert name in families.FAMILY_NUMBERS


def test_sparse_families_are_csr() -> None:
    for name in ("sparse_power_law", "one_hot", "road_network"):
        assert scipy.sparse.issparse(families.FAMILIES[name](80, 9, 0))


@pytest.mark.parametrize("case", families.closed_forms(), ids=lambda case: case.name)
def test_closed_forms_agree_with_dense_leverage(case: families.ClosedForm) -> None:
    Q = np.linalg.qr(case.matrix)[0]
    np.testing.assert_allclose(np.sum(Q**2, axis=1), case.leverage, atol=1e-12)


def test_C10_limit_matches_published_values() -> None:
    assert families.c10_gaussian_total(1, 1.0) == pytest.approx(1.2533, abs=1e-4)
    assert families.c10_gaussian_total(1, 3.0) == pytest.approx(1 / 1.596, abs=1e-3)
    assert families.c10_gaussian_total(9, 4.0) == pytest.approx(27.0)


def test_obstruction_witness_undercounts_for_large_p() -> None:
    case = families.obstruction(400, 30, seed=1)
    ratio = case.ratio(case.witness(0, 30 ** (-1 / 4)), 4.0)
    assert ratio < 0.6
    assert case.ratio(case.witness(0, 30 ** (-1 / 2)), 2.0) > ratio


def test_counts_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RNLA_SLOW", raising=False)
    assert counts.count(100, 10) == 10
    monkeypatch.setenv("RNLA_SLOW", "full")
    assert counts.count(100, 10) == 100
    monkeypatch.setenv("RNLA_SLOW", "test")
    assert counts.count(100, 10, 3) == 3
