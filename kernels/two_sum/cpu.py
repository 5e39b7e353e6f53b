"""Numba addition of pairs (see the contract beside this file)."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def add_to_pair(total, error, term):
    for i in range(total.size):
        before = total[i]
        after = before + term[i]
        share = after - before
        error[i] += (before - (after - share)) + (term[i] - share)
        total[i] = after
