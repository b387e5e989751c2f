#!/usr/bin/env bash
# SciPy 1.17.1: scipy.stats.laplace.logpdf and logcdf are -inf at -1000, where both are -1000 - log(2).
# The density is exp(-|x|) / 2, so its logarithm is a difference; norm, logistic and cauchy have one of their own, but
# laplace takes the logarithm of an exponential, which is 0 from 746 on. logsf, on the other side, alike.
# A likelihood with Laplace errors, which one chooses for the sake of outliers, is -inf at a single one.
# Seen: logpdf(-1000) = logcdf(-1000) = logsf(1000) = -inf; logistic.logcdf(-1000) = -1000.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from scipy import stats

x = np.array([-10.0, -700.0, -1000.0])
right = x - np.log(2)
found = {"logpdf": stats.laplace.logpdf(x), "logcdf": stats.laplace.logcdf(x), "logsf": stats.laplace.logsf(-x)}
print("expected:", right, found)
assert np.allclose(stats.logistic.logcdf(x[1:]), x[1:])
for values in found.values():
    assert np.allclose(values[:2], right[:2])
    assert values[2] == -np.inf, "the behaviour has changed"
PYTHON
