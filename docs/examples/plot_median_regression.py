"""
Median regression on a few hundred rows
=======================================

Least absolute deviations is a linear program in all n rows. On the rows that
`rnla.lp_subspace_embedding` keeps it is a small one. How good is its solution for all n?
The table is the RAND health insurance experiment that statsmodels ships.
"""

# %%
# The data
# --------
# Doctor visits explained by nine covariates. The response goes in as a further column, so that the
# sample preserves every residual vector.

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import linprog
from statsmodels.datasets import randhie

import rnla
from rnla import plotting

table = randhie.load_pandas().data
y = table.pop("mdvis").to_numpy(float)
X = np.column_stack([np.ones(len(y)), table.to_numpy(float)])
A = np.column_stack([X, y])
print(f"{len(A)} rows, {A.shape[1]} columns")

# %%
# The sample
# ----------

embedding = rnla.lp_subspace_embedding(A, 1, eps=0.25, rng=0)
print(embedding.explain())

# %%
# Two linear programs
# -------------------
# The dual of least absolute deviations has one equality per column and one box per row; weights of
# the sample become the box.


def median_regression(X, y, weights):
    answer = linprog(
        -y,
        A_eq=X.T,
        b_eq=np.zeros(X.shape[1]),
        bounds=np.column_stack([-weights, weights]),
        method="highs",
    )
    return -answer.eqlin.marginals


full = median_regression(X, y, np.ones(len(y)))
rows = embedding.indices
small = median_regression(X[rows], y[rows], embedding.weights)
losses = [np.abs(y - X @ beta).sum() for beta in (full, small)]
print(f"loss of all rows {losses[0]:.1f}, of {embedding.size} rows {losses[1]:.1f}")
print(f"ratio {losses[1] / losses[0]:.4f}, the embedding allows {(1 + 0.25) / (1 - 0.25):.4f}")

# %%
# Which rows were kept
# --------------------

plotting.kept_rows(A, embedding.sample)
plt.show()

# %%
# How uneven the scores are
# -------------------------
# The dashed line is the share of a row if all were alike. Rows far above it are those that uniform
# sampling is likely to miss. Here the largest Lewis weights are a few times the average, too little
# to make uniform sampling fail: the last lines of the explanation above compare the two. With
# squares and products of the covariates, as in ``rnla demo``, more hangs on single rows.

plotting.score_profile({"lewis": embedding.scores, "leverage": rnla.leverage_scores(A).values})
plt.show()
