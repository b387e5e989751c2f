"""Elementwise primitives: one for each element function, backward functions included.

Operands have one shape: broadcasting and casting are primitives of their own, recorded by the public ops. Their
derivative rules, composed of public ops, stand in `fastvjp/rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval, aval, bool_
from ..core.primitive import REGISTRY, Primitive, Rule, register
from ..kernels.elements.registry import ELEMENTS, TRAITS, parameters

OPERANDS = ("g", "c", "x", "y", "z", "out")
"""Element function parameters that are arrays; any other is a static parameter, part of the kernel."""


def _same(*operands: Aval, **_: Any) -> Aval:
    return operands[-1]


def _bool(*operands: Aval, **_: Any) -> Aval:
    return aval(operands[0].shape, bool_)


def _real(x: Aval, **_: Any) -> Aval:
    return aval(x.shape, x.dtype.type(0).real.dtype)


def _given(x: Aval, *_: Aval, dtype: np.dtype, **__: Any) -> Aval:
    return aval(x.shape, dtype)


_RESULTS: dict[str, Callable[..., Aval]] = {"same": _same, "bool": _bool, "real": _real, "given": _given}


def from_parameters(
    name: str, names: Sequence[str], infer: Callable[..., Aval] = _same, **fields: Any
) -> Primitive:
    """The primitive whose kernel is an element function with parameters of these names."""
    inputs = tuple(p for p in names if p in OPERANDS)
    statics = tuple(p for p in names if p not in OPERANDS)
    return Primitive(name, inputs, infer, elementwise=True, statics=statics, **fields)


def backward_kernel(of: Primitive, operand: str, name: str, names: Sequence[str], **fields: Any) -> Primitive:
    """The primitive that computes the cotangent of an operand of another one, which knows it from now on."""
    kernel = of.vjps[operand] = from_parameters(name, names, _given, of=(of, operand), **fields)
    return kernel


def _declare(name: str) -> Primitive:
    file = ELEMENTS[name].__code__.co_filename
    base, is_backward, _ = name.partition("_vjp")
    if not is_backward:
        traits = TRAITS[name]
        rules: dict[str, Rule] | None = {} if traits.differentiable else None
        return from_parameters(name, parameters(name), _RESULTS[traits.result], rules=rules, file=file)
    of = REGISTRY.get(base)
    if of is None:
        raise ValueError(f"[primitives] {name} in {file} is the backward function of {base}, which is missing.")
    fitting = {f"{base}_vjp": of.inputs[0]} if len(of.inputs) == 1 else {f"{base}_vjp_{x}": x for x in of.inputs}
    if name not in fitting:
        raise ValueError(
            f"[primitives] {name} in {file} is for no operand of {base}. Expected: {' or '.join(fitting)}."
        )
    return backward_kernel(of, fitting[name], name, parameters(name), file=file)


for _name in sorted(ELEMENTS, key=lambda name: "_vjp" in name):
    register(_declare(_name))
