"""What each subcommand of `rnla` does; `rnla.cli` parses its arguments.

Each function takes the parsed arguments, prints, and returns an exit code. Outputs are checked
before the work starts. All imports are inside, so that a subcommand loads only what it needs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from . import __version__

if TYPE_CHECKING:
    from .tall import TallMatrix

__all__ = [
    "OK",
    "TARGET_MISSED",
    "bounds",
    "certify",
    "demo",
    "embed",
    "names_of",
    "opened",
    "print_json",
    "print_result",
    "read",
    "scores",
    "show_config",
    "shows_progress",
    "warmup",
]

OK, TARGET_MISSED = 0, 1


def embed(options: argparse.Namespace) -> int:
    """Choose rows of a file, say how good they are, write them."""
    with opened(options) as tall:
        return _embed(options, tall)


def _embed(options: argparse.Namespace, tall: TallMatrix) -> int:
    from ._result import Status
    from .embedding import lp_subspace_embedding
    from .report import to_json, to_text

    names = names_of(tall)
    if options.out:
        from .tall.write import check_output

        check_output(options.out, column_names=names, sparse=tall.is_sparse)
    if options.plot:
        from .plotting import new_axes

        new_axes()  # fails now, not after the work, if matplotlib is missing
        os.makedirs(options.plot, exist_ok=True)
    result = lp_subspace_embedding(
        tall,
        options.p,
        eps=0.1 if options.eps is None else options.eps,
        delta=options.delta,
        size=options.size,
        method=options.method,
        design=options.design,
        certify=not options.no_certify,
        progress=shows_progress(options),
        rng=options.seed,
    )
    written: list[str] = []
    if options.out:
        from .tall.write import write_sample

        write_sample(
            options.out,
            result.sample.take(tall),
            indices=result.indices,
            weights=result.weights,
            column_names=names,
        )
        written.append(options.out)
    if options.plot:
        written += _embedding_pictures(options.plot, tall, result)
    if options.json:
        data = to_json(result, arrays=False) | {"written": written}
        data |= {"indices": result.indices.tolist(), "weights": result.weights.tolist()}
        print_json(data)
    else:
        print_result(to_text(result), written)
    # With --size the user chose the rows, so eps is a target only if it was given too.
    found = None if result.certificate is None else result.certificate.found
    above = found is not None and options.eps is not None and found > options.eps
    return TARGET_MISSED if above or result.status is Status.EPS_NOT_MET else OK


def _embedding_pictures(folder: str, tall: Any, result: Any) -> list[str]:
    from . import plotting

    written = []

    def save(ax: Any, name: str) -> None:
        path = os.path.join(folder, name)
        plotting.save_figure(ax, path)
        written.append(path)

    method = result.method
    if result.scores is not None:
        save(
            plotting.score_profile({method: result.scores}, ax=plotting.new_axes()),
            "score-profile.png",
        )
    save(plotting.kept_rows(tall, result, method=method, ax=plotting.new_axes()), "kept-rows.png")
    if result.certificate is not None:
        measured = {method: [(a.kept, a.found) for a in result.attempts]}
        if result.uniform is not None:
            measured["uniform"] = [(result.size, result.uniform.found)]
        if any(0 < found < float("inf") for points in measured.values() for _, found in points):
            axes = plotting.distortion_against_size(
                measured, eps=result.eps, p=result.p, ax=plotting.new_axes()
            )
            save(axes, "distortion.png")
    return written


def scores(options: argparse.Namespace) -> int:
    """Score every row of a file."""
    if options.out:
        from .tall.write import check_output

        check_output(options.out)
    with opened(options, bar=f"{options.kind} scores") as tall:
        return _scores(options, tall)


def _scores(options: argparse.Namespace, tall: TallMatrix) -> int:
    from . import scores as score_functions
    from ._result import Status
    from .report import to_json, to_text

    if options.kind == "leverage":
        result: Any = score_functions.leverage_scores(tall, rng=options.seed)
    elif options.kind == "ridge_leverage":
        result = score_functions.ridge_leverage_scores(
            tall, ridge=options.ridge, k=options.k, rng=options.seed
        )
    elif options.kind == "root_leverage":
        result = score_functions.root_leverage_scores(tall, options.p, rng=options.seed)
    elif options.kind == "lewis":
        result = score_functions.lewis_weights(tall, options.p, rng=options.seed)
    else:
        result = score_functions.lp_sensitivities(tall, options.p, rng=options.seed)
    written = []
    if options.out:
        import numpy as np

        from .tall.write import write_columns

        columns = {"row": np.arange(tall.shape[0]), "score": np.asarray(result)}
        for name in ("lower", "upper"):
            if isinstance(getattr(result, name, None), np.ndarray):
                columns[name] = getattr(result, name)
        write_columns(options.out, columns)
        written.append(options.out)
    if options.json:
        print_json(to_json(result, arrays=not options.out) | {"written": written})
    else:
        print_result(to_text(result), written)
    return TARGET_MISSED if result.status is Status.NOT_CONVERGED else OK


def certify(options: argparse.Namespace) -> int:
    """Measure the distortion of a sample that a file holds."""
    with opened(options, bar="certificate") as tall:
        return _certify(options, tall)


def _certify(options: argparse.Namespace, tall: TallMatrix) -> int:
    import numpy as np

    from .certify import certify_embedding
    from .report import to_json, to_text
    from .sampling import RowSample
    from .tall.files import read_sample

    rows = read_sample(options.sample)
    kept = rows.weights > 0  # a row of weight zero is not in the sample
    weights = rows.weights[kept]
    sample = RowSample(
        rows.indices[kept],
        weights,
        1.0 / weights,  # wrong for repeated draws; only the p-value of balance looks at it
        design="from file",
        seed=0,
        n=tall.shape[0],
        p=options.p,
    )
    certificate = certify_embedding(tall, sample, options.p, rng=options.seed)
    if options.json:
        print_json(to_json(certificate) | {"size": sample.size, "n": sample.n, "p": options.p})
    else:
        print(f"{sample.size:,} of {sample.n:,} rows, p = {options.p:g}\n")
        print(to_text(certificate))
    met = options.eps is None or bool(np.less_equal(certificate.found, options.eps))
    if not met and not options.json:
        print(f"\nThe found distortion is above eps = {options.eps:g}.")
    return OK if met else TARGET_MISSED


def bounds(options: argparse.Namespace) -> int:
    """Print the published numbers of rows."""
    from . import bounds as published
    from .report import to_json

    eps = 0.1 if options.eps is None else options.eps
    arguments = (options.p, options.d, eps, options.delta)
    extra = {
        "n": options.n,
        "total_sensitivity": options.total_sensitivity,
        "online_condition": options.online_condition,
    }
    if options.json:
        print_json(to_json(published.records(*arguments, **extra)))
    else:
        print(published.table(*arguments, **extra))
    return OK


def demo(options: argparse.Namespace) -> int:
    """Run the demonstration."""
    from .demo import run_demo

    result = run_demo(
        options.out,
        seed=options.seed,
        progress=shows_progress(options),
        echo=(lambda _: None) if options.json else print,
    )
    if options.json:
        from .report import to_json

        print_json(to_json(result, arrays=False))
    return OK


def warmup(options: argparse.Namespace) -> int:
    """Compile every kernel."""
    from .warmup import compile_kernels

    result = compile_kernels()
    if options.json:
        print_json(result)
    else:
        print(f"{len(result['kernels'])} kernels ready in {result['seconds']:.1f} s")
    return OK


def show_config(options: argparse.Namespace) -> int:
    """Print versions and settings."""
    config = _config()
    if options.json:
        print_json(config)
    else:
        width = max(map(len, config))
        print("\n".join(f"{name.ljust(width)}  {value}" for name, value in config.items()))
    return OK


def _config() -> dict[str, Any]:
    import importlib.metadata
    import platform

    from .tall._engine import thread_count

    config: dict[str, Any] = {
        "rnla": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "threads for row blocks": thread_count(),
        "RNLA_THREADS": os.environ.get("RNLA_THREADS", "not set"),
    }
    required = ("numpy", "scipy", "numba", "threadpoolctl", "tqdm")
    optional: tuple[str, ...] = (
        "pandas",
        "pyarrow",
        "zarr",
        "h5py",
        "dask",
        "distributed",
        "matplotlib",
    )
    optional += ("statsmodels", "scikit-learn", "torch")
    for name in required + optional:
        try:
            config[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            config[name] = "not installed" + ("" if name in required else " (optional)")
    return config


@contextmanager
def opened(options: argparse.Namespace, *, bar: str | None = None) -> Iterator[TallMatrix]:
    """The matrix in the files; its checkpoint is emptied only when all is done and written.

    `bar` says what its bar of passes is called; None if the function called shows its own.
    """
    from .tall.long_runs import long_run

    shows = bar is not None and shows_progress(options)
    with (
        read(options) as matrix,
        long_run(
            matrix,
            checkpoint=options.checkpoint,
            progress=shows,
            what=bar or "",
            rng=options.seed,
        ) as (tall, seed, _),
    ):
        options.seed = seed
        yield tall


@contextmanager
def read(options: argparse.Namespace) -> Iterator[TallMatrix]:
    """The matrix in the files, read here or by Dask."""
    from .tall import as_tall

    files = options.file[0] if len(options.file) == 1 else options.file
    given = {
        "columns": options.columns,
        "memory": options.memory,
        "one_hot": options.one_hot or (),
        "drop": "first" if options.drop_first else None,
    }
    if options.scheduler is None:
        yield as_tall(files, **given)
        return
    with _scheduler(options.scheduler):
        yield as_tall(files, dask=True, **given)


def _scheduler(wanted: str) -> AbstractContextManager[Any]:
    """Dask's schedulers on this machine by name, others by the address of a running cluster."""
    from ._errors import argument_error, import_optional

    dask = import_optional("dask", extra="dask", purpose="for --scheduler")
    if wanted == "threads":
        context: AbstractContextManager[Any] = dask.config.set(scheduler=wanted)
        return context
    if wanted == "processes":  # Dask's scheduler of that name starts new processes in every pass
        return _processes()
    if "://" not in wanted:
        remedy = "Start a cluster with `dask scheduler` and `dask worker`; the first prints it."
        expected = "threads, processes, or an address such as tcp://host:8786"
        raise argument_error("scheduler", repr(wanted), expected, remedy)
    distributed = import_optional("distributed", extra="dask", purpose="for --scheduler")
    try:
        client: AbstractContextManager[Any] = distributed.Client(wanted, timeout="10s")
    except (OSError, ValueError) as error:
        raise argument_error(
            "scheduler",
            f"{wanted!r}, where nothing answers ({type(error).__name__}: {error})",
            "the address of a running Dask scheduler",
            "Check the address, and that `dask scheduler` is running.",
        ) from error
    return client


@contextmanager
def _processes() -> Iterator[None]:
    """One worker process per core, for as long as the command runs."""
    from ._errors import import_optional
    from .tall import thread_count

    distributed = import_optional("distributed", extra="dask", purpose="for --scheduler")
    with (
        distributed.LocalCluster(
            n_workers=thread_count(), threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield


def names_of(tall: TallMatrix) -> tuple[str, ...]:
    """Names of the columns, or x0, x1, …"""
    return tall.column_names or tuple(f"x{j}" for j in range(tall.shape[1]))


def shows_progress(options: argparse.Namespace) -> bool:
    """Whether bars are wanted, and there is a terminal to draw them on."""
    return sys.stderr.isatty() and not (options.quiet or options.json)


def print_json(data: Any) -> None:
    """Write JSON that any reader takes."""
    print(json.dumps(data, indent=1, allow_nan=False))


def print_result(text: str, written: Sequence[str]) -> None:
    """Write a report, and which files there are now."""
    print(text)
    if written:
        print("\nWrote " + ", ".join(written))
