"""Plain references for the designs: slow, exact, and able to be wrong on purpose.

Pivotal duels are followed outcome by outcome in rational arithmetic, which gives exact inclusion
probabilities. Nothing here uses the library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

Duel = tuple[int, int, float, float]


def survivor_probability(a, b):
    """Probability that the newcomer, with mass b, goes on after meeting mass a."""
    if a + b < 1:
        return b / (a + b) if a + b > 0 else 0
    return (1 - b) / (2 - a - b)


def swapped_survivor_probability(a, b):
    """Wrong on purpose: the roles of the two rows are exchanged."""
    return 1 - survivor_probability(a, b) if 0 < a + b < 2 else 0


def ordered_duels(q, u, rule: Callable = survivor_probability):
    """Accepted rows, the row left and its mass, for given probabilities and uniforms."""
    accepted, standing, mass = [], -1, 0 * q[0]
    for j, b in enumerate(q):
        if b == 0:
            continue
        newcomer = standing < 0 or u[j] < rule(mass, b)
        if mass + b < 1:
            standing = j if newcomer else standing
            mass = mass + b
        else:
            accepted.append(standing if newcomer else j)
            standing = j if newcomer else standing
            mass = mass + b - 1
    return accepted, standing, mass


def tree_duels(q, u, rule: Callable = survivor_probability):
    """The same for the balanced tree that splits positions lo ... hi-1 at (lo + hi) // 2."""
    accepted: list[int] = []

    def play(lo: int, hi: int):
        if hi - lo == 1:
            return (lo if q[lo] > 0 else -1), q[lo]
        middle = (lo + hi) // 2
        i, a = play(lo, middle)
        j, b = play(middle, hi)
        if j < 0:
            return i, a
        newcomer = i < 0 or u[middle] < rule(a, b)
        if a + b < 1:
            return (j if newcomer else i), a + b
        accepted.append(i if newcomer else j)
        return (j if newcomer else i), a + b - 1

    standing, mass = play(0, len(q))
    return accepted, standing, mass


class _Branch(Exception):
    """Raised when a duel asks for a number that has not been decided yet."""

    def __init__(self, position: int, threshold: Fraction) -> None:
        super().__init__(position)
        self.position, self.threshold = position, threshold


class _Undecided:
    """A uniform number of which only the comparisons made so far are known."""

    def __init__(self, position: int, decided: dict[int, bool]) -> None:
        self.position, self.decided = position, decided

    def __lt__(self, threshold: Fraction) -> bool:
        if self.position not in self.decided:
            raise _Branch(self.position, Fraction(threshold))
        return self.decided[self.position]


def outcomes(duels: Callable, q: list[Fraction], rule: Callable = survivor_probability) -> Iterator:
    """Every way the duels can end: (probability, accepted, standing, mass, uniforms that do it)."""

    def follow(decided: dict[int, bool], probability: Fraction):
        u = [_Undecided(i, decided) for i in range(len(q))]
        try:
            accepted, standing, mass = duels(q, u, rule)
        except _Branch as branch:
            for below, chance in ((True, branch.threshold), (False, 1 - branch.threshold)):
                if chance > 0:
                    yield from follow({**decided, branch.position: below}, probability * chance)
            return
        uniforms = np.full(len(q), 0.5)
        for position, below in decided.items():
            uniforms[position] = 2.0**-53 if below else 1.0 - 2.0**-53
        yield probability, accepted, standing, mass, uniforms

    yield from follow({}, Fraction(1))


def inclusion_probabilities(
    duels: Callable, q: list[Fraction], rule: Callable = survivor_probability
) -> list[Fraction]:
    """Exact inclusion probabilities, the last row kept with its residual mass."""
    result = [Fraction(0)] * len(q)
    for probability, accepted, standing, mass, _ in outcomes(duels, q, rule):
        for row in accepted:
            result[row] += probability
        if standing >= 0:
            result[standing] += probability * mass
    return result


def priority_inclusion(scores: np.ndarray, size: int, nodes: int = 4001) -> np.ndarray:
    """Inclusion probabilities of priority sampling by quadrature over the row's own number."""
    u = (np.arange(nodes) + 0.5) / nodes
    result = np.empty(scores.size)
    for i, score in enumerate(scores):
        beaten = np.minimum(1.0, (u / score)[:, None] * np.delete(scores, i))
        ahead = np.zeros((nodes, size))
        ahead[:, 0] = 1.0
        for column in beaten.T[:, :, None]:
            grown = ahead * (1.0 - column)
            grown[:, 1:] += ahead[:, :-1] * column
            ahead = grown
        result[i] = ahead.sum(axis=1).mean()
    return result


def budget_by_rescaling(scores: np.ndarray, size: int, floor: float) -> np.ndarray:
    """The c of sum clip(c s, floor, 1) = size by plain bisection on log c."""
    positive = scores > 0.0
    log_scores = np.log(scores[positive])
    low, high = -2000.0, 2000.0
    for _ in range(200):
        middle = (low + high) / 2.0
        q = np.clip(np.exp(np.minimum(middle + log_scores, 0.0)), floor, 1.0)
        low, high = (middle, high) if q.sum() < size else (low, middle)
    result = np.zeros(scores.size)
    result[positive] = np.clip(np.exp(np.minimum(high + log_scores, 0.0)), floor, 1.0)
    return result
