"""Shared set-up: repeatable Hypothesis runs, and the table that `make slow` writes.

A statistical test records what it measured with pytest's `record_property`; the keys `check`,
`measured`, `threshold`, `count` and `false_alarm_rate` become one row of the table.
"""

from __future__ import annotations

import datetime
import json
import pathlib
import platform
from typing import Any

import hypothesis
import numpy as np
import pytest
import scipy

hypothesis.settings.register_profile(
    "rnla",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("rnla")

_rows: list[dict[str, Any]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--statistics-table", default=None, help="write what statistical tests measured (JSON)"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Turn NumPy scalars into plain ones: reports travel between test processes."""
    item.user_properties[:] = [
        (key, value.item() if isinstance(value, np.generic) else value)
        for key, value in item.user_properties
    ]
    return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    properties = dict(report.user_properties)
    if report.when == "call" and properties:
        _rows.append({"test": report.nodeid, "outcome": report.outcome, **properties})


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--statistics-table")
    if path is None or hasattr(session.config, "workerinput"):
        return
    table = {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": platform.machine(),
        "rows": sorted(_rows, key=lambda row: str(row["test"])),
    }
    pathlib.Path(path).write_text(json.dumps(table, indent=1, default=float) + "\n")
