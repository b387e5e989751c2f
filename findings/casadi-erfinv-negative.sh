#!/usr/bin/env bash
# CasADi 3.8.2: casadi.erfinv is exact to rounding for most positive numbers, but loses up to ten digits for
# negative ones: erfinv(-y) is not -erfinv(y). The API documentation lists erfinv as "Inverse error function"; a
# good guess: odd, and as good as scipy's.
# Seen, against scipy.special.erfinv: at 0.71 relative error 0, at -0.71 5e-7, at -0.7 3e-6, at -0.999999999
# 1.6e-5. So a quantile function is lopsided and has steps, and finite differences of it disagree with
# casadi.jacobian, which uses the exact rule: at -0.7 a difference of step 1e-6 gives 2.95 where jacobian gives
# 1.516 (right).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet casadi==3.8.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import casadi
from scipy.special import erfinv

for y in (0.71, 0.9, 0.999, -0.7, -0.71, -0.9, -0.999999999):
    error = abs(float(casadi.erfinv(y)) / erfinv(y) - 1)
    print(f"erfinv({y}): relative error {error:.1e}")
    assert (error < 1e-13) if y > 0 else (error > 1e-8), "the behaviour has changed"
x = casadi.SX.sym("x")
slope = float(casadi.Function("slope", [x], [casadi.jacobian(casadi.erfinv(x), x)])(-0.7))
h = 1e-6
difference = (float(casadi.erfinv(-0.7 + h)) - float(casadi.erfinv(-0.7 - h))) / (2 * h)
print("at -0.7: jacobian", slope, "central difference", difference)
assert abs(slope - 1.5163578602692516) < 1e-5 and difference > 2, "the behaviour has changed"
PYTHON
