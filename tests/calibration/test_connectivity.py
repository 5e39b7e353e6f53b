"""Measurements that fall apart are ambiguous, whatever the gap says."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from rnla import Status, calibrate
from rnla.calibration import MaskedFourier, PartialFourier, Problem
from rnla.calibration._connectivity import is_connected
from tests.calibration.cases import Case, complex_normal, draw, draw_batch, products


def halves(model, *, noisy, link=0):
    """Sensors 0 to 11 in the first six snapshots, the others in the rest; one half is noisy.

    `link` snapshots have all sensors.
    """
    case = draw(model, 24, 4, 12)
    rng = np.random.default_rng(1)
    Y = case.Y.copy()
    Y[:6] += noisy * np.abs(Y).mean() * complex_normal(rng, 6, 24)
    Y[link:6, 12:] = np.nan
    Y[6:, :12] = np.nan
    return Case(Y, case.A, case.x, case.d)


def blocks(noisy):
    """One signal, of which each half of the sensors sees one half."""
    rng = np.random.default_rng(0)
    A = np.zeros((6, 24, 8), dtype=complex)
    A[:, :12, :4], A[:, 12:, 4:] = complex_normal(rng, 2, 6, 12, 4)
    x, d = complex_normal(rng, 8), np.exp(2j * np.pi * rng.random(24))
    Y = d * products(A, x, "repeated")
    Y[:, :12] += noisy * complex_normal(rng, 6, 12)
    return Case(Y, A, x, d)


@pytest.mark.parametrize("noisy", [0.0, 0.02, 0.1, 0.5])
@pytest.mark.parametrize("errors", [True, False])
@pytest.mark.parametrize("model", ["diverse", "snapshots"])
def test_snapshots_without_a_common_sensor(model, errors, noisy):
    case = halves(model, noisy=noisy)
    found = calibrate(case.Y, case.A, model=model, standard_errors=errors)
    assert found.status is Status.AMBIGUOUS
    # Companion: the gap alone misses parts that differ in noise.
    assert (found.gap > max(3 * (1 - found.sigma[0]), 1e-3)) == (noisy > 0.05)
    linked = halves(model, noisy=0.0, link=1)
    found = calibrate(linked.Y, linked.A, model=model, standard_errors=errors)
    assert found.status is Status.OK


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("errors", [True, False])
def test_sensors_without_a_common_unknown(sparse, errors):
    case = blocks(0.2)
    A = [scipy.sparse.csr_array(one) for one in case.A] if sparse else case.A
    assert calibrate(case.Y, A, standard_errors=errors).status is Status.AMBIGUOUS


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    model=st.sampled_from(["repeated", "diverse", "snapshots"]),
    density=st.floats(0.1, 0.9),
    measured=st.floats(0.2, 1.0),
)
def test_parts_are_those_of_the_graph(seed, model, density, measured):
    rng = np.random.default_rng(seed)
    p, m, n = 3, 7, 4
    A = rng.normal(size=(1 if model == "snapshots" else p, m, n))
    A *= rng.random(A.shape) < density
    Y = rng.normal(size=(2, p, m)) * (rng.random((2, p, m)) < 0.9)
    weights = rng.random((2, p, m)) < measured
    weights[:, 0, 0], Y[:, 0, 0] = True, 1.0
    usable = rng.random((2, m)) < 0.8
    usable[:, 0] = True
    problem = Problem(Y, A[0] if model == "snapshots" else A, model=model, weights=weights)
    expected = [
        parts_of(A, (Y[b] != 0) & weights[b] & usable[b], usable[b], model) == 1 for b in range(2)
    ]
    assert is_connected(problem, usable).tolist() == expected


def parts_of(A, known, usable, model):
    """Components that contain a usable sensor."""
    p, m = known.shape
    n = A.shape[-1]
    count = n if model == "repeated" else p * n
    graph = np.zeros((m + count, m + count))
    for l, i in np.argwhere(known):
        columns = np.flatnonzero(A[0 if len(A) == 1 else l, i])
        graph[i, m + columns + (0 if model == "repeated" else l * n)] = 1
    labels = connected_components(graph, directed=False)[1]
    return len(set(labels[:m][usable]))


def test_operators_without_zeros_take_no_search():
    case = draw_batch("diverse", 16, 8, 6, 3)
    for problem in (
        Problem(case.Y, case.A, model="diverse"),
        Problem(case.Y[:, :2], MaskedFourier(np.ones((2, 16)))),
        Problem(case.Y[:, :2], PartialFourier(16, np.ones((2, 8))), model="diverse"),
    ):
        assert is_connected(problem, np.ones((3, 16), dtype=bool)).all()
