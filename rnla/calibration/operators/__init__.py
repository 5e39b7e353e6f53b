"""The measurement operators A_l of self-calibration: p linear maps from n unknowns to m sensors."""

from __future__ import annotations
