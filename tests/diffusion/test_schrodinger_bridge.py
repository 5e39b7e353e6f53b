"""Schrödinger bridges between Gaussians: SPEC 15.2 and the issue's recovery check."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla import ArgumentError
from rnla.diffusion.interpolants import (
    GaussianPair,
    Interpolant,
    Linear,
    RootProduct,
    entropic_cross_covariance,
    recover_bridge,
    schrodinger_bridge,
    solve_sde,
)

C0 = np.array([[0.5, 0.2, 0.0], [0.2, 0.4, 0.1], [0.0, 0.1, 0.7]])
C1 = np.array([[0.3, -0.1, 0.0], [-0.1, 0.9, 0.2], [0.0, 0.2, 0.5]])


def _sinkhorn(C0: np.ndarray, C1: np.ndarray, variance: float, rounds: int = 3000) -> np.ndarray:
    """Cross-covariance by fitting the two marginals in turn: the reference that knows no formula.

    The joint precision is [[A, -I/v], [-I/v, B]]; only A and B are free.
    """
    d = len(C0)
    link = -np.eye(d) / variance
    A = B = np.eye(d) * (1.0 + 1.0 / variance)
    for _ in range(rounds):
        A = np.linalg.inv(C0) + link @ np.linalg.solve(B, link.T)
        B = np.linalg.inv(C1) + link.T @ np.linalg.solve(A, link)
    return np.linalg.inv(np.block([[A, link], [link.T, B]]))[:d, d:]


@pytest.mark.parametrize("epsilon", [0.05, 0.4, 3.0])
def test_15_2_coupling_is_the_entropic_transport_plan(epsilon: float) -> None:
    cross = entropic_cross_covariance(C0, C1, epsilon=epsilon)
    assert np.abs(cross - _sinkhorn(C0, C1, 2 * epsilon)).max() < 1e-9
    # Density of the plan: functions of the ends, and the Brownian kernel.
    precision = np.linalg.inv(np.block([[C0, cross], [cross.T, C1]]))
    assert np.abs(precision[:3, 3:] + np.eye(3) / (2 * epsilon)).max() < 1e-9 * (1 + 1 / epsilon)


def test_15_2_bridge_drift_is_a_gradient_and_fits_both_ends() -> None:
    epsilon = 0.4
    bridge = schrodinger_bridge([0.0, 1.0, -1.0], C0, [2.0, 0.0, 0.5], C1, epsilon=epsilon)
    zero = np.zeros((1, 3))
    for t in (0.1, 0.5, 0.9):
        drift = bridge.fields().drift(np.vstack([zero, np.eye(3)]), t, epsilon=epsilon)
        J = (drift[1:] - drift[0]).T
        assert np.abs(J - J.T).max() < 1e-10
        # No force on average along the bridge: d/dt E[u | x] = 0, so E u is constant.
        mean = bridge.fields().drift(bridge.mean(t)[None], t, epsilon=epsilon)[0]
        assert np.abs(mean - [2.0, -1.0, 1.5]).max() < 1e-12
    # With independent ends the same interpolant's drift is not a gradient.
    plain = GaussianPair(
        Interpolant(Linear(), RootProduct(2 * epsilon)), np.zeros(3), C0, np.zeros(3), C1
    )
    drift = plain.fields().drift(np.vstack([zero, np.eye(3)]), 0.5, epsilon=epsilon)
    J = (drift[1:] - drift[0]).T
    assert np.abs(J - J.T).max() > 1e-3


def test_15_2_bridge_drift_is_a_martingale() -> None:
    """Along the optimal process du = -(∇u) terms cancel: ∂_t u + u·∇u + ε Δu = 0."""
    epsilon, h = 0.4, 1e-5
    bridge = schrodinger_bridge([0.0, 1.0, -1.0], C0, [2.0, 0.0, 0.5], C1, epsilon=epsilon)
    fields = bridge.fields()
    x = np.random.default_rng(0).standard_normal((4, 3))
    for t in (0.3, 0.7):
        u = fields.drift(x, t, epsilon=epsilon)
        rate = (
            fields.drift(x, t + h, epsilon=epsilon) - fields.drift(x, t - h, epsilon=epsilon)
        ) / (2 * h)
        along = (
            fields.drift(x + h * u, t, epsilon=epsilon)
            - fields.drift(x - h * u, t, epsilon=epsilon)
        ) / (2 * h)
        assert np.abs(rate + along).max() < 1e-6 * np.abs(along).max()


@settings(max_examples=20, deadline=None)
@given(c0=st.floats(0.05, 4.0), c1=st.floats(0.05, 4.0), epsilon=st.floats(0.02, 3.0))
def test_15_2_max_min_recovers_the_bridge(c0: float, c1: float, epsilon: float) -> None:
    found = recover_bridge([c0], [c1], epsilon=epsilon, degree=2, nodes=200)
    exact = np.sqrt(4 * c0 * c1 + 4 * epsilon**2)
    assert abs(found.coefficients[0, 0] - exact) < 1e-5 * exact
    assert np.abs(found.coefficients[0, 1:]).max() < 1e-4 * exact
    bridge = schrodinger_bridge([0.0], [[c0]], [0.0], [[c1]], epsilon=epsilon)
    for t in (0.25, 0.5):
        variance = found.variance(t, np.array([c0]), np.array([c1]))[0]
        assert abs(variance - bridge.covariance(t)[0, 0]) < 1e-5 * variance


def test_15_2_recovered_interpolant_has_the_law_and_drift_of_the_bridge() -> None:
    """Independent ends with γ² = θ t (1-t), θ = √(4 c0 c1 + 4ε²), in one dimension."""
    c0, c1, epsilon = 0.25, 0.64, 0.3
    theta = recover_bridge([c0], [c1], epsilon=epsilon).coefficients[0, 0]
    plain = GaussianPair(Interpolant(Linear(), RootProduct(theta)), [-1.0], [[c0]], [2.0], [[c1]])
    bridge = schrodinger_bridge([-1.0], [[c0]], [2.0], [[c1]], epsilon=epsilon)
    x = np.linspace(-2.0, 3.0, 7)[:, None]
    for t in (0.1, 0.5, 0.9):
        drifts = [pair.fields().drift(x, t, epsilon=epsilon) for pair in (plain, bridge)]
        assert np.abs(drifts[0] - drifts[1]).max() < 1e-8
    # Any other γ costs more.
    actions = []
    for a in (0.8 * theta, theta, 1.2 * theta):
        pair = GaussianPair(Interpolant(Linear(), RootProduct(a)), [-1.0], [[c0]], [2.0], [[c1]])
        t, weights = np.polynomial.legendre.leggauss(80)
        rates = [
            (float(pair.rate(s)[0, 0]) - epsilon) ** 2 / float(pair.covariance(s)[0, 0])
            for s in 0.5 * (t + 1)
        ]
        actions.append(0.25 * float(weights @ np.array(rates)))
    assert actions[1] == min(actions)
    assert abs(actions[1] - recover_bridge([c0], [c1], epsilon=epsilon).action[0]) < 1e-8


def test_15_2_sampled_bridge_has_the_coupling() -> None:
    """Linear sampler run on unit impulses: the exact joint law of start and end, no sampling."""
    c0, c1, epsilon, steps = 0.25, 0.64, 0.3, 400
    bridge = schrodinger_bridge([0.0], [[c0]], [0.0], [[c1]], epsilon=epsilon)
    times = np.linspace(1e-6, 1 - 1e-6, steps + 1)
    p, variance = 1.0, 0.0
    for a, b in itertools.pairwise(times):
        out = solve_sde(
            bridge.fields(),
            np.array([[0.0], [1.0], [0.0]]),
            times=[a, b],
            epsilon=epsilon,
            noise=lambda *_: np.array([[0.0], [0.0], [1.0]]),
        )
        q, moved, kicked = np.asarray(out)[:, 0]
        p, variance = (moved - q) * p, (moved - q) ** 2 * variance + (kicked - q) ** 2
    cross = entropic_cross_covariance([[c0]], [[c1]], epsilon=epsilon)[0, 0]
    assert abs(p * c0 - cross) < 0.01 * cross
    assert abs(p**2 * c0 + variance - c1) < 0.01 * c1
    # The ODE of the same law couples the ends otherwise: by the root of c0 c1.
    assert abs(np.sqrt(c0 * c1) - cross) > 0.2 * cross


def test_bad_input() -> None:
    with pytest.raises(ArgumentError, match="covariance0: got a singular matrix"):
        entropic_cross_covariance(np.zeros((2, 2)), np.eye(2), epsilon=1.0)
    with pytest.raises(ArgumentError, match="epsilon: got 0"):
        entropic_cross_covariance(np.eye(2), np.eye(2), epsilon=0.0)
    with pytest.raises(ArgumentError, match="variances1"):
        recover_bridge([1.0], [-1.0], epsilon=1.0)
