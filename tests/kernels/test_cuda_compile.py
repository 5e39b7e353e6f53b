"""Every CUDA source compiles for every architecture, with all types, as it is shipped."""

from __future__ import annotations

import itertools
import pathlib
import re

import pytest

from rnla.kernels import dispatch

from .cuda_host import nvrtc

ARCHITECTURES = (75, 80, 90, 100)
KERNELS = sorted(
    path.parent.name
    for path in pathlib.Path(__file__).parents[2].joinpath("kernels").glob("*/cuda.cu")
)
CHOICES = {
    "Real": ("Real=double", "Real=float"),
    "Index": ("Index=int", "Index=long long"),
    "Bits": ("Bits=long long", "Bits=int"),
}


def variants(kernel):
    """All choices of the macros that the kernel's own text names."""
    text = dispatch.source(kernel).partition(f'"{kernel}/cuda.cu"\n')[2]
    own = text[text.rindex("#line") :] if "#line" in text else text
    return itertools.product(*(CHOICES[name] for name in CHOICES if name in own))


def compiled(kernel, architecture, types=()):
    options = (*dispatch.OPTIONS, *(f"-D{name}" for name in types))
    options = (*options, "-ftz=true", f"--gpu-architecture={architecture}")  # as CuPy does
    return nvrtc.compile_source(dispatch.source(kernel), kernel, options)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.usefixtures("cuda_compiler")
def test_for_one_architecture(kernel):
    names, code = dispatch.functions(kernel), compiled(kernel, "sm_90")
    assert names
    assert all(name.encode() in code for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.usefixtures("cuda_compiler")
def test_for_all_architectures(kernel, architecture):
    """With all types for the oldest and the newest."""
    ends = architecture in (ARCHITECTURES[0], ARCHITECTURES[-1])
    for types in variants(kernel) if ends else [()]:
        assert compiled(kernel, f"sm_{architecture}", types)


FLUSHES = re.compile(r"(?:cvt|add|sub|mul)(?:\.rn)?\.ftz")  # others are inside log and pow


@pytest.mark.slow
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.usefixtures("cuda_compiler")
def test_no_instruction_flushes_subnormal_floats(kernel):
    """Flushing is what CuPy's -ftz=true does to float arithmetic; there must not be any."""
    for types in variants(kernel):
        assert not FLUSHES.search(compiled(kernel, "compute_90", types).decode())


SAME_BITS = "count_sketch sparse_sign sparse_columns fwht three_term poisson_rows gather_product "
SAME_BITS += (
    "csr_gram csr_quadratic split_rows two_sum projection_dpp reverse_elimination running_sums "
)
SAME_BITS += "unit_steps ordered_pivotal tree_pivotal priority_keys lewis_update"


@pytest.mark.slow
@pytest.mark.parametrize("kernel", SAME_BITS.split())
@pytest.mark.usefixtures("cuda_compiler")
def test_products_and_sums_are_rounded_one_by_one(kernel):
    """And with the compiler's default they would not be: its first kernels come out fused."""
    for types in variants(kernel):
        assert b"fma.rn.f64" not in compiled(kernel, "compute_90", types)
    if kernel in ("sparse_columns", "three_term"):
        options = "--fmad=true", "--gpu-architecture=compute_90"
        assert b"fma.rn.f64" in nvrtc.compile_source(dispatch.source(kernel), kernel, options)


@pytest.mark.usefixtures("cuda_compiler")
def test_plain_conversions_of_float_would_flush():
    """Companion: with a plain conversion in place of as_double the instruction is there."""
    text = dispatch.source("row_norms").replace("as_double(Y[", "(double)(Y[")
    options = ("-DReal=float", "-ftz=true", "--gpu-architecture=compute_90")
    assembly = nvrtc.compile_source(text, "row_norms", (*dispatch.OPTIONS, *options))
    assert FLUSHES.search(assembly.decode())


@pytest.mark.usefixtures("cuda_compiler")
def test_a_mistake_is_reported_with_file_and_line():
    """Companion: the compiler does reject what is wrong, and says where."""
    text = dispatch.source("philox").replace("Words words = philox(", "Words words = filox(", 1)
    with pytest.raises(nvrtc.CompileError, match=r"philox/cuda\.cu\(\d+\): error.*filox"):
        nvrtc.compile_source(text, "philox", dispatch.OPTIONS)


def test_lines_of_the_text_are_those_of_the_files():
    folder = pathlib.Path(__file__).parents[2] / "kernels"
    for kernel in KERNELS:
        name, number, seen = "", 0, 0
        files = {"": []}
        for line in dispatch.source(kernel).splitlines():
            if line.startswith("#line"):
                _, number, name = line.split()
                number, name = int(number) - 1, name.strip('"')
                path = folder / ("include" if name.endswith(".cuh") else "") / name
                files[name] = path.read_text(encoding="utf-8").splitlines()
                continue
            original = files[name][number] if number < len(files[name]) else ""
            assert line == original or original.startswith("#") or not line, (name, number, line)
            number, seen = number + 1, seen + 1
        assert seen
