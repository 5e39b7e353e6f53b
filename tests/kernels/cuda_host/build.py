"""Compile a kernel's unchanged `cuda.cu` with g++ into a shared library, once per content."""

from __future__ import annotations

import ctypes
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
from functools import lru_cache

from rnla.kernels.dispatch import functions

__all__ = ["compiler", "library"]

HERE = pathlib.Path(__file__).parent
KERNELS = HERE.parents[2] / "kernels"
# Like NVRTC with --fmad=false: products and sums are rounded one by one.
FLAGS = ["-std=c++17", "-O2", "-g1", "-fPIC", "-ffp-contract=off", "-w", "-U_FORTIFY_SOURCE"]
WATCHED = ["-O1", "-fsanitize=thread", "--param", "tsan-instrument-func-entry-exit=0"]


def compiler() -> str | None:
    """The C++ compiler, if there is one."""
    return shutil.which(os.environ.get("CXX", "g++"))


def _digest(*paths: pathlib.Path) -> str:
    text = b"\0".join([*(path.read_bytes() for path in paths), repr((FLAGS, WATCHED)).encode()])
    return hashlib.sha256(text).hexdigest()[:16]


def _run(*arguments: str | pathlib.Path) -> None:
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, arguments))}\n{done.stderr}")


def _kept(target: pathlib.Path, make: object) -> pathlib.Path:
    """`target`, made by make(path) if it is not there; two processes may do so at once."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            made = pathlib.Path(folder) / target.name
            make(made)  # type: ignore[operator]
            made.replace(target)
    return target


def build(
    name: str,
    text: str,
    cache: pathlib.Path,
    include: pathlib.Path = KERNELS / "include",
    *,
    watched: bool = True,
) -> pathlib.Path:
    """A shared library of CUDA source `text` and the emulator, which sees memory if `watched`."""
    gxx = compiler()
    assert gxx is not None
    emulator, header = HERE / "emulator.cpp", HERE / "cuda_on_host.h"
    runtime = _kept(
        cache / f"emulator-{_digest(emulator)}.o",
        lambda path: _run(gxx, *FLAGS, "-c", emulator, "-o", path),
    )
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    headers = _digest(emulator, header, *sorted(include.glob("*.cuh")))

    def make(path: pathlib.Path) -> None:
        unit = path.with_suffix(".cpp")
        unit.write_text(text)
        part = path.with_suffix(".o")
        _run(
            gxx,
            *FLAGS,
            *(WATCHED if watched else ()),
            f"-I{include}",
            f"-I{HERE}",
            "-c",
            unit,
            "-o",
            part,
        )
        _run(gxx, "-shared", part, runtime, "-o", path, "-Wl,-z,defs", "-lm")

    kind = "" if watched else "-unwatched"
    return _kept(cache / f"{name}{kind}-{mark}-{headers}.so", make)


@lru_cache
def library(
    kernel: str,
    types: tuple[str, ...],
    cache: pathlib.Path,
    source: pathlib.Path | None = None,
    *,
    watched: bool = True,
) -> ctypes.CDLL:
    """`kernels/<kernel>/cuda.cu`, or a changed `source` of it, ready to be launched."""
    source = source or KERNELS / kernel / "cuda.cu"
    entries = "".join(f"ENTRY({name})\n" for name in functions(kernel))
    defines = "".join(f"#define {name.replace('=', ' ')}\n" for name in types)
    text = (
        f'{defines}#include "cuda_on_host.h"\n#include "{source}"\n{entries}// {_digest(source)}\n'
    )
    return ctypes.CDLL(str(build(kernel, text, cache, watched=watched)))
