#!/usr/bin/env bash
# NumPy 2.4.6: some operands never reach __array_function__ or __array_ufunc__; they are converted in silence.
# NEP 18 (abstract: arguments of NumPy functions define how that function operates on them) makes one expect that a duck array in any array_like argument is asked. It is
# for np.where, np.clip(max=), np.nan_to_num(nan=), np.add(where=); it is not for the operands below.
# Seen: np.sum(x, initial=d), np.max(initial=), np.add.reduce(initial=) call float(d);
# np.pad(constant_values=d), np.select(default=d), np.fill_diagonal(a, d), np.piecewise with d, x.dot(d) call
# d.__array__; no protocol method. A class that records gradients (or units) loses them there, and cannot know
# unless conversion itself objects.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np

class Duck:
    shape, ndim, dtype = (), 0, np.dtype(float)

    def __init__(self):
        self.asked = set()

    def __array_function__(self, function, types, args, kwargs):
        self.asked.add("protocol")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        self.asked.add("protocol")

    def __array__(self, dtype=None, copy=None):
        self.asked.add("converted")
        return np.array(2.0, dtype)

    def __float__(self):
        self.asked.add("converted")
        return 2.0

x = np.arange(4.0)
calls = {
    "where": (lambda d: np.where(x > 1, x, d), "protocol"),
    "clip(max=)": (lambda d: np.clip(x, 0, d), "protocol"),
    "nan_to_num(nan=)": (lambda d: np.nan_to_num(x, nan=d), "protocol"),
    "sum(initial=)": (lambda d: np.sum(x, initial=d), "converted"),
    "max(initial=)": (lambda d: np.max(x, initial=d), "converted"),
    "add.reduce(initial=)": (lambda d: np.add.reduce(x, initial=d), "converted"),
    "pad(constant_values=)": (lambda d: np.pad(x, 1, constant_values=d), "converted"),
    "select(default=)": (lambda d: np.select([x > 1], [x], default=d), "converted"),
    "fill_diagonal": (lambda d: np.fill_diagonal(np.eye(2), d), "converted"),
    "piecewise": (lambda d: np.piecewise(x, [x > 1], [d, 0.0]), "converted"),
    "ndarray.dot": (lambda d: x.dot(d), "converted"),
}
for name, (call, expected) in calls.items():
    duck = Duck()
    call(duck)
    print(name, sorted(duck.asked))
    assert duck.asked == {expected}, "the behaviour has changed"
PYTHON
