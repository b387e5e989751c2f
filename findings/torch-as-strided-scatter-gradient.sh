#!/usr/bin/env bash
# PyTorch 2.13.0: the gradient of torch.as_strided_scatter(input, src, ...) with respect to input has its entries
# in the wrong places: where src was written, instead of everywhere else. The documentation: "Embeds the values of
# the src tensor into input along the elements corresponding to the result of calling input.as_strided(size,
# stride, storage_offset)", so that the result depends on input where it was not written to.
# Seen for size (3,), stride (2,) of six elements, cotangent 1 to 6: [1, 0, 3, 0, 5, 0]; right is [0, 2, 0, 4, 0,
# 6]. The gradient with respect to src is right, and so are both of torch.slice_scatter, of the same values.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch

cotangent = torch.arange(1.0, 7.0, dtype=torch.float64)

def gradients(scatter):
    x = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    src = torch.ones(3, dtype=torch.float64, requires_grad=True)
    out = scatter(x, src)
    out.backward(cotangent)
    return out.tolist(), x.grad.tolist(), src.grad.tolist()

strided = gradients(lambda x, src: torch.as_strided_scatter(x, src, (3,), (2,), 0))
sliced = gradients(lambda x, src: torch.slice_scatter(x, src, 0, 0, 6, 2))
print("as_strided_scatter:", *strided)
print("slice_scatter:     ", *sliced)
assert strided[0] == sliced[0] == [1, 0, 1, 0, 1, 0]
assert sliced[1] == [0, 2, 0, 4, 0, 6]
assert strided[2] == sliced[2] == [1, 3, 5]
assert strided[1] == [1, 0, 3, 0, 5, 0], "the behaviour has changed"
PYTHON
