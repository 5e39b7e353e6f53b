"""Every public name of the rooms: on a GPU the same numbers, or an error that says what to do."""

from __future__ import annotations

import dataclasses
import importlib
import pathlib
import re

import numpy as np
import pytest

import rnla
from rnla import approximation, calibration, sampling, sketch
from rnla.approximation import Uniform

from .backends import BACKENDS, Backend, host
from .inventory import (
    DESIGN,
    GAINS,
    LINE,
    NO_ARRAYS,
    ON_DEVICE,
    PICTURE,
    PROBLEM,
    REFUSED,
    ROOMS,
    SAMPLE,
    SCORES,
    SIGNAL,
    A,
    B,
    X,
)


@pytest.fixture(params=BACKENDS)
def backend(request, cupy):
    return Backend(request.param)


def test_every_public_name_is_in_one_table():
    names = [
        f"{room}.{name}"
        for room in ROOMS
        for name in importlib.import_module(f"rnla.{room}").__all__
    ]
    listed = [*ON_DEVICE, *REFUSED, *NO_ARRAYS]
    assert sorted(listed) == sorted(names)
    functions = {f"{room}.{name}" for name, room in rnla._EXPORTS.items() if room in ROOMS}
    assert functions <= set(listed)


def leaves(x, path=""):
    """Numbers and arrays of records and tuples, by their names."""
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        for field in dataclasses.fields(x):
            if field.name != "diagnostics":
                yield from leaves(getattr(x, field.name), f"{path}.{field.name}")
    elif isinstance(x, (tuple, list)):
        for i, one in enumerate(x):
            yield from leaves(one, f"{path}[{i}]")
    else:
        yield path, host(x)


@pytest.mark.parametrize("name", ON_DEVICE)
def test_the_same_numbers_on_every_backend(name, backend):
    call = ON_DEVICE[name]
    assert call.arrays
    expected = dict(leaves(call(lambda x: x)))
    found = dict(leaves(call(backend.put)))
    assert found.keys() == expected.keys()
    for path, one in expected.items():
        if isinstance(one, (float, np.ndarray)):
            np.testing.assert_allclose(found[path], one, rtol=1e-7, atol=1e-9, err_msg=path)


CASES = [(name, argument) for name, call in REFUSED.items() for argument in call.arrays]


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_what_works_on_the_host_says_how_to_convert(name, argument, cupy):
    """Before anything is computed or copied, whichever argument is on a GPU."""
    call = REFUSED[name]
    cupy.copies.clear()
    with pytest.raises(rnla.ArgumentTypeError, match=r"GPU.*cupy\.asnumpy\("):
        call(Backend("device").put, argument)
    if name != "sampling.root_leverage_recursion":  # what it calls has run on the GPU
        assert cupy.copies["to host"] <= 16
        assert not cupy.launches


# Options and methods that take arrays of the host, beside the arguments of the table.
OPTIONS = {
    "order": lambda x: rnla.lp_subspace_embedding(
        A, 1, size=30, design="systematic", order=x(np.arange(60))),
    "coordinates": lambda x: rnla.lp_subspace_embedding(
        A, 1, size=30, design="tree_pivotal", coordinates=x(A)),
    "lewis_weights": lambda x: rnla.certify_embedding(A, SAMPLE, 1, lewis_weights=x(SCORES)),
    "rows": lambda x: rnla.lp_sensitivities(A, 1, rows=x(np.arange(3)), method="bounds"),
    "scores": lambda x: sketch.LESS(16, 60, scores=x(SCORES)),
    "indices": lambda x: sampling.RowSample(
        x(np.arange(3)), np.ones(3), np.ones(3), "poisson", 0, 60),
    "alphas": lambda x: rnla.ridge(A, B, alphas=x(np.ones(2))),
    "q": lambda x: rnla.quantile_regression(A, B, x(np.array([0.25, 0.75]))),
    "query": lambda x: rnla.active_lp_regression(A, lambda i: x(B[i]), size=40, rng=0),
    "noise": lambda x: calibration.cramer_rao(PROBLEM, GAINS, SIGNAL, noise=x(np.array(0.1))),
    "weights": lambda x: PROBLEM.with_weights(x(np.ones((4, 12)))),
    "M": lambda x: calibration.gains_from_model(PICTURE, PICTURE).predict(x(PICTURE)),
    "V": lambda x: calibration.gains_from_model(PICTURE, PICTURE).correct(x(PICTURE)),
    "points of a design": lambda x: DESIGN.take(x(np.arange(2))),
    "gradient": lambda x: approximation.weighted_least_squares(LINE, DESIGN, X).gradient(x(X)),
    "standard_error": lambda x: approximation.weighted_least_squares(
        LINE, DESIGN, X).standard_error(x(X)),
    "features": lambda x: approximation.NumericalBasis(
        lambda t: x(np.hstack([np.ones_like(t), t])), Uniform(), size=200, rng=0),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_options_on_a_gpu_say_how_to_convert(name, cupy):
    OPTIONS[name](lambda x: x)
    with pytest.raises(rnla.ArgumentTypeError, match=r"GPU.*cupy\.asnumpy\("):
        OPTIONS[name](Backend("device").put)


@pytest.mark.parametrize("name", REFUSED)
def test_on_the_host_those_calls_are_right(name):
    assert REFUSED[name].arrays
    REFUSED[name](lambda x: x)


PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "gpu.rst"


def test_the_page_on_gpus_says_what_the_tables_say():
    """The rows of its table: a room, what runs on a GPU, and what does not."""
    text = PAGE.read_text(encoding="utf-8").partition("* - ``rnla.``")[2]
    listed: list[list[str]] = [[], []]
    for room, *cells in re.findall(
        r"\* - ``(\w+)``\n     -(.*(?:\n       .+)*)\n     -(.*(?:\n       .+)*)", text
    )[: len(ROOMS)]:
        for names, cell in zip(listed, cells, strict=True):
            names += [f"{room}.{name}" for name in re.findall(r"``(\w+)``", cell)]
    assert [sorted(names) for names in listed] == [sorted(ON_DEVICE), sorted(REFUSED)]
