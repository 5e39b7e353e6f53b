"""`rnla fit`: regression on the columns of files, of which one is the response.

The response and the weights are read by a pass of their own, 8 n bytes each; the other columns stay
where they are. All imports are inside, as in `_commands`.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from ._commands import OK, TARGET_MISSED, names_of, opened, print_json, print_result, read

__all__ = ["fit"]

_IN_TABLE = ("x", "intercept", "coefficients", "intercepts", "q")


def fit(options: argparse.Namespace) -> int:
    """Fit one column of a table by the others, print the coefficients, write them."""
    from ._errors import argument_error

    if options.out:
        from .tall.write import check_output

        check_output(options.out)
    if options.plot:
        from .plotting import new_axes

        new_axes()  # fails now, not after the work, if matplotlib is missing
        os.makedirs(options.plot, exist_ok=True)
    special = [options.target] + ([options.weights] if options.weights else [])
    if options.columns is None:
        with read(options) as everything:
            numbers = [str(j) for j in range(everything.shape[1])]
            options.columns = list(everything.column_names or numbers)
        special = [
            options.columns[numbers.index(name)]
            if name in numbers and name not in options.columns
            else name
            for name in special
        ]
    options.columns = [name for name in options.columns if name not in special]
    if not options.columns:
        remedy = "Name other columns with --columns."
        raise argument_error("columns", "none beside the target", "at least one", remedy)
    with opened(options, bar="fit") as tall:
        import numpy as np

        with read(_of_columns(options, special)) as beside:
            columns = np.asarray(beside.matmul(np.eye(len(special))))
        weights = columns[:, 1] if options.weights else None
        result = _fitted(options, tall, columns[:, 0], weights)
        return _report(options, list(names_of(tall)), result)


def _of_columns(options: argparse.Namespace, columns: list[str]) -> argparse.Namespace:
    return argparse.Namespace(
        **{**vars(options), "columns": columns, "one_hot": None, "drop_first": False}
    )


def _fitted(options: argparse.Namespace, A: Any, b: Any, weights: Any) -> Any:
    from . import regression

    shared = {"intercept": not options.no_intercept, "weights": weights, "rng": options.seed}
    if options.logistic:
        return regression.logistic_regression(A, b, tol=options.tol, **shared)
    if options.ridge:
        return regression.ridge(A, b, **shared)
    shared |= {
        "bounds": (0.0, float("inf")) if options.nonnegative else (-float("inf"), float("inf")),
        "tol": options.tol,
        "polish": options.eps is None,
        "eps": 0.1 if options.eps is None else options.eps,
    }
    if options.quantiles is not None:
        return regression.quantile_regression(A, b, options.quantiles, **shared)
    return regression.lp_regression(A, b, options.p, **shared)


def _report(options: argparse.Namespace, names: list[str], result: Any) -> int:
    import numpy as np

    from ._result import Status
    from .report import format_table, to_json, to_text

    x = np.asarray(result.x)
    many = x.ndim == 2
    heads = [f"q = {q:g}" for q in options.quantiles] if many else ["coefficient"]
    table = x if many else x[:, None]
    if not options.no_intercept:
        names = [*names, "(intercept)"]
        table = np.vstack([table, np.atleast_1d(result.intercept)])
    written = []
    if options.out:
        from .tall.write import write_columns

        columns = {"column": np.array(names), **dict(zip(heads, table.T, strict=True))}
        write_columns(options.out, columns)
        written.append(options.out)
    if options.plot:
        written += _pictures(options.plot, result, names[: x.shape[0]])
    if options.json:
        found = to_json(result, arrays=False) | {"written": written, "columns": names}
        print_json(found | {"coefficients": table.tolist() if many else table[:, 0].tolist()})
    else:
        rows = [[name, *map(float, row)] for name, row in zip(names, table, strict=True)]
        print(format_table(["column", *heads], rows) + "\n")
        print_result(to_text(result, omit=_IN_TABLE), written)
    return TARGET_MISSED if result.status is Status.NOT_CONVERGED else OK


def _pictures(folder: str, result: Any, names: list[str]) -> list[str]:
    from . import plotting

    if hasattr(result, "loo"):
        ax = plotting.leave_one_out_curve(result, ax=plotting.new_axes())
        name = "leave-one-out.png"
    elif hasattr(result, "q") and getattr(result.x, "ndim", 1) == 2:
        ax = plotting.quantile_coefficients(result, column_names=names, ax=plotting.new_axes())
        name = "quantile-coefficients.png"
    else:
        return []
    path = os.path.join(folder, name)
    plotting.save_figure(ax, path)
    return [path]
