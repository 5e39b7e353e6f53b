"""
Digits in ten evaluations
=========================

A diffusion model is sampled by calling a network some dozens of times. Which solver makes the most
of ten calls? With a network nobody knows the right answer; with a mixture of Gaussians everybody
does, since its score is exact. Here a mixture is fitted to handwritten digits, and every solver
starts from the same noise.
"""

# %%
# The data are 1797 digits of 8 x 8 pixels that come with scikit-learn, the model forty Gaussians
# fitted to them. A :class:`~rnla.diffusion.GaussianMixture` is a model like any network: it is
# called with a state and a noise level.

from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture

from rnla import diffusion, plotting
from rnla.random import Stream

images = load_digits().data / 8.0 - 1.0
fitted = GaussianMixture(40, reg_covar=0.01, random_state=0).fit(images)
model = diffusion.GaussianMixture(fitted.weights_, fitted.means_, covariances=fitted.covariances_)

# %%
# Sampling takes a state of noise, a schedule and a solver by name. Solvers of one call a step take
# ten steps, Heun's method takes five.

schedule = diffusion.VPLinear()
noise = Stream(0, "digits").normal(range(12), 64)
solvers = {"ddim": 10, "heun": 5, "dpmpp_2m": 10, "unipc": 10, "deis_tab3": 10}
rows = {"digits": images[:12]}
for name, steps in solvers.items():
    grid = diffusion.make_grid(schedule, steps, last=0.01)
    rows[name] = diffusion.sample(model, noise, solver=name, schedule=schedule, grid=grid).values
plotting.image_rows(
    {name: values.reshape(-1, 8, 8) for name, values in rows.items()},
    title="The same noise, ten evaluations",
)

# %%
# All rows but the first show the same twelve digits: there is one exact flow, and each solver is
# more or less far from it. :func:`~rnla.diffusion.compare` integrates that flow to eleven digits
# and measures how far, and reads the order of convergence from fine grids.

found = diffusion.compare(solvers, schedule=schedule, model=model, x=noise)
plotting.solver_errors(found, title="Largest error of a pixel")
print(found)

# %%
# Few-step sampling is not decided by the order alone: at five evaluations the methods of high order
# have just left their start-up. The same comparison for all solvers, on any schedule, is the
# command ``rnla diffusion compare``; how to tune a solver for a handful of steps is told in
# :doc:`/diffusion_tuning`.
