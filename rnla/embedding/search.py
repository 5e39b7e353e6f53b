"""The smallest of a few nested sizes that is good enough: double until it is, or halve while it is.

At most four doublings or four halvings, each one gather of rows and one certificate.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..certify import Certificate
from ..sampling import RowSample
from .result import Attempt

__all__ = ["search"]

_DOUBLINGS = 4
_HALVINGS = 4
# The ascent behind a found distortion recovers at least 97 % of the extreme (acceptance check 26),
# so the search stops only where the found value leaves that much room, and a little more.
_ROOM_FOR_MISSED_EXTREMES = 0.93


def search(
    draw: Callable[[int], RowSample],
    measure: Callable[[RowSample], Certificate],
    start: int,
    *,
    most: int,
    rank: int,
    eps: float,
    proved: bool,
) -> tuple[RowSample, Certificate, tuple[Attempt, ...], int]:
    """Double from `start` until the distortion is small enough, or halve while it stays so.

    Sizes stay between `rank` and `most`. Returns the sample to use, its certificate, every attempt
    and the size asked for; if no size was good enough, the sample with the smallest distortion.
    """
    attempts: list[Attempt] = []

    def attempt(size: int) -> tuple[RowSample, Certificate, bool]:
        sample = draw(size)
        certificate = measure(sample)
        attempts.append(Attempt(size, sample.size, certificate.found))
        return sample, certificate, _good_enough(certificate, eps, proved)

    size = start
    sample, certificate, passed = attempt(size)
    if not passed:
        best = (size, sample, certificate)
        for _ in range(_DOUBLINGS):
            if size >= most:
                break
            size = min(2 * size, most)
            sample, certificate, passed = attempt(size)
            if certificate.found < best[2].found:
                best = (size, sample, certificate)
            if passed:
                break
        if not passed:
            size, sample, certificate = best
        return sample, certificate, tuple(attempts), size
    for _ in range(_HALVINGS):
        half = math.ceil(size / 2)
        if half <= rank:
            break
        smaller, measured, passed = attempt(half)
        if not passed:
            break
        size, sample, certificate = half, smaller, measured
    return sample, certificate, tuple(attempts), size


def _good_enough(certificate: Certificate, eps: float, proved: bool) -> bool:
    """Whether a sample is good enough: by proof, exactly, or with room for missed extremes."""
    if proved:
        return certificate.certified_distortion <= eps
    exact = certificate.tier == certificate.proof
    return certificate.found <= (eps if exact else _ROOM_FOR_MISSED_EXTREMES * eps)
