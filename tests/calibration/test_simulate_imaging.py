"""Masked frames and coil maps: what they are, and that calibration solves one and not the other."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.calibration import (
    MaskedFourier,
    calibrate,
    phantom,
    relative_error,
    simulate_coil_maps,
    simulate_masked_frames,
)


def test_phantom_is_the_modified_shepp_logan_head():
    image = phantom(129)
    assert image.shape == (129, 129)
    assert image.max() == 1.0  # the skull
    assert image[0, 0] == 0.0
    assert image[64, 64] == pytest.approx(0.2)  # grey matter in the centre
    assert np.allclose(image[64, 50], 0.0, atol=1e-12)  # ventricle
    # The area of the head without its two ventricles, from the half axes.
    area = np.pi / 4 * (0.69 * 0.92 - 0.11 * 0.31 - 0.16 * 0.41)
    assert np.mean(image > 1e-9) == pytest.approx(area, rel=0.02)
    assert abs(image.mean() - phantom(64).mean()) < 0.01


def test_masked_frames_follow_the_model():
    scene = simulate_masked_frames(2, size=16, rng=3)
    direct = np.zeros((2, 16, 16))
    for row in range(-3, 4):
        for column in range(-3, 4):
            shifted = np.roll(scene.masks * scene.image, (row, column), axis=(1, 2))
            direct += scene.kernel[row % 16, column % 16] * shifted
    assert np.allclose(scene.frames, direct)
    operators = MaskedFourier(scene.masks)
    expected = scene.gains * operators.apply(scene.image.ravel()[None, :].repeat(2, axis=0))
    assert np.allclose(scene.Y, expected)
    assert scene.kernel.sum() == pytest.approx(1.0)
    assert set(np.unique(scene.masks)) == {-1.0, 1.0}
    assert np.array_equal(scene.masks, simulate_masked_frames(4, size=16, rng=3).masks[:2])


def test_frames_have_the_stated_noise():
    """2 x 64 x 64 pixels: the mean square within 5 of its standard deviations (1 in 10^6)."""
    scene = simulate_masked_frames(2, size=64, snr=30.0, rng=1)
    clean = simulate_masked_frames(2, size=64, rng=1)
    assert scene.noise_std**2 == pytest.approx(1e-3 * np.mean(clean.frames**2))
    ratio = np.mean((scene.frames - clean.frames) ** 2) / scene.noise_std**2
    assert abs(ratio - 1) < 5 * np.sqrt(2 / 8192)
    assert np.allclose(np.linalg.norm(scene.Y), np.linalg.norm(scene.frames))


def test_masked_frames_are_deblurred():
    scene = simulate_masked_frames(4, size=32, rng=0)
    found = calibrate(scene.Y, MaskedFourier(scene.masks))
    assert found.status.name == "OK"
    assert relative_error(found.signal, scene.image.ravel()) < 1e-9
    assert relative_error(found.gains, scene.gains) < 1e-9
    # Companion: the frames themselves, masks undone, are far from the image.
    blurred = (scene.frames * scene.masks).mean(axis=0)
    assert relative_error(blurred, scene.image) > 0.1


def decibels(estimate, image):
    """Peak signal over root mean square error, after the best factor."""
    c = np.vdot(estimate, image) / np.vdot(estimate, estimate)
    error = np.mean(np.abs(c * estimate - image.ravel()) ** 2)
    return 10.0 * np.log10(image.max() ** 2 / error)


def test_check_17_masked_frames_of_the_phantom():
    """128 x 128 pixels behind 8 masks: 35 iterations of either solver, Lanczos ends before."""
    scene = simulate_masked_frames(8, rng=0)
    options = {"polish": None, "standard_errors": False, "max_iter": 35}
    for solver in ("lanczos", "power"):
        found = calibrate(scene.Y, MaskedFourier(scene.masks), solver=solver, **options)
        assert decibels(found.signal, scene.image) > 150.0
        assert found.iterations <= (24 if solver == "lanczos" else 35)


@pytest.mark.slow
def test_check_17_noisy_masked_frames_of_the_phantom(record_property):
    """60 dB, 20 sweeps; the linear start alone stays below."""
    scene = simulate_masked_frames(8, snr=60.0, rng=0)
    operators = MaskedFourier(scene.masks)
    found = calibrate(scene.Y, operators, max_sweeps=20, standard_errors=False)
    measured = decibels(found.signal, scene.image)
    record_property("check", 17)
    record_property("measured", measured)
    record_property("threshold", 68.0)
    assert found.sweeps <= 20
    assert measured > 68.0
    start = calibrate(scene.Y, operators, polish=None, standard_errors=False)
    assert decibels(start.signal, scene.image) < 60.0


def test_check_18_coil_maps_are_ambiguous():
    """64 x 64 pixels, 8 coils, 36 polynomials: never "ok", with noise or without."""
    data = simulate_coil_maps(rng=0)
    assert data.operators.shape == (4096, 36)
    assert np.allclose(data.operators.T @ data.operators, np.eye(36), atol=1e-10)
    found = calibrate(data.Y, data.operators, model="snapshots")
    assert found.status.name == "AMBIGUOUS"
    assert found.gap < 1e-5 < 0.01 < found.predicted_gap
    noisy = simulate_coil_maps(snr=40.0, rng=0)
    found = calibrate(noisy.Y, noisy.operators, model="snapshots")
    assert found.status.name == "AMBIGUOUS"
    assert relative_error(found.gains, data.gains) > 0.05
    # Companion: rough maps of the same polynomials are no obstacle.
    x = np.random.default_rng(0).normal(size=(8, 36))
    rough = calibrate(data.gains * (x @ data.operators.T), data.operators, model="snapshots")
    assert rough.status.name == "OK"


@pytest.mark.parametrize(
    ("call", "start"),
    [
        (lambda: phantom(0), "size: got 0"),
        (lambda: simulate_masked_frames(0), "p: got 0"),
        (lambda: simulate_masked_frames(2, size=7), "size: got 7"),
        (lambda: simulate_coil_maps(coils=0), "coils: got 0"),
        (lambda: simulate_coil_maps(size=5, degree=7), "degree: got 7"),
    ],
)
def test_bad_input(call, start):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value).startswith(start)
