"""The command `rnla`: row samples, scores and certificates of files, and a demonstration.

Exit codes: 0 done; 1 done and written, but the target (eps, or an iteration's tolerance) was not
met; 2 bad arguments or an unreadable file; 130 interrupted. Nothing heavy is imported before the
subcommand needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from . import __version__, _commands, _diffusion_command, _fit_command
from ._commands import OK

__all__ = ["main"]

METHODS = (
    "auto",
    "uniform",
    "leverage",
    "root_leverage",
    "lewis",
    "sensitivity",
    "sensitivity+leverage",
    "mixed",
    "even_power",
    "recursive",
)
KINDS = ("leverage", "ridge_leverage", "root_leverage", "lewis", "sensitivity")

BAD_INPUT, INTERRUPTED = 2, 130

_FILE = (
    ".npy, .npz, .zarr, .h5, .parquet, .feather or .csv; several tables or .npy files, a folder or "
    "a quoted pattern are one matrix"
)

_EXIT_CODES = """\
exit codes:
  0    done
  1    done and written, but eps (or the tolerance of an iteration) was not met
  2    bad arguments, or a file that cannot be read or written
  130  interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; ``sys.argv[1:]`` by default.

    Returns
    -------
    int
        0, 1, 2 or 130, see the top of this module.

    Examples
    --------
    >>> main(["bounds", "--p", "2", "--d", "10", "--eps", "0.5", "--json"])  # doctest: +ELLIPSIS
    [...
    0
    """
    try:
        options = _parser().parse_args(argv)
    except SystemExit as end:  # argparse has printed its message
        return end.code if isinstance(end.code, int) else BAD_INPUT
    try:
        code = options.run(options)
        sys.stdout.flush()
        return int(code)
    except KeyboardInterrupt:
        print("rnla: interrupted; files that were there before are unchanged", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except MemoryError as error:
        remedy = "Choose fewer columns with --columns, or use a machine with more memory."
        print(f"rnla: error: not enough memory ({error}). {remedy}", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        print(f"rnla: error: {error}", file=sys.stderr)
        return BAD_INPUT
    except Exception as error:
        from ._errors import RnlaError

        if not isinstance(error, RnlaError):
            raise
        print(f"rnla: error: {error}", file=sys.stderr)
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rnla",
        description="Keep the few rows of a tall matrix that preserve ||Ax||_p, and measure how "
        "well they do.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rnla {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    output = argparse.ArgumentParser(add_help=False)
    output.add_argument("--json", action="store_true", help="write JSON to standard output")
    output.add_argument("--quiet", action="store_true", help="no progress bars")
    seed = argparse.ArgumentParser(add_help=False)
    seed.add_argument("--seed", type=_count, metavar="N", help="repeats a result (default: fresh)")
    file = argparse.ArgumentParser(add_help=False)
    file.add_argument("file", metavar="FILE", nargs="+", help=_FILE)
    file.add_argument(
        "--columns",
        type=_listed,
        metavar="A,B,...",
        help="names or numbers (from 0) of the columns to use (default: all)",
    )
    file.add_argument(
        "--one-hot",
        type=_listed,
        metavar="A,B,...",
        help="columns of a table to turn into zeros and ones, one for each value",
    )
    file.add_argument(
        "--drop-first", action="store_true", help="leave out the first value of each such column"
    )
    file.add_argument(
        "--memory",
        metavar="SIZE",
        help="most memory to use, such as 1GiB; larger files are read again in every pass "
        "(default: a quarter of the machine's for the rows)",
    )
    file.add_argument(
        "--scheduler",
        metavar="NAME",
        help="let Dask read and compute: threads, processes, or the address of a cluster such as "
        "tcp://host:8786, whose workers see the same files",
    )
    file.add_argument(
        "--checkpoint",
        metavar="DIR",
        help="keep finished passes in this folder until all is done: a command that was killed "
        "goes on from there when it is given again",
    )

    def command(name: str, run: Any, help: str, *parents: Any) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=_EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[*parents, output],
        )
        added.set_defaults(run=run)
        return added

    embed = command("embed", _commands.embed, "choose and reweight rows of a matrix", file, seed)
    _add_norm(embed)
    _add_eps(embed)
    embed.add_argument("--size", type=_count, metavar="M", help="rows (default: found by doubling)")
    embed.add_argument("--method", choices=METHODS, default="auto", help="(default: auto)")
    embed.add_argument("--design", default="auto", metavar="NAME", help="how rows are drawn")
    embed.add_argument("--out", metavar="PATH", help="write the rows: .csv, .parquet or .npz")
    embed.add_argument("--plot", metavar="DIR", help="write pictures into this folder")
    embed.add_argument("--no-certify", action="store_true", help="do not measure the distortion")

    scores = command("scores", _commands.scores, "score every row of a matrix", file, seed)
    scores.add_argument("--kind", choices=KINDS, default="leverage", help="(default: leverage)")
    _add_norm(scores)
    scores.add_argument("--ridge", type=float, metavar="L", help="for ridge_leverage: lambda")
    scores.add_argument("--k", type=_count, help="for ridge_leverage: lambda from the tail past k")
    scores.add_argument("--out", metavar="PATH", help="write the scores: .csv, .parquet or .npz")

    certify = command(
        "certify", _commands.certify, "measure the distortion of a sample", file, seed
    )
    certify.add_argument("sample", metavar="SAMPLE", help="what `rnla embed --out` wrote")
    _add_norm(certify)
    certify.add_argument("--eps", type=float, help="exit with 1 if more distortion is found")

    fit = command("fit", _fit_command.fit, "fit one column of a table by the others", file, seed)
    fit.add_argument("--target", required=True, metavar="NAME", help="the column to fit")
    fit.add_argument("--weights", metavar="NAME", help="a column of non-negative weights")
    loss = fit.add_mutually_exclusive_group()
    loss.add_argument(
        "--p", type=float, default=2.0, help="least sum of p-th powers of residuals (default: 2)"
    )
    loss.add_argument(
        "--quantiles", type=_numbers, metavar="Q,Q,...", help="quantile regression, such as 0.1,0.9"
    )
    loss.add_argument(
        "--ridge", action="store_true", help="least squares, penalty chosen by leave-one-out"
    )
    loss.add_argument("--logistic", action="store_true", help="the column holds two classes")
    fit.add_argument("--no-intercept", action="store_true", help="no constant column")
    fit.add_argument("--nonnegative", action="store_true", help="no negative coefficients")
    fit.add_argument("--tol", type=float, default=1e-8, help="relative gap (default: 1e-8)")
    fit.add_argument(
        "--eps", type=float, help="stop at a sample that is right up to eps (default: go on)"
    )
    fit.add_argument("--out", metavar="PATH", help="write the coefficients: .csv or .parquet")
    fit.add_argument("--plot", metavar="DIR", help="write a picture into this folder")

    bounds = command("bounds", _commands.bounds, "print the published numbers of rows")
    _add_norm(bounds)
    bounds.add_argument("--d", type=_count, required=True, help="columns (or rank)")
    _add_eps(bounds)
    bounds.add_argument("--n", type=_count, help="rows")
    bounds.add_argument("--total-sensitivity", type=float, metavar="S")
    bounds.add_argument("--online-condition", type=float, metavar="K")

    diffusion = command(
        "diffusion", _diffusion_command.diffusion, "compare solvers of diffusion models"
    )
    diffusion.add_argument(
        "action",
        choices=("compare", "demo"),
        help="compare: print errors and orders; demo: sample handwritten digits with every solver",
    )
    diffusion.add_argument(
        "--schedule", choices=tuple(_diffusion_command.SCHEDULES), default="vp-linear"
    )
    diffusion.add_argument(
        "--solvers", type=_listed, metavar="A,B,...", help="(default: all that add no noise)"
    )
    diffusion.add_argument(
        "--evaluations",
        type=_numbers,
        default=[5, 8, 10, 20],
        metavar="N,N,...",
        help="numbers of calls of the model (default: 5,8,10,20)",
    )
    diffusion.add_argument(
        "--grid", default="log_snr", metavar="KIND", help="spacing of levels (default: log_snr)"
    )
    diffusion.add_argument("--last", type=float, metavar="T", help="time at which sampling ends")
    diffusion.add_argument(
        "--plot", metavar="DIR", help="write pictures into this folder (demo: digits by default)"
    )
    diffusion.add_argument(
        "--train",
        choices=("yes", "no"),
        help="demo: train a small network too (default: if PyTorch is installed)",
    )

    demo = command("demo", _commands.demo, "median regression on the RAND health-insurance data")
    demo.add_argument("--out", default="demo-output", metavar="DIR", help="(default: demo-output)")
    # Not the shared option: a default set here would be every command's.
    demo.add_argument("--seed", type=_count, default=0, metavar="N", help="(default: 0)")
    command("warmup", _commands.warmup, "compile every kernel now, so that no first call waits")
    command("show-config", _commands.show_config, "print versions and settings")
    return parser


def _add_norm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--p", type=float, default=2.0, help="exponent of the norm (default: 2)")


def _add_eps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--eps", type=float, help="relative distortion (default: 0.1)")
    parser.add_argument(
        "--delta", type=float, default=0.01, help="failure probability (default: 0.01)"
    )


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


_numbers.__name__ = "list of numbers"


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


_count.__name__ = "non-negative integer"  # argparse prints it


if __name__ == "__main__":
    sys.exit(main())
