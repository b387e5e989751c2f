#!/usr/bin/env bash
# uncertainties 3.2.3: umath.fmod(x, y) and x % y get standard deviations of millions where x / y is a whole number. The
# derivatives are difference quotients, and one side of them lies beyond the jump: for fmod that by x and by y, for %
# that by y (the one by x is 1, as it should be). Both are deprecated, and work.
# The documentation: the standard deviation is the linear propagation of errors, with the derivatives at the nominal
# values; a good guess: 1 and -floor(x / y), as everywhere else.
# Seen: fmod of 720 +- 1 and 360 is 0 +- 1.7e7 (721 gives 1 +- 1); the derivative of 1 % y by y at 0.5 is 3.4e7, right
# is -2, as it gives at 0.4.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uncertainties==3.2.3
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

from uncertainties import ufloat, umath

warnings.simplefilter("ignore", FutureWarning)

def derivative(f, nominal):
    x = ufloat(nominal, 1.0)
    return f(x).derivatives[x]

cases = {
    "fmod by x": (lambda x: umath.fmod(x, 360.0), 721.0, 720.0, 1),
    "fmod by y": (lambda y: umath.fmod(1.0, y), 0.4, 0.5, -2),
    "% by y": (lambda y: 1.0 % y, 0.4, 0.5, -2),
    "% by x": (lambda x: x % 360.0, 721.0, 720.0, 1),
}
for name, (f, beside, whole, expected) in cases.items():
    print(f"{name}: {derivative(f, beside)} at {beside}, {derivative(f, whole)} at {whole}, expected {expected}")
    assert abs(derivative(f, beside) - expected) < 1e-6
    large = abs(derivative(f, whole)) > 1e6
    assert large == (name != "% by x"), "the behaviour has changed"
print("fmod of 720 +- 1 and 360:", umath.fmod(ufloat(720, 1), 360), "of 721 +- 1:", umath.fmod(ufloat(721, 1), 360))
PYTHON
