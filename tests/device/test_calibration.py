"""Calibration runs on the host and says so; its kernels run on a GPU (tests/kernels)."""

from __future__ import annotations

import numpy as np
import pytest

import rnla
from rnla.calibration import (
    PartialFourier,
    as_operators,
    calibrate_affine,
    calibrate_partitioned,
    calibrate_sparse,
    gains_from_model,
)

A = np.random.default_rng(0).standard_normal((4, 12, 5))
Y = np.random.default_rng(1).standard_normal((4, 12))

CALLS = {
    "Y": lambda cupy: rnla.calibrate(cupy.asarray(Y), A),
    "A": lambda cupy: rnla.calibrate(Y, cupy.asarray(A)),
    "weights": lambda cupy: rnla.calibrate(Y, A, weights=cupy.asarray(np.ones(12))),
    "gain_basis": lambda cupy: rnla.calibrate(Y, A, gain_basis=cupy.asarray(np.ones((12, 1)))),
    "signs": lambda cupy: PartialFourier(12, cupy.asarray(np.ones((4, 5)))),
    "V": lambda cupy: gains_from_model(cupy.asarray(np.ones((5, 5))), np.ones((5, 5))),
    "M": lambda cupy: gains_from_model(np.ones((5, 5)), cupy.asarray(np.ones((5, 5)))),
}


@pytest.mark.parametrize("name", CALLS)
def test_arrays_on_a_gpu_are_refused_with_the_conversion(cupy, name):
    with pytest.raises(rnla.ArgumentTypeError, match=rf"^{name}: got a CuPy array.*for a cal") as e:
        CALLS[name](cupy)
    assert f"cupy.asnumpy({name})" in str(e.value)


def test_other_doors_too(cupy):
    there = cupy.asarray(Y)
    for call in (
        lambda: calibrate_affine(there, A[0]),
        lambda: calibrate_sparse(there, A),
        lambda: calibrate_partitioned([(there, A)]),
        lambda: as_operators(cupy.asarray(A)),
    ):
        with pytest.raises(rnla.ArgumentTypeError, match=r"cupy\.asnumpy"):
            call()
