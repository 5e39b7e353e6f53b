"""
Thermometers that drift
=======================

A network of thermometers is left alone for a year. Their gains and offsets drift, one gets stuck,
one dies, and readings are lost. Nobody goes there with a reference. But temperature over the region
is smooth: a few patterns describe it, and what does not fit them must come from the sensors. That
is enough to find every gain, and the part of the offsets that is not itself such a pattern.
"""

# %%
# The network
# -----------
# Forty sensors, and six patterns: products of cosines over the region. Every day each pattern has a
# strength that nobody knows. The year has six periods of sixty days; within a period gains and
# offsets hardly change, from one to the next they do.

import matplotlib.pyplot as plt
import numpy as np

from rnla.calibration import calibrate_affine, identifiability

generator = np.random.default_rng(0)
sensors, periods, days = 40, 6, 60
x, y = generator.uniform(0, 1, (2, sensors))
pairs = [(i, j) for i in range(3) for j in range(3 - i)]
patterns = np.stack([np.cos(np.pi * i * x) * np.cos(np.pi * j * y) for i, j in pairs], axis=1)
n = len(pairs)

size = 3.0 / (1.0 + np.arange(n) ** 0.7)
weather = np.zeros((periods * days, n))
for day in range(1, len(weather)):
    weather[day] = 0.6 * weather[day - 1] + 0.8 * size * generator.standard_normal(n)
field = (weather @ patterns.T).reshape(periods, days, sensors)

time = np.linspace(0.0, 1.0, periods)[:, None]
gains = 1.0 + 0.05 * generator.standard_normal(sensors)
gains = gains + time * 0.08 * generator.standard_normal(sensors)
offsets = 1.0 * generator.standard_normal(sensors) + time * generator.standard_normal(sensors)
readings = gains[:, None] * (field + offsets[:, None])
readings += 0.1 * generator.standard_normal(readings.shape)
readings[generator.random(readings.shape) < 0.15] = np.nan  # lost
readings[:, :, 5] = 20.0  # stuck
readings[3:, :, 11] = np.nan  # dead from the fourth period on
print(f"{sensors} sensors, {n} patterns, {np.isnan(readings).mean():.0%} of the readings missing")

# %%
# One call for each period
# ------------------------
# What a common factor of all gains would be cannot be told: twice the gains of half the weather
# are the same readings. Sensors 0 to 3 stand in the laboratory's garden and are known; they set the
# scale. The sweeps may stop where they change readings by a millionth, far below the noise.


def scale(k, one):
    """The common factor of a period."""
    return np.mean(gains[k, :4] / one.gains[:4])


found = [calibrate_affine(part, patterns, tol=1e-6, max_iter=500) for part in readings]
print("period  status  flagged        noise  sweeps  error of the gains")
errors = []
for k, one in enumerate(found):
    good = ~one.flags
    factor = scale(k, one)
    errors.append(np.sqrt(np.mean((factor * one.gains - gains[k])[good] ** 2)))
    flagged = ", ".join(map(str, np.flatnonzero(one.flags)))
    print(
        f"{k:4}    {one.status.name:6}  {flagged:12} {one.noise:7.3f} {one.iterations:6}"
        f"   {errors[-1]:.4f}"
    )
spread = np.sqrt(np.mean((gains - gains.mean(axis=1, keepdims=True)) ** 2))
print(f"before, taking all gains as equal, the error was {spread:.3f}")

# %%
# The stuck and the dead sensor are found out, and the noise of the others, 0.1 degrees, is
# recovered from the misfit.

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
colours = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
for sensor, colour in zip((1, 8, 11, 20, 33), colours, strict=True):
    alive = [k for k in range(periods) if not found[k].flags[sensor]]
    values = [found[k].gains[sensor] * scale(k, found[k]) for k in alive]
    axes[0].plot(range(periods), gains[:, sensor], color=colour, lw=1)
    axes[0].plot(alive, values, "o", color=colour, label=f"sensor {sensor}")
axes[0].set(xlabel="period", ylabel="gain", title="gains: found (dots) and true (lines)")
axes[0].legend(frameon=False, fontsize=8)

# The offsets that can be known: what is left of them outside the patterns.
for k, colour in ((0, "#0072B2"), (periods - 1, "#D55E00")):
    good = ~found[k].flags
    inside = np.linalg.lstsq(patterns[good], offsets[k, good])[0]
    outside = offsets[k, good] - patterns[good] @ inside
    factor = scale(k, found[k])
    axes[1].plot(outside, found[k].offsets[good] / factor, "o", ms=4, color=colour, label=k)
ends = axes[1].get_xlim()
axes[1].plot(ends, ends, color="0.6", lw=0.8, zorder=0)
axes[1].set(xlabel="true, degrees", ylabel="found", title="offsets, the part outside the patterns")
axes[1].legend(title="period", frameon=False)
plt.show()

# %%
# What it is worth
# ----------------
# The map of the region is fitted to the readings of each day, once as they are and once corrected.
# Offsets inside the patterns look like weather that never changes, in both; so changes from day to
# day are compared.


def maps(values):
    """The patterns fitted to the readings that there are, day by day."""
    strengths = []
    for row in values:
        read = np.isfinite(row)
        strengths.append(np.linalg.lstsq(patterns[read], row[read])[0])
    return np.array(strengths) @ patterns.T


def changes(values):
    return np.diff(values, axis=0)


last = periods - 1
raw = readings[last].copy()
raw[:, 5] = np.nan
corrected = found[last].correct(readings[last]) / scale(last, found[last])
true = changes(field[last])
for name, values in (("as they are", raw), ("corrected", corrected)):
    off = np.sqrt(np.mean((changes(maps(values)) - true) ** 2) / np.mean(true**2))
    print(f"maps from readings {name}: changes off by {off:.1%}")

# %%
# How long must a period be?
# --------------------------
# Counting says how many readings there must be at the very least. The gap says how well patterns
# and gains can be told apart, and more readings bring the error down.

least = identifiability("snapshots", m=sensors, n=n, p=1).smallest_p + 1
print(f"smallest number by counting, with one more for the offsets: {least}")
print("days     gap   error of the gains")
for count in (8, 15, 30, 60):
    one = calibrate_affine(readings[0, :count], patterns, tol=1e-6, max_iter=500)
    good = ~one.flags
    off = (scale(0, one) * one.gains - gains[0])[good]
    print(f"{count:4} {one.gap:8.3f} {np.sqrt(np.mean(off**2)):10.4f}   {one.status.name}")

# %%
# The gap is small, a fiftieth: products of patterns are nearly patterns again, so that a smooth
# profile of gains looks almost like weather. How it closes with the number of patterns:

for order in range(1, 7):
    pairs = [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]
    more = np.stack([np.cos(np.pi * i * x) * np.cos(np.pi * j * y) for i, j in pairs], axis=1)
    signals = generator.standard_normal((days, len(pairs))) @ more.T
    one = calibrate_affine(gains[0] * (signals + offsets[0]), more, tol=1e-6)
    print(f"{len(pairs):3} patterns: gap {one.gap:.0e}, {one.status.name}")
