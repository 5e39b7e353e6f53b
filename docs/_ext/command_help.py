"""Directive `command-help`: what `rnla COMMAND --help` prints, as literal text.

``.. command-help:: embed`` asks the parser itself, so that the page and the command cannot differ.
Without an argument it shows ``rnla --help``.
"""

from __future__ import annotations

import contextlib
import io
import os
from typing import Any
from unittest import mock

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from rnla import cli


class CommandHelp(SphinxDirective):
    """See the module docstring."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return one literal block."""
        printed = io.StringIO()
        with mock.patch.dict(os.environ, COLUMNS="96"), contextlib.redirect_stdout(printed):
            cli.main([*self.arguments, "--help"])
        text = printed.getvalue().partition("exit codes:")[0].strip()
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Any) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("command-help", CommandHelp)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
