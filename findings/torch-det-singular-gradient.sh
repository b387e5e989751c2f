#!/usr/bin/env bash
# PyTorch 2.13.0: the gradient of torch.linalg.det is 0 at a matrix whose LU factors have an exact zero on the diagonal.
# The determinant is a polynomial, of which the gradient is the matrix of cofactors (Jacobi's formula): at [[1, 2],
# [2, 4]] it is [[4, -2], [-2, 1]]. The value is right, and so is the gradient where rounding leaves a determinant of 1e-15.
# Seen: zeros, of rank n - 1 where they should be no zeros, for matrices and batches, float32, float64, complex; with
# create_graph=True the gradient is right, so that first derivatives depend on whether second ones are asked for;
# torch.autograd.gradcheck fails. JAX 0.10.2 and fastvjp give the cofactors.
# Reported as pytorch/pytorch issues 80761 (1 x 1 matrices, 2022) and 104675 (2023), both closed; still there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch

cofactors = torch.tensor([[4.0, -2.0], [-2.0, 1.0]], dtype=torch.float64)
x = torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=torch.float64, requires_grad=True)
(plain,) = torch.autograd.grad(torch.linalg.det(x), x)
(recorded,) = torch.autograd.grad(torch.linalg.det(x), x, create_graph=True)
print("gradient:", plain.tolist(), "with create_graph:", recorded.tolist(), "expected:", cofactors.tolist())
near = torch.tensor([[1.0, 2.0], [2.0, 4.0 + 1e-12]], dtype=torch.float64, requires_grad=True)
(beside,) = torch.autograd.grad(torch.linalg.det(near), near)
assert torch.allclose(beside, cofactors) and torch.allclose(recorded, cofactors)
assert not plain.any(), "the behaviour has changed"
PYTHON
