#!/usr/bin/env bash
# Numba 0.68.1: a function jitted without fastmath takes over the fastmath flags of whichever jitted function compiles
# it first, and keeps them for everybody. The documentation says that fastmath is chosen for each function by its
# own decorator; a good guess: what is strict stays strict.
# Seen: scaled(x) = x * 1e-200 * x, decorated by njit alone. Called for the first time from Python,
# scaled(1e180) is 1e160. In another process where a loop with fastmath={"reassoc"} calls it first, LLVM may regroup
# the product inside it: the loop gives inf, and so does scaled(1e180) from Python from then on. With
# fastmath=False written out, which is the default, it stays 1e160.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numba==0.68.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import math

import numba
import numpy as np


def made(**options):
    @numba.njit(**options)
    def scaled(x):
        return x * 1e-200 * x

    @numba.njit(fastmath={"reassoc"})
    def loop(x, out):
        for i in range(x.size):
            out[i] = scaled(x[i])

    return scaled, loop


x = np.full(8, 1e180)
out = np.empty(8)

scaled, loop = made()
print("called by itself first:", scaled(1e180))
assert math.isclose(scaled(1e180), 1e160), "the behaviour has changed"

scaled, loop = made()
loop(x, out)
print("called from the loop first:", out[0], "and then by itself:", scaled(1e180))
assert out[0] == math.inf == scaled(1e180), "the behaviour has changed"

scaled, loop = made(fastmath=False)
loop(x, out)
print("with fastmath=False, from the loop first:", out[0], scaled(1e180))
assert math.isclose(out[0], 1e160) and math.isclose(scaled(1e180), 1e160), "the behaviour has changed"
PYTHON
