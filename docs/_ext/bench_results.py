"""Directive `bench-result`: show what `make bench` wrote, or say that it has not been run.

``.. bench-result:: scores*.png`` takes a pattern below bench/results. Every matching picture is
shown with the directive's content as caption; a matching text file becomes a literal block. With no
match the page still builds and says which command is missing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results"


class BenchResult(SphinxDirective):
    """See the module docstring."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"script": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return one node per matching file."""
        pattern = self.arguments[0]
        found = sorted(RESULTS.glob(pattern))
        if not found:
            script = self.options.get("script", "the benchmarks")
            text = f"No {pattern} in bench/results yet: run {script} (or make bench)."
            return [nodes.note("", nodes.paragraph(text=text))]
        return [self._node(path) for path in found]

    def _node(self, path: Path) -> nodes.Node:
        self.env.note_dependency(str(path))
        if path.suffix == ".txt":
            text = path.read_text(encoding="utf-8")
            return nodes.literal_block(text, text, language="text")
        here = Path(self.env.doc2path(self.env.docname)).parent
        uri = Path(os.path.relpath(path, here)).as_posix()
        figure = nodes.figure("", nodes.image(uri=uri, alt=path.stem.replace("_", " ")))
        if self.content:
            caption = nodes.caption()
            self.state.nested_parse(self.content, self.content_offset, caption)
            children = caption.children[0].children if caption.children else []
            figure += nodes.caption("", "", *[child.deepcopy() for child in children])
        return figure


def setup(app: Any) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("bench-result", BenchResult)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
