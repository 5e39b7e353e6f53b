"""How fast are determinantal draws on the rows of a matrix, and what do uniform rows give up?

Projection DPPs of m = 100 features: one draw when the leverage scores are known, one with their
pass, our own chain rule, m uniform rows as the floor, and DPPy's Gram-Schmidt sampler on the same
orthonormal columns in the same run (optional: without the package its lines are left out). Targets
at 10^5 rows: 200 times faster than DPPy with the scores known, 40 times with them included; at 10^6
rows at most 1 s of preparation and 20 ms for a draw; of a Dask array a draw should take at most
1000 rows and add at most 30 % to its leverage pass. Then volume samples of 2 m rows, a 200-DPP of
10^4 items with eigenvalues over ten decades, and greedy elimination from 600 rows to 60 in at most
2 s, against an eigenvalue problem for each candidate. Writes dpp.json and dpp.png; about two
minutes, most of them the peer's and the reference's.

    python -m bench.dpp [--quick]
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from bench._harness import (
    COLOURS,
    new_figure,
    race,
    run_benchmark,
    save_figure,
    seconds,
)
from rnla.dpp import greedy_elimination, ground_set, k_dpp, projection_dpp, volume_sample
from rnla.tall import single_threaded_blas

KNOWN, INCLUDED, CHAIN = "rnla, scores known", "rnla, scores included", "rnla, chain rule"
UNIFORM, PEER = "uniform rows", "DPPy GS"
TARGET = {KNOWN: 200.0, INCLUDED: 40.0}


def features(n: int, m: int) -> np.ndarray:
    """Gaussian rows whose lengths differ, so that leverage does."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, m)) * np.exp(0.5 * rng.standard_normal((n, 1)))


def has_peer() -> bool:
    """Whether DPPy can be imported."""
    return importlib.util.find_spec("dppy") is not None


def peer_draw(Q: np.ndarray) -> Callable[[], list[int]]:
    """One exact draw of DPPy per call, given the eigenvectors of the projection."""
    from dppy.finite_dpps import FiniteDPP

    process = FiniteDPP("correlation", projection=True, K_eig_dec=(np.ones(Q.shape[1]), Q))
    random = np.random.RandomState(0)

    def draw() -> list[int]:
        drawn: list[int] = process.sample_exact(mode="GS", random_state=random)
        return drawn

    return draw


def numbered(draw: Callable[[int], Any]) -> Callable[[], Any]:
    """Calls draw(0), draw(1), and so on."""
    seeds = iter(range(10**9))
    return lambda: draw(next(seeds))


def volume(Q: np.ndarray, rows: Any) -> float:
    """log10 of det(Q_S)^2."""
    return float(2.0 * np.linalg.slogdet(Q[np.asarray(rows)])[1] / np.log(10.0))


def uniform(n: int, m: int, seed: int) -> np.ndarray:
    """Different rows, all equally likely."""
    return np.random.default_rng(seed).choice(n, m, replace=False)


def projection(n: int, m: int, *, slow: bool) -> list[dict[str, Any]]:
    """Every way to m rows of one matrix, in turns; with the slow ones where they are bearable."""
    A = features(n, m)
    preparation = seconds(lambda: ground_set(A), 3)
    ground = ground_set(A)
    contestants: dict[str, Callable[[], Any]] = {
        KNOWN: numbered(lambda seed: projection_dpp(ground, rng=seed)),
        INCLUDED: numbered(lambda seed: projection_dpp(A, rng=seed)),
        UNIFORM: numbered(lambda seed: A[uniform(n, m, seed)]),
    }
    drawn: list[Any] = []
    if slow:
        Q = np.linalg.qr(A)[0]
        chain = numbered(lambda seed: projection_dpp(ground, method="chain", rng=seed))
        contestants[CHAIN] = chain
        if has_peer():
            draw = peer_draw(Q)
            contestants[PEER] = lambda: drawn.append(draw())
    times = race(contestants, 5)
    batch = seconds(lambda: projection_dpp(ground, draws=50, rng=0), 3) / 50
    sets = {}
    if slow:
        sets[KNOWN] = projection_dpp(ground, draws=20, rng=0).sets()
        sets[UNIFORM] = [uniform(n, m, seed) for seed in range(20)]
        sets[PEER] = drawn
    volumes = {
        name: np.mean([volume(Q, rows) for rows in own]) for name, own in sets.items() if own
    }
    return [
        {
            "n": n,
            "m": m,
            "method": name,
            "seconds": taken,
            "in batches of 50": batch if name == KNOWN else None,
            "preparation": preparation if name == KNOWN else None,
            "times faster than DPPy": times[PEER] / taken
            if PEER in times and name != UNIFORM
            else None,
            "target": TARGET.get(name) if n == 100_000 else None,
            "mean log10 det": volumes.get(name),
        }
        for name, taken in sorted(times.items(), key=lambda item: item[1])
    ]


def projections(quick: bool) -> list[dict[str, Any]]:
    """Projection DPPs at growing numbers of rows."""
    m, sizes = (20, (1_000, 4_000)) if quick else (100, (1_000, 10_000, 100_000, 1_000_000))
    lines = []
    for n in sizes:
        lines += projection(n, m, slow=n <= 100_000)
    return lines


def distributed(quick: bool) -> list[dict[str, Any]]:
    """A Dask array in chunks: the leverage pass, and what a draw adds to it."""
    import dask.array as da

    n, m = (8_000, 20) if quick else (1_000_000, 100)
    X = da.from_array(features(n, m), chunks=(n // 16, m))
    preparation = seconds(lambda: ground_set(X), 3)
    ground = ground_set(X)
    take, taken = ground.A.take, []

    def counted(rows: np.ndarray) -> Any:
        taken.append(len(rows))
        return take(rows)

    ground.A.take = counted  # type: ignore[method-assign]
    one = seconds(numbered(lambda seed: projection_dpp(ground, rng=seed)), 9)
    line = {"n": n, "m": m, "chunks": 16, "preparation": preparation, "seconds for a draw": one}
    share = (preparation + one) / preparation
    fewest = {"largest number of rows taken": max(taken), "allowed": 1_000}
    batch = seconds(lambda: projection_dpp(ground, draws=50, rng=0), 3) / 50
    return [{**line, "in batches of 50": batch, "both over preparation": share, "target": 1.3,
             **fewest}]  # fmt: skip


def volume_samples(quick: bool) -> list[dict[str, Any]]:
    """Twice as many rows as features, both laws, every algorithm."""
    n, m = (4_000, 20) if quick else (100_000, 100)
    ground = ground_set(features(n, m))
    ways: dict[str, dict[str, Any]] = {
        "leveraged, DPP and independent rows": {},
        "mixed reference, DPP and independent rows": {"reference": "mixed"},
        "without replacement, DPP and uniform rows": {"replace": False},
        "without replacement, reverse elimination": {"method": "reverse"},
        "leveraged, determinantal rejection": {"method": "rejection"},
    }
    return [
        {
            "n": n,
            "m": m,
            "size": 2 * m,
            "method": name,
            "seconds": seconds(
                numbered(lambda seed, o=options: volume_sample(ground, 2 * m, rng=seed, **o)),
                1 if "method" in options else 5,
            ),
        }
        for name, options in ways.items()
    ]


def fixed_size(quick: bool) -> list[dict[str, Any]]:
    """A k-DPP whose elementary polynomials leave the range of floating point."""
    n, r, k = (1_000, 100, 40) if quick else (10_000, 500, 200)
    values = np.logspace(0.0, -10.0, r)
    vectors = np.linalg.qr(np.random.default_rng(0).standard_normal((n, r)))[0]
    draw = numbered(lambda seed: k_dpp(k=k, eigen=(values, vectors), rng=seed))
    lines = [{"n": n, "k": k, "method": "rnla", "seconds": seconds(draw, 3), "outcome": "k items"}]
    if has_peer():
        lines.append({"n": n, "k": k, "method": "DPPy", **peer_k_dpp(values, vectors, k)})
    return lines


def peer_k_dpp(values: np.ndarray, vectors: np.ndarray, k: int) -> dict[str, Any]:
    """Seconds and outcome of the same with DPPy."""
    from dppy.finite_dpps import FiniteDPP

    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            process = FiniteDPP("likelihood", L_eig_dec=(values, vectors))
            rows = process.sample_exact_k_dpp(size=k, random_state=np.random.RandomState(0))
            outcome = f"{len(set(rows))} items, {len(caught)} warnings"
        except (ValueError, FloatingPointError, IndexError, ZeroDivisionError) as error:
            outcome = f"{type(error).__name__}: {error}"
    return {"seconds": time.perf_counter() - start, "outcome": outcome}


def brute_force(X: np.ndarray, size: int) -> list[int]:
    """Rows removed in order, an eigenvalue problem for every candidate."""
    alive, removed = np.arange(len(X)), []
    while alive.size > size:
        rows = X[alive]
        grams = rows.T @ rows - rows[:, :, None] * rows[:, None, :]
        spectra = np.linalg.eigvalsh(grams / (alive.size - 1))
        place = int(np.abs(spectra - 1.0).max(axis=1).argmin())
        removed.append(int(alive[place]))
        alive = np.delete(alive, place)
    return removed


def elimination(quick: bool) -> list[dict[str, Any]]:
    """Greedy elimination, all the way and for as long as brute force is bearable."""
    n, m, size, first = (80, 10, 20, 10) if quick else (600, 50, 60, 40)
    X = np.random.default_rng(1).standard_normal((n, m))
    X *= np.sqrt(m / (X**2).sum(axis=1))[:, None]
    kept = greedy_elimination(X, size)
    start = time.perf_counter()
    with single_threaded_blas():
        removed = brute_force(X, n - first)
    brute = time.perf_counter() - start
    ours = {to: seconds(lambda to=to: greedy_elimination(X, to), 3) for to in (size, n - first)}
    return [
        {"from": n, "to": size, "m": m, "method": "rnla", "seconds": ours[size],
         "target": 2.0 if n == 600 else None, "smallest eigenvalue": kept.lowest},
        {"from": n, "to": n - first, "m": m, "method": "rnla", "seconds": ours[n - first],
         "same order": removed == kept.removed[:first].tolist()},
        {"from": n, "to": n - first, "m": m, "method": "brute force", "seconds": brute},
    ]  # fmt: skip


def picture(lines: list[dict[str, Any]], samples: list[dict[str, Any]]) -> None:
    """Seconds for a draw against the number of rows, and for a volume sample."""
    figure, axes = new_figure(1, 2, figsize=(12.5, 4.4))
    ax = axes[0, 0]
    for name, colour in zip((PEER, CHAIN, INCLUDED, KNOWN, UNIFORM), COLOURS, strict=False):
        own = [line for line in lines if line["method"] == name]
        style = "o--" if name in (PEER, UNIFORM) else "o-"
        if own:
            x, y = [line["n"] for line in own], [line["seconds"] for line in own]
            ax.loglog(x, y, style, color=colour, label=name)
    ax.set_xlabel("rows")
    ax.set_ylabel("seconds for a draw")
    ax.set_title("Projection DPP, 100 features")
    ax.legend(fontsize=8, frameon=False)
    ax = axes[0, 1]
    ax.barh(range(len(samples)), [line["seconds"] for line in samples], color=COLOURS[1])
    ax.set_yticks(range(len(samples)), [line["method"] for line in samples], fontsize=8)
    ax.invert_yaxis()
    ax.set_xscale("log")
    ax.set_xlim(left=1e-3)
    ax.set_xlabel("seconds for a draw, scores known")
    ax.set_title("Volume sampling, 200 of 10⁵ rows")
    save_figure(figure, "dpp")


def main() -> None:
    if not has_peer():
        print("DPPy is not installed: its lines are left out.\n")
    parts = {
        "projection": projections,
        "distributed": distributed,
        "volume": volume_samples,
        "k-DPP": fixed_size,
        "elimination": elimination,
    }
    run_benchmark(
        "dpp", __doc__, parts, lambda found: picture(found["projection"], found["volume"])
    )


if __name__ == "__main__":
    main()
