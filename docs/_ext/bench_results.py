"""Directive `bench-result`: show what a benchmark wrote, or say that it has not been run.

``.. bench-result:: scores*.png`` takes a pattern below bench/results. Every matching picture is
shown with the directive's content as caption. A matching .json file becomes a table of the list of
records under `:key:` ("rows" by default), with the columns named in `:columns:` (all that are plain
by default) and, if it is recorded, the machine as the last line. With no match the page still
builds and says which command is missing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results"
Record = dict[str, Any]


class BenchResult(SphinxDirective):
    """See the module docstring."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "script": directives.unchanged,
        "key": directives.unchanged,
        "columns": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Return the nodes of every matching file."""
        pattern = self.arguments[0]
        found = sorted(RESULTS.glob(pattern))
        if not found:
            script = self.options.get("script", "make bench")
            text = f"No {pattern} in bench/results yet: run {script}."
            return [nodes.note("", nodes.paragraph(text=text))]
        return [node for path in found for node in self._nodes(path)]

    def _nodes(self, path: Path) -> list[nodes.Node]:
        self.env.note_dependency(str(path))
        return self._table(path) if path.suffix == ".json" else [self._figure(path)]

    def _figure(self, path: Path) -> nodes.Node:
        here = Path(self.env.doc2path(self.env.docname)).parent
        uri = Path(os.path.relpath(path, here)).as_posix()
        figure = nodes.figure("", nodes.image(uri=uri, alt=path.stem.replace("_", " ")))
        if self.content:
            caption = nodes.paragraph()
            self.state.nested_parse(self.content, self.content_offset, caption)
            children = caption.children[0].children if caption.children else []
            figure += nodes.caption("", "", *[child.deepcopy() for child in children])
        return figure

    def _table(self, path: Path) -> list[nodes.Node]:
        content = json.loads(path.read_text(encoding="utf-8"))
        records: list[Record] = content[self.options.get("key", "rows")]
        wanted = [name.strip() for name in self.options.get("columns", "").split(",")]
        names = [name for name in wanted if name] or _plain_columns(records)
        width = len(names)
        group = nodes.tgroup("", *[nodes.colspec(colwidth=1) for _ in names], cols=width)
        group += nodes.thead("", _row([name.replace("_", " ") for name in names]))
        group += nodes.tbody("", *[_row([_cell(r.get(name)) for name in names]) for r in records])
        table = nodes.table("", group, classes=["bench-result"])
        machine = content.get("machine")
        return [table, nodes.paragraph(text=_footnote(machine))] if machine else [table]


def _plain_columns(records: list[Record]) -> list[str]:
    names = dict.fromkeys(name for record in records for name in record)
    return [
        name
        for name in names
        if not any(isinstance(record.get(name), (list, dict)) for record in records)
    ]


def _row(cells: list[str]) -> nodes.row:
    return nodes.row("", *[nodes.entry("", nodes.paragraph(text=cell)) for cell in cells])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def _footnote(machine: Any) -> str:
    if not isinstance(machine, dict):
        return f"Measured on {machine}."
    parts = [str(machine.get("processor", "")), f"{machine.get('cores')} cores"]
    parts += [f"{name} {value}" for name, value in (machine.get("rates") or {}).items()]
    return f"Measured on {', '.join(parts)}; {machine.get('date')}."


def setup(app: Any) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("bench-result", BenchResult)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
