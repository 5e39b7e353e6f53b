"""The public surface: `__all__` honest, imports cheap, every public name documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import pathlib
import re
import subprocess
import sys

import pytest

import rnla
from tests.device.inventory import NO_ARRAYS, ON_DEVICE, REFUSED

FORBIDDEN = ("numba", "cupy", "dask", "torch", "matplotlib", "pandas", "scipy.optimize", "sklearn")


def fresh_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_rnla_imports_no_heavy_package():
    code = f"import sys, rnla; print(','.join(m for m in {FORBIDDEN} if m in sys.modules))"
    assert fresh_python(code) == ""


def test_the_import_guard_notices_a_heavy_package():
    code = f"import sys, numba; print(','.join(m for m in {FORBIDDEN} if m in sys.modules))"
    assert "numba" in fresh_python(code)


def test_all_names_resolve_and_nothing_public_is_missing():
    for name in rnla.__all__:
        assert getattr(rnla, name) is not None
    tree = ast.parse(pathlib.Path(rnla.__file__).read_text())
    typed = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        for statement in node.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert typed | {"__version__"} == set(rnla.__all__), "lazy names and typed names differ"


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = rnla.no_such_name


SECTIONS = ("Parameters", "Returns", "Examples")


@pytest.mark.parametrize("name", [n for n in rnla.__all__ if inspect.isfunction(getattr(rnla, n))])
def test_public_functions_are_documented(name):
    function = getattr(rnla, name)
    doc = inspect.getdoc(function)
    assert doc, f"{name} has no docstring"
    for section in SECTIONS:
        assert f"\n{section}\n---" in doc, f"{name}: no {section} section"
    for parameter in inspect.signature(function).parameters:
        assert parameter in doc, f"{name}: parameter {parameter} is not documented"


@pytest.mark.parametrize("name", [n for n in rnla.__all__ if inspect.isfunction(getattr(rnla, n))])
def test_options_are_keyword_only(name):
    parameters = list(inspect.signature(getattr(rnla, name)).parameters.values())
    # The seed of resolve_seed and the size that goes with scores are data, not options.
    data = {
        "resolve_seed": {"rng"},
        "sample_rows": {"size"},
        "active_lp_regression": {"p"},
        "quantile_regression": {"q"},
    }.get(name, set())
    optional = [
        p for p in parameters if p.default is not inspect.Parameter.empty and p.name not in data
    ]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in optional)


# --- the API page -------------------------------------------------------------------------------

API_PAGE = pathlib.Path(__file__).resolve().parents[1] / "docs" / "api.rst"
LISTED = re.findall(r"^   (rnla\.[\w.]+)$", API_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
ROOMS = (
    "approximation",
    "diffusion",
    "diffusion.interpolants",
    "diffusion.solvers",
    "embedding",
    "dpp",
    "regression",
    "scores",
    "sampling",
    "certify",
    "bounds",
    "plotting",
    "random",
    "sketch",
    "sklearn",
)
CONSTANTS = {"DESIGNS", "LAW_STYLES", "ROWS", "METHOD_STYLES", "RNGLike"}


def resolve(dotted: str) -> object:
    """The object that a dotted name on the page stands for."""
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_the_api_page_lists_every_public_name():
    assert len(LISTED) == len(set(LISTED))
    missing = {f"rnla.{name}" for name in rnla.__all__ if name != "__version__"} - set(LISTED)
    assert not missing


@pytest.mark.parametrize("room", ROOMS)
def test_the_api_page_lists_every_name_of_the_public_rooms(room):
    listed = {resolve(name) for name in LISTED}
    module = importlib.import_module(f"rnla.{room}")
    assert not [
        name
        for name in module.__all__
        if name not in CONSTANTS and getattr(module, name) not in listed
    ]


@pytest.mark.parametrize("dotted", LISTED)
def test_what_the_api_page_lists_is_documented(dotted):
    entry = resolve(dotted)
    doc = inspect.getdoc(entry)
    assert doc, f"{dotted} has no docstring"
    if inspect.isfunction(entry):
        parameters = inspect.signature(entry).parameters
        undescribed = [p for p in parameters if p not in doc]
        assert not undescribed, f"{dotted}: {undescribed}"


HOMES = {
    **dict.fromkeys(ON_DEVICE, "Runs on a GPU"),
    **dict.fromkeys(REFUSED, "Works on arrays in host memory: convert CuPy arrays with"),
    **{
        name: "Works on arrays in host memory."
        for name, why in NO_ARRAYS.items()
        if why != "takes numbers alone"
    },
}


@pytest.mark.parametrize("name", [n for n in HOMES if inspect.isfunction(resolve(f"rnla.{n}"))])
def test_every_function_says_whether_it_runs_on_a_gpu(name):
    notes = (inspect.getdoc(resolve(f"rnla.{name}")) or "").partition("\nNotes\n-----\n")[2]
    assert HOMES[name] in " ".join(notes.split())


def test_section_titles_stand_on_their_own_lines():
    broken = re.compile(r"(Parameters|Returns|Raises|Notes|References|Examples) -{4,}")
    package = pathlib.Path(rnla.__file__).parent
    assert not [path.name for path in package.rglob("*.py") if broken.search(path.read_text())]
