"""The LU sampler: Hermitian kernels, kernels that are not symmetric, kernels that are no DPP."""

from __future__ import annotations

import numpy as np
import pytest

from rnla._errors import ArgumentError
from rnla.dpp import dpp_lu, marginal_kernel
from rnla.dpp._elimination import PANEL, STRIP
from rnla.random import Stream
from tests.dpp.kernel_laws import (
    FALSE_ALARM,
    attracting,
    chi_square,
    inclusion,
    independent,
    law_of_marginal,
    positive,
    record,
)

DRAWS = 8000


def kernels():
    projection = np.linalg.qr(positive(8, 4, complex_entries=True)[0])[0]
    # A complex diagonal similarity keeps all principal minors, and with them the law.
    phases = np.exp(1j * np.arange(8.0))
    return {
        "real": marginal_kernel(positive(8, 8)[1]),
        "complex": marginal_kernel(positive(8, 8, complex_entries=True)[1]),
        "projection": projection @ projection.conj().T,
        "not symmetric": attracting(8),
        "complex, not Hermitian": attracting(8) * (phases[:, None] / phases),
    }


@pytest.mark.parametrize("name", list(kernels()))
def test_check_18_law_by_enumeration(name, record_property):
    """Chi-square over all 2^8 sets; false alarm 1e-4 for each kernel."""
    K = kernels()[name]
    law = law_of_marginal(K)
    sample = dpp_lu(K, draws=DRAWS, rng=5)
    p = chi_square(sample.sets(), {S: q for S, q in law.items() if q > 1e-12})
    record(record_property, p, DRAWS, check=18)
    assert p >= FALSE_ALARM
    np.testing.assert_allclose(sample.marginals, inclusion(law, 8), atol=1e-12)


@pytest.mark.parametrize("wrong", ["independent", "symmetric part"])
def test_check_18_catches_wrong_laws(wrong):
    """Must fail: items on their own, and the kernel without its skew part."""
    K = attracting(8)
    law = law_of_marginal(K)
    if wrong == "independent":
        points = np.random.default_rng(2).random((DRAWS, 8))
        sets = [independent(inclusion(law, 8), u) for u in points]
    else:
        sets = dpp_lu(0.5 * (K + K.T), draws=DRAWS, rng=5).sets()
    assert chi_square(sets, law) < FALSE_ALARM


def one_by_one(K, uniforms):
    """The sweep without panels."""
    A, kept = K.astype(complex), []
    for i in range(len(A)):
        kept.append(uniforms[i] < A[i, i].real)
        pivot = A[i, i] - (0.0 if kept[-1] else 1.0)
        A[i + 1 :, i + 1 :] -= np.outer(A[i + 1 :, i], A[i, i + 1 :]) / pivot
    return np.flatnonzero(kept)


@pytest.mark.parametrize("n", [PANEL - 1, PANEL, PANEL + 1, STRIP + 2 * PANEL + 5])
@pytest.mark.parametrize("kind", ["real", "complex", "attracting"])
def test_panels_do_not_change_the_draw(n, kind):
    if kind == "attracting":
        K = attracting(n)
    else:
        K = marginal_kernel(positive(n, n, complex_entries=kind == "complex")[1])
    before = K.copy()
    uniforms = Stream(0, "dpp.elimination").uniform(range(n))
    np.testing.assert_array_equal(dpp_lu(K, rng=0).indices, one_by_one(K, uniforms))
    np.testing.assert_array_equal(K, before)


def test_a_large_projection_keeps_exactly_its_rank():
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((400, 37)))[0]
    assert {S.size for S in dpp_lu(Q @ Q.T, draws=5, rng=0).sets()} == {37}


def test_check_20_draws_are_keyed_by_seed_and_number():
    K = attracting(20)
    many = dpp_lu(K, draws=4, rng=3)
    assert isinstance(many.indices, tuple)
    np.testing.assert_array_equal(many.indices[0], dpp_lu(K, rng=3).indices)
    np.testing.assert_array_equal(many.indices[1], dpp_lu(K, draws=2, rng=3).indices[1])


@pytest.mark.parametrize(
    ("K", "words"),
    [
        (np.diag([0.5, 1.5]), r"eigenvalues from 0\.5 to 1\.5"),
        (np.diag([0.5, -0.1]), r"eigenvalues from -0\.1 to 0\.5"),
        (np.array([[0.5, 0.9], [0.9, 0.5]]), "eigenvalues from -0.4"),
        # Together with probability 0.25 + 0.36, more than each item on its own.
        (np.array([[0.5, 0.6], [-0.6, 0.5]]), "for item 1 given the items before it"),
        (np.array([[0.5 + 0.1j, 0.2], [0.1, 0.5]]), "for item 0 given"),
        (np.array([[0.5, np.inf], [0.0, 0.5]]), r"K\[0, 1\] = inf"),
        (np.ones((3, 2)), "square"),
    ],
)
def test_check_21_kernels_that_are_refused(K, words):
    with pytest.raises(ArgumentError, match=words) as caught:
        dpp_lu(K, draws=50, rng=0)
    assert str(caught.value).startswith("K: got")


def test_rounding_beside_zero_and_one_is_no_error():
    K = np.diag([1.0 + 1e-12, -1e-12, 0.5])
    for items in dpp_lu(K, draws=20, rng=0).sets():
        assert 0 in items
        assert 1 not in items


def test_kernels_in_single_precision():
    """Their rounding is no error, and theirs alone."""
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((30, 5)))[0]
    K = (Q @ Q.T * (1.0 + 1e-6)).astype(np.float32)
    assert [S.size for S in dpp_lu(K, draws=3, rng=0).sets()] == [5, 5, 5]
    with pytest.raises(ArgumentError, match="eigenvalues from"):
        dpp_lu(K.astype(float))
