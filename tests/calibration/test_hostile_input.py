"""What careless callers pass to functions around `calibrate`: refused by name, or done right."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError
from rnla.calibration import (
    calibrate_sparse,
    plan,
    predicted_errors,
    relative_error,
    simulate,
    simulate_affine,
    simulate_coil_maps,
    simulate_interferometer,
    simulate_masked_frames,
)

SIZES = {"m": 8, "n": 4, "p": 3, "rng": 0}


@pytest.mark.parametrize(
    "options, start",
    [
        ({"snr": np.nan}, "snr"),
        ({"snr": "a"}, "snr"),
        ({"snr": -1e6}, "snr"),
        ({"dead": [8]}, "dead: got [8]"),
        ({"dead": [-1]}, "dead: got [-1]"),
        ({"dead": "a"}, "dead: got dtype"),
        ({"dead": [0.5]}, "dead: got dtype"),
        ({"dead_gain": np.nan}, "dead_gain"),
        ({"outlier_size": "a"}, "outlier_size"),
        ({"gains": np.full(8, np.nan)}, "gains: got nan"),
        ({"gains": None}, "gains: got NoneType"),
        ({"missing": 1.0}, "missing"),
    ],
)
def test_simulations_refuse(options, start):
    with pytest.raises((ArgumentError, ArgumentTypeError)) as error:
        simulate("repeated", **SIZES, **options)
    assert str(error.value).startswith(start)


@pytest.mark.parametrize(
    "call",
    [
        lambda: simulate_interferometer(5, 2, snr=np.nan),
        lambda: simulate_interferometer(5, 2, missing=1.5),
        lambda: simulate_interferometer(5, 2, gains=np.ones(5)),
        lambda: simulate_affine(m=8, n=3, p=5, snr=np.nan),
        lambda: simulate_affine(m=8, n=3, p=5, missing=1.5),
        lambda: simulate_masked_frames(2, size=16, snr=np.nan),
        lambda: simulate_coil_maps(size=16, snr=np.nan),
        lambda: predicted_errors("repeated", m=8, n=4, p=3, snr="a"),
        lambda: predicted_errors("repeated", m=8, n=4, p=3, snr=3.0, gains="a"),
        lambda: plan("repeated", m=8, n=4, snr="a", target_error=0.1),
        lambda: relative_error([np.inf], [1.0]),
        lambda: relative_error([1.0], [np.nan]),
        lambda: relative_error("a", "b"),
    ],
)
def test_others_refuse(call):
    with pytest.raises((ArgumentError, ArgumentTypeError)):
        call()


def test_gains_of_any_spread_are_finite():
    data = simulate("repeated", **SIZES, gains="log-normal", spread=1e4)
    assert np.isfinite(data.Y).all()
    assert (simulate("repeated", **SIZES, dead=3).gains != 0).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_sparse_signals_in_any_unit(scale):
    data = simulate("diverse", m=16, n=16, p=10, nonzeros=2, gains="mild", rng=0)
    plain = calibrate_sparse(data.Y, data.operators)
    for found, factor, norm in (
        (calibrate_sparse(data.Y, data.operators * scale), 1 / scale, 1 / scale),
        (calibrate_sparse(data.Y * scale, data.operators), scale, 1.0),
        (calibrate_sparse(data.Y, data.operators, w=np.full(16, scale)), 1.0, None),
    ):
        assert relative_error(found.gains, data.gains) < 1e-10
        np.testing.assert_allclose(found.signal, plain.signal * factor, rtol=1e-6)
        if norm is not None:
            np.testing.assert_allclose(found.norm, plain.norm * norm, rtol=1e-6)
    with pytest.raises(ArgumentError, match="operators: got zeros"):
        calibrate_sparse(data.Y, 0 * data.operators)
