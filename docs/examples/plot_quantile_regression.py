"""
Growth curves, and how sure they are
====================================

Nine quantiles of a response that spreads out and leans over as it grows, fitted to 200,000 rows at
once; and what a sample of the rows would have said, with the interval that is proved to hold the
best loss.
"""

# %%
# The data
# --------
# A curve in ``age``, with noise whose spread and skewness grow. Four powers of age are the columns.

import matplotlib.pyplot as plt
import numpy as np

import rnla

rng = np.random.default_rng(0)
n = 200_000
age = rng.random(n)
height = 50 + 90 * np.sqrt(age + 0.01) + (3 + 6 * age) * rng.gamma(4.0 - 2.0 * age, size=n)
A = np.column_stack([age**k for k in range(1, 5)])

# %%
# Nine quantiles
# --------------
# One call. ``gap`` is proved from all rows: no curve of this form has a smaller loss, to twelve
# digits and more. ``crossings`` counts the rows where a higher curve runs below a lower one.

levels = np.round(np.arange(1, 10) / 10, 1)
fit = rnla.quantile_regression(A, height, levels, intercept=True, rng=0)
print(f"{fit.method}, {fit.passes} passes: largest gap {fit.gap.max():.1e}")
print(f"rows where curves cross: {fit.crossings}")

grid = np.linspace(0.0, 1.0, 200)
curves = np.column_stack([grid**k for k in range(1, 5)]) @ fit.x + fit.intercept
shown = rng.choice(n, 3000, replace=False)
_, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.scatter(age[shown], height[shown], s=3, color="0.75", linewidths=0)
for j, level in enumerate(levels):
    ax.plot(grid, curves[:, j], color="#0072B2", linewidth=2 if level == 0.5 else 0.9)
    if level in (0.1, 0.5, 0.9):
        ax.annotate(f"{level:g}", (1.0, curves[-1, j]), xytext=(4, -3), textcoords="offset points")
ax.set_xlabel("age")
ax.set_ylabel("height")
ax.set_title("Nine quantiles, and 3,000 of the 200,000 rows")
plt.show()

# %%
# The share of rows below each curve is its level, as it must be.

fitted = A @ fit.x + fit.intercept
below = (height[:, None] < fitted).mean(axis=0)
print("largest error of a share:", f"{np.abs(below - levels).max():.5f}")

# %%
# What a sample knows
# -------------------
# With ``polish=False`` the fit rests on a few rows. Its loss is still measured on all of them, and
# so is a bound that no curve can be below. Between the two lies the least loss: the fit is sure of
# itself to that extent, without having seen the best curve. The dashed line is the best loss, which
# the exact fit knows.

best = fit.objective[levels == 0.9][0]
rows, upper, lower = [], [], []
for eps in (0.9, 0.7, 0.5, 0.35, 0.25, 0.15):
    rough = rnla.quantile_regression(A, height, 0.9, intercept=True, polish=False, eps=eps, rng=0)
    rows.append(rough.sample.size)
    upper.append(100 * (rough.objective / best - 1))
    lower.append(100 * (rough.lower / best - 1))
    print(f"{rows[-1]:6} rows: loss {upper[-1]:+.3f} %, bound {lower[-1]:+.3f} %")

_, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.fill_between(
    rows, lower, upper, color="#56B4E9", alpha=0.4, label="proved to hold the best loss"
)
ax.plot(rows, upper, "o-", color="#D55E00", label="loss of the fit on the sample")
ax.plot(rows, lower, "s-", color="#0072B2", label="bound from all rows")
ax.axhline(0.0, color="0.3", linestyle="--", linewidth=1)
ax.set_xscale("log")
ax.set_xticks(rows, [str(size) for size in rows])
ax.minorticks_off()
ax.set_xlabel("rows in the sample, of 200,000")
ax.set_ylabel("difference from the best loss, %")
ax.set_title("The 0.9 quantile from a sample")
ax.legend(frameon=False)
plt.show()
