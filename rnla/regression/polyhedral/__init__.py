"""Losses that are piecewise linear: interior point, globbing, vertices, exchange of rows."""
