"""Self-calibration on the seven experiments E1 to E7: what was measured beside what is expected.

E1 exact recovery at the counting bound and refusal beyond; E2 error against noise by method, with
the prediction of `rnla.calibration.predicted_errors`; E3 gains over orders of magnitude; E4 a dead
sensor; E5 deblurring behind masks; E6 the failure that must be reported; E7 interferometers; and
the number of measurements that sparse signals need. Writes calibration_experiments.json and .png;
about two minutes.

    python -m bench.calibration_experiments [--quick]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

import rnla
from bench._harness import COLOURS, new_figure, print_table, save_figure, write_results
from rnla.calibration import (
    MaskedFourier,
    calibrate_sparse,
    gains_from_model,
    predicted_errors,
    relative_error,
    simulate,
    simulate_coil_maps,
    simulate_interferometer,
    simulate_masked_frames,
)

Row = dict[str, Any]

# Method, polish and sweeps of `rnla.calibrate` behind each name of the tables.
WAYS: dict[str, dict[str, Any]] = {
    "least squares": {"method": "linear_least_squares", "polish": None},
    "spectral": {"method": "spectral", "polish": None},
    "correlation": {"polish": None},
    "correlation + 5 sweeps": {"polish": "als", "max_sweeps": 5},
    "auto": {},
}

# model, m, n, p, k of the counting bound, and what lies just beyond it.
BOUNDS = (
    (("repeated", 32, 33, 2, None), {"n": 34}),
    (("repeated", 32, 65, 3, None), {"n": 66}),
    (("diverse", 32, 24, 4, None), {"p": 3}),
    (("diverse", 32, 30, 16, None), {"p": 15}),
    (("snapshots", 32, 24, 4, None), {"p": 3}),
    (("snapshots", 32, 31, 31, None), {"p": 30}),
    (("repeated", 64, 49, 1, 16), {"n": 50}),
)

# Expected median errors of gains and signals at 10, 20 and 40 dB.
CURVES = (
    (
        ("repeated", 64, 32, 3, "mild"),
        {
            "least squares": ((0.248, 0.217), (0.082, 0.065), (0.0087, 0.0066)),
            "spectral": ((0.285, 0.234), (0.083, 0.065), (0.0087, 0.0066)),
            "auto": ((0.252, 0.199), (0.080, 0.061), (0.0082, 0.0059)),
        },
    ),
    (
        ("diverse", 64, 16, 8, "mild"),
        {
            "least squares": ((0.151, 0.235), (0.045, 0.073), (0.0046, 0.0074)),
            "auto": ((0.140, 0.204), (0.043, 0.064), (0.0045, 0.0064)),
        },
    ),
    (
        ("snapshots", 64, 16, 16, "random"),
        {
            "least squares": ((0.881, 0.561), (0.093, 0.092), (0.0036, 0.0075)),
            "spectral": ((0.125, 0.248), (0.033, 0.074), (0.0033, 0.0074)),
            "correlation": ((0.127, 0.219), (0.033, 0.072), (0.0032, 0.0073)),
            "auto": ((0.097, 0.203), (0.031, 0.064), (0.0032, 0.0064)),
        },
    ),
    (
        ("repeated", 64, 32, 8, "log-normal"),
        {
            "spectral": ((None, 0.614), (None, 0.176), (None, 0.0142)),
            "correlation": ((None, 0.228), (None, 0.120), (None, 0.0144)),
            "correlation + 5 sweeps": ((None, 0.101), (None, 0.033), (None, 0.0033)),
        },
    ),
)
LEVELS = (10.0, 20.0, 40.0)


def counting_bounds(quick: bool) -> list[Row]:
    """E1: exact data at the bound, and one unknown more or one measurement less."""
    rows = []
    seeds = 3 if quick else 20
    for (model, m, n, p, k), beyond in BOUNDS:
        found = 0
        for seed in range(seeds):
            data = simulate(model, m=m, n=n, p=p, gain_subspace=k, rng=seed)
            result = rnla.calibrate(
                data.Y, data.operators, model=model, gain_basis=data.gain_basis, max_iter=5000
            )
            found += relative_error(result.gains, data.gains) < 1e-6
        sizes = {"m": m, "n": n, "p": p, **beyond}
        data = simulate(model, **sizes, gain_subspace=k, rng=0)
        try:
            rnla.calibrate(data.Y, data.operators, model=model, gain_basis=data.gain_basis)
            refused = "no"
        except rnla.ArgumentError:
            refused = "yes"
        label = f"{model} m={m} n={n} p={p}" + ("" if k is None else f" k={k}")
        rows.append(
            {
                "experiment": "E1",
                "case": label,
                "quantity": f"recovered, of {seeds}",
                "expected": float(seeds),
                "measured": float(found),
            }
        )
        changed = " ".join(f"{name}={value}" for name, value in beyond.items())
        rows.append(
            {
                "experiment": "E1",
                "case": f"{label}, {changed}",
                "quantity": "refused",
                "expected": "yes",
                "measured": refused,
            }
        )
    return rows


def errors(way: str, seeds: Sequence[int], model: str, **options: Any) -> tuple[float, float]:
    """Median errors of gains and signals."""
    found = []
    for seed in seeds:
        data = simulate(model, rng=seed, **options)
        result = rnla.calibrate(data.Y, data.operators, model=model, **WAYS[way])
        keep = np.abs(data.gains) > 1e-2  # the gain of a dead sensor is not the question
        found.append(
            (
                relative_error(result.gains[keep], data.gains[keep]),
                relative_error(result.signal, data.signal),
            )
        )
    medians = np.median(found, axis=0)
    return float(medians[0]), float(medians[1])


def noise_curves(quick: bool) -> list[Row]:
    """E2 and E3: median errors by method and noise."""
    rows = []
    seeds = range(2 if quick else 15)
    for (model, m, n, p, gains), expected in CURVES:
        name = "E3" if gains == "log-normal" else "E2"
        levels = LEVELS[1:2] if quick else LEVELS
        for snr in levels:
            drawn = [simulate("repeated", m=m, n=1, p=1, gains=gains, rng=k).gains for k in seeds]
            predicted = np.median(
                [predicted_errors(model, m=m, n=n, p=p, snr=snr, gains=d) for d in drawn], axis=0
            )
            for way, values in expected.items():
                measured = errors(way, seeds, model, m=m, n=n, p=p, gains=gains, snr=snr)
                for index, quantity in enumerate(("gains", "signal")):
                    rows.append(
                        {
                            "experiment": name,
                            "case": f"{model} ({m}, {n}, {p}) {gains}, {snr:g} dB",
                            "method": way,
                            "quantity": f"error of {quantity}",
                            "expected": values[LEVELS.index(snr)][index],
                            "measured": measured[index],
                            "predicted best": float(predicted[index]),
                        }
                    )
    return rows


def dead_sensor(quick: bool) -> list[Row]:
    """E4: one gain of 1e-3 at 40 dB; `calibrate` leaves weak sensors out of the spectral method."""
    rows = []
    seeds = range(2 if quick else 15)
    for model, n, p, expected in (("repeated", 32, 8, 0.0028), ("diverse", 16, 8, 0.0070)):
        for way in ("spectral", "correlation", "correlation + 5 sweeps"):
            if way == "spectral" and model == "diverse":
                continue
            measured = errors(way, seeds, model, m=64, n=n, p=p, dead=[0], snr=40.0)[1]
            rows.append(
                {
                    "experiment": "E4",
                    "case": f"{model} (64, {n}, {p}), dead sensor, 40 dB",
                    "method": way,
                    "quantity": "error of signal",
                    "expected": expected if "sweeps" in way else None,
                    "measured": measured,
                }
            )
    return rows


def deblurring(quick: bool) -> list[Row]:
    """E5: decibels of peak signal over error of the image."""
    rows = []
    size = 32 if quick else 128
    cases: list[tuple[int, float | None, int | None, float | None]] = [
        (3, None, None, 171.0),
        (4, None, None, 180.0),
        (8, None, None, 194.0),
        (8, 60.0, 0, 55.4),
        (8, 60.0, 1, 63.8),
        (8, 60.0, 5, 70.1),
        (8, 60.0, 20, 72.5),
        (8, 40.0, 20, 52.4),
        (4, 60.0, 20, 59.5),
    ]
    for p, snr, sweeps, expected in cases:
        scene = simulate_masked_frames(p, size=size, snr=snr, rng=0)
        options: dict[str, Any] = (
            {"polish": "als", "max_sweeps": sweeps} if sweeps else {"polish": None}
        )
        found = rnla.calibrate(scene.Y, MaskedFourier(scene.masks), solver="power", **options)
        noise = "no noise" if snr is None else f"{snr:g} dB, {sweeps} sweeps"
        rows.append(
            {
                "experiment": "E5",
                "case": f"{size} x {size}, p={p}, {noise}",
                "quantity": "PSNR",
                "expected": None if quick else expected,
                "measured": psnr(found.signal, scene.image),
                "iterations": found.iterations,
                "status": found.status.name,
            }
        )
    return rows


def psnr(estimate: np.ndarray, image: np.ndarray) -> float:
    """20 log10(peak / root mean square error) after the best rescaling."""
    error = relative_error(estimate.ravel(), image.ravel().astype(complex))
    return float(
        20 * np.log10(image.max() / (error * np.sqrt(np.mean(image**2)) + np.finfo(float).tiny))
    )


def coil_maps() -> list[Row]:
    """E6: must be called ambiguous."""
    rows = []
    for snr in (None, 40.0):
        data = simulate_coil_maps(snr=snr, rng=0)
        found = rnla.calibrate(data.Y, data.operators, model="snapshots")
        rows.append(
            {
                "experiment": "E6",
                "case": "64 x 64, 8 coils, degree 7" + ("" if snr is None else f", {snr:g} dB"),
                "quantity": "status",
                "expected": "AMBIGUOUS",
                "measured": found.status.name,
                "gap": float(found.gap),
                "error": relative_error(found.gains, data.gains),
            }
        )
    return rows


def interferometers(quick: bool) -> list[Row]:
    """E7: linear start and optimum, and iterations from the start and from ones."""
    rows = []
    seeds = range(2 if quick else 15)
    for snr, start, best in ((None, 8e-15, 8e-15), (20.0, 0.016, 0.013), (0.0, 0.165, 0.145)):
        found = []
        for seed in seeds:
            array = simulate_interferometer(60, 5, snr=snr, rng=seed)
            linear = gains_from_model(array.V, array.model)
            ones = gains_from_model(array.V, array.model, start="ones")
            found.append(
                (
                    relative_error(linear.start, array.gains),
                    relative_error(linear.gains, array.gains),
                    int(linear.iterations),
                    int(ones.iterations),
                )
            )
        middle = np.median(found, axis=0)
        label = "60 antennas, 5 sources, " + ("no noise" if snr is None else f"{snr:g} dB")
        for quantity, expected, measured in (
            ("error of start", start, middle[0]),
            ("error of optimum", best, middle[1]),
        ):
            rows.append(
                {
                    "experiment": "E7",
                    "case": label,
                    "quantity": quantity,
                    "expected": expected,
                    "measured": float(measured),
                    "iterations": int(middle[2]),
                    "iterations from ones": int(middle[3]),
                }
            )
    return rows


def sparse_signals(quick: bool) -> list[Row]:
    """The smallest p with 9 successes in 10, against the number of non-zeros T; T^2 by theory."""
    rows = []
    m = 32 if quick else 64
    for T in (2, 4) if quick else (2, 4, 8, 12, 16, 20, 24, 28):
        smallest = None
        for p in (2, 3, 4, 6, 8, 12, 16, 24, 32, 48):
            found = 0
            for seed in range(10):
                data = simulate(
                    "diverse",
                    m=m,
                    n=m,
                    p=p,
                    nonzeros=T,
                    gains="mild",
                    operators="fourier",
                    rng=seed,
                )
                result = calibrate_sparse(data.Y, data.operators, max_iter=1000)
                found += relative_error(result.gains, data.gains) < 1e-5
            if found >= 9:
                smallest = p
                break
        rows.append({"m = n": m, "non-zeros T": T, "smallest p": smallest, "T^2": T * T})
    return rows


def picture(rows: Sequence[Row], sparse: Sequence[Row]) -> None:
    """Error against noise for three problems, and the need of sparse signals."""
    figure, axes = new_figure(1, 4, figsize=(18, 3.8))
    cases = ("repeated (64, 32, 3) mild", "snapshots (64, 16, 16)", "repeated (64, 32, 8) log")
    for ax, case in zip(axes[0], cases, strict=False):
        chosen = [
            row
            for row in rows
            if row["case"].startswith(case) and row["quantity"] == "error of signal"
        ]
        ways = list(dict.fromkeys(row["method"] for row in chosen))
        for colour, way in zip(COLOURS, ways, strict=False):
            mine = [row for row in chosen if row["method"] == way]
            snr = [float(row["case"].split(", ")[-1].split()[0]) for row in mine]
            ax.semilogy(snr, [row["measured"] for row in mine], "o-", color=colour, label=way)
            ax.semilogy(snr, [row["expected"] for row in mine], "x", color=colour)
        if ways:
            ax.semilogy(snr, [row["predicted best"] for row in mine], "k:", label="predicted best")
        ax.set(xlabel="signal to noise, dB", ylabel="relative error of the signal")
        ax.set_title(case + "-normal" * case.endswith("log"))
        ax.legend(fontsize=7)
    ax = axes[0, 3]
    known = [row for row in sparse if row["smallest p"] is not None]
    T = [row["non-zeros T"] for row in known]
    ax.loglog(T, [row["smallest p"] for row in known], "o-", color=COLOURS[0], label="measured")
    ax.loglog(T, [row["T^2"] for row in known], "k:", label="T squared")
    ax.set(xlabel="non-zeros T", ylabel="measurements p", title="sparse signals, 64 unknowns each")
    ax.set_xticks(T, [str(one) for one in T], minor=False)
    ax.set_xticks([], minor=True)
    ax.legend(fontsize=7)
    print(f"wrote {save_figure(figure, 'calibration_experiments')}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small counts, nothing written")
    quick = parser.parse_args().quick
    tables = [
        counting_bounds(quick),
        noise_curves(quick),
        dead_sensor(quick),
        deblurring(quick),
        coil_maps(),
        interferometers(quick),
    ]
    for table in tables:
        print_table(table)
    sparse = sparse_signals(quick)
    print_table(sparse)
    rows = [row for table in tables for row in table]
    if not quick:
        path = write_results("calibration_experiments", {"rows": rows, "sparse signals": sparse})
        print(f"wrote {path}")
        picture(rows, sparse)


if __name__ == "__main__":
    main()
