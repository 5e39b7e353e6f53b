"""Seeded matrix families M1-M20 and the closed-form scores C1-C10, for tests and benchmarks.

Every family is a small function. `FAMILIES` lists the ones that accept ``(n, d, seed)``; where the
construction fixes the number of rows (graphs, Hadamard columns, ...), `n` is an upper bound on the
rows returned or a target, as the function's docstring says. `closed_forms` returns instances whose
leverage scores, Lewis weights and sensitivities are known by formula.

The oracles rest on nothing but NumPy, SciPy and, for C8, networkx: no code of the library is used.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.spatial

FloatArray = np.ndarray


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- M1, M2: independent entries -----------------------------------------------------------------


def gaussian(n: int, d: int, seed: int = 0) -> FloatArray:
    """M1: independent standard normal entries."""
    return _rng(seed).standard_normal((n, d))


def cauchy(n: int, d: int, seed: int = 0) -> FloatArray:
    """M2: independent standard Cauchy entries."""
    return _rng(seed).standard_cauchy((n, d))


def student_t(n: int, d: int, seed: int = 0, *, dof: float = 1.5) -> FloatArray:
    """M2: independent Student-t entries."""
    return _rng(seed).standard_t(dof, size=(n, d))


# --- M3, M4, M5: structured leverage -------------------------------------------------------------


def coherent(n: int, d: int, seed: int = 0) -> FloatArray:
    """M3: sqrt(n) times the identity on top of a faint Gaussian; `d` rows carry nearly all."""
    top = math.sqrt(n) * np.eye(d)[: min(n, d)]
    return np.vstack([top, 0.01 * _rng(seed).standard_normal((max(n - d, 0), d))])


def replicated_identity(n: int, d: int, seed: int = 0, *, p: float = 1.0) -> FloatArray:
    """M4, C4: n // d copies of each e_j / N^(1/p); every score is d / n."""
    copies = max(n // d, 1)
    return np.repeat(np.eye(d), copies, axis=0) / copies ** (1.0 / p)


def block_identity(n: int, d: int, seed: int = 0) -> FloatArray:
    """M4: identity columns copied unequally often (1, 2, 4, ... in turn), about `n` rows."""
    share = 2.0 ** (np.arange(d) % 8)
    copies = np.maximum(1, np.floor(n * share / share.sum()).astype(int))
    return np.repeat(np.eye(d), copies, axis=0)


def all_signs(d: int) -> FloatArray:
    """M5, C5: all 2^d sign vectors."""
    return np.array(list(itertools.product((-1.0, 1.0), repeat=d)))


def hadamard(n: int, d: int, seed: int = 0) -> FloatArray:
    """M5, C3: `d` random columns of the largest Hadamard matrix of at most max(n, d) rows."""
    order = max(1 << (n.bit_length() - 1), 1 << (d - 1).bit_length())
    columns = np.sort(_rng(seed).choice(order, size=d, replace=False))
    i = np.arange(order)
    parity = np.bitwise_count(i[:, None] & columns[None, :].astype(i.dtype)) % 2
    return 1.0 - 2.0 * parity


# --- M6, M15: graphs -----------------------------------------------------------------------------


def incidence(
    edges: FloatArray, vertices: int, weights: FloatArray | None = None
) -> scipy.sparse.csr_array:
    """Grounded incidence (last vertex removed): the row of edge (i, j) is c_e (e_i - e_j)."""
    edges = np.asarray(edges, dtype=int)
    m = len(edges)
    c = np.ones(m) if weights is None else np.asarray(weights, dtype=float)
    rows = np.repeat(np.arange(m), 2)
    data = np.column_stack([c, -c]).ravel()
    full = scipy.sparse.csr_array((data, (rows, edges.ravel())), shape=(m, vertices))
    return scipy.sparse.csr_array(full[:, : vertices - 1])


def complete_graph(v: int) -> FloatArray:
    """M6, C6: grounded incidence of K_v, dense, v (v-1) / 2 rows and v - 1 columns."""
    return incidence(np.column_stack(np.triu_indices(v, 1)), v).toarray()


def cycle(n: int) -> FloatArray:
    """M6, C7: grounded incidence of the cycle on `n` vertices, dense, n rows and n - 1 columns."""
    i = np.arange(n)
    return incidence(np.column_stack([i, (i + 1) % n]), n).toarray()


def grid_graph(rows: int, columns: int) -> scipy.sparse.csr_array:
    """M6: grounded incidence of a rows-by-columns grid."""
    index = np.arange(rows * columns).reshape(rows, columns)
    across = np.column_stack([index[:, :-1].ravel(), index[:, 1:].ravel()])
    down = np.column_stack([index[:-1].ravel(), index[1:].ravel()])
    return incidence(np.vstack([across, down]), rows * columns)


def random_graph_edges(vertices: int, edges: int, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Edges and weights of a connected random graph: a random tree, then random distinct pairs."""
    rng = _rng(seed)
    tree = [(int(rng.integers(i)), i) for i in range(1, vertices)]
    present = set(tree)
    pairs = [pair for pair in itertools.combinations(range(vertices), 2) if pair not in present]
    extra = min(max(edges - len(tree), 0), len(pairs))
    chosen = rng.choice(len(pairs), size=extra, replace=False) if extra else np.empty(0, int)
    all_edges = np.array(tree + [pairs[k] for k in np.sort(chosen)], dtype=int)
    # Multiples of 1/1024 add up exactly, which maximum-flow codes rely on.
    return all_edges, np.round(1024 * rng.uniform(0.1, 3.0, size=len(all_edges))) / 1024


def random_graph(n: int, d: int, seed: int = 0) -> FloatArray:
    """M6, C8: weighted random connected graph, d + 1 vertices, at most `n` edges, dense."""
    edges, weights = random_graph_edges(d + 1, n, seed)
    return incidence(edges, d + 1, weights).toarray()


def road_network(n: int, d: int, seed: int = 0) -> scipy.sparse.csr_array:
    """M15: planar graph of d + 1 random towns, rows divided by road length; about 3 d rows."""
    points = _rng(seed).uniform(size=(d + 1, 2))
    triangles = scipy.spatial.Delaunay(points).simplices
    pairs = np.sort(np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]))
    edges = np.unique(pairs, axis=0)
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    return incidence(edges, d + 1, 1.0 / length)


# --- M7, M8: what separates the methods ----------------------------------------------------------


def flat(n: int, d: int, seed: int = 0) -> FloatArray:
    """M7: independent signs; scores nearly equal, total sensitivity near its maximum for p > 2."""
    return 2.0 * _rng(seed).integers(0, 2, size=(n, d)) - 1.0


def augmentation(
    n: int, d: int, seed: int = 0, *, p: float = 1.0, groups: int | None = None
) -> FloatArray:
    """M8: diag(Gaussian block, replicated identity): plain sensitivities starve the Gaussian block.

    `groups` identity columns (default half of d) get a third of the `n` rows in equal copies; the
    published instance is ``augmentation(24000, 800)``.
    """
    k = d // 2 if groups is None else groups
    copies = max((n // 3) // k, 1)
    top = gaussian(n - k * copies, d - k, seed)
    return scipy.linalg.block_diag(top, replicated_identity(k * copies, k, p=p))


# --- M9, M10: small total sensitivity ------------------------------------------------------------


def legendre(n: int, d: int, seed: int = 0, *, nodes: str = "uniform") -> FloatArray:
    """M9: Legendre polynomials of degree below `d` at n uniform (or ``"chebyshev"``) nodes."""
    if nodes == "chebyshev":
        t = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    else:
        t = np.linspace(-1.0, 1.0, n)
    return np.polynomial.legendre.legvander(t, d - 1)


def vandermonde(n: int, d: int, seed: int = 0) -> FloatArray:
    """M9: monomials of degree below `d` at uniform nodes of [-1, 1] (ill-conditioned)."""
    return np.vander(np.linspace(-1.0, 1.0, n), d, increasing=True)


def total_degree_exponents(variables: int, degree: int) -> list[tuple[int, ...]]:
    """All exponent tuples of `variables` variables with sum at most `degree`, by total degree."""
    tuples = itertools.product(range(degree + 1), repeat=variables)
    return sorted((t for t in tuples if sum(t) <= degree), key=lambda t: (sum(t), t))


def total_degree(n: int, d: int, seed: int = 0, *, variables: int = 2) -> FloatArray:
    """M9: the first `d` products of Legendre polynomials by total degree, at random points."""
    points = _rng(seed).uniform(-1.0, 1.0, size=(n, variables))
    degree = 0
    while math.comb(degree + variables, variables) < d:
        degree += 1
    one = [np.polynomial.legendre.legvander(points[:, v], degree) for v in range(variables)]
    columns = [
        np.prod([one[v][:, e] for v, e in enumerate(exponent)], axis=0)
        for exponent in total_degree_exponents(variables, degree)[:d]
    ]
    return np.column_stack(columns)


def low_rank_plus_sparse(
    n: int, d: int, seed: int = 0, *, rank: int = 1, nonzeros: int = 1
) -> FloatArray:
    """M10: rank-`rank` Gaussian product plus `nonzeros` Gaussian entries in every row."""
    rng = _rng(seed)
    A = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, d))
    for _ in range(nonzeros):
        A[np.arange(n), rng.integers(0, d, size=n)] += rng.standard_normal(n)
    return A


# --- M11, M12: hard on the arithmetic ------------------------------------------------------------


def scaled_rows(n: int, d: int, seed: int = 0, *, decades: float = 6.0) -> FloatArray:
    """M11: Gaussian rows times 10^U(-decades, decades)."""
    rng = _rng(seed)
    return rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-decades, decades, size=(n, 1))


def scaled_columns(n: int, d: int, seed: int = 0, *, decades: float = 6.0) -> FloatArray:
    """M11: Gaussian columns times 10^U(-decades, decades)."""
    rng = _rng(seed)
    return rng.standard_normal((n, d)) * 10.0 ** rng.uniform(-decades, decades, size=(1, d))


def duplicated_rows(n: int, d: int, seed: int = 0) -> FloatArray:
    """M12: every row three times (the last few perhaps less), in shuffled order."""
    rng = _rng(seed)
    base = rng.standard_normal((max(-(-n // 3), 1), d))
    return base[rng.permutation(np.arange(n) % len(base))]


def zero_rows(n: int, d: int, seed: int = 0) -> FloatArray:
    """M12: Gaussian with every fourth row zero."""
    A = gaussian(n, d, seed)
    A[::4] = 0.0
    return A


def rank_deficient(n: int, d: int, seed: int = 0) -> FloatArray:
    """M12: Gaussian; the last third of the columns are combinations of the others, one is zero."""
    rng = _rng(seed)
    kept = max(d - max(d // 3, 1), 1)
    base = rng.standard_normal((n, kept))
    A = np.hstack([base, base @ rng.standard_normal((kept, d - kept))])
    if d - kept > 1:
        A[:, -1] = 0.0
    return A


def near_deficient(n: int, d: int, seed: int = 0, *, gap: float = 1e-10) -> FloatArray:
    """M12: Gaussian whose last column equals the first up to a relative `gap`."""
    A = gaussian(n, d, seed)
    if d > 1:
        A[:, -1] = A[:, 0] + gap * A[:, -1]
    return A


# --- M13, M14: data-like -------------------------------------------------------------------------


def sparse_power_law(
    n: int, d: int, seed: int = 0, *, density: float = 0.05
) -> scipy.sparse.csr_array:
    """M13: Gaussian entries; row and column popularity follow power laws; each row has an entry."""
    rng = _rng(seed)
    popularity = 1.0 / np.arange(1, d + 1) ** 0.7
    popularity = rng.permutation(popularity / popularity.sum())
    counts = np.minimum(d, 1 + np.floor(density * d * 0.5 / rng.uniform(0.02, 1.0, n)).astype(int))
    columns = rng.choice(d, size=int(counts.sum()), p=popularity)
    rows = np.repeat(np.arange(n), counts)
    A = scipy.sparse.csr_array((rng.standard_normal(len(rows)), (rows, columns)), shape=(n, d))
    A.sum_duplicates()
    return A


def one_hot(n: int, d: int, seed: int = 0) -> scipy.sparse.csr_array:
    """M13: intercept and two one-hot categorical variables with popular and rare levels.

    The two blocks of indicators each sum to the intercept, so the rank is about d - 2.
    """
    rng = _rng(seed)
    first = max((d - 1) // 2, 1)
    second = d - 1 - first
    blocks = [scipy.sparse.csr_array(np.ones((n, 1)))]
    for levels in (first, second):
        if levels > 0:
            law = 1.0 / np.arange(1, levels + 1)
            level = rng.choice(levels, size=n, p=law / law.sum())
            ones = (np.ones(n), (np.arange(n), level))
            blocks.append(scipy.sparse.csr_array(ones, shape=(n, levels)))
    return scipy.sparse.csr_array(scipy.sparse.hstack(blocks)[:, :d])


def time_series(n: int, d: int, seed: int = 0) -> FloatArray:
    """M14: intercept, trend, seasonal waves and lags of a random walk with drift."""
    t = np.arange(n) / max(n, 1)
    walk = np.cumsum(_rng(seed).standard_normal(n + d)) / math.sqrt(n) + np.arange(n + d) / n
    columns = [np.ones(n), t]
    for k in range(1, 1 + (d - 2) // 3):
        columns += [np.sin(2 * np.pi * 5 * k * t), np.cos(2 * np.pi * 5 * k * t)]
    columns += [walk[d - lag : d - lag + n] for lag in range(d - len(columns))]
    return np.column_stack(columns[:d])


# --- M16, M17: adversarial -----------------------------------------------------------------------


@dataclass(frozen=True)
class Obstruction:
    """M16: K_v sampled with keep-degree D, and the vector that shows the loss for p > 2.

    `edges` are all edges of K_v; `kept` marks the sampled ones, each kept with probability
    `probability` = D / (v - 1). The witness is 1 at a vertex, about D^(-1/p) on its sampled
    neighbours and 0 elsewhere: the sample sees shorter edges than the full graph has.
    """

    vertices: int
    edges: FloatArray
    kept: FloatArray
    probability: float

    def witness(self, vertex: int, height: float) -> FloatArray:
        """Return z with z = 1 at `vertex` and `height` on its sampled neighbours."""
        z = np.zeros(self.vertices)
        touching = self.edges[self.kept & np.any(self.edges == vertex, axis=1)]
        z[np.setdiff1d(touching.ravel(), [vertex])] = height
        z[vertex] = 1.0
        return z

    def ratio(self, z: FloatArray, p: float) -> float:
        """Return the sampled over the full p-th power of the differences of z."""
        power = np.abs(z[self.edges[:, 0]] - z[self.edges[:, 1]]) ** p
        return float(power[self.kept].sum() / self.probability / power.sum())


def obstruction(v: int, degree: int, seed: int = 0) -> Obstruction:
    """M16: uniform sample of the edges of K_v with expected degree `degree`."""
    edges = np.column_stack(np.triu_indices(v, 1))
    probability = degree / (v - 1)
    return Obstruction(v, edges, _rng(seed).uniform(size=len(edges)) < probability, probability)


def growing_rows(n: int, d: int, seed: int = 0, *, growth: float = 1.05) -> FloatArray:
    """M17: row i has size growth^i, and the last row is the only one along the last column."""
    A = gaussian(n, d, seed) * growth ** np.arange(n)[:, None]
    if d > 1:
        A[:, -1] = 0.0
        A[-1] = 0.0
        A[-1, -1] = 1.0
    return A


# --- M18: points with a geometry -----------------------------------------------------------------


@dataclass(frozen=True)
class SpatialProblem:
    """M18: points, a polynomial basis on them, and a target to fit."""

    points: FloatArray
    matrix: FloatArray
    target: FloatArray


def _oscillator(points: FloatArray) -> FloatArray:
    """Largest displacement of a damped driven spring, as a function of stiffness and frequency."""
    stiffness, frequency = 1.0 + points[:, 0], 1.0 + points[:, 1]
    amplitude = 0.5 / np.sqrt((stiffness - frequency**2) ** 2 + (0.5 * frequency) ** 2 + 0.05)
    return amplitude * (1.0 + 0.2 * np.tanh(3.0 * (stiffness - frequency)))


def _heat(points: FloatArray) -> FloatArray:
    """Temperature at one point of a rod, as a function of conductivity and source position."""
    conductivity, source = 1.25 + points[:, 0], 0.5 * (1.0 + points[:, 1])
    k = np.arange(1, 30)[:, None] * np.pi
    modes = np.sin(k * 0.7) * np.sin(k * source) * (1.0 - np.exp(-0.1 * conductivity * k**2))
    return np.sum(2.0 * modes / (conductivity * k**2), axis=0)


def spatial_grid(side: int = 100, degree: int = 7, *, target: str = "oscillator") -> SpatialProblem:
    """M18: 2-D Legendre polynomials of total degree `degree` on a side x side grid of [-1, 1]^2."""
    axis = np.linspace(-1.0, 1.0, side)
    points = np.column_stack([m.ravel() for m in np.meshgrid(axis, axis, indexing="ij")])
    one = [np.polynomial.legendre.legvander(points[:, v], degree) for v in range(2)]
    columns = [one[0][:, i] * one[1][:, j] for i, j in total_degree_exponents(2, degree)]
    values = {"oscillator": _oscillator, "heat": _heat}[target](points)
    return SpatialProblem(points, np.column_stack(columns), values)


def spatial(n: int, d: int, seed: int = 0) -> FloatArray:
    """M18 as a plain matrix: `d` total-degree Legendre products on a grid of at most n points."""
    degree = 0
    while math.comb(degree + 2, 2) < d:
        degree += 1
    return spatial_grid(max(math.isqrt(n), 1), degree).matrix[:, :d]


# --- M19, M20 ------------------------------------------------------------------------------------


def spiky_hadamard(n: int, d: int, seed: int = 0, *, spike: float = 4.0) -> FloatArray:
    """M19: two Hadamard blocks on the diagonal; every 16th row of the first is `spike` times up."""
    left = max(d // 2, 1)
    first = hadamard(n // 2, left, seed)
    first[::16] *= spike
    if d == left:
        return first
    return scipy.linalg.block_diag(first, hadamard(n // 2, d - left, seed + 1))


def integer(n: int, d: int, seed: int = 0) -> FloatArray:
    """M20: integers below n in absolute value, heavy towards zero, as float64."""
    rng = _rng(seed)
    size = np.floor(n ** rng.uniform(0.0, 1.0, size=(n, d)))
    return size * rng.choice([-1.0, 1.0], size=(n, d))


FAMILIES: dict[str, Callable[[int, int, int], FloatArray | scipy.sparse.csr_array]] = {
    "gaussian": gaussian,
    "cauchy": cauchy,
    "student_t": student_t,
    "coherent": coherent,
    "replicated_identity": replicated_identity,
    "block_identity": block_identity,
    "hadamard": hadamard,
    "random_graph": random_graph,
    "flat": flat,
    "augmentation": augmentation,
    "legendre": legendre,
    "vandermonde": vandermonde,
    "total_degree": total_degree,
    "low_rank_plus_sparse": low_rank_plus_sparse,
    "scaled_rows": scaled_rows,
    "scaled_columns": scaled_columns,
    "duplicated_rows": duplicated_rows,
    "zero_rows": zero_rows,
    "rank_deficient": rank_deficient,
    "near_deficient": near_deficient,
    "sparse_power_law": sparse_power_law,
    "one_hot": one_hot,
    "time_series": time_series,
    "road_network": road_network,
    "growing_rows": growing_rows,
    "spatial": spatial,
    "spiky_hadamard": spiky_hadamard,
    "integer": integer,
}

# The number of each family, for tables and pictures.
FAMILY_NUMBERS: dict[str, str] = {
    "gaussian": "M1", "cauchy": "M2", "student_t": "M2", "coherent": "M3",
    "replicated_identity": "M4", "block_identity": "M4", "hadamard": "M5", "random_graph": "M6",
    "flat": "M7", "augmentation": "M8", "legendre": "M9", "vandermonde": "M9",
    "total_degree": "M9", "low_rank_plus_sparse": "M10", "scaled_rows": "M11",
    "scaled_columns": "M11", "duplicated_rows": "M12", "zero_rows": "M12",
    "rank_deficient": "M12", "near_deficient": "M12", "sparse_power_law": "M13",
    "one_hot": "M13", "time_series": "M14", "road_network": "M15", "growing_rows": "M17",
    "spatial": "M18", "spiky_hadamard": "M19", "integer": "M20",
}  # fmt: skip


def dense(A: FloatArray | scipy.sparse.csr_array) -> FloatArray:
    """Return the matrix as a dense array (for references on small inputs only)."""
    return A.toarray() if scipy.sparse.issparse(A) else np.asarray(A)


# --- C1-C10: scores known by formula -------------------------------------------------------------


@dataclass(frozen=True)
class ClosedForm:
    """A matrix with known scores; `powers` are the p for which `sensitivities` holds."""

    name: str
    matrix: FloatArray
    sensitivities: Callable[[float], FloatArray]
    lewis: Callable[[float], FloatArray] | None = None
    powers: tuple[float, ...] = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)

    @property
    def leverage(self) -> FloatArray:
        """Leverage scores: the sensitivities at p = 2."""
        return self.sensitivities(2.0)


def c1_square(d: int = 5, seed: int = 0) -> ClosedForm:
    """C1: invertible square matrix; every score is 1."""
    ones = np.ones(d)
    return ClosedForm("C1 square", gaussian(d, d, seed), lambda p: ones, lambda p: ones)


def c1_tree(vertices: int = 9, seed: int = 0) -> ClosedForm:
    """C1: a weighted tree; every score is 1."""
    ones = np.ones(vertices - 1)
    A = random_graph(vertices - 1, vertices - 1, seed)
    return ClosedForm("C1 tree", A, lambda p: ones, lambda p: ones)


def c2_single_column(n: int = 12, seed: int = 0) -> ClosedForm:
    """C2: one column; sensitivities and Lewis weights are the shares of |a_i|^p."""
    a = gaussian(n, 1, seed)

    def share(p: float) -> FloatArray:
        power = np.abs(a[:, 0]) ** p
        return power / power.sum()

    return ClosedForm("C2 one column", a, share, share)


def c3_uniform_leverage(order: int = 16, d: int = 5, seed: int = 0) -> ClosedForm:
    """C3: Hadamard columns; every Lewis weight is d / n (sensitivities known for p = 2 only)."""
    A = hadamard(order, d, seed)
    flat_scores = np.full(order, d / order)
    return ClosedForm("C3 Hadamard", A, lambda p: flat_scores, lambda p: flat_scores, (2.0,))


def c4_replicated_identity(copies: int = 4, d: int = 3, p: float = 1.0) -> ClosedForm:
    """C4: every row of the identity `copies` times; every score is 1 / copies."""
    scores = np.full(copies * d, 1.0 / copies)
    A = replicated_identity(copies * d, d, p=p)
    return ClosedForm("C4 replicated identity", A, lambda q: scores, lambda q: scores)


def c4_direct_sum(seed: int = 0) -> ClosedForm:
    """C4: K_5 beside a cycle of 6; the scores are those of the parts."""
    parts = [c6_complete_graph(5), c7_cycle(6)]
    return ClosedForm(
        "C4 direct sum",
        scipy.linalg.block_diag(*[part.matrix for part in parts]),
        lambda p: np.concatenate([part.sensitivities(p) for part in parts]),
        lambda p: np.concatenate([part.leverage for part in parts]),
    )


def c5_all_signs(d: int = 4) -> ClosedForm:
    """C5: all sign vectors; sigma = d^p / sum over signs of |sum_j eps_j|^p."""
    A = all_signs(d)
    sums = np.abs(A.sum(axis=1))
    return ClosedForm(
        f"C5 all signs d={d}",
        A,
        lambda p: np.full(len(A), d**p / np.sum(sums**p)),
        lambda p: np.full(len(A), d / len(A)),
    )


def c6_complete_graph(v: int = 6) -> ClosedForm:
    """C6: K_v; sigma = 1 / (1 + (v-2) 2^(1-p)), Lewis weights 2 / v."""
    n = v * (v - 1) // 2
    return ClosedForm(
        f"C6 K_{v}",
        complete_graph(v),
        lambda p: np.full(n, 1.0 / (1.0 + (v - 2) * 2.0 ** (1.0 - p))),
        lambda p: np.full(n, 2.0 / v),
    )


def c7_cycle(n: int = 12) -> ClosedForm:
    """C7: the cycle; sigma = 1 / (1 + (n-1)^(1-p)), Lewis weights (n-1) / n."""
    return ClosedForm(
        f"C7 cycle {n}",
        cycle(n),
        lambda p: np.full(n, 1.0 / (1.0 + (n - 1.0) ** (1.0 - p))),
        lambda p: np.full(n, (n - 1.0) / n),
    )


def c8_graph_l1_sensitivities(edges: FloatArray, weights: FloatArray, vertices: int) -> FloatArray:
    """C8: sigma_e = c_e / mincut(i, j) at p = 1, by a Gomory-Hu tree."""
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(vertices))
    for (i, j), c in zip(edges, weights, strict=True):
        graph.add_edge(int(i), int(j), capacity=float(c))
    tree = networkx.gomory_hu_tree(graph)
    cuts = []
    for i, j in edges:
        path = networkx.shortest_path(tree, int(i), int(j))
        cuts.append(min(tree[a][b]["weight"] for a, b in itertools.pairwise(path)))
    return np.asarray(weights) / np.asarray(cuts)


def c9_identity_and_sum(d: int = 5, c: float = 0.7) -> ClosedForm:
    """C9: identity over c times the all-ones row; full vector known at p = 1 and p = 2."""
    A = np.vstack([np.eye(d), np.full((1, d), c)])

    def sensitivities(p: float) -> FloatArray:
        last = c**p / (d ** (1.0 - p) + c**p)
        if p == 1.0:
            first = 1.0 / (1.0 + min(c, 1.0))
        else:  # p = 2: Sherman-Morrison on I + c^2 11^T
            first = 1.0 - c**2 / (1.0 + c**2 * d)
        return np.append(np.full(d, first), last)

    return ClosedForm("C9 identity and sum", A, sensitivities, None, (1.0, 2.0))


def c9_last_row(d: int, c: float, p: float) -> float:
    """C9: the last row's sensitivity at any p."""
    return c**p / (d ** (1.0 - p) + c**p)


def c10_gaussian_total(d: int, p: float) -> float:
    """C10: limit of the total sensitivity of a Gaussian matrix as n grows: d^(p/2) / E|g|^p."""
    moment = 2.0 ** (p / 2.0) * math.gamma((p + 1.0) / 2.0) / math.sqrt(math.pi)
    return d ** (p / 2.0) / moment


def closed_forms() -> list[ClosedForm]:
    """Small instances of C1-C7 and C9."""
    return [
        c1_square(),
        c1_tree(),
        c2_single_column(),
        c3_uniform_leverage(),
        c4_replicated_identity(),
        c4_direct_sum(),
        c5_all_signs(),
        c6_complete_graph(),
        c7_cycle(),
        c9_identity_and_sum(),
        c9_identity_and_sum(c=2.5),
    ]
