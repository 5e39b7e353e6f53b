"""Determinantal and volume sampling of a CuPy matrix: the rows that the host draws."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import rnla
from rnla.basis import orthonormal
from rnla.dpp import (
    dpp_lu,
    greedy_elimination,
    ground_set,
    k_dpp,
    k_dpp_inclusion_probabilities,
    l_ensemble,
    likelihood_kernel,
    marginal_kernel,
    mcmc_k_dpp,
    projection_dpp,
    volume_sample,
)
from tests.counts import count

from .backends import Backend, difficult, host

DEVICE = Backend("device")
SAMPLES = {
    "projection": lambda A, w=None: projection_dpp(A, draws=7, weights=w, rng=3),
    "projection, one draw": lambda A, w=None: projection_dpp(A, weights=w, rng=3),
    "chain": lambda A, w=None: projection_dpp(A, draws=3, method="chain", weights=w, rng=3),
    "volume": lambda A, w=None: volume_sample(A, 9, draws=4, weights=w, rng=3),
    "volume, mixed": lambda A, w=None: volume_sample(
        A, 9, draws=4, reference="mixed", weights=w, rng=3),
    "volume, plain": lambda A, w=None: volume_sample(
        A, 9, draws=4, reference="plain", weights=w, rng=3),
    "volume, no repeats": lambda A, w=None: volume_sample(
        A, 9, draws=4, replace=False, weights=w, rng=3),
    "volume, reverse": lambda A, w=None: volume_sample(
        A, 5, draws=3, method="reverse", weights=w, rng=3),
    "volume, rejection": lambda A, w=None: volume_sample(
        A, 6, draws=5, method="rejection", weights=w, rng=3),
    "volume, a pool": lambda A, w=None: volume_sample(
        A, 40, draws=2, method="rejection", weights=w, rng=3),
}  # fmt: skip
KINDS = ("dense", "float32", "zero rows", "rank-deficient", "extreme columns", "sparse")


@pytest.fixture(autouse=True)
def no_small_matrices(cupy, monkeypatch):
    monkeypatch.setattr(orthonormal, "_SMALL", 100)  # or every matrix here would come to the host


def same(found, expected, tolerance=1e-9):
    """Discrete numbers exactly, others to rounding; numbers per row stay on the GPU."""
    for field in ("law", "method", "n", "rank", "seed", "passes", "status", "loss_factor"):
        assert getattr(found, field) == getattr(expected, field), field
    for field in ("indices", "proposals"):
        np.testing.assert_array_equal(getattr(found, field), getattr(expected, field))
    if expected.weights is not None:
        np.testing.assert_allclose(found.weights, expected.weights, rtol=tolerance)
    if expected.marginals is not None:
        assert DEVICE.is_home_of(found.marginals)
        np.testing.assert_allclose(
            host(found.marginals), expected.marginals, rtol=tolerance, atol=1e-14
        )


CASES = [
    (name, kind)
    for name in SAMPLES
    for kind in (KINDS if name in ("projection", "volume, rejection") else KINDS[:1])
]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_same_seed_draws_the_same_rows(name, kind):
    A = difficult(kind, n=150, d=4)
    same(SAMPLES[name](DEVICE.put(A)), SAMPLES[name](A), 1e-6 if kind == "float32" else 1e-9)


@pytest.mark.parametrize("name", ["projection", "volume, mixed", "volume, reverse"])
def test_points_may_have_masses(name):
    A = difficult("dense", n=150, d=3)
    w = np.random.default_rng(1).uniform(size=150) * (np.arange(150) % 4 > 0)
    same(SAMPLES[name](DEVICE.put(A), DEVICE.put(w)), SAMPLES[name](A, w))


def test_masses_must_be_beside_the_rows():
    A, w = difficult("dense", n=50, d=3), np.ones(50)
    for rows, masses in [(DEVICE.put(A), w), (A, DEVICE.put(w))]:
        with pytest.raises(rnla.ArgumentTypeError, match=r"weights: .*cupy\.as"):
            projection_dpp(rows, weights=masses, rng=0)


def test_one_column_and_rows_that_repeat():
    for A in (np.arange(1.0, 90.0)[:, None], np.repeat(difficult("dense", n=12, d=3), 9, axis=0)):
        same(projection_dpp(DEVICE.put(A), draws=5, rng=1), projection_dpp(A, draws=5, rng=1))
        size = A.shape[1]
        here = volume_sample(A, size, draws=5, method="rejection", rng=1)
        same(volume_sample(DEVICE.put(A), size, draws=5, method="rejection", rng=1), here)


def test_regularised_volume_sampling():
    A = difficult("dense", n=80, d=4)
    same(volume_sample(DEVICE.put(A), 3, ridge=2.0, draws=3, rng=1),
         volume_sample(A, 3, ridge=2.0, draws=3, rng=1))  # fmt: skip


def test_a_draw_depends_on_its_number_alone(monkeypatch):
    """However many go together, and however few proposals are fetched at first."""
    module = importlib.import_module("rnla.dpp.projection_dpp")
    A = DEVICE.put(difficult("dense", n=300, d=5))
    together = projection_dpp(A, draws=6, rng=2).indices
    monkeypatch.setattr(module, "_ON_DEVICE_TOGETHER", 1)
    np.testing.assert_array_equal(projection_dpp(A, draws=6, rng=2).indices, together)
    monkeypatch.setattr(module, "_BEYOND_MEAN", -1.5)
    np.testing.assert_array_equal(projection_dpp(A, draws=4, rng=2).indices, together[:4])


def test_a_ground_set_spends_its_passes_once():
    A = DEVICE.put(difficult("dense", n=300, d=4))
    ground = ground_set(A)
    assert DEVICE.is_home_of(ground.leverage)
    sample = projection_dpp(ground, draws=2, rng=5)
    assert sample.passes == 0
    np.testing.assert_array_equal(sample.indices, projection_dpp(A, draws=2, rng=5).indices)
    kept = sample.row_sample() @ A
    assert DEVICE.is_home_of(kept)


def test_a_cap_is_an_error():
    A = DEVICE.put(difficult("dense", n=300, d=8))
    with pytest.raises(rnla.ConvergenceError, match="cap: got 1"):
        projection_dpp(A, draws=4, cap=1, rng=0)
    with pytest.raises(rnla.ConvergenceError, match="1 pools"):
        volume_sample(A, 8, draws=30, method="rejection", cap=1, rng=0)


def test_only_what_is_drawn_travels(cupy):
    n, d, draws = 4096, 3, 3
    A = DEVICE.put(difficult("dense", n=n, d=d))
    ground = ground_set(A)
    cupy.copies.clear()
    sample = projection_dpp(ground, draws=draws, rng=0)
    proposals = draws * int(np.ceil(d * (1 + 1 / 2 + 1 / 3 + 3.2)))
    assert sample.indices.shape == (draws, d)
    assert cupy.copies["to host"] <= 3 * proposals + n / 1024 + 12 * draws * d


# --- check 39 of weighted least squares: many draws at once; their speed is for bench/gpu.py ------

REPLICATES = {
    "A8": lambda A, w, draws: projection_dpp(A, weights=w, draws=draws, method="rejection", rng=9),
    "A7": lambda A, w, draws: projection_dpp(A, weights=w, draws=draws, method="chain", rng=9),
    "A6": lambda A, w, draws: volume_sample(
        A, A.shape[1], weights=w, draws=draws, method="rejection", rng=9),
    "A11": lambda A, w, draws: volume_sample(
        A, A.shape[1], weights=w, draws=draws, method="reverse", rng=9),
}  # fmt: skip


def legendre(m, nodes):
    """Polynomials at the nodes of a Gauss rule, whose weights are the masses."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    return x, np.polynomial.legendre.legvander(x, m - 1), w


def statistic_far_off(sample):
    """Standard errors that mean and variance of the sum of cos 2x are off, of 8 points."""
    centred = (sample - sample.mean()) ** 2
    mean = abs(sample.mean() - 1.8092) / np.sqrt(sample.var() / sample.size)
    return mean, abs(centred.mean() - 0.2549) / np.sqrt(centred.var() / sample.size)


def record(record_property, name, measured, threshold, draws, rate):
    record_property("check", f"39 {name}")
    record_property("measured", measured)
    record_property("threshold", threshold)
    record_property("count", draws)
    record_property("false_alarm_rate", rate)


def replicates_are_right(name, draws, threshold, record_property):
    x, A, w = legendre(8, 40)
    found = REPLICATES[name](DEVICE.put(A), DEVICE.put(w), draws)
    expected = REPLICATES[name](A, w, draws)
    np.testing.assert_array_equal(found.indices, expected.indices)
    worst = max(statistic_far_off(np.cos(2.0 * x[found.indices]).sum(axis=1)))
    record(record_property, name, worst, threshold, draws, 1.2e-4)
    assert worst <= threshold


@pytest.mark.parametrize("name", REPLICATES)
def test_check_39_replicates_have_the_law_and_the_rows_of_the_host(name, record_property):
    """Check 12, mean and variance of a linear statistic, of 100 draws, 40 with pools, within five
    standard errors; false alarm 1.2e-4 at most."""
    replicates_are_right(name, 40 if name == "A6" else 100, 5.0, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("name", REPLICATES)
def test_check_39_many_replicates(name, record_property):
    """4000 draws, 200 in `make check`, within four standard errors; false alarm 1.2e-4."""
    replicates_are_right(name, count(full=4_000, check=200), 4.0, record_property)


def test_check_39_rows_by_leverage_alone_are_told_apart():
    """Companion: 120 sets of independent rows have the mean, and several times the variance."""
    x, A, w = legendre(8, 40)
    leverage = ground_set(A, weights=w).leverage
    rows = np.random.default_rng(2).choice(x.size, (120, 8), p=leverage / leverage.sum())
    mean, variance = statistic_far_off(np.cos(2.0 * x[rows]).sum(axis=1))
    assert mean <= 5.0 < variance


@pytest.mark.slow
@pytest.mark.parametrize(("name", "m"), [("A8", 100), ("A6", 30)])
def test_check_39_at_its_sizes(name, m):
    """Two of the 1000 draws of 100 rows, and of the 10^4 of 30: bit-equal to the host's."""
    _, A, w = legendre(m, 4 * m)
    found = REPLICATES[name](DEVICE.put(A), DEVICE.put(w), 2)
    np.testing.assert_array_equal(found.indices, REPLICATES[name](A, w, 2).indices)
    assert all(np.unique(rows).size == m for rows in found.indices)


def test_shared_memory_beyond_what_needs_no_asking(cupy):
    """Static and dynamic arrays together pass 48 KiB for draws of 2600 rows."""
    from rnla.kernels import projection_dpp as kernel

    x, ones = cupy.ones((1, 1, 2600)), cupy.ones((1, 1))
    progress = kernel.begin(1, 2600, like=x)
    kernel.accept(x, 2600.0 * ones, 0.5 * ones, cupy.zeros(1, dtype=np.int64), progress, 5)
    assert progress.counts.get().tolist() == [[1, 1, 0]]


FACTORS = {
    "k_dpp": lambda B: k_dpp(factor=B, k=3, draws=5, rng=2),
    "k_dpp by the chain rule": lambda B: k_dpp(factor=B[:11], k=3, draws=5, rng=2),
    "l_ensemble": lambda B: l_ensemble(factor=B, draws=5, rng=2),
}


@pytest.mark.parametrize("name", FACTORS)
def test_kernels_given_by_a_factor(name, monkeypatch):
    """A factor that is read in passes, here and on the GPU."""
    B = difficult("dense", n=400, d=4)
    expected = FACTORS[name](rnla.as_tall(B) if name != "k_dpp by the chain rule" else B)
    found = FACTORS[name](DEVICE.put(B))
    for one, other in zip(found.sets(), expected.sets(), strict=True):
        if name != "k_dpp by the chain rule":
            np.testing.assert_array_equal(one, other)
        assert len(set(one.tolist())) == one.size
    np.testing.assert_allclose(host(found.marginals), host(expected.marginals), rtol=1e-8)


def test_inclusion_probabilities_stay_with_the_rows():
    B = difficult("dense", n=100, d=4)
    found = k_dpp_inclusion_probabilities(factor=DEVICE.put(B), k=2)
    assert DEVICE.is_home_of(found)
    np.testing.assert_allclose(host(found), k_dpp_inclusion_probabilities(factor=B, k=2), rtol=1e-9)
    K = marginal_kernel(factor=DEVICE.put(B))
    np.testing.assert_allclose(K, marginal_kernel(factor=B), atol=1e-12)


SQUARE = np.eye(4) * 0.5
REFUSED = {
    "k_dpp": lambda x: k_dpp(x(SQUARE), 2),
    "k_dpp by eigenvectors": lambda x: k_dpp(eigen=(x(np.ones(4)), x(np.eye(4))), k=2),
    "l_ensemble": lambda x: l_ensemble(x(SQUARE)),
    "dpp_lu": lambda x: dpp_lu(x(SQUARE)),
    "marginal_kernel": lambda x: marginal_kernel(x(SQUARE)),
    "likelihood_kernel": lambda x: likelihood_kernel(x(SQUARE)),
    "mcmc_k_dpp": lambda x: mcmc_k_dpp(x(SQUARE), 2),
    "mcmc_k_dpp by a factor": lambda x: mcmc_k_dpp(factor=x(SQUARE), k=2),
    "greedy_elimination": lambda x: greedy_elimination(x(np.eye(4)), 4, whiten=True),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_the_host_says_how_to_convert(name):
    REFUSED[name](lambda values: values)
    with pytest.raises(rnla.ArgumentTypeError, match=r"GPU.*cupy\.asnumpy\("):
        REFUSED[name](DEVICE.put)
