"""
Which sketch?
=============

A sketch S of a few rows keeps the length of every vector A x up to a factor. How good the factor is
depends on the rows of S and, for some kinds, on A. This example draws the distortion of squared
lengths against the number of rows for two matrices: one whose rows are all alike, and one where a
few rows carry nearly everything.
"""

# %%
# Two matrices
# ------------
# Only the column space matters, so orthonormal bases stand for the matrices.

import matplotlib.pyplot as plt
import numpy as np

import rnla
from rnla import sketch

rng = np.random.default_rng(0)
n, d = 4096, 12
alike = np.linalg.qr(rng.standard_normal((n, d)))[0]
heavy = np.vstack([np.sqrt(n) * np.eye(d), 0.01 * rng.standard_normal((n - d, d))])
coherent = np.linalg.qr(heavy)[0]

# %%
# Distortion against rows
# -----------------------
# The singular values of S Q say how lengths change. Each point is the median of nine draws.


def distortion(S, Q):
    singular = np.linalg.svd(S @ Q, compute_uv=False)
    return max(singular[0] ** 2 - 1, 1 - singular[-1] ** 2)


kinds = {
    "Gaussian": sketch.Gaussian,
    "sparse signs": sketch.SparseSign,
    "Hadamard": sketch.SubsampledHadamard,
    "CountSketch": sketch.CountSketch,
}
sizes = d * np.array([2, 4, 8, 16, 32])

figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
for ax, Q, title in zip(axes, (alike, coherent), ("All rows alike", "Coherent"), strict=True):
    for name, kind in kinds.items():
        found = [np.median([distortion(kind(s, n).draw(k), Q) for k in range(9)]) for s in sizes]
        ax.loglog(sizes, found, "o-", label=name)
    ax.loglog(sizes, 2 * np.sqrt(d / sizes) + d / sizes, "k--", label="Gaussian limit")
    ax.set_title(title)
    ax.set_xlabel("rows of S")
axes[0].set_ylabel("distortion of squared lengths")
axes[1].legend(frameon=False)
plt.show()

# %%
# CountSketch merges two of the heavy rows as soon as they fall into the same row of S, and then a
# direction is lost; the others do not care where the weight sits.
#
# How many rows does the theorem ask for?
# ---------------------------------------
# A guarantee for every matrix costs more than what is seen here.

for name in ("Gaussian", "SparseSign", "CountSketch"):
    size = sketch.size_for(name, d, eps=0.5, delta=0.01)
    print(f"{name:12} theorem {size.rows:7d}   measured to suffice {size.practical:7d}")

# %%
# Without forming A
# -----------------
# Rows may come from anywhere that `rnla.as_tall` reads; a sketch takes one pass.

tall = rnla.as_tall(heavy)
small = sketch.SparseSign(8 * d, n).draw(rng=0) @ tall
print(small.shape, tall.passes)
