"""Measurements in parts: the same answer, whatever the parts, and little traffic."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError, Status, calibrate
from rnla.calibration import (
    PartialFourier,
    SensorFlag,
    calibrate_partitioned,
    measurement_parts,
    relative_error,
)
from tests.calibration.cases import MODELS, complex_normal, draw, draw_real

SIZES = {"repeated": (24, 16, 16), "diverse": (24, 12, 16), "snapshots": (24, 12, 16)}


def parts_of(case, model, count, *, weights=None):
    """The measurements in `count` parts of nearly equal size."""
    places = np.array_split(np.arange(len(case.Y)), count)
    maps = [case.A if model == "snapshots" else case.A[place] for place in places]
    if weights is None:
        return [(case.Y[place], A) for place, A in zip(places, maps, strict=True)]
    return [(case.Y[place], A, weights[place]) for place, A in zip(places, maps, strict=True)]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("weighted", [False, True])
def test_check_21_the_answer_does_not_depend_on_the_parts(model, weighted):
    case = draw(model, *SIZES[model], snr=20.0)
    weights = 0.5 + np.random.default_rng(0).random(case.Y.shape) if weighted else None
    found = [
        calibrate_partitioned(
            parts_of(case, model, count, weights=weights), model=model, max_sweeps=200
        )
        for count in (1, 4, 16)
    ]
    for other in found[1:]:
        np.testing.assert_allclose(other.gains, found[0].gains, atol=1e-12)
        size = np.abs(found[0].signal).max()
        np.testing.assert_allclose(other.signal, found[0].signal, atol=1e-12 * size)
        np.testing.assert_allclose(other.sigma, found[0].sigma, atol=1e-12)
        np.testing.assert_allclose(other.residual_variance, found[0].residual_variance)
    whole = calibrate(case.Y, case.A, model=model, weights=weights, max_sweeps=200)
    assert relative_error(found[2].gains, whole.gains) < 1e-6
    assert found[2].status is whole.status is Status.OK
    np.testing.assert_allclose(found[2].sigma, whole.sigma, atol=1e-3)
    np.testing.assert_allclose(found[2].residual_variance, whole.residual_variance, rtol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_check_21_traffic_of_an_iteration(model):
    """m and n numbers each way and part at most; what is constant cancels in the difference."""
    m, n, p = SIZES[model]
    case = draw(model, m, n, p, snr=20.0)
    few, many = (
        calibrate_partitioned(
            parts_of(case, model, 4), model=model, max_iter=steps, max_sweeps=0, solver="power"
        )
        for steps in (12, 13)
    )
    assert many.iterations == few.iterations + 1
    traffic = many.sent + many.received - few.sent - few.received
    # One more step here, and one more in the search for the second correlation at most.
    assert 0 < traffic <= 2 * 4 * 2 * (m + n)
    # Companion: the data of one part alone are more than that.
    assert traffic < 4 * p * m
    one, two = (
        calibrate_partitioned(parts_of(case, model, 4), model=model, max_sweeps=sweeps)
        for sweeps in (1, 2)
    )
    if model != "repeated":  # else every sweep solves for the signal by conjugate gradients
        assert two.sent + two.received - one.sent - one.received <= 4 * (3 * m + 1)


@pytest.mark.parametrize("model", MODELS)
def test_parts_of_dask(model):
    dask = pytest.importorskip("dask", reason="the optional extra dask is not installed")
    case = draw(model, *SIZES[model], snr=20.0)
    plain = parts_of(case, model, 4)
    here = calibrate_partitioned(plain, model=model)
    with dask.config.set(scheduler="threads"):
        there = calibrate_partitioned([dask.delayed(part) for part in plain], model=model)
    np.testing.assert_array_equal(there.gains, here.gains)
    np.testing.assert_array_equal(there.signal, here.signal)
    assert (there.sent, there.received, there.rounds) == (here.sent, here.received, here.rounds)


def test_structured_operators_need_no_factor():
    rng = np.random.default_rng(4)
    signs = rng.choice([-1.0, 1.0], size=(8, 128))
    x, d = complex_normal(rng, 128), rng.uniform(0.5, 1.5, 256) + 0j
    operators = [PartialFourier(256, signs[part : part + 2]) for part in range(0, 8, 2)]
    parts = [(d * maps.apply(x), maps) for maps in operators]
    found = calibrate_partitioned(parts)
    assert relative_error(found.gains, d) < 1e-10
    assert relative_error(found.signal, x) < 1e-10
    # No n x n factor has been sent.
    assert found.received < found.rounds * 4 * 2 * (256 + 128)


def test_missing_values_and_sensors():
    case = draw("repeated", 24, 10, 8)
    Y = case.Y.copy()
    Y[:, 5], Y[2:, 6], Y[3, 7] = np.nan, np.nan, np.nan
    case.Y = Y
    found = calibrate_partitioned(parts_of(case, "repeated", 8))
    assert found.gains[5] == 0
    assert found.flags[5] == SensorFlag.MISSING | SensorFlag.NO_GAIN
    assert np.isfinite(found.gains).all()
    assert relative_error(np.delete(found.gains, 5), np.delete(case.d, 5)) < 1e-8


def test_real_data_and_units():
    case = draw_real(16, 8, 4)
    case.Y = 1e6 * case.Y
    found = calibrate_partitioned(parts_of(case, "repeated", 2))
    assert found.gains.dtype == float
    model = found.gains * (case.A @ found.signal)
    np.testing.assert_allclose(model, case.Y, rtol=1e-8, atol=1.0)


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="parts"):
        calibrate_partitioned([])
    case = draw("diverse", 32, 24, 3)
    with pytest.raises(ArgumentError, match="not identifiable"):
        calibrate_partitioned(parts_of(case, "diverse", 3), model="diverse")
    other = draw("diverse", 32, 20, 3)
    with pytest.raises(ArgumentError, match="parts"):
        calibrate_partitioned([(case.Y, case.A), (other.Y, other.A)], model="diverse")
    with pytest.raises(ArgumentError, match="parts"):
        calibrate_partitioned([(np.ones((2, 3, 32)), other.A)], model="diverse")


@pytest.mark.parametrize("model", MODELS)
def test_dask_arrays_are_cut_along_their_chunks(model):
    arrays = pytest.importorskip("dask.array", reason="the optional extra dask is not installed")
    case = draw(model, *SIZES[model], snr=20.0)
    weights = 0.5 + np.random.default_rng(0).random(case.Y.shape)
    chunks = (5, 8, 3)
    maps = case.A
    if model != "snapshots":
        maps = arrays.from_array(case.A, chunks=(chunks, 24, case.A.shape[-1]))
    lazy = measurement_parts(
        arrays.from_array(case.Y, chunks=(chunks, 12)),
        maps,
        arrays.from_array(weights, chunks=(8, 24)),
    )
    assert len(lazy) == 3
    found = calibrate_partitioned(lazy, model=model)
    plain = measurement_parts(case.Y, case.A, weights, count=3)
    expected = calibrate_partitioned(plain, model=model)
    np.testing.assert_allclose(found.gains, expected.gains, atol=1e-12)


def test_parts_that_do_not_fit():
    with pytest.raises(ArgumentError, match="operators"):
        measurement_parts(np.ones((4, 3)), np.ones((5, 3, 2)))
    with pytest.raises(ArgumentError, match="count"):
        measurement_parts(np.ones((4, 3)), np.ones((3, 2)), count=0)
    assert len(measurement_parts(np.ones((4, 3)), np.ones((3, 2)), count=9)) == 4


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_parts_with_sensors_of_their_own_are_ambiguous(noise):
    """Each worker has sensors that no other has: each has a factor of its own."""
    case = draw("diverse", 12, 4, 12)
    Y = case.Y.copy()
    Y[:6] += noise * np.abs(Y).mean() * complex_normal(np.random.default_rng(0), 6, 12)
    linked = Y.copy()
    Y[:6, :6] = np.nan
    Y[6:, 6:] = np.nan
    for values, status in ((Y, Status.AMBIGUOUS), (linked, Status.OK)):
        parts = [(values[:6], case.A[:6]), (values[6:], case.A[6:])]
        assert calibrate_partitioned(parts, model="diverse", max_sweeps=200).status is status


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_part_without_data(model, value):
    """Allowed as long as others have some; nothing at all is refused."""
    case = draw(model, *SIZES[model])
    Y = case.Y.copy()
    Y[:2] = value
    A = [case.A] * 2 if model == "snapshots" else [case.A[:2], case.A[2:]]
    parts = [(Y[:2], A[0]), (Y[2:], A[1])]
    found = calibrate_partitioned(parts, model=model)
    if model == "repeated" and value == 0.0:  # zeros are data, which contradict the others
        assert np.isfinite(found.gains).all()
    else:
        assert relative_error(found.gains, case.d) < 1e-8
    assert np.isfinite(found.signal).all()
    with pytest.raises(ArgumentError, match="parts: got nothing but zeros"):
        calibrate_partitioned([(0 * y, maps) for y, maps in parts], model=model)


@pytest.mark.parametrize("parts", [None, [1, 2], (np.ones((3, 3)), np.ones((3, 2)))])
def test_parts_are_a_list_of_pairs(parts):
    with pytest.raises(ArgumentTypeError, match="parts"):
        calibrate_partitioned(parts)
    case = draw("diverse", 12, 4, 6)
    for sweeps in (-1, "a"):
        with pytest.raises((ArgumentError, ArgumentTypeError), match="max_sweeps"):
            calibrate_partitioned([(case.Y, case.A)], model="diverse", max_sweeps=sweeps)


def missing_measurements(model):
    """Noisy, with a measurement and a sensor without data and one with half of them."""
    case = draw(model, *SIZES[model], snr=20.0, seed=5)
    Y = case.Y.copy()
    Y[0], Y[:, 3], Y[5, :18] = np.nan, np.nan, np.nan
    case.Y = Y
    return case


@pytest.mark.parametrize("model", MODELS)
def test_unknowns_that_nothing_is_measured_of_are_not_counted(model):
    case = missing_measurements(model)
    found = calibrate_partitioned(parts_of(case, model, 3), model=model, max_sweeps=200)
    whole = calibrate(case.Y, case.A, model=model, max_sweeps=200)
    assert found.status is whole.status
    np.testing.assert_allclose(found.residual_variance, whole.residual_variance, rtol=1e-5)


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("model", MODELS)
def test_zeros_of_operators_that_split_the_sensors(model, noise):
    """Each half of the sensors sees one half of the unknowns, and no part knows of the other."""
    rng = np.random.default_rng(0)
    maps = 1 if model == "snapshots" else 12
    A = np.zeros((maps, 24, 8), dtype=complex)
    A[:, :12, :4] = complex_normal(rng, maps, 12, 4)
    A[:, 12:, 4:] = complex_normal(rng, maps, 12, 4)
    x, d = complex_normal(rng, 1 if model == "repeated" else 12, 8), complex_normal(rng, 24)
    Y = d * (A @ x[..., None])[..., 0]
    Y[:, :12] += noise * complex_normal(rng, 12, 12)
    maps = A[0] if model == "snapshots" else A
    found = calibrate_partitioned(measurement_parts(Y, maps, count=3), model=model)
    assert found.status is Status.AMBIGUOUS
    # Companion: the gap alone misses halves that differ in noise.
    assert (found.gap > max(3 * (1 - found.sigma[0]), 1e-3)) == (noise > 0)
    A[:, 0] = complex_normal(rng, len(A), 8)  # one sensor sees all
    Y = d * (A @ x[..., None])[..., 0]
    found = calibrate_partitioned(measurement_parts(Y, maps, count=3), model=model)
    assert found.status is Status.OK


@pytest.mark.parametrize("model", MODELS)
def test_an_unknown_that_no_sensor_sees(model):
    case = draw(model, *SIZES[model])
    A = np.array(case.A)
    A[..., 3] = 0.0
    x = case.x[..., None, :] if model == "repeated" else case.x
    case.Y, case.A = case.d * (A @ x[..., None])[..., 0], A
    found = calibrate_partitioned(parts_of(case, model, 2), model=model)
    assert found.status is Status.RANK_DEFICIENT
    assert found.status is calibrate(case.Y, A, model=model).status
    assert relative_error(found.gains, case.d) < 1e-8
    assert np.abs(found.signal[..., 3]).max() < 1e-6 * np.abs(found.signal).max()


@pytest.mark.parametrize("model", MODELS)
def test_too_few_values_are_refused_in_parts_as_in_one(model):
    case = draw(model, 24, 10, 4)
    Y = np.full_like(case.Y, np.nan)
    Y[:2, :6] = case.Y[:2, :6]
    case.Y = Y
    with pytest.raises(ArgumentError, match="not identifiable"):
        calibrate(Y, case.A, model=model)
    with pytest.raises(ArgumentError, match=r"parts: .*not identifiable"):
        calibrate_partitioned(parts_of(case, model, 2), model=model)


@pytest.mark.parametrize("size", [1e-160, 1e150])
def test_data_whose_squares_are_out_of_range(size):
    case = draw("diverse", *SIZES["diverse"])
    expected = calibrate_partitioned(parts_of(case, "diverse", 3), model="diverse")
    case.Y = size * case.Y
    found = calibrate_partitioned(parts_of(case, "diverse", 3), model="diverse")
    assert relative_error(found.gains, expected.gains) < 1e-8
    np.testing.assert_allclose(found.signal / size, expected.signal, rtol=1e-6, atol=1e-7)
    assert np.isfinite(found.residual_variance)


@pytest.mark.parametrize("model", MODELS)
def test_operators_that_are_zero_leave_gains_of_zero(model):
    case = draw(model, *SIZES[model])
    case.A = 0 * case.A
    found = calibrate_partitioned(parts_of(case, model, 2), model=model)
    assert not found.gains.any()
    assert not found.signal.any()
    assert found.status is calibrate(case.Y, case.A, model=model).status
