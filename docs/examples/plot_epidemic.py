"""
An epidemic, and a formula in its place
=======================================

A model of an epidemic is solved by SciPy for every choice of its parameters, and the parameters are
uncertain. Which curve is to be expected, how far may it be off, and which parameter is to blame?
`rnla.approximate` answers with a few hundred runs, by a polynomial that it can vouch for.
"""

# %%
# The model
# ---------
# People are susceptible, exposed, infectious or recovered. From day 30 on a measure reduces
# contacts. Uncertain are the number of people whom one infects, the days until one infects others,
# the days that one does so, and what the measure achieves. A run gives the share of infectious
# people on 24 days. The equations are written for many parameters at once, which only the check at
# the end uses.

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp

import rnla
from rnla import plotting
from rnla.approximation import Product, Uniform

names = ["reproduction number", "latent days", "infectious days", "effect of the measure"]
laws = [Uniform(2.0, 3.0), Uniform(2.0, 4.0), Uniform(4.0, 7.0), Uniform(0.1, 0.5)]
days = np.arange(5, 121, 5)


def curves(parameters):
    reproduction, latent, infectious, effect = np.transpose(parameters)
    first = np.full(len(reproduction), 1e-3)

    def rate(t, state):
        susceptible, exposed, sick = state.reshape(3, -1)
        contacts = reproduction / infectious * (1 - effect / (1 + np.exp((30 - t) / 3)))
        new = contacts * susceptible * sick
        return np.concatenate([-new, new - exposed / latent, exposed / latent - sick / infectious])

    start = np.concatenate([1 - first, 0 * first, first])
    answer = solve_ivp(rate, (0, 120), start, t_eval=days, rtol=1e-7, atol=1e-9)
    return answer.y.reshape(3, -1, len(days))[2]


def epidemic(parameters):
    return curves([parameters])[0]


# %%
# One call
# --------
# Three hundred runs. The first of them choose the polynomials, a few more at a time; the last ones
# are fresh points that took no part in the choice, and give the fit and its error.

runs = 300
surrogate = rnla.approximate(epidemic, laws, budget=runs, vectorized=False, rng=0)
print(surrogate.evaluations, "runs,", surrogate.fit.dimension, "polynomials")
print(surrogate.guarantee)

# %%
# What to expect, and what decides it
# -----------------------------------
# Mean and Sobol indices come from the coefficients, without further runs. A Sobol index is the
# share of the variance that is due to one parameter alone; the rest is due to several together. The
# surrogate is a formula: twenty thousand values of it, for the band, take a moment.

figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
many = surrogate(Product(laws).sample(20_000, rng=1))
band = 100 * np.quantile(many, [0.05, 0.95], axis=0)
axes[0].fill_between(days, *band, color="#56B4E9", alpha=0.4)
axes[0].plot(days, 100 * surrogate.mean, color="#0072B2", linewidth=2)
axes[0].set_ylim(0, None)
axes[0].set(xlabel="day", ylabel="infectious, %", title="mean, and nine curves out of ten")
shares = [*surrogate.sobol.first_order, 1 - surrogate.sobol.first_order.sum(axis=0)]
colours = ["#D55E00", "#E69F00", "#009E73", "#0072B2", "0.8"]
axes[1].stackplot(days, shares, labels=[*names, "several together"], colors=colours)
axes[1].set(xlabel="day", ylabel="share of the variance", title="which parameter decides")
axes[1].set(xlim=(days[0], days[-1]), ylim=(0, 1))
axes[1].legend(loc="lower left", fontsize=8)
plt.show()

# %%
# Is the error what it says?
# --------------------------
# The model is cheap enough to find out: a Gauss rule with 4096 runs gives the true mean, the true
# spread and the true error of the surrogate on every day. The surrogate claims the dots, from 300
# runs, and the bars for the best polynomial of its space.

nodes, masses = np.polynomial.legendre.leggauss(8)
grid = np.stack(np.meshgrid(*[nodes] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
weights = np.prod(np.stack(np.meshgrid(*[masses / 2] * 4, indexing="ij"), axis=-1), axis=-1).ravel()
low, high = np.array([[law.low, law.high] for law in laws]).T
grid = (low + high) / 2 + grid * (high - low) / 2
true = curves(grid)
true_mean = weights @ true
true_spread = np.sqrt(weights @ (true - true_mean) ** 2)
error = np.sqrt(weights @ (true - surrogate(grid)) ** 2)

claimed = np.sqrt(surrogate.fit.fit_squared_error)
interval = np.sqrt(surrogate.interval)
_, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
ax.plot(days, 100 * true_spread, color="0.6", label="spread of the curves")
ax.plot(days, 100 * error, color="#D55E00", label="error of the surrogate, true")
ax.plot(days, 100 * claimed, "o", color="#0072B2", label="the same, estimated")
ax.vlines(days, *(100 * interval), color="#0072B2", alpha=0.5, label="90 % interval, best fit")
ax.set_yscale("log")
ax.set(xlabel="day", ylabel="percentage points", title="How far off the surrogate is")
ax.legend(frameon=False)
plt.show()
print(f"share of the variance that it misses: {(error**2).sum() / (true_spread**2).sum():.4f}")

# %%
# Against plain Monte Carlo
# -------------------------
# The same number of runs at random parameters, thirty times over, and their means.

random = np.random.default_rng(0).uniform(low, high, (30 * runs, 4))
sample = curves(random).reshape(30, runs, -1)
monte_carlo = np.sqrt(np.mean((sample.mean(axis=1) - true_mean) ** 2, axis=0))
of_spread = np.sqrt(np.mean((sample.std(axis=1) - true_spread) ** 2, axis=0))

figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
pairs = (
    ("mean", monte_carlo, surrogate.mean - true_mean),
    ("standard deviation", of_spread, surrogate.std - true_spread),
)
for ax, (title, plain, ours) in zip(axes, pairs, strict=True):
    ax.plot(days, 100 * plain, color="0.5", label=f"Monte Carlo, {runs} runs")
    ax.plot(days, 100 * np.abs(ours), color="#0072B2", label=f"surrogate, {runs} runs")
    ax.set_yscale("log")
    ax.set(xlabel="day", title=f"error of the {title}")
    factor = np.sqrt((plain**2).sum() / (ours**2).sum())
    print(f"{title}: Monte Carlo errs {factor:.0f} times as much")
axes[0].set_ylabel("percentage points")
axes[0].legend(frameon=False)
plt.show()

# %%
# Monte Carlo would need the square of that factor times as many runs. It does not care how smooth
# the model is, nor how many parameters there are; the polynomial does.
#
# To a tolerance
# --------------
# Instead of a budget, ask for an error: 0.2 percentage points on day 50. Without a bar is what the
# exploration believes of itself; the last round is the one with fresh points, and its bar must lie
# below the line.

near_peak = rnla.approximate(
    lambda parameters: epidemic(parameters)[9], laws, tol=0.002, vectorized=False, rng=0
)
print(near_peak.status.name, "after", near_peak.evaluations, "runs")
off = np.sqrt(weights @ (true[:, 9] - near_peak(grid)) ** 2)
print(f"true error: {100 * off:.3f} percentage points")
plotting.error_against_evaluations(near_peak, tol=0.002)
plt.show()

# %%
# Runs that fail
# --------------
# A run that raises, or returns nan, is recorded and left out. Here every fiftieth run is lost, as
# happens on a busy cluster.

count = 0


def unreliable(parameters):
    global count
    count += 1
    if count % 50 == 0:
        raise RuntimeError("node went down")
    return epidemic(parameters)


lossy = rnla.approximate(unreliable, laws, budget=runs, vectorized=False, rng=0)
print(f"{len(lossy.failures)} of {lossy.evaluations} runs failed: {lossy.failures[0].reason}")
missed = weights @ (true - lossy(grid)) ** 2
print(f"share of the variance that it misses: {missed.sum() / (true_spread**2).sum():.4f}")
