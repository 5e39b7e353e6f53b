"""Few rows that stand for all: drawn, fitted, and measured on all rows."""
