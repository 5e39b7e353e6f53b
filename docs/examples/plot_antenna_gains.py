"""
Gains of antennas from a model of the sky
=========================================

A radio interferometer measures, for each pair of antennas, the product of what the sky sends and
the two antennas' complex gains. With a few bright sources known, the gains can be found. Usually
this is done by iterating from ones; here the iteration starts from the answer of a linear problem,
which is exact without noise. All frequency channels are solved together, two antennas are bad, and
every gain comes with an error bar.
"""

# %%
# An array and its sky
# --------------------
# Forty antennas in a disc, six sources, and twelve channels. In each channel an antenna has a gain
# that turns with frequency, because of a delay in its cable.

import matplotlib.pyplot as plt
import numpy as np

from rnla import plotting
from rnla.calibration import gains_from_model, relative_error, simulate_interferometer

antennas, channels = 40, 12
array = simulate_interferometer(antennas, 6, rng=2)
generator = np.random.default_rng(0)
frequency = np.linspace(1.0, 1.1, channels)
delay = generator.uniform(-20, 20, antennas)
slope = generator.normal(0.0, 1.5, antennas)
turns = np.exp(2j * np.pi * np.outer(frequency - 1.0, delay))
gains = array.gains * (1 + np.outer(frequency - 1.0, slope)) * turns
gains[:, 23] = 0.0  # this antenna is deaf: it delivers noise
waves = np.exp(
    -2j * np.pi * frequency[:, None, None] * (array.positions @ array.directions.T)
) * np.sqrt(array.fluxes)
model = waves @ waves.conj().swapaxes(1, 2)

# Noise of three tenths of the signal in every pair. Antenna 7 is not connected, and a fifth of the
# other pairs is lost to interference.
upper = np.triu(np.ones((antennas, antennas), dtype=bool), 1)
clean = gains[:, :, None] * model * gains.conj()[:, None, :]
sigma = 0.3 * np.sqrt(np.mean(np.abs(clean[:, upper]) ** 2))
parts = sigma * generator.standard_normal((2, *clean.shape)) / np.sqrt(2)
noise = np.where(upper, parts[0] + 1j * parts[1], 0.0)
visibilities = clean + noise + noise.conj().swapaxes(1, 2)
lost = np.triu(generator.random(clean.shape) < 0.2, 1)
lost |= lost.swapaxes(1, 2)
lost[:, 7, :] = lost[:, :, 7] = True
visibilities[lost] = np.nan

# %%
# One call for all channels
# -------------------------
# Frequencies, time slots or polarisations go along the leading axes. What is missing is nan.

found = gains_from_model(visibilities, model, noise=sigma, reference=0)
ones = gains_from_model(visibilities, model, noise=sigma, reference=0, start="ones")
print(found.status.name, "- flagged:", np.flatnonzero(found.flags.any(axis=0)))
print(f"chi^2 per degree of freedom: {found.chi2.min():.2f} to {found.chi2.max():.2f}")
print("iterations by channel, linear start:", found.iterations)
print("iterations by channel, from ones:   ", ones.iterations)
good = ~found.flags[0]
start = [relative_error(a[good], b[good]) for a, b in zip(found.start, gains, strict=True)]
end = [relative_error(a[good], b[good]) for a, b in zip(found.gains, gains, strict=True)]
print(f"relative error of the linear start {np.mean(start):.3f}, in the end {np.mean(end):.3f}")

# %%
# The linear start is nearly the answer, and from there the iteration needs fewer steps. The antenna
# without data is flagged. The deaf one has data, so it has a gain: nothing, within its error.

print(f"deaf antenna: {abs(found.gains[0, 23]):.3f} +- {found.modulus_error[0, 23]:.3f}")
plotting.gain_plane(found, true=gains, problem=0, title="Channel 0, found and true")
plt.show()

# %%
# Are the error bars right?
# -------------------------
# They come from the Cramér-Rao bound at the answer. If they are right, 95 % of all gains lie within
# 1.96 of them, in modulus and in phase. The phase of antenna 0 is zero by choice.

heard = good & (np.arange(antennas) != 23)
modulus = np.abs(found.gains) - np.abs(gains)
phase = np.angle(found.gains * gains.conj() * gains[:, :1] / np.abs(gains[:, :1]))
inside = np.abs(modulus[:, heard]) < 1.96 * found.modulus_error[:, heard]
heard[0] = False
turned = np.abs(phase[:, heard]) < 1.96 * found.phase_error[:, heard]
print(f"inside: modulus {inside.mean():.1%}, phase {turned.mean():.1%}, of {turned.size}")

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
truth = np.unwrap(np.angle(gains * gains[:, :1].conj()), axis=0)
for antenna, colour in zip((3, 11, 30), ("#0072B2", "#D55E00", "#009E73"), strict=True):
    measured = truth[:, antenna] + phase[:, antenna]
    bars = 2 * found.phase_error[:, antenna]
    axes[0].errorbar(frequency, measured, bars, fmt="o", ms=3, color=colour, capsize=2)
    axes[0].plot(frequency, truth[:, antenna], color=colour, lw=0.8, label=f"antenna {antenna}")
axes[0].set(xlabel="frequency", ylabel="phase against antenna 0, radians")
axes[0].set_title("three antennas, found and true")
axes[0].legend(frameon=False)
ratio = phase[:, heard] / found.phase_error[:, heard]
axes[1].hist(ratio.ravel(), bins=30, density=True, color="#56B4E9")
x = np.linspace(-4, 4, 201)
axes[1].plot(x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), color="0.2", label="normal law")
axes[1].set(xlabel="error of the phase over its standard error", yticks=[])
axes[1].set_title("all antennas and channels")
axes[1].legend(frameon=False)
plt.show()
