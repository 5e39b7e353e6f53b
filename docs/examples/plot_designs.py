"""
Which design of points, and when?
=================================

Every value of the function costs a run of a model, so the points should be chosen well. This page
draws the designs of `rnla.approximation`, measures how far fits on them are from the best that the
space can do, and shows why the answer depends on the dimension.
"""

# %%
# What the designs look like
# --------------------------
# The space is that of polynomials in two variables of total degree at most 9, of dimension m = 55,
# with as many points, or one more. Points drawn plainly leave the edges to chance, where
# polynomials swing most. Independent points of the optimal law lie denser there, but still clump
# and leave holes. The projection DPP keeps its points apart.

import matplotlib.pyplot as plt
import numpy as np

import rnla
from rnla import plotting
from rnla.approximation import (
    Product,
    TensorBasis,
    Uniform,
    conditioned_design,
    greedy_design,
    iid_design,
    projection_dpp_design,
    repeated_dpp_design,
    volume_design,
)

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "0.6"

plane = TensorBasis(Product([Uniform(), Uniform()]), 9)
m = plane.dimension
designs = {
    "plain random points": iid_design(plane, m, reference="plain", rng=1),
    "independent, optimal law": iid_design(plane, m, rng=1),
    "projection DPP": projection_dpp_design(plane, rng=1),
    "greedy, from 4 m points": greedy_design(
        plane, repeated_dpp_design(plane, 4 * m, rng=1), delta=0.99, size=m
    ),
}
plotting.designs_side_by_side(designs, basis=plane, columns=2)
plt.show()

# %%
# Above each panel stands the smallest eigenvalue of the weighted Gram matrix. At 1 the fit is as
# good as an integral; near 0 it multiplies whatever the space cannot represent. With as many points
# as functions no design is very stable; the greedy choice stops by itself before it gets too bad.
#
# Error and stability against the number of runs
# ----------------------------------------------
# Now the line: f(x) = \|x\|, polynomials of degree at most 9, m = 10. The best squared error e² is
# known from Gauss rules on both halves, so that the ratio of a fit's squared error to it can be
# computed exactly. Sixty draws for each law and size.

line = TensorBasis(Uniform(), 9)
m = line.dimension


def f(x):
    return np.abs(x[:, 0])


nodes, masses = np.polynomial.legendre.leggauss(40)
halves = np.concatenate([(nodes - 1) / 2, (nodes + 1) / 2])[:, None]
masses = np.concatenate([masses, masses]) / 4
best = line.evaluate(halves).T @ (masses * f(halves))
e2 = masses @ (f(halves) - line.evaluate(halves) @ best) ** 2


def greedy(basis, n, *, rng, draw):
    start = repeated_dpp_design(basis, 4 * m, rng=rng, draw=draw)
    return greedy_design(basis, start, delta=0.99, size=n)


def conditioned(basis, n, *, rng, draw):
    return conditioned_design(iid_design, basis, n, delta=0.75, rng=rng, draw=draw)


laws = {
    "plain random points": (
        lambda *a, **k: iid_design(*a, reference="plain", **k),
        (12, 16, 20, 30, 40, 60, 80),
        GREY,
    ),
    "independent, optimal law": (iid_design, (12, 16, 20, 30, 40, 60, 80), ORANGE),
    "the same, conditioned": (conditioned, (30, 40, 60, 80), RED),
    "volume sampling": (volume_design, (12, 16, 20, 30, 40, 60, 80), BLUE),
    "repeated DPP": (repeated_dpp_design, (12, 16, 20, 30, 40, 60, 80), GREEN),
    "greedy, from 4 m points": (greedy, (12, 16, 20, 30), "k"),
}
draws = 60
median, high, stable = {}, {}, {}
for name, (sampler, sizes, _) in laws.items():
    for n in sizes:
        fits = []
        for draw in range(draws):
            design = sampler(line, n, rng=7, draw=draw)
            fits.append(rnla.weighted_least_squares(line, design, f))
        errors = np.array([fit.coefficients for fit in fits]) - best
        ratios = 1.0 + (errors**2).sum(axis=1) / e2
        median[name, n], high[name, n] = np.quantile(ratios, [0.5, 0.95])
        stable[name, n] = np.mean([fit.condition <= 3.0 for fit in fits])

figure, axes = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
panels = (
    ("median of the error ratio", median),
    ("95 % quantile of the error ratio", high),
    ("share of draws with condition ≤ 3", stable),
)
for ax, (title, numbers) in zip(axes, panels, strict=True):
    for name, (_, sizes, colour) in laws.items():
        ax.plot(sizes, [numbers[name, n] for n in sizes], "o-", color=colour, ms=4, label=name)
    ax.set_title(title)
    ax.set_xlabel("number of points n (m = 10)")
    if numbers is not stable:
        ax.set_yscale("log")
        ax.set_ylim(1.0, 100.0)
axes[2].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0.0, 0.93))
plt.show()

# %%
# No fit in this space has a ratio below 1. Where curves leave the picture, points without repulsion
# miss a direction of the space now and then, and the fit is worthless. The greedy choice is made
# before any run of the model: only the points that stay are evaluated.

for n in (20, 30):
    print(f"n = {n}: median and 95 % quantile of the ratio, share with condition at most 3")
    for name, (_, sizes, _) in laws.items():
        if n in sizes:
            row = f"{median[name, n]:8.2f} {high[name, n]:10.2f} {stable[name, n]:7.0%}"
            print(f"  {name:26} {row}")

# %%
# What stability does not buy
# ---------------------------
# Volume sampling looks weaker than the repeated DPP here. It has what none of the others has: its
# fits are right on average, and RSS/(n - m), which costs no further run, estimates e² without bias.
# So averages of several fits converge to the best approximation, and the error reported is honest.

n, draws = 20, 300
names = ("independent, optimal law", "volume sampling", "repeated DPP", "greedy, from 4 m points")
print(f"n = {n}, {draws} draws: mean of RSS/(n - m), as a multiple of e2, +- standard error")
for name in names:
    estimates = []
    for draw in range(draws):
        design = laws[name][0](line, n, rng=8, draw=draw)
        estimates.append(rnla.weighted_least_squares(line, design, f).squared_error / e2)
    error = np.std(estimates) / np.sqrt(draws)
    print(f"  {name:26} {np.mean(estimates):5.2f} +- {error:.2f}")

# %%
# The dimension decides
# ---------------------
# How much does repulsion help? For independent points the Gram matrix G has a mean squared distance
# to the identity of m (m - 1)/n, in every space. Left: how many times as many independent points
# come as near as a repeated DPP does, measured on single DPPs, for polynomials in d variables, with
# two standard errors. Right: the typical condition number with four points per function.

spaces = {1: 19, 2: 5, 3: 3, 5: 2, 10: 2}
gain, error, condition = [], [], {"independent": [], "repeated DPP": [], "greedy, 4 m of 8 m": []}
for d, p in spaces.items():
    basis = TensorBasis(Product([Uniform()] * d), p)
    m = basis.dimension
    distances = []
    for draw in range(40):
        design = projection_dpp_design(basis, rng=3, draw=draw)
        rows = basis.evaluate_normalised(design.points)
        distances.append(((rows.T @ rows - np.eye(m)) ** 2).sum())
    gain.append((m - 1) / np.mean(distances))
    error.append(2 * gain[-1] * np.std(distances) / np.mean(distances) / np.sqrt(len(distances)))
    found = np.empty((5, 3))
    for draw in range(len(found)):
        pool = repeated_dpp_design(basis, 8 * m, rng=4, draw=draw)
        chosen = (
            iid_design(basis, 4 * m, rng=4, draw=draw),
            repeated_dpp_design(basis, 4 * m, rng=4, draw=draw),
            greedy_design(basis, pool, delta=0.99, size=4 * m),
        )
        found[draw] = [design.condition for design in chosen]
    for column, values in zip(np.median(found, axis=0), condition.values(), strict=True):
        values.append(column)
    print(f"d = {d:2}, m = {m:2}: gain {gain[-1]:.2f} +- {error[-1]:.2f}")

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
labels = [f"d = {d}\ndegree {p}" for d, p in spaces.items()]
axes[0].bar(labels, gain, yerr=error, color=GREEN, width=0.6)
axes[0].axhline(1.0, color="0.3", linestyle="--", linewidth=1)
axes[0].set_title("how many times as many independent points")
for (name, values), colour in zip(condition.items(), (ORANGE, GREEN, "k"), strict=True):
    axes[1].plot(labels, values, "o-", color=colour, label=name)
axes[1].set_ylim(1.0, None)
axes[1].set_title("median condition number")
axes[1].legend(frameon=False)
plt.show()

# %%
# On the line and in the plane a repeated DPP is the better choice at equal cost. In ten dimensions
# it behaves almost as independent points do: take volume sampling for its honest error, or remove
# points from a larger design, which helped in every dimension.
