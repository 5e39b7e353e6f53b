"""How `lstsq` and `ridge` work: preconditioners, refinement, backward errors, sums left out."""
