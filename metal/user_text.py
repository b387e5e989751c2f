"""Files of shaders around a user's text, which may use any names: it stands in a namespace of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import dedent

from .elements.library import functions


def elements_file(
    title: str, name: str, text: str, wanted: Mapping[str, tuple[str, Sequence[str], Sequence[str]]]
) -> str:
    """The file of a user's element functions.

    Args:
        title: the primitive's name, for messages.
        name: of the definition.
        text: defines the functions.
        wanted: by the names of element functions what the user calls them, their operands and static parameters.

    Raises:
        ValueError: a function is missing or has other parameters than the Python function.
    """
    text, found = _read(text)
    lines = []
    for element, (function, operands, statics) in wanted.items():
        names = (*operands, *statics)
        signature = ", ".join([*(f"T {p}" for p in operands), *(f"int {p}" for p in statics)])
        if found.get(function) != names:
            raise _unfit(title, function, found, f"inline T {function}({signature})")
        call = f"user_{name}::{function}({', '.join(names)})"
        lines.append(f"template <typename T> inline T {element}({signature}) {{ return T({call}); }}")
    return _file(name, text, "element", lines)


def kernels_file(
    title: str, name: str, text: str, wanted: Mapping[str, tuple[str, Sequence[str], Sequence[str]]]
) -> str:
    """The file of a user's array kernels: `wanted` has the arrays, first the one that is written, and statics.

    A kernel's words are the number of threads, for every array its offset, for every array where its sizes stand,
    the static parameters, and the sizes.
    """
    text, found = _read(text)
    lines = []
    for kernel, (function, arrays, statics) in wanted.items():
        n = len(arrays)
        given = {"i": "i"}
        given |= {a: f"{a} + uint(words[{1 + k}])" for k, a in enumerate(arrays)}
        given |= {f"{a}_shape": f"words + words[{1 + n + k}]" for k, a in enumerate(arrays)}
        given |= {s: f"words[{1 + 2 * n + k}]" for k, s in enumerate(statics)}
        names = found.get(function, ())
        if not {"i", arrays[0]} <= set(names) <= given.keys():
            signature = ", ".join(
                ["uint i", f"device T *{arrays[0]}", *(f"device const T *{a}" for a in arrays[1:])]
            )
            signature += "".join(f", int {s}" for s in statics)
            raise _unfit(
                title, function, found, f"inline void {function}({signature}, constant int *x_shape, ...)"
            )
        types = ", ".join(f"typename T{k}" for k in range(n))
        pointers = ", ".join(f"device {'const ' if k else ''}T{k} *{a}" for k, a in enumerate(arrays))
        lines += [
            f"template <{types}> inline void {kernel}(constant int *words, uint i, {pointers}) {{",
            f"    if (i < uint(words[0])) user_{name}::{function}({', '.join(given[p] for p in names)});",
            "}",
        ]
    return _file(name, text, "structural", lines)


def _read(text: str) -> tuple[str, dict[str, tuple[str, ...]]]:
    text = dedent(text).strip()
    return text, functions(text)


def _unfit(title: str, function: str, found: Mapping[str, Sequence[str]], expected: str) -> ValueError:
    said = f"takes {', '.join(found[function])} in" if function in found else "is missing in"
    return ValueError(
        f"[{title}] {function} {said} the Metal text, which defines {', '.join(found) or 'no function'}. "
        f"Expected: template <typename T> {expected} {{ ... }}, with the names of the Python function."
    )


def _file(name: str, text: str, namespace: str, lines: Sequence[str]) -> str:
    own = [f"namespace user_{name} {{", text, f"}}  // namespace user_{name}"]
    return "\n".join([*own, f"namespace {namespace} {{", *lines, f"}}  // namespace {namespace}", ""])
