"""The public surface: `__all__` honest, imports cheap, every public name documented."""

from __future__ import annotations

import ast
import inspect
import pathlib
import subprocess
import sys

import pytest

import rnla

FORBIDDEN = ("numba", "cupy", "dask", "torch", "matplotlib", "pandas", "scipy.optimize")


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
    data = {"resolve_seed": {"rng"}, "sample_rows": {"size"}}.get(name, set())
    optional = [
        p for p in parameters if p.default is not inspect.Parameter.empty and p.name not in data
    ]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in optional)
