"""Coefficients of exponential-integrator steps: printed weights, sum rules, limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla._errors import ArgumentError
from rnla.diffusion.interpolation import derivative_weights
from rnla.diffusion.plan import Level
from rnla.diffusion.solvers.exponential import (
    RELAXATIONS,
    coefficients,
    relaxation_factor,
)


def _level(lam: float, *, alpha: float = 1.0) -> Level:
    return Level(time=-lam, log_alpha=math.log(alpha), log_sigma=math.log(alpha) - lam)


START, STOP = _level(0.0), _level(0.5)
UNIFORM = (0.0, -0.5, -1.0)


@pytest.mark.parametrize(
    ("nodes", "relaxation", "expected"),
    [
        (UNIFORM, (), (0.7869386805747329, -0.5738773611494663, 0.1804080208620998)),
        (UNIFORM, ("none", "half"), (0.75, -0.5, 0.1434693402873666)),
        (UNIFORM[:2], (), (0.6065306597126332, -0.2130613194252668)),
        (UNIFORM[:2], ("bh2",), (0.5902040104310496, -0.1967346701436832)),
    ],
)
def test_3_5_weights(
    nodes: tuple[float, ...], relaxation: tuple[str, ...], expected: object
) -> None:
    step = coefficients(START, STOP, nodes, relaxation=relaxation)
    np.testing.assert_allclose(step.outputs, expected, rtol=0, atol=1e-15)
    assert sum(step.outputs) == pytest.approx(-math.expm1(-0.5), abs=1e-15)
    assert step.state == pytest.approx(math.exp(-0.5), rel=1e-15)


@pytest.mark.parametrize(
    ("nodes", "form", "relaxation", "expected"),
    [
        ((0.0, -0.5), "x0", (), (-0.2130613,)),
        ((0.0, -0.5), "x0", ("bh1",), (-0.25,)),
        ((0.0, -0.5), "x0", ("bh2",), (-0.1967347,)),
        ((0.0, -0.5, 0.5), "x0", (), (-0.032653298563, -0.180408020862)),
        ((0.0, -0.5, -1.0), "x0", (), (-0.573877361149, 0.360816041724)),
        (
            (0.0, -0.5, -1.0, 0.5),
            "x0",
            (),
            (-0.082448125173, 0.033196551073, -0.163809745326),
        ),
        ((0.0, -0.5, 0.5), "eps", (), (0.0538361879, 0.243606353501)),
    ],
)
def test_4_2_weights(
    nodes: tuple[float, ...], form: str, relaxation: tuple[str, ...], expected: tuple[float, ...]
) -> None:
    """The printed w_j multiply -pre (m_j - m_n)/r_j; here sigma_t = 1 or alpha_t = 1."""
    stop = STOP if form == "x0" else Level(time=-0.5, log_alpha=0.5, log_sigma=0.0)
    step = coefficients(START, stop, nodes, form=form, relaxation=relaxation)  # type: ignore[arg-type]
    weights = [-w * node / 0.5 for w, node in zip(step.outputs[1:], nodes[1:], strict=True)]
    digits = 7 if len(nodes) == 2 else 10
    np.testing.assert_allclose(weights, expected, rtol=0, atol=0.6 * 10.0**-digits)


def test_3_10_third_order_sde_multiplier() -> None:
    """At H = 1 the second difference has the multiplier .2642411; published code has others."""
    start, stop = _level(0.0), _level(0.5)
    for relaxation, expected in (("none", 0.2642411), ("half", 0.1321206), ("sign", -0.8678794)):
        step = coefficients(start, stop, UNIFORM, eta=1.0, relaxation=("none", relaxation))
        plain = coefficients(start, stop, UNIFORM, eta=1.0, relaxation=("none", 0.0))
        # m_{n-2} enters D2 without its factor 2 by 1/2 at equal steps, and D1 by the rest.
        assert 2.0 * (step.outputs[2] - plain.outputs[2]) == pytest.approx(expected, abs=1e-7)


@given(
    lam=st.floats(-4, 4),
    h=st.floats(0.01, 2.0),
    gaps=st.lists(st.floats(0.05, 2.0), min_size=0, max_size=3),
    eta=st.floats(0, 2),
    form=st.sampled_from(["x0", "eps"]),
)
def test_18_2_sum_rule(lam: float, h: float, gaps: list[float], eta: float, form: str) -> None:
    """Outputs sum to alpha_t minus the state's share, whatever the nodes and relaxations."""
    nodes = [lam, *(lam - np.cumsum(gaps))]
    start, stop = _level(lam, alpha=0.8), _level(lam + h, alpha=0.9)
    step = coefficients(start, stop, nodes, eta=eta, form=form, relaxation=("bh1", "half"))
    if form == "x0":
        total = stop.alpha - step.state * start.alpha
        left = step.state**2 * start.sigma**2 + step.noise**2
        assert left == pytest.approx(stop.sigma**2, rel=1e-12)
    else:
        # With eta = 0 a constant eps is carried exactly; the SDE doubles its share at eta = 1.
        total = (1.0 + eta) * (stop.sigma - step.state * start.sigma)
    size = max(1.0, *(abs(w) for w in step.outputs))
    assert sum(step.outputs) == pytest.approx(total, abs=1e-12 * size)


@given(
    points=st.lists(st.integers(-20, 20), min_size=1, max_size=5, unique=True),
    values=st.lists(st.floats(-3, 3), min_size=5, max_size=5),
)
def test_derivative_weights_are_those_of_the_polynomial(
    points: list[int], values: list[float]
) -> None:
    offsets = [p / 8 for p in points]
    count = len(offsets)
    weights = derivative_weights(offsets, count=count)
    vandermonde = np.vander(offsets, increasing=True)
    for j in range(count):
        polynomial = np.linalg.solve(vandermonde, np.eye(count)[j])
        for k in range(count):
            expected = math.factorial(k) * polynomial[k]
            assert weights[k][j] == pytest.approx(
                expected, rel=1e-8, abs=1e-8 * abs(polynomial).max()
            )


@pytest.mark.parametrize("name", [n for n in RELAXATIONS if n not in ("half", "sign")])
@pytest.mark.parametrize("sign", [-1, 1])
def test_8_2_relaxations_tend_to_one(name: str, sign: int) -> None:
    for h in (1e-3, 1e-4):
        factor = relaxation_factor((name, 0.7), sign * h, h=h)
        assert abs(factor - 1.0) <= h


def test_8_2_low_order_differences() -> None:
    """A difference order below the full one uses fewer nodes: the slope of the two newest."""
    low = coefficients(START, STOP, UNIFORM, differences=(1, 2))
    full = coefficients(START, STOP, UNIFORM)
    assert low.outputs != full.outputs
    slope_only = coefficients(START, STOP, UNIFORM, order=2, differences=(1,))
    two = coefficients(START, STOP, UNIFORM[:2])
    np.testing.assert_allclose(slope_only.outputs, (*two.outputs, 0.0), atol=1e-16)


def test_0_7_clean_end_takes_first_order() -> None:
    clean = Level(time=0.0, log_alpha=0.0, log_sigma=-math.inf)
    step = coefficients(START, clean, UNIFORM, eta=1.0)
    assert (step.state, step.outputs, step.noise) == (0.0, (1.0, 0.0, 0.0), 0.0)
    step = coefficients(START, clean, UNIFORM, form="eps")
    assert (step.state, step.outputs) == (1.0, (-1.0, 0.0, 0.0))


def test_0_7_pure_noise_start() -> None:
    noise = Level(time=1.0, log_alpha=-math.inf, log_sigma=0.0)
    stop = Level(time=0.5, log_alpha=math.log(0.5), log_sigma=math.log(0.5))
    step = coefficients(noise, stop, (-math.inf,))
    assert (step.state, step.outputs) == (0.5, (0.5,))
    later = coefficients(stop, _level(0.5), (0.0, -math.inf))
    first = coefficients(stop, _level(0.5), (0.0,))
    assert later.outputs == (*first.outputs, 0.0)
    with pytest.raises(ArgumentError, match="start: got a level with α = 0"):
        coefficients(noise, stop, (-math.inf,), form="eps")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"form": "v"}, "form: got"),
        ({"order": 4}, "order: got 4"),
        ({"eta": -1.0}, "eta: got"),
        ({"differences": (0, 2)}, r"differences\[0\]: got 0"),
        ({"differences": (1,)}, "differences: got 1 entries"),
        ({"relaxation": ("fast",)}, "relaxation: got 'fast'"),
        ({"nodes": ()}, "nodes: got none"),
        ({"nodes": (0.0, 0.0)}, "nodes: got the same half log-SNR"),
        ({"stop": START}, "stop: got a step of 0.0"),
    ],
)
def test_bad_input(change: dict[str, object], match: str) -> None:
    options: dict[str, object] = {"start": START, "stop": STOP, "nodes": UNIFORM} | change
    with pytest.raises(ArgumentError, match=match):
        coefficients(**options)  # type: ignore[arg-type]
