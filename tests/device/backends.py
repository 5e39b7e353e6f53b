"""The same rows in the home of each backend, and what a public function says of them there."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["BACKENDS", "Backend", "difficult", "host"]

BACKENDS = ("numpy", "device")


def host(x: Any) -> Any:
    """Numbers of any home, here."""
    return x.get() if hasattr(x, "get") and not isinstance(x, dict) else x


@dataclass(frozen=True)
class Backend:
    """Where rows live; `put` brings an array or a CSR matrix there."""

    name: str

    def put(self, x: Any) -> Any:
        """A vector, a dense matrix or a CSR matrix of this backend; NumPy's are read-only."""
        if self.name == "numpy":
            if not sp.issparse(x):
                x = x.copy()
                x.flags.writeable = False
            return x
        cupy = sys.modules["cupy"]
        if not sp.issparse(x):
            return cupy.asarray(x)
        parts = tuple(cupy.asarray(part) for part in (x.data, x.indices, x.indptr))
        return sys.modules["cupyx.scipy.sparse"].csr_matrix(parts, shape=x.shape)

    def is_home_of(self, x: Any) -> bool:
        """Whether an array is one of this backend."""
        if self.name == "numpy":
            return isinstance(x, (np.ndarray, sp.csr_array, sp.csr_matrix))
        return type(x).__module__.partition(".")[0] in ("cupy", "cupyx")


def difficult(kind: str, n: int = 260, d: int = 4, seed: int = 0) -> Any:
    """A matrix of one of `KINDS`."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d)) * np.exp(rng.standard_normal((n, 1)))
    if kind == "float32":
        return A.astype(np.float32)
    if kind == "Fortran":
        return np.asfortranarray(A)
    if kind == "integers":
        return np.rint(5 * A).astype(np.int32)
    if kind == "zero rows":
        A[rng.uniform(size=n) < 0.3] = 0.0
    if kind == "rank-deficient":
        A[:, -1] = A[:, 0] - 2.0 * A[:, 1]
    if kind == "ill-conditioned":
        A[:, -1] = A[:, 0] + 1e-7 * A[:, -1]
    if kind == "extreme columns":
        A *= 2.0 ** np.array([-960.0, 960.0, 0.0, 30.0])[:d]
    if kind.startswith("sparse"):
        csr = sp.csr_array(np.where(rng.uniform(size=(n, d)) < 0.4, A, 0.0))
        return csr.astype(np.float32) if kind == "sparse float32" else csr
    return A
