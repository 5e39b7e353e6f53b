"""
How many rows, and by which method?
===================================

A coherent matrix hides whole directions in a few rows. Uniform sampling misses them however many
rows it keeps short of all; samplers that score rows find them at once. This example draws the
distortion that `rnla.certify_embedding` finds against the number of rows kept, for two matrices:
one without structure, where every method does the same, and one where the method decides.
"""

# %%
# Two matrices
# ------------
# Gaussian rows are all alike. The second matrix adds one row per column that nothing else can
# replace, on top of a faint Gaussian background (family M3 of the benchmarks).

import matplotlib.pyplot as plt
import numpy as np

import rnla
from rnla import plotting

rng = np.random.default_rng(0)
n, d = 4000, 5
alike = rng.standard_normal((n, d))
coherent = np.vstack([np.sqrt(n) * np.eye(d), 0.01 * rng.standard_normal((n - d, d))])

# %%
# Distortion against size
# -----------------------
# Each point is one sample and one search for the vector x on which the sample errs most.

methods = ("uniform", "leverage", "lewis")
sizes = [40, 80, 160, 320, 640, 1280]


def scores_of(method, A):
    if method == "uniform":
        return np.ones(len(A))
    if method == "leverage":
        return rnla.leverage_scores(A).values
    return rnla.lewis_weights(A, 1).values


def measure(A):
    tall = rnla.as_tall(A)
    curves = {}
    for method in methods:
        scores = scores_of(method, A)
        curves[method] = [
            (
                m,
                rnla.certify_embedding(
                    tall, rnla.sample_rows(scores, m, p=1, rng=m), 1, rng=0
                ).found,
            )
            for m in sizes
        ]
    return curves


figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
for ax, A, title in zip(axes, (alike, coherent), ("All rows alike", "Coherent"), strict=True):
    plotting.distortion_against_size(measure(A), eps=0.25, p=1, ax=ax, title=title)
axes[0].get_legend().remove()  # the same as that of the second panel
axes[1].set_ylabel("")
plt.show()

# %%
# What the library does by itself
# -------------------------------
# `rnla.lp_subspace_embedding` chooses the method and the size, and says why.

embedding = rnla.lp_subspace_embedding(coherent, 1, eps=0.25, rng=0)
print(embedding.explain())
