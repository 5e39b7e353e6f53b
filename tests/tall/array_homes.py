"""One dense or sparse matrix in every home of rows outside memory, for tests of sources."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import scipy.sparse as sp


def _npy(A, folder):
    np.save(folder / "c.npy", np.ascontiguousarray(A))
    return folder / "c.npy"


def _npy_fortran(A, folder):
    np.save(folder / "f.npy", np.asfortranarray(A))
    return str(folder / "f.npy")


def _npz_dense(A, folder):
    np.savez(folder / "d.npz", A)
    return folder / "d.npz"


def _shards(A, folder):
    for number, part in enumerate(np.array_split(A, [len(A) // 3, len(A) // 3 + 1])):
        np.save(folder / f"part-{number}.npy", part)
    return str(folder / "part-*.npy")


def _zarr(A, folder):
    import zarr

    rows = max(1, len(A) // 5)
    array = zarr.create_array(
        folder / "a.zarr", shape=A.shape, chunks=(rows, max(1, A.shape[1] // 2)), dtype=A.dtype
    )
    array[:] = A
    return folder / "a.zarr"


def _zarr_shards(A, folder):
    import zarr

    rows, group = max(1, len(A) // 7), zarr.open_group(folder / "g.zarr", mode="w")
    array = group.create_array(
        "in/side", shape=A.shape, chunks=(rows, A.shape[1]), shards=(3 * rows, A.shape[1]),
        dtype=A.dtype,
    )  # fmt: skip
    array[:] = A
    return str(folder / "g.zarr/in/side")


def _zarr_object(A, folder):
    import zarr

    return zarr.array(np.asarray(A), chunks=(max(1, len(A) // 4), 1))


def _hdf5(A, folder):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        chunks = (max(1, len(A) // 6), A.shape[1])
        file.create_dataset("deep/A", data=A, chunks=chunks, compression="gzip")
        file.create_dataset("other", data=np.zeros(3))
    return f"{folder / 'a.h5'}:/deep/A"


def _hdf5_contiguous(A, folder):
    import h5py

    with h5py.File(folder / "b.h5", "w") as file:
        file.create_dataset("A", data=A)
    return folder / "b.h5"


def _blocks(A):
    cuts = sorted({0, 1, len(A) // 3, len(A) // 2, len(A)})
    return [A[a:b] for a, b in pairwise(cuts)]


def _generator(A, folder):
    def blocks():
        buffer = np.empty_like(A, order="C")  # filled again for every block
        for part in _blocks(A):
            buffer[: len(part)] = part
            yield buffer[: len(part)]

    return blocks


def _npz(compressed):
    def save(A, folder):
        path = folder / f"s{compressed:d}.npz"
        sp.save_npz(path, sp.csr_array(A), compressed=compressed)
        return path

    return save


DENSE = {
    "npy C": _npy,
    "npy Fortran": _npy_fortran,
    "npz dense": _npz_dense,
    "npy shards": _shards,
    "zarr": _zarr,
    "zarr shards": _zarr_shards,
    "zarr object": _zarr_object,
    "hdf5": _hdf5,
    "hdf5 contiguous": _hdf5_contiguous,
    "list of blocks": lambda A, folder: _blocks(A),
    "generator function": _generator,
}
SPARSE = {
    "npz stored": _npz(False),
    "npz compressed": _npz(True),
    "CSR blocks": lambda A, folder: [sp.csr_array(part) for part in _blocks(A)],
    "CSR generator": lambda A, folder: lambda: (sp.csr_array(part) for part in _blocks(A)),
}
