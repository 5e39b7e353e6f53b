"""
When calibration has no answer, and how one sees that
=====================================================

An anatomy is seen by eight coils whose sensitivities are unknown but smooth: y_l = D A x_l, the
pixels on the diagonal of D, polynomials in the columns of A. There are far more values than
unknowns, and still there is no answer. The result says so, and shows why.
"""

# %%
# Counting is not enough
# ----------------------

import matplotlib.pyplot as plt
import numpy as np

import rnla
from rnla.calibration import identifiability, relative_error, simulate_coil_maps

data = simulate_coil_maps(snr=40.0, rng=0)
pixels, n = data.operators.shape
counts = identifiability("snapshots", m=pixels, n=n, p=len(data.Y))
print(counts.identifiable, counts.bound)

# %%
# Thousands of equations to spare. But:

found = rnla.calibrate(data.Y, data.operators, model="snapshots")
print(found.status.name)
print(found.status.value)
print(f"gap {float(found.gap):.1e}, of a random operator of this size {found.predicted_gap:.2f}")
print(f"relative error {relative_error(found.gains, data.gains):.2f}")

# %%
# What is free
# ------------
# A smooth factor can be moved from the image to all coils: smooth maps divided by it are smooth
# again, and nearly polynomials. The second solution, ``runner_up``, over the first is that factor:
# it knows nothing of the anatomy.

side = int(np.sqrt(pixels))
ratio = np.abs(found.runner_up / found.inverse_gains)
figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
shown = (
    ("image", data.gains.real),
    ("what was returned", np.abs(found.gains)),
    ("second solution over the first", ratio),
)
for ax, (title, picture) in zip(axes, shown, strict=True):
    ax.imshow(picture.reshape(side, side), cmap="gray", vmax=np.quantile(picture, 0.99))
    ax.set_title(title)
    ax.set_axis_off()
plt.show()

# %%
# Without noise and with maps that are not smooth the same equations are solved to many digits. The
# smoothness is at fault, not the number of equations:

x = np.random.default_rng(0).standard_normal((8, n))
rough = rnla.calibrate(data.gains * (x @ data.operators.T), data.operators, model="snapshots")
print(rough.status.name, f"gap {float(rough.gap):.2f}")
print(f"relative error {relative_error(rough.gains, data.gains):.0e}")

# %%
# What helps is knowledge that pins the factor down: one coil whose map is known, the sum of squares
# of all maps set to one, or sensitivities measured on a uniform object first.
