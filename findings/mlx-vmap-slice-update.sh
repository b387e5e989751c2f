#!/usr/bin/env bash
# MLX 0.32.4: mx.vmap over the array of mx.slice_update, with one update for all of them, writes into the first array
# only; the others come out as they were, without an error. a[1:3] = b and a.at[1:3].add(b) inside the mapped function
# do the same, for an array b that is not mapped and for a number.
# The documentation of mlx.core.vmap: "returns a vectorized version of fun"; a good guess: what a Python loop gives.
# Seen for a = [[1, 2, 3, 4], [5, 6, 7, 8]], b = [10, 20] written from index 1 on: [[1, 10, 20, 4], [5, 6, 7, 8]];
# a loop gives [5, 10, 20, 8] in the second row. Mapped over b as well, or over b alone, it is right, and so is a
# scatter, a[mx.array([1, 2])] = b. Boundary values that one sets in a batch of fields go this way.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'mlx[cpu]==0.32.4' numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import mlx.core as mx

mx.set_default_device(mx.cpu)
a, b = mx.array([[1.0, 2, 3, 4], [5, 6, 7, 8]]), mx.array([10.0, 20])

def update(a, b):
    return mx.slice_update(a, b, mx.array([1]), [0])

def assign(a, b):
    a = a + 0
    a[1:3] = b
    return a

def scatter(a, b):
    a = a + 0
    a[mx.array([1, 2])] = b
    return a

loop = [update(row, b).tolist() for row in a]
print("loop:", loop)
for f in (update, assign, scatter):
    both = mx.vmap(f)(a, mx.stack([b, b])).tolist()
    mapped = mx.vmap(f, in_axes=(0, None))(a, b).tolist()
    print(f.__name__, "mapped over both:", both, "over a alone:", mapped)
    assert both == loop
    assert mapped == (loop if f is scatter else [loop[0], [5, 6, 7, 8]]), "the behaviour has changed"
zeros = mx.vmap(lambda a: assign(a, 0.0))(a).tolist()
added = mx.vmap(lambda a: a.at[1:3].add(b))(a).tolist()
print("a[1:3] = 0:", zeros, "at[1:3].add:", added)
assert zeros == [[1, 0, 0, 4], [5, 6, 7, 8]] and added == [[1, 12, 23, 4], [5, 6, 7, 8]], "the behaviour has changed"
PYTHON
