"""Every public name of the rooms: on a GPU the same numbers, or an error that says what to do."""

from __future__ import annotations

import dataclasses
import importlib
import pathlib
import re

import numpy as np
import pytest

import rnla

from .backends import BACKENDS, Backend, host
from .inventory import NO_ARRAYS, ON_DEVICE, REFUSED, ROOMS


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
