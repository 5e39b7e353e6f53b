"""
Sharp again, without knowing the blur
=====================================

A camera is out of focus, and nobody knows by how much. One picture does not say: many pairs of a
scene and a blur give it. A few pictures through known masks do say, and scene and blur come out of
linear algebra. This page computes how many masks are enough, before and after taking the pictures.
"""

# %%
# What the camera sees
# --------------------
# In front of the scene stands a mask of random signs: every pixel is counted as it is or with a
# minus. (Two pictures through complementary shutters, subtracted, do that.) Then comes the blur, a
# kernel of 7 by 7 pixels. Convolution with the kernel is, after a Fourier transform, one unknown
# factor for each frequency: the frequencies are sensors, and the factors are their gains.

import matplotlib.pyplot as plt
import numpy as np

import rnla
from rnla.calibration import (
    MaskedFourier,
    identifiability,
    predicted_correlation,
    predicted_errors,
    relative_error,
    simulate_masked_frames,
)

size, snr = 64, 40.0
scene = simulate_masked_frames(8, size=size, snr=snr, rng=0)
blurred = np.fft.ifft2(np.fft.fft2(scene.image) * scene.gains.reshape(size, size)).real

figure, axes = plt.subplots(1, 4, figsize=(12, 3.3), layout="constrained")
shift = np.roll(scene.kernel, (size // 2, size // 2), (0, 1))
pictures = {
    "the scene": scene.image,
    "out of focus": blurred,
    "one of the frames": scene.frames[0],
    "the kernel": shift[24:40, 24:40],
}
for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
    ax.imshow(picture, cmap="gray")
    ax.set_title(title)
    ax.axis("off")
plt.show()
print(f"{size * size} pixels; {size * size} gains, from {abs(scene.gains).min():.3f} to 1")

# %%
# How many masks? Ask first
# -------------------------
# There are as many unknown pixels as frequencies, and counting says that two masks are enough. The
# gap says that they are not: it separates the answer from everything else that fits the data, and a
# formula predicts it from the numbers alone. Here it stands beside the one computed with every
# solution, which is the linear one so far, without starting guess and without knowing that kernels
# are small or images positive.

n = size**2
print("smallest number by counting:", identifiability("repeated", m=n, n=n, p=1).smallest_p)
masks = (2, 3, 4, 6, 8)
scenes, linear = {}, {}
print("masks   gap predicted   computed   iterations   status")
for p in masks:
    scenes[p] = simulate_masked_frames(p, size=size, snr=snr, rng=0)
    operators = MaskedFourier(scenes[p].masks)
    linear[p] = rnla.calibrate(scenes[p].Y, operators, polish=None, max_iter=100)
    predicted = 1 - predicted_correlation("repeated", m=n, n=n, p=p)
    one = linear[p]
    print(f"{p:5} {predicted:15.3f} {one.gap:10.3f} {one.iterations:12}   {one.status.name}")

# %%
# With two masks another answer fits as well, and the status says so. From three on there is one
# answer, and every further mask makes the gap wider and the iteration faster.
#
# What noise leaves of it
# -----------------------
# The noise in the frames is 40 dB below them, a hundredth in amplitude. The linear answer weighs
# all frequencies alike, those which the blur has wiped out too. A few sweeps of alternating least
# squares, from there, get near the smallest error that the data permit, which is predicted as well.

polished = {
    p: rnla.calibrate(scenes[p].Y, MaskedFourier(scenes[p].masks), max_sweeps=30) for p in masks[2:]
}


def error(one):
    return relative_error(one.signal, scene.image.ravel())


print("masks   error linear   polished   predicted")
for p, one in polished.items():
    expected = predicted_errors(
        "repeated", m=n, n=n, p=p, snr=snr, gains=scene.gains, orthogonal=True
    )
    print(f"{p:5} {error(linear[p]):14.4f} {error(one):10.4f} {expected.signal:11.4f}")


def fitted(signal):
    """The answer with the size and the sign of the scene: a common factor is free."""
    size_of = np.linalg.norm(scene.image) / np.linalg.norm(signal)
    turn = np.vdot(signal, scene.image.ravel())
    return (signal * size_of * turn / abs(turn)).real.reshape(size, size)


panels = {"out of focus": blurred}
panels |= {f"{p} masks, linear": fitted(linear[p].signal) for p in (2, 4, 8)}
panels |= {"8 masks, polished": fitted(polished[8].signal)}
low, high = scene.image.min(), scene.image.max()
figure, axes = plt.subplots(2, 5, figsize=(12, 5.4), layout="constrained")
for column, (title, picture) in zip(axes.T, panels.items(), strict=True):
    column[0].imshow(picture, cmap="gray", vmin=low, vmax=high)
    column[0].set_title(title)
    shown = column[1].imshow(picture - scene.image, cmap="RdBu", vmin=-0.1, vmax=0.1)
    for ax in column:
        ax.axis("off")
axes[1, 0].set_title("minus the scene")
figure.colorbar(shown, ax=axes[1, :], shrink=0.8)
plt.show()

# %%
# The blur itself
# ---------------
# The gains are the Fourier transform of the kernel, so the kernel comes for free.

gains = polished[8].gains
factor = np.vdot(gains, scene.gains) / np.vdot(gains, gains)
kernel = np.fft.ifft2((factor * gains).reshape(size, size)).real
off = np.abs(kernel - scene.kernel).max() / scene.kernel.max()
print(f"largest error of the kernel, of its peak: {off:.2%}")
