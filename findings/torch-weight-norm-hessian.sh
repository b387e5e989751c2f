#!/usr/bin/env bash
# PyTorch 2.13.0: second derivatives through torch.nn.utils.parametrizations.weight_norm are wrong in the direction v,
# without an error. First derivatives, and second ones by the magnitude g, are right.
# The documentation: the weight is g * v / ||v||. Written like that, with the norm of torch.linalg, all of them are
# right. The rule for the second derivative takes for constant what the first one saved, among it the norm.
# Seen, on the CPU, for a layer with v = [[1, 2], [3, -1]], g = [[2], [0.5]] and a loss that is cubic in its output at
# [1, 2], the Hessian times ones, for the first row of v: [-59.0, -64.4], right is [-21.5, 10.7]. Gradient penalties,
# meta-learning and Newton's method over networks with weight norm get such numbers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch

torch.set_default_dtype(torch.float64)
layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 2, bias=False))
g, v = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
with torch.no_grad():
    g.copy_(torch.tensor([[2.0], [0.5]]))
    v.copy_(torch.tensor([[1.0, 2.0], [3.0, -1.0]]))
x = torch.tensor([[1.0, 2.0]])

def by_layer():
    return (layer(x) ** 3).sum()

def written():
    return ((x @ (g * v / torch.linalg.vector_norm(v, dim=1, keepdim=True)).T) ** 3).sum()

def products(loss):
    """The gradient, and the Hessian times ones."""
    gradients = torch.autograd.grad(loss(), (g, v), create_graph=True)
    return gradients, torch.autograd.grad(sum(part.sum() for part in gradients), (g, v))

(first, second), (first_written, second_written) = products(by_layer), products(written)
h, shifted = 1e-5, []
for step in (h, -h):
    with torch.no_grad():
        g.add_(step), v.add_(step)
    shifted.append(torch.autograd.grad(by_layer(), (g, v)))
    with torch.no_grad():
        g.sub_(step), v.sub_(step)
differences = [(up - down) / (2 * h) for up, down in zip(*shifted)]
for name, i in (("g", 0), ("v", 1)):
    print(f"{name}: weight_norm {second[i].tolist()}, written out {second_written[i].tolist()}")
    print(f"   difference quotient {differences[i].tolist()}")
    assert torch.allclose(first[i], first_written[i])
    assert torch.allclose(second_written[i], differences[i], rtol=1e-6)
assert torch.allclose(second[0], differences[0], rtol=1e-6)
assert not torch.allclose(second[1], differences[1], rtol=0.05), "the behaviour has changed"
PYTHON
