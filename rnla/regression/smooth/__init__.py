"""Smooth losses of one residual, and Newton in passes with a bound from the dual."""
