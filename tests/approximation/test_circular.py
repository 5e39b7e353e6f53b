"""The circular ensemble as the projection DPP of Fourier functions: roots, laws, P18."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import rnla
from rnla.approximation import (
    Fourier,
    Product,
    TensorBasis,
    Uniform,
    classical_dpp_design,
    repeated_dpp_design,
    tensor_product,
)
from rnla.approximation.designs import classical_dpp, projection_dpp
from rnla.approximation.designs._circular import circular_positions
from rnla.kernels.circular_phase import circular_phase as phase
from rnla.random import Stream
from tests.counts import count

from .experiments import overlap

CIRCLE = Uniform(0, 1)
FAR = 6e-5


def fourier(m):
    return TensorBasis(CIRCLE, m - 1, families=[Fourier(CIRCLE)])


@pytest.mark.parametrize("m", [2, 3, 8, 15])
def test_roots_of_the_phase_are_zeros_of_the_characteristic_polynomial(m):
    """Zeros of the polynomial that Szego's recursion builds from the same coefficients."""
    generator = np.random.default_rng(m)
    a = generator.uniform(0.0, 0.7, m) * np.exp(2j * np.pi * generator.random(m))
    a[-1] /= abs(a[-1])
    polynomial = np.array([1.0 + 0j])
    for k in range(m):
        reverse = polynomial[::-1].conj()
        polynomial = np.append(0.0, polynomial) - np.conj(a[k]) * np.append(reverse, 0.0)
    roots = np.roots(polynomial[::-1])
    np.testing.assert_allclose(abs(roots), 1.0, atol=1e-10)
    theta = np.angle(roots)
    angle, slope = phase(a[:-1], theta)
    np.testing.assert_allclose(np.exp(1j * angle), a[-1].conj(), atol=1e-9)
    step = 1e-6
    difference = phase(a[:-1], theta + step)[0] - phase(a[:-1], theta - step)[0]
    np.testing.assert_allclose(difference / (2 * step), slope, rtol=1e-5)
    ends = phase(a[:-1], np.array([0.0, 2 * np.pi]))[0]
    assert ends[1] - ends[0] == pytest.approx(2 * np.pi * m, rel=1e-12)


@pytest.mark.parametrize("m", [1, 2, 21, 300])
def test_positions_are_distinct_and_on_the_circle(m):
    positions = circular_positions(m, np.random.default_rng(0))
    assert positions.shape == (m,)
    assert (np.diff(positions) > 0).all()
    assert positions[0] >= 0.0
    assert positions[-1] < 1.0


def gap_cdf(m):
    """Of the difference, modulo 1, of two of the m points: density (m^2 - D(t)^2) / (m (m - 1))."""
    l = np.arange(1, m)

    def cdf(t):
        waves = np.sin(2 * np.pi * np.outer(t, l)) / (np.pi * l) @ (m - l)
        return ((m * m - m) * np.asarray(t) - waves) / (m * (m - 1))

    return cdf


@pytest.mark.parametrize("sampler", [classical_dpp, projection_dpp])
@pytest.mark.parametrize("m", [3, 7])
def test_gaps_have_their_law(sampler, m):
    """Kolmogorov-Smirnov of 600 gaps, p >= 1e-4: also a test of P4 for two points."""
    basis = fourier(m)
    drawn = [sampler.draw_points(basis, Stream(5, f"{i}"))[0][:2, 0] for i in range(600)]
    gaps = np.mod(np.diff(drawn, axis=1)[:, 0], 1.0)
    assert stats.kstest(gaps, gap_cdf(m)).pvalue > 1e-4
    independent = np.random.default_rng(0).random(6000)
    assert stats.kstest(independent, gap_cdf(m)).pvalue < 1e-4


def test_sums_over_eigenangles_have_their_variance():
    """Var of the sum of cos 2 pi j s is min(j, m) / 2; |z| <= 4 for four of them."""
    m, draws = 5, 1500
    points = np.array(
        [classical_dpp.draw_points(fourier(m), Stream(7, f"{i}"))[0] for i in range(draws)]
    )
    for j in (1, 2, 5, 9):
        sums = np.cos(2 * np.pi * j * points[..., 0]).sum(axis=1)
        squares = sums**2
        z = (squares.mean() - min(j, m) / 2) / (squares.std() / np.sqrt(draws))
        assert abs(z) <= 4.0
        if j < m:  # independent points have variance m / 2
            assert (squares.mean() - m / 2) / (squares.std() / np.sqrt(draws)) < -4.0


@pytest.mark.slow
def test_check_13_eigenangles_spread_their_gram_matrix_less(record_property):
    """P17 and P18: E ||G - I||_F^2 = (m^2 - 1) / (3 m) = 6.984 for m = 21; false alarm 6e-5."""
    draws = count(full=4_000, check=1_000)
    m = 21
    basis = fourier(m)
    sample = []
    for i in range(draws):
        phi = basis.evaluate_normalised(classical_dpp.draw_points(basis, Stream(3, f"{i}"))[0])
        sample.append(((phi.T @ phi - np.eye(m)) ** 2).sum())
    expected = (m * m - 1) / (3 * m)
    assert expected == pytest.approx(6.984, abs=5e-4)
    error = np.std(sample) / np.sqrt(draws)
    record_property("check", "13 circular m=21")
    record_property("measured", np.mean(sample))
    record_property("threshold", f"{expected:.3f} +- {4 * error:.3f}")
    record_property("count", draws)
    record_property("false_alarm_rate", FAR)
    assert abs(np.mean(sample) - expected) <= 4 * error
    assert abs(m - 1 - expected) > 4 * error  # independent points


@pytest.mark.parametrize("sizes", [(3,), (5, 3), (3, 3, 5)])
def test_check_13_gram_spread_of_products_of_trigonometric_polynomials(sizes):
    """P18: Q = product of (2 p^2 + 1) / (3 p), by the trapezium rule, which is exact here."""
    degrees = [p - 1 for p in sizes]
    d = len(sizes)
    indices = np.stack(np.meshgrid(*[np.arange(p) for p in sizes], indexing="ij"), axis=-1).reshape(
        -1, d
    )
    basis = TensorBasis(Product([CIRCLE] * d), indices, families=[Fourier(CIRCLE)] * d)
    # |K|^4 has frequencies up to 2 (p - 1) in each variable.
    axes = [np.arange(2 * degree + 1) / (2 * degree + 1) for degree in degrees]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, d)
    Q = overlap(basis, nodes, np.full(len(nodes), 1 / len(nodes)))
    assert pytest.approx(np.prod([(2 * p * p + 1) / (3 * p) for p in sizes]), rel=1e-12) == Q


def test_check_13_gram_spread_of_a_dpp_of_a_product():
    """m - Q = 7.822 for 3 times 5 functions; 400 draws, |z| <= 4, false-alarm rate 6e-5."""
    indices = tensor_product(2, 4)
    indices = indices[indices[:, 0] < 3]
    basis = TensorBasis(Product([CIRCLE] * 2), indices, families=[Fourier(CIRCLE)] * 2)
    sample = []
    for i in range(400):
        phi = basis.evaluate_normalised(projection_dpp.draw_points(basis, Stream(3, f"{i}"))[0])
        sample.append(((phi.T @ phi - np.eye(15)) ** 2).sum())
    expected = 15 - (19 / 9) * (51 / 15)
    error = np.std(sample) / 20
    assert abs(np.mean(sample) - expected) <= 4 * error
    assert abs(14 - np.mean(sample)) > 4 * error  # independent points


def test_designs_take_eigenangles_for_trigonometric_polynomials():
    circle = Uniform(-3.0, 5.0)
    basis = TensorBasis(circle, 8, families=[Fourier(circle)])
    design = classical_dpp_design(basis, rng=1)
    assert design.size == design.proposals == 9
    assert design.unbiased
    assert (design.points >= -3).all()
    assert (design.points <= 5).all()
    repeated = repeated_dpp_design(basis, 27, rng=1)
    assert repeated.proposals == 27  # nothing was rejected
    np.testing.assert_array_equal(design.points, classical_dpp_design(basis, rng=1).points)
    even = TensorBasis(circle, 7, families=[Fourier(circle)])
    with pytest.raises(rnla.ArgumentError, match="an odd number of Fourier functions"):
        classical_dpp_design(even)
    assert repeated_dpp_design(even, 24, rng=1).lambda_min > 0.0
