"""Every kind of basis serves the designs: draws, weights and exact reproduction of the space."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.approximation import (
    BSplines,
    Discrete,
    Fourier,
    Gamma,
    Gaussian,
    Haar,
    Jacobi,
    NumericalBasis,
    NystromFeatures,
    PiecewiseLegendre,
    Product,
    TensorBasis,
    Uniform,
    hyperbolic_cross,
    iid_design,
    projection_dpp_design,
    weighted_least_squares,
)

UNIT = Uniform(0.0, 1.0)


def line(family, count):
    return TensorBasis(UNIT, np.arange(count), families=[family])


BASES = {
    "fourier": line(Fourier(UNIT), 7),
    "haar": line(Haar(UNIT), 8),
    "steps": line(PiecewiseLegendre(UNIT, 6), 6),
    "local parabolas": line(PiecewiseLegendre(UNIT, 3, degree=2), 9),
    "splines": line(BSplines(UNIT, 5), 8),
    "mixed product": TensorBasis(
        Product([UNIT, Gaussian(), Gamma(1.0), Jacobi(2.0, -0.5)]), hyperbolic_cross(4, 3)
    ),
    "fourier by legendre": TensorBasis(
        Product([UNIT, Uniform()]), 4, families=[Fourier(UNIT), Uniform().orthonormal_family()]
    ),
    "discrete polynomials": TensorBasis(Discrete(np.linspace(0.0, 1.0, 30) ** 2), 6),
    "table": NumericalBasis(
        lambda x: np.hstack([np.ones((len(x), 1)), x, np.sin(3 * x)]),
        Discrete(np.random.default_rng(0).random((60, 2))),
    ),
    "kernel": NumericalBasis(
        NystromFeatures(lambda x, z: np.exp(-np.abs(x - z.T)), np.linspace(0, 1, 6)), UNIT, rng=1
    ),
}


@pytest.mark.parametrize("name", BASES)
def test_every_function_of_the_space_is_reproduced(name):
    basis = BASES[name]
    m = basis.dimension
    truth = np.random.default_rng(1).standard_normal(m)
    for design in (projection_dpp_design(basis, rng=3), iid_design(basis, 12 * m, rng=3)):
        assert design.points.shape[1] == basis.measure.dimension
        assert basis.measure.contains(design.points).all()
        values = basis.evaluate(design.points) @ truth
        fit = weighted_least_squares(basis, design, values)
        np.testing.assert_allclose(fit.coefficients, truth, atol=1e-7)


@pytest.mark.parametrize("name", BASES)
def test_integrals_are_means_over_the_measure(name):
    """Against 20 000 points, within six standard errors: false alarm below 1e-7 in all."""
    basis = BASES[name]
    values = basis.evaluate(basis.measure.sample(20_000, rng=6))
    error = values.std(axis=0) / np.sqrt(len(values))
    assert (np.abs(values.mean(axis=0) - basis.integrals()) <= 6 * error + 1e-9).all()


@pytest.mark.parametrize("seed", range(5))
def test_check_08_the_dpp_of_step_functions_takes_one_point_in_each_cell(seed):
    """P11: the projection DPP of piecewise constants is stratified sampling."""
    points = projection_dpp_design(BASES["steps"], rng=seed).points[:, 0]
    np.testing.assert_array_equal(np.sort((points * 6).astype(int)), np.arange(6))


@pytest.mark.parametrize("seed", range(5))
def test_the_dpp_of_local_polynomials_takes_as_many_points_in_each_cell_as_functions(seed):
    points = projection_dpp_design(BASES["local parabolas"], rng=seed).points[:, 0]
    np.testing.assert_array_equal(np.bincount((points * 3).astype(int)), [3, 3, 3])


def test_independent_draws_do_not_fill_the_cells():
    """The must-fail companion of the two tests above."""
    basis = BASES["steps"]
    filled = [
        len(set((iid_design(basis, 6, rng=seed).points[:, 0] * 6).astype(int))) == 6
        for seed in range(5)
    ]
    assert not all(filled)


def test_the_dpp_of_a_table_takes_distinct_rows():
    basis = BASES["table"]
    for seed in range(5):
        points = projection_dpp_design(basis, rng=seed).points
        assert len(np.unique(points, axis=0)) == basis.dimension
