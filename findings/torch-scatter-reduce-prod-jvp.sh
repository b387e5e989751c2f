#!/usr/bin/env bash
# PyTorch 2.13.0: forward-mode derivatives of torch.scatter_reduce with reduce="prod" are 0, without an error.
# Backward mode is right, and so is forward mode of the reduction "sum".
# Seen: 2, 3, 4 with 5, 6 multiplied into the first and 7 into the last, all tangents 1: the tangent of the result
# is [0, 0, 0]; right, as the Jacobian of backward mode says, is [52, 1, 11].
# Reported as pytorch/pytorch issue 196702 in September 2026, not mended in this version.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch

x = torch.tensor([2.0, 3.0, 4.0], dtype=torch.float64)
src = torch.tensor([5.0, 6.0, 7.0], dtype=torch.float64)
index, ones = torch.tensor([0, 0, 2]), torch.ones(3, dtype=torch.float64)

def derivatives(reduce):
    def scatter(x, src):
        return x.scatter_reduce(0, index, src, reduce)

    _, forward = torch.func.jvp(scatter, (x, src), (ones, ones))
    backward = sum(j.sum(-1) for j in torch.autograd.functional.jacobian(scatter, (x, src)))
    return forward.tolist(), backward.tolist()

print("prod:", *derivatives("prod"))
print("sum: ", *derivatives("sum"))
assert derivatives("sum") == ([3, 1, 2], [3, 1, 2])
forward, backward = derivatives("prod")
assert backward == [52, 1, 11]
assert forward == [0, 0, 0], "the behaviour has changed"
PYTHON
