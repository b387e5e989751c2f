#!/usr/bin/env bash
# SciPy 1.17.1: scipy.special.psi loses its digits just above a negative integer, and there alone.
# At a distance d from the pole at -1 the value is -1/d and a bounded rest. Below the pole it is right to the last
# digit; above it the relative error grows as 1e-17 / d: 3e-8 at d = 2e-10, and 31 % at the number next to -1.
# The same at -2, -3, ...; the documentation says nothing of it. Near the first roots psi takes care to be exact.
# Seen: psi(-1 + 2**-52) = -3.1085e15, which is -4.5036e15; psi(-1 - 2**-52) = 4.5036e15 is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scipy==1.17.1 numpy==2.4.6 mpmath==1.3.0
"$folder/venv/bin/python" - <<'PYTHON'
import mpmath
from scipy import special

mpmath.mp.dps = 40


def error(x):
    """Relative error of psi."""
    right = mpmath.psi(0, mpmath.mpf(x))
    return float(abs(special.psi(x) / right - 1))


for steps in (1, 8, 1000, 1_000_000):
    d = steps * 2.0**-52
    print(f"d = {d:.1e}: above {error(-1 + d):.1e}, below {error(-1 - d):.1e}")
assert error(-1 - 2.0**-52) < 1e-15
assert 1e-9 < error(-1 + 1_000_000 * 2.0**-52) < 1e-6
assert error(-1 + 2.0**-52) > 0.1, "the behaviour has changed"
PYTHON
