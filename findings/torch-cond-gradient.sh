#!/usr/bin/env bash
# PyTorch 2.13.0: torch.linalg.cond has no gradient in the norms "fro", 1, -1, inf and -inf: a RuntimeError that blames the
# user for an operation in place, which happens inside cond. The gradient in the norms 2, -2 and "nuc" is there, and so
# is forward mode in all of them. The documentation lists all these norms and the way the condition number is computed,
# norm times norm of the inverse; a good guess: it is differentiable as that product is, which one can write oneself.
# Seen at [[2, 1], [0, 3]]: values right; "one of the variables needed for gradient computation has been modified by an
# inplace operation: ... output 0 of LinalgInvEx"; the product written out has the gradient [[-0.5, 0.3333], [0.3889,
# 0.2222]] in the Frobenius norm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch

x = torch.tensor([[2.0, 1.0], [0.0, 3.0]], dtype=torch.float64, requires_grad=True)
inf = float("inf")
refused = []
for norm in ("fro", 1, -1, inf, -inf, 2, -2, "nuc"):
    value = torch.linalg.cond(x, norm)
    written = torch.linalg.matrix_norm(x, norm) * torch.linalg.matrix_norm(torch.linalg.inv(x), norm)
    (expected,) = torch.autograd.grad(written, x)
    assert torch.isclose(value, written)
    along, tangent = torch.func.jvp(lambda x: torch.linalg.cond(x, norm), (x.detach(),), (torch.ones_like(x),))
    assert torch.isclose(tangent, expected.sum())
    try:
        assert torch.allclose(torch.autograd.grad(value, x)[0], expected)
    except RuntimeError as error:
        print(norm, str(error)[:150], "... product written out:", expected.numpy().round(4).tolist())
        assert "inplace" in str(error)
        refused.append(norm)
assert refused == ["fro", 1, -1, inf, -inf], "the behaviour has changed"
PYTHON
