"""
Which rows to label
===================

A table is known, but the answer for each row is dear: a test, a measurement, a year of waiting.
Which rows should be asked? This page chooses school districts to test, in a table that statsmodels
ships, by `rnla.dpp` and by simpler rules, and compares the fits on the chosen districts with the
fit on all of them.
"""

# %%
# The data
# --------
# Districts in California: twelve covariates, and the share of pupils above the national median in
# mathematics. All shares are in the table, so that every choice can be judged; the rules for
# choosing see the covariates only.

import matplotlib.pyplot as plt
import numpy as np
from statsmodels.datasets import star98

import rnla

table = star98.load_pandas()
names = ["LOWINC", "PERASIAN", "PERBLACK", "PERHISP", "PERMINTE", "AVYRSEXP"]
names += ["AVSALK", "PERSPENK", "PTRATIO", "PCTAF", "PCTCHRT", "PCTYRRND"]
X = table.exog[names].to_numpy(float)
A = np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / X.std(axis=0)])
b = (table.endog["NABOVE"] / table.endog.sum(axis=1)).to_numpy()
N, d = A.shape
best = np.linalg.lstsq(A, b)[0]
least = np.sum((b - A @ best) ** 2)
leverage = rnla.leverage_scores(A).values
print(f"{N} districts, {d} coefficients; the fit on all explains {1 - least / N / b.var():.0%}")
print(f"largest leverage score: {leverage.max() * N / d:.1f} times the mean")

# %%
# Some districts are far from the rest and carry much of what can be learnt about a coefficient.
#
# The rules
# ---------
# *Volume sampling* prefers sets of rows that span the space of coefficients well together. It comes
# without replacement, all rows counting the same, and leveraged, where rows are weighted.
# *Leverage* draws rows one by one by their leverage scores, *uniform* at random. *Greedy* starts
# from a leveraged sample of four times as many rows and removes those that are missed least.


def uniform(size, draws, seed):
    generator = np.random.default_rng(seed)
    return [(generator.choice(N, size, replace=False), np.ones(size)) for _ in range(draws)]


def by_leverage(size, draws, seed):
    generator = np.random.default_rng(seed)
    rows = generator.choice(N, (draws, size), p=leverage / leverage.sum())
    return [(chosen, 1.0 / leverage[chosen]) for chosen in rows]


def volume(size, draws, seed, replace=False):
    sample = rnla.dpp.volume_sample(A, size, replace=replace, draws=draws, rng=seed)
    return list(zip(sample.indices, sample.weights, strict=True))


def leveraged_volume(size, draws, seed):
    return volume(size, draws, seed, replace=True)


equalised = np.linalg.qr(A)[0] * np.sqrt(d / leverage)[:, None]  # the weighted rows


def greedy(size, draws, seed):
    pool = rnla.dpp.volume_sample(A, 4 * size, draws=min(draws, 40), rng=seed).indices
    kept = [rows[rnla.dpp.greedy_elimination(equalised[rows], size).indices] for rows in pool]
    return [(rows, 1.0 / leverage[rows]) for rows in kept]


def fit(rows, weights):
    root = np.sqrt(weights)
    return np.linalg.lstsq(A[rows] * root[:, None], b[rows] * root)[0]


def loss(x):
    """Squared error over all districts, as a multiple of the least possible."""
    return np.sum((A @ x - b) ** 2) / least


# %%
# The loss against the number of districts tested
# -----------------------------------------------
# Two hundred draws for each rule and size, forty of the greedy choice. Lines are medians, and bands
# reach up to what one draw in twenty exceeds: the risk of an unlucky choice.

rules = {
    "uniform": (uniform, "0.5"),
    "leverage": (by_leverage, "#E69F00"),
    "volume": (volume, "#0072B2"),
    "volume, leveraged": (leveraged_volume, "#009E73"),
    "greedy": (greedy, "k"),
}
sizes = [15, 20, 26, 39, 52, 78, 156]
median, high = {}, {}
for name, (rule, _) in rules.items():
    for size in sizes[:5] if name == "greedy" else sizes:
        losses = [loss(fit(*chosen)) for chosen in rule(size, 200, 1)]
        median[name, size], high[name, size] = np.quantile(losses, [0.5, 0.95])

_, ax = plt.subplots(figsize=(7.5, 4.8), layout="constrained")
for name, (_, colour) in rules.items():
    middle = [median[name, size] for size in sizes if (name, size) in median]
    ax.plot(sizes[: len(middle)], middle, "o-", color=colour, markersize=4, label=name)
    if name in ("uniform", "volume"):
        ax.fill_between(
            sizes, middle, [high[name, size] for size in sizes], color=colour, alpha=0.18
        )
ax.set_xscale("log")
ax.set_yscale("log")
ax.set_xticks(sizes, [str(size) for size in sizes])
ax.minorticks_off()
ax.set_ylim(1.0, 30.0)
ax.set_yticks([1, 1.2, 1.5, 2, 3, 5, 10, 20], ["1", "1.2", "1.5", "2", "3", "5", "10", "20"])
ax.set_xlabel(f"districts tested, of {N}")
ax.set_ylabel("loss over all districts / least loss")
ax.set_title("Fits on the chosen districts")
ax.legend(frameon=False)
plt.show()

for size in (26, 52):
    print(f"{size} districts: median loss, and what one draw in twenty exceeds")
    for name in rules:
        print(f"  {name:18} {median[name, size]:6.2f} {high[name, size]:7.2f}")

# %%
# As few tests as there are coefficients
# --------------------------------------
# With d rows the fit goes through its answers exactly. Under volume sampling, which is then the
# projection DPP of the table, the average loss is d + 1 times the least, whatever the answers are.

sample = rnla.dpp.projection_dpp(A, draws=20_000, rng=2)
solutions = np.linalg.solve(A[sample.indices], b[sample.indices][:, :, None])[:, :, 0]
losses = ((solutions @ A.T - b) ** 2).sum(axis=1) / least
error = losses.std() / np.sqrt(len(losses))
print(f"{len(losses)} draws: mean loss {losses.mean():.2f} +- {error:.2f}, d + 1 = {d + 1}")

# %%
# Right on average
# ----------------
# Volume sampling has no systematic error: the mean over its draws is the fit on all districts. So
# teams that test different districts can average their coefficients, and the excess loss of the
# average falls like one over the number of teams. Rows drawn one by one by leverage leave a bias
# that no number of teams removes.

size, counts = 20, 2 ** np.arange(10)
_, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
for name in ("leverage", "volume, leveraged"):
    rule, colour = rules[name]
    chosen = rule(size, 2**13, 3)
    rows = np.array([indices for indices, _ in chosen])
    roots = np.sqrt([weights for _, weights in chosen])
    solutions = np.linalg.pinv(A[rows] * roots[:, :, None]) @ (b[rows] * roots)[:, :, None]
    excess = []
    for count in counts:
        means = solutions[:, :, 0].reshape(-1, count, d).mean(axis=1)
        excess.append(np.median((((means - best) @ A.T) ** 2).sum(axis=1)) / least)
    ax.plot(counts, excess, "o-", color=colour, markersize=4, label=name)
ax.set_xscale("log")
ax.set_yscale("log")
ax.set_xlabel(f"teams that average their fits, {size} districts each")
ax.set_ylabel("median excess loss / least loss")
ax.legend(frameon=False)
plt.show()

# %%
# What a team knows about its own fit
# -----------------------------------
# The residuals on the tested districts, times ``loss_factor``, estimate without bias the least loss
# that all the tests together could reach.

sample = rnla.dpp.volume_sample(A, 26, draws=6000, rng=0)
roots = np.sqrt(sample.weights)[:, :, None]
rows, answers = A[sample.indices] * roots, b[sample.indices][:, :, None] * roots
residuals = answers - rows @ (np.linalg.pinv(rows) @ answers)
estimates = sample.loss_factor * (residuals**2).sum(axis=(1, 2)) / least
error = estimates.std() / np.sqrt(len(estimates))
print(f"mean estimate / least loss: {estimates.mean():.3f} +- {error:.3f}")

# %%
# If all rows are much alike, uniform choice is nearly as good and simpler. It was the few districts
# with large leverage that made the difference here, and most of all for the unlucky draws.
