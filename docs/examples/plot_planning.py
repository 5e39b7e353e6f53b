"""
How often must one measure?
===========================

Before an instrument is taken into the field: how many measurements will its calibration need, and
how good will it be? Formulas answer in microseconds. This page holds them against simulations.
"""

# %%
# Ask for an error, get a number
# ------------------------------
# Sixty-four sensors whose gains differ by a factor of three, noise at 20 dB. One signal may be
# measured through many operators (model "repeated"), or each measurement has a signal of its own,
# through its own operator ("diverse") or all through the same ("snapshots").

import matplotlib.pyplot as plt
import numpy as np

import rnla
from rnla import plotting
from rnla.calibration import plan, predicted_correlation, predicted_errors, simulate

m, snr = 64, 20.0
unknowns = {"repeated": 32, "diverse": 16, "snapshots": 16}
spread = np.linspace(0.5, 1.5, 200)  # the gains as expected: their size is enough


def simulated(model, p, level, runs=8):
    """Records and truths of some runs."""
    for seed in range(runs):
        data = simulate(model, m=m, n=unknowns[model], p=p, snr=level, rng=seed)
        yield rnla.calibrate(data.Y, data.operators, model=model), data


def off(found, data):
    return rnla.calibration.relative_error(found.gains, data.gains)


print("model        wanted     p   predicted   simulated")
for model, n in unknowns.items():
    for target in (0.1, 0.05, 0.02):
        design = plan(model, m=m, n=n, snr=snr, target_error=target, of="gains", gains=spread)
        errors = [off(*run) for run in simulated(model, design.p, snr)]
        error = np.sqrt(np.mean(np.square(errors)))
        print(f"{model:10} {target:8} {design.p:5} {design.gains_error:11.4f} {error:11.4f}")

# %%
# Beside p the plan says what to expect: errors of gains and signals, the gap, and how long the
# computation takes.

design = plan("repeated", m=m, n=32, snr=snr, target_error=0.05, gains=spread)
print(f"p = {design.p}, counting alone asks for {design.smallest_identifiable}")
print(f"gains {design.gains_error:.3f}, signal {design.signal_error:.3f}, gap {design.gap:.2f}")
print(f"about {design.lanczos_products} products")
print("note:", *design.caveats)

# %%
# Errors against noise
# --------------------
# The formulas are of first order. From an error of about a third on, the truth is worse.

levels = (0.0, 5.0, 10.0, 20.0, 30.0)
measured, predicted = {}, {}
for model, n in unknowns.items():
    measured[model] = [(s, off(*run)) for s in levels for run in simulated(model, 4, s, runs=6)]
    predicted[model] = [
        (s, predicted_errors(model, m=m, n=n, p=4, snr=s, gains=spread).gains) for s in levels
    ]
plotting.error_against_snr(measured, predicted=predicted, title="Gains, four measurements")
plt.show()

# %%
# The gap against the number of measurements
# ------------------------------------------
# The gap decides whether there is one answer, and how fast it is found. Lines are predictions. They
# hold for operators without structure; the crosses are snapshots through sixteen neighbouring
# columns of the Fourier transform, which all see the same band.

counts = (2, 3, 4, 6, 9, 14, 20)
colours = dict(zip(unknowns, ("#0072B2", "#D55E00", "#009E73"), strict=True))
figure, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
for model, n in unknowns.items():
    line = [1 - predicted_correlation(model, m=m, n=n, p=p) for p in counts]
    ax.plot(counts, line, color=colours[model], lw=1.2)
    gaps = []
    for p in counts:
        data = simulate(model, m=m, n=n, p=p, rng=0)
        try:
            one = rnla.calibrate(data.Y, data.operators, model=model, polish=None)
        except rnla.ArgumentError as error:
            print(f"{model}, p = {p}: {error}")
            continue
        gaps.append((p, one.gap))
    ax.plot(*np.transpose(gaps), "o", color=colours[model], label=model)
band = [simulate("snapshots", m=m, n=16, p=p, operators="fourier", rng=0) for p in counts]
gaps = [rnla.calibrate(data.Y, data.operators, model="snapshots", polish=None).gap for data in band]
ax.plot(counts, gaps, "x", color="0.3", label="snapshots, one band")
ax.set(xlabel="measurements p", ylabel="gap", title="Gap, predicted and found", ylim=(0, None))
ax.legend(frameon=False)
plt.show()

# %%
# What no number of measurements buys
# -----------------------------------
# Every new signal brings new unknowns. The gains get better with p, the signals do not, and a
# target beyond that is refused:

try:
    plan("snapshots", m=m, n=16, snr=snr, target_error=0.01, of="signal")
except rnla.ArgumentError as error:
    print(error)
