#!/usr/bin/env bash
# NumPy 2.4.6: np.fft.irfftn(f, s=(-1, -1), axes=(0, 1)) drops almost half of its input. The documentation
# says of s that -1 takes the input as it is, neither padded nor trimmed. Along the last axis -1 becomes the length of
# the *input*, but is read as the length of the *output*, for which half of that and one is used.
# Seen: y of shape (4, 6) has the transform f of shape (4, 4). irfftn(f) is y again; with s=(-1, -1) the result
# has shape (4, 4) and is that of f[:, :3]: other numbers, no warning. irfft2 does the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np

y = np.random.default_rng(0).standard_normal((4, 6))
f = np.fft.rfftn(y)
assert np.allclose(np.fft.irfftn(f), y)
for name in ("irfftn", "irfft2"):
    found = getattr(np.fft, name)(f, s=(-1, -1), axes=(0, 1))
    print(f"{name} of a transform of shape {f.shape} with s=(-1, -1): shape {found.shape}, want {y.shape}")
    assert found.shape == (4, 4), "the behaviour has changed"
    assert np.allclose(found, np.fft.irfftn(f[:, :3], s=(4, 4), axes=(0, 1))), "the behaviour has changed"
PYTHON
