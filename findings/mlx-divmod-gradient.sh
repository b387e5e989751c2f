#!/usr/bin/env bash
# MLX 0.32.4: the gradient of mx.divmod(a, b)[1] is 0, that of mx.remainder(a, b) is 1.
# The documentation of mlx.core.divmod: "divmod(a, b) is equivalent to but faster than (a // b, a % b)".
# Seen: grad of the remainder with respect to a: [0, 0] by divmod, [1, 1] by remainder and by %; with respect to
# b 0 by divmod, -floor(a / b) by remainder. Forward mode gives 0 too. No error, no word in the documentation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import mlx.core as mx

mx.set_default_device(mx.cpu)
a, b = mx.array([3.0, 5.5]), mx.array([2.0, 2.0])
by_divmod = [g.tolist() for g in mx.grad(lambda a, b: mx.divmod(a, b)[1].sum(), argnums=(0, 1))(a, b)]
by_remainder = [g.tolist() for g in mx.grad(lambda a, b: mx.remainder(a, b).sum(), argnums=(0, 1))(a, b)]
print("divmod:", by_divmod, "remainder:", by_remainder)
assert mx.divmod(a, b)[1].tolist() == mx.remainder(a, b).tolist() == [1.0, 1.5]
assert by_remainder == [[1, 1], [-1, -2]]
assert by_divmod == [[0, 0], [0, 0]], "the behaviour has changed"
PYTHON
