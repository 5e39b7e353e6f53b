"""Diagonals and traces of Jacobians by probes: SPEC 17.7."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.diffusion.jacobian import directional_derivative, jacobian_diagonal, jacobian_trace


def _matrix(d: int, seed: int, *, decay: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((d, d))).Q
    return (Q * decay ** np.arange(d)) @ Q.T


def _curved(x: np.ndarray) -> np.ndarray:
    return np.sin(x) + 0.3 * np.roll(x, 1, axis=-1) * x


def _curved_jacobian(x: np.ndarray) -> np.ndarray:
    d = x.size
    J = np.diag(np.cos(x) + 0.3 * np.roll(x, 1))
    J[np.arange(d), np.arange(d) - 1] += 0.3 * x
    return J


def test_17_7_products_agree_with_the_jacobian() -> None:
    x = np.linspace(-1.0, 2.0, 10).reshape(2, 5)
    v = np.random.default_rng(1).standard_normal(x.shape)
    expected = np.stack([_curved_jacobian(a) @ b for a, b in zip(x, v, strict=True)])
    assert np.abs(directional_derivative(_curved)(x, v) - expected).max() < 1e-9
    assert not directional_derivative(_curved)(x, 0 * v).any()


def test_17_7_as_many_probes_as_coordinates_are_exact() -> None:
    x = np.linspace(-1.0, 2.0, 12).reshape(2, 2, 3)
    function = lambda y: _curved(y.reshape(2, 6)).reshape(y.shape)  # noqa: E731
    expected = np.stack([np.diag(_curved_jacobian(a.ravel())) for a in x]).reshape(x.shape)
    found = jacobian_diagonal(function, x, probes=6, rng=0)
    assert found.method == "exact"
    assert found.products == 6
    assert np.abs(found.values - expected).max() < 1e-9
    trace = jacobian_trace(function, x, probes=9, rng=0)
    assert np.abs(trace.values - expected.reshape(2, 6).sum(axis=1)).max() < 1e-9
    assert not trace.standard_error.any()


def test_17_7_diagonal_has_the_stated_variance(
    record_property: Callable[[str, object], None],
) -> None:
    """Chebyshev on means over 4000 independent samples: false-alarm rate 24 / 33² < 0.023."""
    d, batch, probes = 8, 4000, 3
    A = _matrix(d, 0, decay=0.7)
    x = np.zeros((batch, d))
    found = jacobian_diagonal(None, x, probes=probes, product=lambda _, v: v @ A.T, rng=3)
    deviation = found.values - np.diag(A)
    variance = ((A**2).sum(axis=1) - np.diag(A) ** 2) / probes
    assert np.all(np.abs(deviation.mean(axis=0)) < 33.0 * np.sqrt(variance / batch))
    # A squared deviation has a kurtosis of at most 3, so its mean is within 33 standard errors.
    assert np.all(np.abs((deviation**2).mean(axis=0) / variance - 1) < 33 * np.sqrt(2 / batch))
    reported = (found.standard_error**2).mean(axis=0)
    assert np.all(np.abs(reported / variance - 1) < 33 * np.sqrt(2 / batch))
    record_property("check", "17.7 diagonal by probes")
    record_property("measured", float(np.abs(reported / variance - 1).max()))
    record_property("threshold", 33 * float(np.sqrt(2 / batch)))
    record_property("count", batch)
    record_property("false_alarm_rate", 24 / 33**2)
    # Probes whose coordinates share one sign, a wrong method, are caught.
    wrong = (A.sum(axis=1) - np.diag(A)) ** 2
    assert np.any(wrong > 33.0**2 * variance / batch)


def test_17_7_hutch_plus_plus_is_exact_at_low_rank_and_beats_hutchinson() -> None:
    d = 30
    rng = np.random.default_rng(5)
    low = rng.standard_normal((d, 4)) @ rng.standard_normal((4, d))
    x = np.zeros((3, d))
    exact = jacobian_trace(None, x, probes=12, method="hutch++", product=lambda _, v: v @ low.T)
    assert np.abs(exact.values - np.trace(low)).max() < 1e-10
    A = _matrix(d, 2, decay=0.3)
    x = np.zeros((200, d))
    product = lambda _, v: v @ A.T  # noqa: E731
    plus = jacobian_trace(None, x, probes=12, product=product, rng=0)
    plain = jacobian_trace(None, x, probes=12, method="hutchinson", product=product, rng=0)
    assert plus.method == "hutch++"
    assert plus.products == plain.products == 12
    assert np.std(plus.values) < 0.2 * np.std(plain.values)


def test_17_7_samples_do_not_share_estimates_of_each_other() -> None:
    x = np.random.default_rng(0).standard_normal((4, 7))
    whole = jacobian_diagonal(_curved, x, probes=2, rng=1)
    again = jacobian_diagonal(_curved, x, probes=2, rng=1)
    assert np.array_equal(whole.values, again.values)
    assert len(whole) == 4
    assert np.asarray(whole).shape == x.shape
    one = jacobian_diagonal(_curved, x, probes=1, rng=1)
    assert np.isnan(one.standard_error).all()


def test_bad_input() -> None:
    with pytest.raises(ArgumentError, match="x: got shape"):
        jacobian_diagonal(_curved, np.zeros(3))
    with pytest.raises(ArgumentError, match="function: got None"):
        jacobian_trace(None, np.zeros((1, 3)))
    with pytest.raises(ArgumentError, match="method: got 'exact'"):
        jacobian_trace(_curved, np.zeros((1, 3)), method="exact")
    with pytest.raises(ArgumentError, match="probes: got 2"):
        jacobian_trace(_curved, np.zeros((1, 9)), probes=2, method="hutch++")
    with pytest.raises(ArgumentError, match="product: got a result of shape"):
        jacobian_trace(None, np.zeros((1, 9)), probes=4, product=lambda x, v: v[0])
