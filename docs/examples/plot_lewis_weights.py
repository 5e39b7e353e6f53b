"""
What are Lewis weights?
=======================

Leverage scores say how much a row matters to the norm :math:`\\|Ax\\|_2`. Sensitivities say how
much it matters to :math:`\\|Ax\\|_p`, one convex program per row. Lewis weights stand between the
two: they cost a few rounds of leverage scores and bound the sensitivities from both sides. This
page shows what they are on matrices small enough to see everything.
"""

# %%
# An ellipse that fits the ball
# -----------------------------
# Two columns, so that the ball :math:`\{x : \|Ax\|_1 \le 1\}` can be drawn. Most rows are short,
# and two long ones look in another direction. Lewis weights reweight the rows,
# :math:`W^{1/2-1/p}A`, so that the ellipse of the reweighted matrix fits the ball of the p-norm:
# for :math:`p = 1` it contains the ball and, shrunk by :math:`\sqrt d`, lies inside. The ellipse of
# :math:`A^TA`, to which leverage scores belong, fits another norm: whatever its size, it is off by
# a much larger factor.

import matplotlib.pyplot as plt
import numpy as np

import rnla

rng = np.random.default_rng(0)
many = rng.standard_normal((300, 2)) @ np.array([[0.02, 0.0], [0.01, 0.05]])
long = np.array([[3.0, 0.5], [2.5, -0.4]])
A = np.vstack([long, many])

angle = np.linspace(0.0, 2.0 * np.pi, 721)
circle = np.vstack([np.cos(angle), np.sin(angle)])
ball = circle / np.abs(A @ circle).sum(axis=0)


def misfit(M):
    """Largest over smallest ratio of the ellipse's norm to the 1-norm: 1 would be a perfect fit."""
    ratio = np.linalg.norm(np.linalg.solve(M, ball), axis=0)
    return ratio.max() / ratio.min()


lewis = rnla.lewis_weights(A, 1, rng=0)
M = lewis.basis  # makes the reweighted rows orthonormal
L = np.linalg.inv(np.linalg.cholesky(A.T @ A)).T  # the same for the rows as they are
print(f"misfit of the Lewis ellipse {misfit(M):.2f} (at most sqrt(2)), of A^T A {misfit(L):.2f}")

figure, axes = plt.subplots(figsize=(6, 5))
axes.fill(*ball, color="#d9e2ec", label=r"ball $\|Ax\|_1\leq 1$")
for scale, style in ((1.0, "-"), (1.0 / np.sqrt(2.0), "--")):
    label = "Lewis ellipse" if scale == 1.0 else r"the same, shrunk by $\sqrt{2}$"
    axes.plot(*(scale * M @ circle), style, color="#0b6e99", label=label)
inside = np.linalg.norm(np.linalg.solve(L, ball), axis=0).max()
axes.plot(*(inside * L @ circle), ":", color="#b5482a", label=r"ellipse of $A^TA$, around the ball")
axes.set(xlabel="$x_1$", ylabel="$x_2$", title="The p = 1 ball of A and two ellipses")
axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, fontsize="small")
figure.tight_layout()

# %%
# Weights that are their own leverage scores
# ------------------------------------------
# The definition is a fixed point: the leverage scores of the reweighted matrix are the weights. The
# result carries how far it is from that, and a proven bound on the error that follows from it.

reweighted = lewis.values[:, None] ** (1 / 2 - 1 / lewis.p) * A
again = rnla.leverage_scores(reweighted, rng=0).values
print(f"largest difference        {np.abs(again - lewis.values).max():.1e}")
print(f"residual, error bound     {lewis.residual:.1e}, {lewis.estimate_error:.1e}")
print(f"sum of the weights, rank  {lewis.total:.6f}, {lewis.rank}")
print(f"iterations, passes        {lewis.iterations}, {lewis.passes}")

# %%
# Between leverage scores and sensitivities
# -----------------------------------------
# A cubic through 400 heavy-tailed points is a coherent matrix: the outermost points decide. With
# :math:`\sigma_i` the sensitivity, :math:`d^{-1/2} w_i \le \sigma_i \le w_i` at :math:`p = 1` and
# :math:`w_i \le \sigma_i \le d\, w_i` at :math:`p = 4`: the shaded bands. Leverage scores stay in
# neither.

t = np.sort(rng.standard_t(3, size=400))
cubic = np.vander(t, 4)
d = cubic.shape[1]
leverage = rnla.leverage_scores(cubic, rng=0).values

figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True)
for p, panel in zip((1, 4), panels, strict=True):
    w = rnla.lewis_weights(cubic, p, rng=0).values
    sigma = rnla.lp_sensitivities(cubic, p, rng=0).values
    edge = w * d ** (p / 2 - 1)
    panel.fill_between(t, np.minimum(w, edge), np.maximum(w, edge), color="#d9e2ec")
    panel.semilogy(t, w, color="#0b6e99", label="Lewis weight")
    panel.semilogy(t, sigma, ".", color="#3c3c3c", markersize=3, label="sensitivity")
    panel.semilogy(t, leverage, ":", color="#b5482a", label="leverage score")
    panel.set(title=f"p = {p}", xlabel="point")
    low, high = min(1.0, d ** (p / 2 - 1)), max(1.0, d ** (p / 2 - 1))
    ratio = sigma / w
    print(
        f"p = {p}: sensitivity / Lewis weight from {ratio.min():.2f} to {ratio.max():.2f} "
        f"(allowed {low:g} to {high:g}), total sensitivity {sigma.sum():.2f}"
    )
panels[0].set_ylabel("score of the row")
panels[0].legend(loc="lower left", fontsize="small")
figure.tight_layout()

# %%
# Cheaper weights for sampling
# ----------------------------
# To sample rows it is enough that no weight is too small. One-sided weights certify just that,
# after a few iterations: every weight is at least its leverage score after reweighting, and the sum
# says what it cost.

for p in (1, 4, float("inf")):
    one = rnla.lewis_weights(cubic, p, method="one_sided", rng=0)
    print(
        f"p = {p}: {one.iterations} iterations, w >= {one.gamma:g} tau, "
        f"sum {one.total:.2f} for rank {one.rank}"
    )
plt.show()
