#!/usr/bin/env bash
# MLX 0.32.4: mx.load refuses a .safetensors file as a whole if one of its tensors is float64: RuntimeError
# "[safetensor] unsupported dtype F64", which does not name the tensor, and none of the others can be had.
# MLX has float64 (on the CPU), and mx.load reads it from .npz and .npy. The format has F64 among its dtypes, and
# safetensors writes it; the documentation of mlx.core.load lists the formats and no exception.
# Seen: a file of a float32 and a float64 tensor fails, without the second it loads, and an .npz of both does.
# mx.save_safetensors of a float64 array fails as well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6 safetensors==0.8.0
"$folder/venv/bin/python" - <<'PYTHON'
import os
import tempfile

import mlx.core as mx
import numpy as np
from safetensors.numpy import load_file, save_file

mx.set_default_device(mx.cpu)
tensors = {"weight": np.ones(3, np.float32), "statistics": np.ones(2)}
with tempfile.TemporaryDirectory() as folder:
    both, one, archive = (os.path.join(folder, name) for name in ("both.safetensors", "one.safetensors", "both.npz"))
    save_file(tensors, both)
    save_file({"weight": tensors["weight"]}, one)
    np.savez(archive, **tensors)
    assert load_file(both)["statistics"].dtype == np.float64
    assert list(mx.load(one)) == ["weight"] and mx.load(archive)["statistics"].dtype == mx.float64
    for name, act in {
        "load": lambda: mx.load(both),
        "save": lambda: mx.save_safetensors(one, {"x": mx.array(np.ones(2), dtype=mx.float64)}),
    }.items():
        try:
            act()
        except RuntimeError as error:
            print(f"{name}: {error}")
        else:
            raise AssertionError("the behaviour has changed")
PYTHON
