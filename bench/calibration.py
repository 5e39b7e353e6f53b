"""How fast is self-calibration? In units of the Fourier transforms that it cannot do without.

One signal, m = 2^20 sensors, n = 2^19 unknowns, p = 8 measurements, Fourier operators: the time of
`rnla.calibrate` over that of its products if these were transforms alone, timed in the same run (a
product with all A_l or all their adjoints is p transforms of length m; the records count them).
The unit is `scipy.fft.fft` in the faster of two ways, threads within a call or a measurement each;
target: 1.3. Beside it the same over transforms in two halves, as the calibration does them: values
in another order, one grid that stays in cache, nothing between; no target. Ten thousand problems of
64 sensors in one call, against a Python loop over the same call, which is timed on some of them and
scaled; target: 20 times as fast. Iterations of `gains_from_model` from its linear start and from
ones on 800 arrays; target: fewer on each. Times are medians. Writes calibration.json and
calibration.png; about five minutes.

    python -m bench.calibration [--quick]
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import scipy.fft

import rnla
from bench._harness import (
    COLOURS,
    cores,
    new_figure,
    run_benchmark,
    save_figure,
    seconds,
)
from rnla.calibration import (
    PartialFourier,
    gains_from_model,
    relative_error,
    simulate,
    simulate_interferometer,
)
from rnla.calibration._split_transform import SplitTransform

Row = dict[str, Any]

TARGETS = {"of transforms": 1.3, "batch": 20.0}
P = 8


def phases(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Gains of modulus 0.5 to 1.5 with phases on the whole circle."""
    return rng.uniform(0.5, 1.5, shape) * np.exp(2j * np.pi * rng.random(shape))


def transforms(quick: bool) -> list[Row]:
    """Time of a calibration over that of its transforms, by size, and with noise."""
    sizes = (2**12, 2**14) if quick else (2**14, 2**16, 2**18, 2**20)
    noisy = 2**14 if quick else 2**18
    return [one_size(m, None) for m in sizes] + [one_size(noisy, 40.0)]


def one_size(m: int, snr: float | None) -> Row:
    """Model "repeated" with Fourier operators; noise at `snr` decibels."""
    n = m // 2
    rng = np.random.default_rng(m)
    operators = PartialFourier(m, rng.choice([-1.0, 1.0], (P, n)))
    x = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    d = phases(rng, m)
    Y = d * operators.apply(x)
    if snr is not None:
        noise = rng.standard_normal(Y.shape) + 1j * rng.standard_normal(Y.shape)
        Y += noise * (np.linalg.norm(Y) / np.linalg.norm(noise) * 10.0 ** (-snr / 20.0))
    space = Y.copy()
    found: Any = None

    def transform() -> None:
        """What a product costs at least: a transform for each measurement, unitary, in place."""
        nonlocal space
        space = scipy.fft.fft(space, axis=-1, norm="ortho", overwrite_x=True, workers=-1)

    def one_by_one(pool: ThreadPoolExecutor) -> None:
        """The same in threads, with one measurement each: what fits in cache is faster."""
        list(pool.map(lambda row: scipy.fft.fft(row, norm="ortho", overwrite_x=True), space))

    def transforms_alone() -> float:
        with ThreadPoolExecutor(cores()) as pool:
            return min(seconds(transform, 9), seconds(lambda: one_by_one(pool), 9))

    def whole() -> None:
        nonlocal found
        found = rnla.calibrate(Y, operators)

    split = SplitTransform((m,), complex)

    def in_halves() -> None:
        """What the calibration does of a transform: p times, on a grid that is zero."""
        for _ in range(P):
            split.each_columns(split.columns_forth)
            split.each_rows(split.rows_forth)

    before, halves = transforms_alone(), seconds(in_halves, 9)
    total = seconds(whole, 3 if m > 2**16 else 5, warm_up=int(m <= 2**16))
    unit, halves = 0.5 * (before + transforms_alone()), 0.5 * (halves + seconds(in_halves, 9))
    return {
        "m": m,
        "n": n,
        "p": P,
        "snr, dB": snr,
        "iterations": found.iterations,
        "sweeps": found.sweeps,
        "products": found.products,
        "seconds": total,
        "seconds of p transforms": unit,
        "of transforms": total / (found.products * unit),
        "target": TARGETS["of transforms"] if m == 2**20 else None,
        "of transforms in halves": total / (found.products * halves),
        "error of gains": relative_error(found.gains, d),
    }


def batches(quick: bool) -> list[Row]:
    """Many small problems in one call and one by one; the loop is timed on `looped` of them."""
    count, looped = (200, 5) if quick else (10_000, 100)
    cases = (
        ("repeated", 64, 16, 4),
        ("repeated", 64, 32, 8),
        ("diverse", 64, 16, 4),
        ("snapshots", 64, 16, 4),
    )
    return [one_batch(*case, count, looped) for case in cases]


def one_batch(model: str, m: int, n: int, p: int, count: int, looped: int) -> Row:
    """Problems with the same operators, at 40 dB, without standard errors in either."""
    A = simulate(model, m=m, n=n, p=p, rng=0).operators
    rng = np.random.default_rng(0)
    shape = (count, n) if model == "repeated" else (count, p, n)
    x = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    signals = x[:, None, :] if model == "repeated" else x
    d = phases(rng, count, m)
    Y = d[:, None, :] * (A @ signals[..., None])[..., 0]
    noise = rng.standard_normal(Y.shape) + 1j * rng.standard_normal(Y.shape)
    Y += noise * (np.linalg.norm(Y) / np.linalg.norm(noise) * 0.01)

    def solve(values: np.ndarray) -> Any:
        return rnla.calibrate(values, A, model=model, standard_errors=False)

    found = solve(Y[:looped])
    few = seconds(lambda: [solve(one) for one in Y[:looped]], 3)
    whole = seconds(lambda: solve(Y), 3, warm_up=0)
    errors = [relative_error(a, b) for a, b in zip(found.gains, d, strict=False)]
    return {
        "model": model,
        "m": m,
        "n": n,
        "p": p,
        "problems": count,
        "looped": looped,
        "batch, ms a problem": 1e3 * whole / count,
        "loop, ms a problem": 1e3 * few / looped,
        "times as fast": few / looped / (whole / count),
        "target": TARGETS["batch"],
        "median error of gains": float(np.median(errors)),
    }


def interferometers(quick: bool) -> list[Row]:
    """Iterations from the linear start and from ones, on arrays of point sources."""
    rows = []
    for antennas in (10, 30) if quick else (10, 20, 30, 60, 120):
        for sources in (1, 5) if quick else (1, 3, 5, 20):
            for snr in (None, 20.0, 10.0, 0.0):
                rows.append(arrays(antennas, sources, snr, 3 if quick else 10))
    return rows


def arrays(antennas: int, sources: int, snr: float | None, draws: int) -> Row:
    """The same number of antennas and sources at other places, `draws` times."""
    sky = [simulate_interferometer(antennas, sources, snr=snr, rng=k) for k in range(draws)]
    V, M = (np.stack([getattr(one, name) for one in sky]) for name in ("V", "model"))
    linear = gains_from_model(V, M, max_iter=2000)
    ones = gains_from_model(V, M, start="ones", max_iter=2000)
    errors = [relative_error(g, one.gains) for g, one in zip(linear.gains, sky, strict=True)]
    return {
        "antennas": antennas,
        "sources": sources,
        "snr, dB": snr,
        "arrays": draws,
        "iterations, linear": float(np.mean(linear.iterations)),
        "iterations, ones": float(np.mean(ones.iterations)),
        "fewer": int((linear.iterations < ones.iterations).sum()),
        "as many": int((linear.iterations == ones.iterations).sum()),
        "converged": bool(linear.converged.all() and ones.converged.all()),
        "mean error": float(np.mean(errors)),
    }


def picture(sized: list[Row], batched: list[Row], sky: list[Row]) -> None:
    """Overhead by size, batches against loops, iterations from both starts."""
    figure, axes = new_figure(1, 3, figsize=(14.5, 4.4))
    ax = axes[0, 0]
    exact = [row for row in sized if row["snr, dB"] is None]
    noisy = [row for row in sized if row["snr, dB"] is not None]
    ax.semilogx([r["m"] for r in exact], [r["of transforms"] for r in exact], "o-", label="exact")
    ax.semilogx([r["m"] for r in noisy], [r["of transforms"] for r in noisy], "s", label="40 dB")
    ax.axhline(TARGETS["of transforms"], color=COLOURS[0], linestyle="--", label="target")
    ax.set_ylim(0.0, None)
    ax.set_xlabel("sensors m (n = m/2, p = 8)")
    ax.set_ylabel("time, in transforms alone")
    ax.legend(frameon=False)
    ax = axes[0, 1]
    names = [f"{row['model']}, n = {row['n']}, p = {row['p']}" for row in batched]
    ax.barh(range(len(names)), [row["times as fast"] for row in batched], color=COLOURS[1])
    ax.axvline(TARGETS["batch"], color=COLOURS[0], linestyle="--")
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set_xlabel("10⁴ problems of 64 sensors: times as fast as a loop")
    ax = axes[0, 2]
    for colour, snr in zip(COLOURS, (None, 20.0, 10.0, 0.0), strict=False):
        rows = [row for row in sky if row["snr, dB"] == snr]
        label = "exact" if snr is None else f"{snr:g} dB"
        ax.loglog(
            [row["iterations, ones"] for row in rows],
            [row["iterations, linear"] for row in rows],
            "o",
            color=colour,
            label=label,
        )
    ends = np.array(ax.get_xlim())
    ax.plot(ends, ends, color="0.5", linewidth=0.8)
    ax.set_xlabel("iterations from ones")
    ax.set_ylabel("iterations from the linear start")
    ax.legend(frameon=False)
    save_figure(figure, "calibration")


def main() -> None:
    parts = {"transforms": transforms, "batches": batches, "interferometers": interferometers}
    found = run_benchmark("calibration", __doc__, parts, lambda found: picture(*found.values()))
    fewer, equal, every = (
        sum(row[name] for row in found["interferometers"])
        for name in ("fewer", "as many", "arrays")
    )
    print(f"linear start: fewer iterations on {fewer} of {every} arrays, as many on {equal}")


if __name__ == "__main__":
    main()
