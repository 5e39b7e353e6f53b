"""How fast are designs on continuous spaces? Seconds for a draw, beside targets and the peer.

Projection DPPs of four spaces of Legendre polynomials by rejection (A3) and, of three, one
coordinate after another (A4), beside the rate of one thread's matrix products; DPPy's ensemble of
as many products in the plane, where that package is installed; the ensembles on the line and the
circle, one draw and many (A5); designs of 2 m points, among them volume designs by both algorithms
(A6, A10); and independent points of the optimal measure in 10 and 50 dimensions. Targets were set
for eight cores. Writes designs.json and designs.png; about two minutes.

    python -m bench.designs [--quick]
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bench._harness import (
    COLOURS,
    new_figure,
    run_benchmark,
    save_figure,
    seconds,
)
from rnla.approximation import (
    Fourier,
    Gaussian,
    Product,
    TensorBasis,
    Uniform,
    classical_dpp_design,
    determinantal_rejection_design,
    hyperbolic_cross,
    iid_design,
    repeated_dpp_design,
    total_degree,
    volume_design,
)
from rnla.approximation.designs import classical_dpp, projection_dpp, tensor_dpp
from rnla.random import Stream
from rnla.tall import single_threaded_blas

REJECTION, COORDINATES, PEER = "rejection (A3)", "coordinate by coordinate (A4)", "DPPy"
TARGETS = {"TD(2,13)": 0.02, "TD(10,3)": 0.3, "TD(2,43)": 3.0, "HC(10,15)": 20.0}


def spaces(quick: bool) -> dict[str, TensorBasis]:
    """Total degree in two and ten dimensions, and a hyperbolic cross."""

    def legendre(indices: np.ndarray) -> TensorBasis:
        return TensorBasis(Product([Uniform()] * indices.shape[1]), indices)

    if quick:
        return {
            "TD(2,4)": legendre(total_degree(2, 4)),
            "HC(4,3)": legendre(hyperbolic_cross(4, 3)),
        }
    return {
        "TD(2,13)": legendre(total_degree(2, 13)),
        "TD(10,3)": legendre(total_degree(10, 3)),
        "TD(2,43)": legendre(total_degree(2, 43)),
        "HC(10,15)": legendre(hyperbolic_cross(10, 15)),
    }


def numbered(draw: Callable[[int], Any]) -> Callable[[], Any]:
    """Calls draw(0), draw(1), and so on."""
    seeds = iter(range(10**9))
    return lambda: draw(next(seeds))


def product_rate() -> float:
    """Flops in a second of one thread's matrix product."""
    A = np.random.default_rng(0).standard_normal((1200, 1200))
    with single_threaded_blas():
        return 2 * 1200**3 / seconds(lambda: A @ A, 3)


def projection_dpps(quick: bool) -> list[dict[str, Any]]:
    """Points alone, without weights and certificate."""
    rate, lines = product_rate(), []
    for name, basis in spaces(quick).items():
        m = basis.dimension
        repeats = 1 if quick else max(1, 2000 // m)
        ways = {REJECTION: projection_dpp}
        if not name.startswith("HC(10"):  # minutes: ten merges for each of two thousand points
            ways[COORDINATES] = tensor_dpp
        for method, sampler in ways.items():

            def draw(seed: int, sampler: Any = sampler, basis: Any = basis) -> Any:
                return sampler.draw_points(basis, Stream(seed, "bench"))

            taken = seconds(numbered(draw), repeats, warm_up=int(m < 1000))
            flops = 2.0 * m**3 * (math.fsum(1.0 / k for k in range(1, m + 1)) + 1.0)
            lines.append(
                {
                    "space": name,
                    "m": m,
                    "method": method,
                    "seconds": taken,
                    "target": TARGETS.get(name),
                    "share of product rate": flops / taken / rate if method == REJECTION else None,
                }
            )
    m = 15 if quick else 105
    if importlib.util.find_spec("dppy") is not None:
        lines.append(
            {
                "space": f"first {m} products in the plane",
                "m": m,
                "method": PEER,
                "seconds": seconds(peer_draw(m), 1 if quick else 3, warm_up=0),
            }
        )
    return lines


def peer_draw(m: int) -> Callable[[], Any]:
    """DPPy's ensemble of m products of Legendre polynomials in the plane."""
    from dppy.multivariate_jacobi_ope import MultivariateJacobiOPE

    process = MultivariateJacobiOPE(m, np.zeros((2, 2)))
    return numbered(lambda seed: process.sample(random_state=np.random.RandomState(seed)))


def ensembles(quick: bool) -> list[dict[str, Any]]:
    """Eigenvalues of random matrices: one large draw, and many small ones."""
    large, small, many = (50, 5, 20) if quick else (1000, 50, 1000)
    circle = Uniform(0, 1)

    def fourier(m: int) -> TensorBasis:
        return TensorBasis(circle, 2 * (m // 2), families=[Fourier(circle)])

    families: dict[str, Callable[[int], TensorBasis]] = {
        "Legendre": lambda m: TensorBasis(Uniform(), m - 1),
        "Hermite": lambda m: TensorBasis(Gaussian(), m - 1),
        "Fourier": fourier,
    }
    lines = []
    for name, make in families.items():
        one, few = make(large), make(small)

        def draw(seed: int, basis: TensorBasis = one) -> Any:
            return classical_dpp.draw_points(basis, Stream(seed, "bench"))

        def batch(basis: TensorBasis = few) -> None:
            for seed in range(many):
                classical_dpp.draw_points(basis, Stream(seed, "bench"))

        polynomial = name != "Fourier" and not quick
        lines += [
            {
                "family": name,
                "m": one.dimension,
                "draws": 1,
                "seconds": seconds(numbered(draw), 1 if quick else 5),
                "target": 0.03 if polynomial else None,
            },
            {
                "family": name,
                "m": few.dimension,
                "draws": many,
                "seconds": seconds(batch, 1),
                "target": 0.2 if polynomial else None,
            },
        ]
    return lines


def whole_designs(quick: bool) -> list[dict[str, Any]]:
    """Points, weights and certificate of 2 m points."""
    p = 3 if quick else 9
    plane, line = TensorBasis(Product([Uniform()] * 2), p), TensorBasis(Uniform(), 5 * p)
    lines = []
    for space, basis in (("total degree, plane", plane), ("all degrees, line", line)):
        n = 2 * basis.dimension
        ways: dict[str, Callable[..., Any]] = {
            "independent": iid_design,
            "volume (A10)": volume_design,
            "determinantal rejection (A6)": determinantal_rejection_design,
            "repeated DPP": repeated_dpp_design,
        }
        if basis is line:
            ways["ensemble, m points (A5)"] = lambda basis, n, rng: classical_dpp_design(
                basis, rng=rng
            )
        lines += [
            {
                "space": space,
                "m": basis.dimension,
                "design": name,
                "seconds": seconds(
                    numbered(lambda seed, make=make, b=basis, n=n: make(b, n, rng=seed)),
                    1 if quick else 7,
                ),
            }
            for name, make in ways.items()
        ]
    return lines


def dimensions(quick: bool) -> list[dict[str, Any]]:
    """Independent points of nu_m at degree 2: the cost is not that of joint rejection, 2^d."""
    n = 500 if quick else 20_000
    lines: list[dict[str, Any]] = []
    for d in (10, 50):
        basis = TensorBasis(Product([Uniform()] * d), total_degree(d, 2))
        taken = seconds(lambda basis=basis: basis.induced_sample(n, rng=0), 1 if quick else 5)
        lines.append({"d": d, "m": basis.dimension, "points": n, "seconds": taken})
    lines[1]["times those in d = 10"] = lines[1]["seconds"] / lines[0]["seconds"]
    lines[1]["target"] = 6.0
    return lines


def picture(lines: list[dict[str, Any]], designs: list[dict[str, Any]]) -> None:
    """Seconds for a DPP against the dimension of the space, and for whole designs."""
    figure, axes = new_figure(1, 2, figsize=(12.5, 4.4))
    ax = axes[0, 0]
    for method, colour in zip((REJECTION, COORDINATES, PEER), COLOURS, strict=False):
        own = [line for line in lines if line["method"] == method]
        if own:
            x, y = [line["m"] for line in own], [line["seconds"] for line in own]
            ax.loglog(x, y, "o-" if method != PEER else "s", color=colour, label=method)
    target = [(line["m"], line["target"]) for line in lines if line.get("target")]
    if target:
        ax.loglog(*zip(*sorted(set(target)), strict=True), "k_", markersize=14, label="target")
    for line in lines:
        if line["method"] == REJECTION:
            ax.annotate(
                line["space"],
                (line["m"], line["seconds"]),
                xytext=(0, -12),
                textcoords="offset points",
                ha="center",
                fontsize=7,
            )
    ax.set_xlabel("functions m = points")
    ax.set_ylabel("seconds for a draw")
    ax.set_title("Projection DPPs of tensor products of Legendre polynomials")
    ax.legend(fontsize=8, frameon=False)
    ax = axes[0, 1]
    ax.barh(range(len(designs)), [line["seconds"] for line in designs], color=COLOURS[1])
    names = [f"{line['design']}; {line['space']}, m = {line['m']}" for line in designs]
    ax.set_yticks(range(len(designs)), names, fontsize=7)
    ax.invert_yaxis()
    ax.set_xscale("log")
    ax.set_xlabel("seconds for a design with weights and certificate")
    ax.set_title("Designs of 2 m points")
    save_figure(figure, "designs")


def main() -> None:
    parts = {
        "projection": projection_dpps,
        "ensembles": ensembles,
        "designs": whole_designs,
        "dimensions": dimensions,
    }
    run_benchmark(
        "designs", __doc__, parts, lambda found: picture(found["projection"], found["designs"])
    )


if __name__ == "__main__":
    main()
