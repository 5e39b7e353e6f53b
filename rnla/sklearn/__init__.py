"""scikit-learn estimators around the solvers and samplers of rnla."""
