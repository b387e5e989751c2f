#!/usr/bin/env bash
# PyTorch 2.13.0: the gradient of torch.fft.hfft by a complex tensor is a lazy conjugate, and NumPy does not take it.
# torch.autograd.grad of a function of fft, ifft or irfft gives an ordinary tensor, of which .numpy() is the array; after
# hfft it is a RuntimeError that asks for resolve_conj(). So code that hands gradients to SciPy fails for one of them.
# The notes on complex autograd say nothing of it.
# Seen: is_conj() True for hfft alone; "Can't call numpy() on Tensor that has conjugate bit set."
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch

found = {}
for name in ("fft", "ifft", "irfft", "hfft"):
    x = torch.randn(6, dtype=torch.complex128, requires_grad=True)
    (gradient,) = torch.autograd.grad(getattr(torch.fft, name)(x).abs().square().sum(), x)
    try:
        gradient.numpy()
        found[name] = "numpy() works"
    except RuntimeError as error:
        found[name] = f"is_conj() {gradient.is_conj()}: {error}"
for name, what in found.items():
    print(name, what)
assert all(found[name] == "numpy() works" for name in ("fft", "ifft", "irfft"))
assert "conjugate bit" in found["hfft"], "the behaviour has changed"
PYTHON
