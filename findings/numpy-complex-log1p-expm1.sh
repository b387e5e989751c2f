#!/usr/bin/env bash
# NumPy 2.4.6: log1p and expm1 of complex numbers lose what they are there for. The documentation promises accuracy
# near 0 for real numbers, and a branch cut for complex ones; a good guess: these are accurate as well.
# scipy.special.log1p is.
# Seen: the real part of np.log1p is log(abs(1 + z)): 0 at 1e-17 + 0j, off by 1e-8 of itself at 1e-10 + 0j. np.expm1
# at 800 + 0j is inf + nan j, where np.exp is inf + 0j, as C99's annex G wants.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from scipy import special

for x in (1e-17, 1e-10, 1e-5):
    found = np.log1p(complex(x)).real
    print(f"log1p({x} + 0j): NumPy {found}, real {np.log1p(x)}, SciPy {special.log1p(complex(x)).real}")
    assert abs(found / np.log1p(x) - 1) > 1e-13, "the behaviour has changed"
    assert abs(special.log1p(complex(x)).real / np.log1p(x) - 1) < 1e-15
with np.errstate(all="ignore"):
    far = np.expm1(np.complex128(800)), np.exp(np.complex128(800))
print("at 800 + 0j: expm1", far[0], "exp", far[1])
assert np.isnan(far[0].imag) and far[1].imag == 0, "the behaviour has changed"
PYTHON
