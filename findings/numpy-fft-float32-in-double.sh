#!/usr/bin/env bash
# NumPy 2.4.6: np.fft.fft and np.fft.rfft of single precision are computed in double precision, and the inverse ones,
# and all with norm="ortho" or "forward", are not.
# The notes of NumPy 2.0 say that the routines of numpy.fft calculate in single precision if the input is float32.
# The factor of the default norm is the Python integer 1, with which the ufunc's loop for double is taken and the
# result is cast; other norms bring a factor of the input's own precision.
# Seen: rfft of float32 is bit by bit what double gives, rounded; with norm="forward" it is not. 64 lines of 4096 take
# 5 times as long as with norm="forward" (1,700 and 340 us on a CPU with AVX-512), and fft 3 times.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import timeit

import numpy as np

x = np.random.default_rng(0).random((64, 4096), dtype=np.float32)
double = np.fft.rfft(x.astype(np.float64))
found = {norm: np.fft.rfft(x, norm=norm) for norm in ("backward", "ortho", "forward")}
factors = {"backward": 1, "ortho": 64, "forward": 4096}
same = {n: bool(np.array_equal(y, (double / factors[n]).astype(np.complex64))) for n, y in found.items()}
times = {n: min(timeit.repeat(lambda n=n: np.fft.rfft(x, norm=n), number=1, repeat=30)) for n in found}
print("dtypes:", {n: str(y.dtype) for n, y in found.items()})
print("bits of double, rounded:", same)
print("microseconds:", {n: round(t * 1e6) for n, t in times.items()})
assert same == {"backward": True, "ortho": False, "forward": False}, "the behaviour has changed"
PYTHON
