"""Sphinx configuration. Builds without a network: no intersphinx, no remote badges."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import rnla

project = "rnla"
author = "The rnla developers"
copyright = f"2026, {author}"
version = release = rnla.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "bench_results",
    "bounds_table",
    "command_help",
]

root_doc = "index"
exclude_patterns = ["_build", "_ext", "examples", "**/sg_execution_times.rst"]
templates_path = ["_templates"]
default_role = "py:obj"  # single backquotes link to what they name, if it has a page
add_module_names = False

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's Parameters sections already carry the types
numpydoc_show_class_members = False  # the class template lists members with their docstrings
# Unknown or misordered parameters, unknown or misplaced sections, a missing summary.
numpydoc_validation_checks = {"PR02", "PR03", "PR10", "GL06", "GL07", "SS01"}

html_theme = "pydata_sphinx_theme"
html_title = f"rnla {release}"
html_static_path = ["_static"]
html_css_files = ["rnla.css"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
}

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "doc_module": ("rnla",),
    "backreferences_dir": None,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
}

_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)]+)\)")
_UNDERLINES = {1: "=", 2: "-", 3: "~"}


def markdown_to_rst(text: str) -> str:
    """Translate the little Markdown that the change log uses: headings, code spans and links."""
    lines: list[str] = []
    for line in text.splitlines():
        heading = re.match(r"(#{1,3}) (.+)", line)
        if heading:
            title = heading.group(2).replace("[", "").replace("]", "")
            lines += [title, _UNDERLINES[len(heading.group(1))] * len(title)]
        else:
            line = re.sub(r"`([^`]+)`", r"``\1``", line)
            lines.append(_LINK.sub(r"`\1 <\2>`__", line))
    return "\n".join(lines)


def _translate_include(app: Any, path: Path, parent: str, content: list[str]) -> None:
    if path.suffix == ".md":
        content[0] = markdown_to_rst(content[0])


def _escape_bars(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Norms such as ||Ax||_p are text: bars would begin a substitution."""
    doctest = False
    for k, line in enumerate(lines):
        doctest = line.lstrip().startswith(">>>") or (doctest and bool(line.strip()))
        if not doctest and "|" in line:
            parts = re.split("(``.*?``)", line)
            parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
            lines[k] = "".join(parts)


def setup(app: Any) -> None:
    """Register the change log's translation, and docstrings with bars."""
    app.connect("include-read", _translate_include)
    app.connect("autodoc-process-docstring", _escape_bars, priority=900)
