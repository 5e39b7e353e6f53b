"""The stand-in offers nothing that CuPy does not: its names and keywords, where CuPy is installed.

Code that runs on the stand-in can then only ask CuPy for what exists. No GPU is needed: nothing is
computed.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import pathlib
import re
from functools import lru_cache

import pytest

import rnla
from rnla.kernels import dispatch
from tests.kernels.cuda_host import cupy_stand_in
from tests.kernels.cuda_host.device import EmulatedDevice

if importlib.util.find_spec("cupy") is None:
    pytest.skip("CuPy is not installed: nothing to compare with", allow_module_level=True)

import cupy
import cupy.cuda.function
import cupyx.scipy.sparse

#: What tests ask the stand-in about itself.
OWN = {"copies", "launches"}


@lru_cache
def stand_in():
    """Its modules; there is nothing compiled to run on them."""
    return cupy_stand_in.modules(EmulatedDevice(None, check=False))


def parameters(function):
    """Names of a function's parameters, of Cython's too, whose first line of help has them."""
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        text = re.search(r"\((.*?)\)( ->.*)?$", (function.__doc__ or "").split("\n")[0])
        names = text[1].split(",") if text else []
        return {re.split(r"[=:]", name.strip())[0].split()[-1].lstrip("*") for name in names}


def public(namespace):
    return {name for name in dir(namespace) if not name.startswith("_")} - OWN


def keywords(function):
    """Parameters of a function of the stand-in that callers may name."""
    named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    found = inspect.signature(function).parameters.values()
    return {p.name for p in found if p.kind in named and p.default is not inspect.Parameter.empty}


def test_functions_and_their_keywords():
    for name in public(stand_in()["cupy"]):
        assert hasattr(cupy, name), name
    for name in cupy_stand_in._UFUNCS.split():
        assert isinstance(getattr(cupy, name), cupy.ufunc) or callable(getattr(cupy, name))
    for name, options in cupy_stand_in._FUNCTIONS.items():
        assert set(options.split()) <= parameters(getattr(cupy, name)), name
    made = ["array", "asarray", "ascontiguousarray", "empty", "zeros", "ones", "full", "arange"]
    made += [f"{name}_like" for name in ("empty", "zeros", "ones", "full")]
    for name in made:
        own = keywords(getattr(stand_in()["cupy"], name)) - {"make"}
        assert own <= parameters(getattr(cupy, name)) | {"args"}, name


def used():
    """Names that sources look up in CuPy, such as cuda.Stream, or in the namespace of an array."""
    homes = [pathlib.Path(module.__file__).parent for module in (rnla, dispatch)]
    for path in {path for home in homes for path in home.rglob("*.py")}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            while isinstance(node, ast.Attribute):
                names.append(node.attr)
                node = node.value
            root = node.id if isinstance(node, ast.Name) else ""
            if root == "self" and names and names[-1] in ("_cupy", "_xp"):
                root = names.pop()
            if root.lstrip("_") in ("cupy", "xp") and names:
                yield path.name, names[::-1]


def test_names_in_sources():
    found = list(used())
    assert {"device_engine.py", "cupy_device.py"} <= {file for file, _ in found}
    for file, names in found:
        value = cupy
        for name in names:
            assert hasattr(value, name), f"{file}: cupy.{'.'.join(names)}"
            value = getattr(value, name)
            if not inspect.ismodule(value) and not inspect.isclass(value):
                break


def test_methods_of_arrays():
    ours = stand_in()["cupy"].ndarray
    for name in public(ours):
        assert hasattr(cupy.ndarray, name), name
        method = getattr(ours, name)
        if not callable(method):
            continue
        options = cupy_stand_in._FUNCTIONS.get(name, "").split()
        own = set(options) or keywords(method) - {"_name"}
        assert own <= parameters(getattr(cupy.ndarray, name)), name
    operators = {name for name in dir(ours) if re.fullmatch("__[a-z]+__", name)}
    mixed_in = {"__imatmul__", "__dict__", "__weakref__"}  # by NumPy and Python
    assert operators - set(dir(cupy.ndarray)) <= mixed_in


def test_devices_streams_and_kernels():
    ours = stand_in()["cupy"].cuda
    for name in public(ours) - {"runtime"}:
        assert hasattr(cupy.cuda, name), name
    for name in public(ours.runtime):
        assert hasattr(cupy.cuda.runtime, name), name
    for kind in ("Stream", "Event"):
        own, real = getattr(ours, kind), getattr(cupy.cuda, kind)
        assert public(own) <= public(real), kind
        assert keywords(own) <= parameters(real), kind
    assert public(ours.Device) - {"active"} <= public(cupy.cuda.Device) | {"id"}
    assert public(stand_in()["cupy"].RawModule) <= public(cupy.RawModule)
    assert {"code", "options", "backend"} <= set(
        re.findall(r"(\w+) \(", cupy.RawModule.__doc__ or "")
    )
    kernel = public(cupy.RawKernel)
    assert {"max_dynamic_shared_size_bytes", "shared_size_bytes"} <= kernel


def test_sparse_matrices():
    ours, theirs = stand_in()["cupyx.scipy.sparse"], cupyx.scipy.sparse
    assert public(ours) <= public(theirs) | {"spmatrix"}
    for kind in ("csr_matrix", "csc_matrix", "coo_matrix"):
        own, real = getattr(ours, kind), getattr(theirs, kind)
        fields = {"data", "indices", "indptr", "row", "col"}  # of instances
        assert public(own) - fields <= public(real), kind
        assert any({"shape", "dtype"} <= parameters(base.__init__) for base in real.__mro__)
    assert isinstance(theirs.csr_matrix.has_canonical_format, property)
    assert theirs.csr_matrix.has_canonical_format.fset is not None
