"""
When calibration has no answer, and how one sees that
=====================================================

An anatomy is seen by eight coils, whose sensitivities are smooth and otherwise unknown. There are
far more values than unknowns, and still there is no answer. The result says so instead of returning
something; this page shows why, and what to do.
"""

# %%
# Counting is not enough
# ----------------------
# Each coil image is the anatomy times the map of the coil: y_l = D A x_l, with the pixels on the
# diagonal of D and polynomials of degree 7 in the columns of A. The noise is a hundredth of the
# signal.

import matplotlib.pyplot as plt
import numpy as np

import rnla
from rnla import plotting
from rnla.calibration import (
    Problem,
    correlation_spectrum,
    identifiability,
    predicted_correlation,
    relative_error,
    simulate_coil_maps,
)

side, snr = 32, 40.0
data = simulate_coil_maps(size=side, snr=snr, rng=0)
pixels, n = data.operators.shape
coils = len(data.Y)
counts = identifiability("snapshots", m=pixels, n=n, p=coils)
print(f"{data.Y.size} values for {pixels + coils * n} unknowns; identifiable by counting:", end=" ")
print(counts.identifiable)

found = rnla.calibrate(data.Y, data.operators, model="snapshots", standard_errors=False)
print(found.status.name, "-", found.status.value)
print(f"gap {float(found.gap):.0e}; without structure it would be {found.predicted_gap:.2f}")
print(f"the image is off by {relative_error(found.gains, data.gains):.0%}")

# %%
# What is free
# ------------
# A smooth factor can be moved from the image to all coils: smooth maps divided by it are smooth
# again, and nearly polynomials. What was returned, over the true image, is such a factor; it knows
# nothing of the anatomy. Without the true image ``ambiguity`` shows where the answer may move next.


def show(ax, values, title):
    picture = np.abs(values).reshape(side, side)
    ax.imshow(picture, cmap="gray", vmin=0, vmax=np.quantile(picture, 0.99))
    ax.set_title(title)
    ax.axis("off")


figure, axes = plt.subplots(1, 5, figsize=(12, 2.8), layout="constrained")
show(axes[0], data.gains, "the image")
show(axes[1], data.Y[0], "one coil image")
show(axes[2], found.gains, "what was returned")
show(axes[3], found.gains / data.gains, "returned over true")
show(axes[4], found.ambiguity, "ambiguity")
plt.show()

# %%
# How much is free? The canonical correlations between data and operators say. One of them at one is
# the answer; every other that comes near it is a further way to divide image and maps. Rough maps
# through the same equations, with the same noise, leave nothing free: it is the smoothness.

x = np.random.default_rng(0).standard_normal((coils, n))
clean = data.gains * (x @ data.operators.T)
noise = data.noise * np.linalg.norm(clean) / np.linalg.norm(data.clean)
rough = Problem(clean + noise, data.operators, model="snapshots")
spectra = {
    "smooth maps": correlation_spectrum(Problem(data.Y, data.operators, model="snapshots")),
    "rough maps": correlation_spectrum(rough),
}
plotting.correlation_profile(
    spectra, predicted=predicted_correlation("snapshots", m=pixels, n=n, p=coils)
)
plt.show()
near = {name: int((1 - sigma < 1e-3).sum()) for name, sigma in spectra.items()}
print("correlations within 0.001 of one:", near)

# %%
# What to do: describe the maps by less
# -------------------------------------
# Fewer functions leave less freedom. Here are maps that polynomials of lower degree describe
# exactly, with the same noise. While there is a gap, the image is found to a few tenths of a per
# cent. (Real maps are not polynomials of degree 2: the image takes the blame for the rest.)

print("degree   functions      gap   ambiguous   error of the image")
for degree in (1, 2, 3, 5, 7):
    simple = simulate_coil_maps(size=side, degree=degree, snr=snr, rng=0)
    one = rnla.calibrate(simple.Y, simple.operators, model="snapshots", standard_errors=False)
    answer = "yes" if one.status is rnla.Status.AMBIGUOUS else "no"
    print(
        f"{degree:6} {simple.operators.shape[1]:11} {float(one.gap):8.0e}   {answer:9}"
        f"   {relative_error(one.gains, simple.gains):.4f}"
    )

# %%
# What to do: measure the maps
# ----------------------------
# Or know them. A bottle of water has a uniform image, so its coil images are the maps, with noise;
# the polynomials take most of that out. With the maps known, the image is one division a pixel.

maps = data.signal @ data.operators.T
generator = np.random.default_rng(1)
parts = data.noise_std * generator.standard_normal((2, *maps.shape)) / np.sqrt(2)
bottle = maps + parts[0] + 1j * parts[1]
measured = bottle @ data.operators.conj() @ data.operators.T
image = (measured.conj() * data.Y).sum(axis=0) / (np.abs(measured) ** 2).sum(axis=0)
print(f"with maps from a uniform object: off by {relative_error(image, data.gains):.4f}")

# %%
# Without either there is what needs no calibration at all, the root of the sum of squares over
# coils: the image times a smooth shade.

shaded = np.sqrt((np.abs(data.Y) ** 2).sum(axis=0))
print(f"root of the sum of squares: off by {relative_error(shaded, np.abs(data.gains)):.4f}")
figure, axes = plt.subplots(1, 4, figsize=(12, 3.3), layout="constrained")
show(axes[0], data.gains, "the image")
show(axes[1], image, "maps from a uniform object")
show(axes[2], shaded, "root of the sum of squares")
show(axes[3], shaded / np.abs(data.gains), "the shade on it")
plt.show()
