"""The installed wheel, away from the checkout: everything it needs is inside it."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sys

import numpy as np

import rnla


def test_the_package_is_complete():
    for name in rnla.__all__:
        assert getattr(rnla, name) is not None
    for module in ("rnla.kernels.philox.cpu", "rnla.kernels.scan.cpu", "rnla.cli"):
        assert importlib.util.find_spec(module) is not None
    checkout = (pathlib.Path(rnla.__file__).parents[1] / "pyproject.toml").is_file()
    found = importlib.util.find_spec("kernels")
    assert checkout or found is None, "the wheel must not install a top-level `kernels`"


def test_the_main_job_runs():
    A = np.random.default_rng(0).standard_normal((3000, 5))
    embedding = rnla.lp_subspace_embedding(A, 1, size=600, rng=0)
    assert 0 < len(embedding.indices) < 3000
    assert embedding.certificate.found < 1.0
    assert (embedding @ A).shape == (len(embedding.indices), 5)


def test_the_command_line_runs():
    answer = subprocess.run(
        [sys.executable, "-m", "rnla.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == f"rnla {rnla.__version__}"


def test_the_cuda_sources_are_shipped_with_what_they_include():
    from rnla.kernels import dispatch

    for kernel in ("philox", "csr_row_norms"):
        assert "__global__" in dispatch.source(kernel)
        assert "#include" not in dispatch.source(kernel)
    assert "__umulhi" in dispatch.source("philox")


def test_the_type_marker_is_shipped():
    from importlib.resources import files

    assert files("rnla").joinpath("py.typed").is_file()
