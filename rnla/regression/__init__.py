"""Regression in the l_p norm: on a reweighted sample, and with labels that have to be asked for."""

from __future__ import annotations
