#!/usr/bin/env bash
# MLX 0.32.4: mx.quantize with mode="mxfp8" and mode="mxfp4" makes inf or nan of blocks of small numbers, which
# float32 and bfloat16 hold in full: in mxfp8 where the largest of a block is 1e-36, in mxfp4 where it is 1e-38.
# The documentation of mx.quantize gives the modes' format: a scale of 8 bits of exponent (E8M0, from 2**-127 on) for 32
# numbers; a good guess: a block that is too small for its scale becomes 0, or as good as it can be.
# Seen for linspace(-1, 1, 64) times s: s = 1e-30 is right to 5 % of the largest, at 1e-36 all of mxfp8 is inf, at 1e-38
# mxfp4 is inf and nan. Weights that decay, and the moments of an optimiser, go through these sizes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import mlx.core as mx
import numpy as np

mx.set_default_device(mx.cpu)
w = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 64)
for mode, small in [("mxfp8", 1e-36), ("mxfp4", 1e-38)]:
    for s in (1.0, 1e-30, small, 0.0):
        given = w * np.float32(s)
        back = np.array(mx.dequantize(*mx.quantize(mx.array(given), mode=mode), mode=mode).astype(mx.float32))
        lost = int((~np.isfinite(back)).sum())
        print(f"{mode}, largest {s}: {lost} of 64 are inf or nan", "" if lost else np.abs(back - given).max())
        assert np.isfinite(given).all()
        if s == small:
            assert lost > 0, "the behaviour has changed"
        else:
            assert lost == 0 and np.abs(back - given).max() <= 0.25 * s
PYTHON
