"""
Antenna gains from a model of the sky, and sensors that drift
=============================================================

Two instruments in the field. An array of antennas looks at a few sources whose visibilities are
known, and wants its complex gains with error bars; a network of sensors watches a smooth field,
and wants to know how gains and offsets have drifted.
"""

# %%
# An array of antennas
# --------------------
# Sixty antennas, five sources, 10 dB, a fifth of the baselines missing. The linear start needs no
# guess of the phases; the iteration (StEFCal) ends where it would from ones, in fewer steps.

import matplotlib.pyplot as plt
import numpy as np

from rnla.calibration import (
    calibrate_affine,
    gains_from_model,
    relative_error,
    simulate_affine,
    simulate_interferometer,
)

array = simulate_interferometer(60, 5, snr=10.0, missing=0.2, rng=0)
found = gains_from_model(array.V, array.model, noise=array.noise_std)
ones = gains_from_model(array.V, array.model, start="ones")
print(f"start {relative_error(found.start, array.gains):.3f}")
print(f"end   {relative_error(found.gains, array.gains):.3f}, chi^2 {float(found.chi2):.3f}")
print(f"iterations {int(found.iterations)}, from ones {int(ones.iterations)}")

# %%
# Errors of the phases, in degrees, with the standard errors that came with the gains:

truth = np.angle(array.gains)
turned = found.gains * np.exp(-1j * truth)
error = np.degrees(np.angle(turned / turned.sum()))  # the common phase is free
bars = np.degrees(found.phase_error)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
axes[0].scatter(*array.positions.T, c=truth, cmap="twilight", s=30)
axes[0].set(title="antennas, colour: phase of the gain", xlabel="wavelengths", aspect="equal")
axes[1].errorbar(np.arange(60), error, bars, fmt=".", color="#0072B2", ecolor="0.7")
axes[1].axhline(0.0, color="0.5", linewidth=0.8)
axes[1].set(xlabel="antenna", ylabel="error of the phase, degrees")
plt.show()
print(f"within one standard error: {np.mean(np.abs(error) < bars):.0%} of the antennas")

# %%
# Visibilities of many frequencies or time slots go in at once, along leading axes:

channels = np.stack(
    [simulate_interferometer(60, 5, snr=10.0, rng=0).V * (1 + 0.1 * k) for k in range(4)]
)
print(gains_from_model(channels, array.model).gains.shape)

# %%
# A network that drifts
# ---------------------
# Forty sensors watch a field with six degrees of freedom. Each has its gain and its offset, one is
# stuck, and a tenth of the readings are lost. Only the part of the offsets that the field itself
# cannot make is known afterwards, so that is what is compared.

net = simulate_affine(m=40, n=6, p=120, snr=30.0, missing=0.1, rng=1)
readings = net.Y.copy()
readings[:, 17] = 1.5
drift = calibrate_affine(readings, net.basis)
print(drift.status.name, "flagged:", np.flatnonzero(drift.flags))

good = ~drift.flags
factor = np.vdot(drift.gains[good], net.gains[good]) / np.vdot(drift.gains, drift.gains)
U, b = net.basis[good], net.offsets[good]
outside = b - U @ np.linalg.lstsq(U, b)[0]
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for ax, title, x, y in (
    (axes[0], "gains", net.gains[good], factor * drift.gains[good]),
    (axes[1], "offsets outside the field", outside, drift.offsets[good] / factor),
):
    ends = [min(x.min(), y.min()), max(x.max(), y.max())]
    ax.plot(ends, ends, color="0.7", linewidth=0.8)
    ax.plot(x, y, ".", color="#D55E00")
    ax.set(title=title, xlabel="true", ylabel="found")
plt.show()
