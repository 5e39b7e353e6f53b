"""Directive `bounds-table`: the sample-size table, written from `rnla.bounds.ROWS`.

The page and the code cannot disagree, since the page is made from the code.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from rnla.bounds import ROWS, BoundRow


def _cells(entry: BoundRow) -> list[str]:
    return [
        str(entry.number),
        f":func:`{entry.name} <rnla.bounds.{entry.function.__name__}>`",
        str(entry.p_range),
        entry.kind,
        f"``{entry.size}``",
        f"{entry.counts}; {entry.hidden}",
        f"{entry.source} [{entry.evidence}]",
    ]


class BoundsTable(SphinxDirective):
    """See the module docstring."""

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        header = ["#", "method", "p", "kind", "size", "counts; hidden", "source [read]"]
        lines = [".. list-table::", "   :header-rows: 1", "   :widths: auto", ""]
        for cells in [header, *(_cells(entry) for entry in ROWS)]:
            lines += [f"   {'* - ' if k == 0 else '  - '}{cell}" for k, cell in enumerate(cells)]
        container = nodes.container()
        source = StringList(lines, source="rnla.bounds.ROWS")
        self.state.nested_parse(source, self.content_offset, container)
        return container.children


def setup(app: Any) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("bounds-table", BoundsTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
