"""What Python's operators, casts and NumPy's functions are in LLVM's instructions.

Types are those that Numba gives: integers are computed in 64 bits, and a float32 with an integer of 64 becomes
float64. `b` is the function under construction.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .builder import Builder
from .types import (
    BOOL,
    FLOAT64,
    INT64,
    PARTS,
    Pointer,
    TranslationError,
    Type,
    Value,
    constant_text,
    llvm_type,
    number_type,
    part_of,
)

ZERO, ONE = "0x0000000000000000", "0x3FF0000000000000"
"""As real numbers."""
UINT64 = np.dtype(np.uint64)

# --- casts -----------------------------------------------------------------------------------------------


def cast(b: Builder, x: Any, t: Type) -> Value:
    """A value as one of another type."""
    if not isinstance(x, Value):
        given = number_type(x)
        if given is None or not isinstance(t, np.dtype):
            raise TranslationError(f"{x!r} is no {t.name}")
        if t.kind != "b" and (given.kind != "f" or t.kind in "fc") and (given.kind != "c" or t.kind == "c"):
            return b.constant(x, t)
        x = b.value(x)
    if x.type == t:
        return x
    if isinstance(x.type, Pointer) or isinstance(t, Pointer):
        raise TranslationError(f"a {x.type.name} is no {t.name}")
    if t.kind == "c":
        part = part_of(t)
        if x.type.kind == "c":
            source = part_of(x.type)
            return Value(t, tuple([_converted(b, source, p, part) for p in x.parts]))
        return Value(t, (_converted(b, x.type, x.text, part), ZERO))
    if x.type.kind == "c":
        if t.kind != "b":
            raise TranslationError(f"a {x.type} is no {t}")
        return truth(b, x)
    return Value(t, (_converted(b, x.type, x.text, t),))


def _converted(b: Builder, source: np.dtype, text: str, target: np.dtype) -> str:
    """One part."""
    if source == target:
        return text
    kinds = source.kind, target.kind
    if target.kind == "b":
        if source.kind == "f":
            return b.make(f"fcmp une {llvm_type(source)} {text}, {ZERO}")
        return b.make(f"icmp ne {llvm_type(source)} {text}, 0")
    if kinds == ("f", "f"):
        return b.convert("fpext" if target.itemsize > source.itemsize else "fptrunc", source, text, target)
    if source.kind == "f":
        return b.convert("fptosi" if target.kind == "i" else "fptoui", source, text, target)
    if target.kind == "f":
        return b.convert("sitofp" if source.kind == "i" else "uitofp", source, text, target)
    if source.kind == "b":
        return b.convert("zext", source, text, target)
    if source.itemsize == target.itemsize:
        return text
    wider = "sext" if source.kind == "i" else "zext"
    return b.convert(wider if target.itemsize > source.itemsize else "trunc", source, text, target)


def truth(b: Builder, x: Any) -> Value:
    """Whether a value is not 0."""
    x = b.value(x)
    if is_complex(x):
        parts = [_converted(b, part_of(x.type), part, BOOL) for part in x.parts]
        return Value(BOOL, (b.make(f"or i1 {', '.join(parts)}"),))
    return cast(b, x, BOOL)


# --- parts of complex numbers ----------------------------------------------------------------------------


def real_part(b: Builder, x: Any) -> Value:
    """A real number is its own."""
    x = b.value(x)
    return Value(part_of(x.type), x.parts[:1]) if is_complex(x) else x


def imaginary_part(b: Builder, x: Any) -> Value:
    """Of a real number it is 0."""
    x = b.value(x)
    return Value(part_of(x.type), x.parts[1:]) if is_complex(x) else b.constant(0, x.type)


def complex_number(b: Builder, x: Any, y: Any = 0.0) -> Value:
    """`complex(x, y)`."""
    if number_type(x) == INT64 and not isinstance(x, Value):
        x = float(x)
    if number_type(y) == INT64 and not isinstance(y, Value):
        y = float(y)
    t = np.result_type(*[_type(v) for v in (x, y)], np.float32)
    real, imaginary = cast(b, x, t), cast(b, y, t)
    return Value(np.result_type(t, np.complex64), (real.text, imaginary.text))


def is_complex(x: Value) -> bool:
    """Whether it is a complex number."""
    return x.type.name in PARTS


def _type(x: Any) -> np.dtype:
    """The type of a number."""
    t = x.type if isinstance(x, Value) else number_type(x)
    if t is None or isinstance(t, Pointer):
        raise TranslationError(f"{t.name if t else x!r} is no number")
    return t


# --- operators -------------------------------------------------------------------------------------------


def _integers(x: np.dtype, y: np.dtype) -> np.dtype:
    if not all(t.kind in "iub" for t in (x, y)):
        raise TranslationError(f"an operation of integers is given {x} and {y}")
    return UINT64 if "i" not in x.kind + y.kind and "b" not in x.kind + y.kind else INT64


def arithmetic(integer: str, real: str) -> Callable[[Builder, Any, Any], Value]:
    """An operator by LLVM's names of its instructions."""

    def apply(b: Builder, x: Any, y: Any) -> Value:
        kinds = _type(x), _type(y)
        if all(t.kind in "iub" for t in kinds):
            t = _integers(*kinds)
            return Value(t, (b.integer(integer, t, cast(b, x, t).text, cast(b, y, t).text),))
        t = np.promote_types(*kinds)
        x, y = cast(b, x, t), cast(b, y, t)
        if t.kind != "c":
            return Value(t, (b.real(real, t, x.text, y.text),))
        part = part_of(t)
        if real == "fmul":
            (a, c), (d, e) = x.parts, y.parts
            products = [b.real("fmul", part, *pair) for pair in ((a, d), (c, e), (a, e), (c, d))]
            return Value(t, (b.real("fsub", part, *products[:2]), b.real("fadd", part, *products[2:])))
        pairs = zip(x.parts, y.parts, strict=True)
        return Value(t, tuple([b.real(real, part, *pair) for pair in pairs]))

    return apply


def divide(b: Builder, x: Any, y: Any) -> Value:
    """A quotient, of integers as float64."""
    t = np.promote_types(_type(x), _type(y))
    if t.kind == "c":
        return b.call_named("complex_quotient", cast(b, x, t), cast(b, y, t))
    if t.kind != "f":
        t = FLOAT64
    return Value(t, (b.real("fdiv", t, cast(b, x, t).text, cast(b, y, t).text),))


def _whole(b: Builder, x: Any, y: Any, of_remainder: bool) -> Value:
    """Of integers, rounded down; 0 where the divisor is."""
    t = _integers(_type(x), _type(y))
    given = y
    x, y = cast(b, x, t).text, cast(b, y, t).text
    safe, zero = y, ""
    if isinstance(given, Value) or given == 0:
        zero = b.make(f"icmp eq i64 {y}, 0")
        safe = b.make(f"select i1 {zero}, i64 1, i64 {y}")
    sign = "s" if t.kind == "i" else "u"
    rest = b.integer(f"{sign}rem", t, x, safe)
    if t.kind == "i":
        signs = b.integer("xor", t, rest, safe)
        apart = b.make(f"icmp slt i64 {signs}, 0")
        inexact = b.make(f"icmp ne i64 {rest}, 0")
        down = b.make(f"and i1 {apart}, {inexact}")
        if of_remainder:
            result = b.integer("add", t, rest, b.make(f"select i1 {down}, i64 {safe}, i64 0"))
        else:
            result = b.integer("sub", t, b.integer("sdiv", t, x, safe), b.convert("zext", BOOL, down, t))
    else:
        result = rest if of_remainder else b.integer("udiv", t, x, safe)
    return Value(t, (b.make(f"select i1 {zero}, i64 0, i64 {result}") if zero else result,))


def floor_divide(b: Builder, x: Any, y: Any) -> Value:
    """x // y."""
    return _whole(b, x, y, of_remainder=False)


def remainder(b: Builder, x: Any, y: Any) -> Value:
    """x % y."""
    return _whole(b, x, y, of_remainder=True)


def power(b: Builder, x: Any, y: Any) -> Value:
    """x ** y: by products if y is whole and stands in the source."""
    if isinstance(y, int) and y > 0:
        found, square, rest = None, b.value(x), y
        while True:
            if rest & 1:
                found = square if found is None else OPERATORS["Mult"](b, found, square)
            rest >>= 1
            if not rest:
                assert found is not None
                return found
            square = OPERATORS["Mult"](b, square, square)
    t = np.promote_types(_type(x), _type(y))
    t = t if t.kind == "f" else FLOAT64
    return Value(t, (b.intrinsic("pow", t, cast(b, x, t).text, cast(b, y, t).text),))


def bitwise(operation: str) -> Callable[[Builder, Any, Any], Value]:
    """An operator of bits or bools."""

    def apply(b: Builder, x: Any, y: Any) -> Value:
        kinds = _type(x), _type(y)
        t: np.dtype = BOOL if kinds == (BOOL, BOOL) else _integers(*kinds)
        return Value(t, (b.integer(operation, t, cast(b, x, t).text, cast(b, y, t).text),))

    return apply


def shift(b: Builder, x: Any, y: Any, left: bool) -> Value:
    """x << y, x >> y."""
    t = _integers(_type(x), _type(x))
    operation = "shl" if left else "ashr" if t.kind == "i" else "lshr"
    return Value(t, (b.integer(operation, t, cast(b, x, t).text, cast(b, y, INT64).text),))


OPERATORS: dict[str, Callable[[Builder, Any, Any], Value]] = {
    "Add": arithmetic("add", "fadd"),
    "Sub": arithmetic("sub", "fsub"),
    "Mult": arithmetic("mul", "fmul"),
    "Div": divide,
    "FloorDiv": floor_divide,
    "Mod": remainder,
    "Pow": power,
    "BitAnd": bitwise("and"),
    "BitOr": bitwise("or"),
    "BitXor": bitwise("xor"),
    "LShift": lambda b, x, y: shift(b, x, y, left=True),
    "RShift": lambda b, x, y: shift(b, x, y, left=False),
}
"""By the names of Python's syntax tree."""
IN_PYTHON: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
    "FloorDiv": operator.floordiv, "Mod": operator.mod, "Pow": operator.pow, "BitAnd": operator.and_,
    "BitOr": operator.or_, "BitXor": operator.xor, "LShift": operator.lshift, "RShift": operator.rshift,
    "Eq": operator.eq, "NotEq": operator.ne, "Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt,
    "GtE": operator.ge,
}  # fmt: skip
"""For numbers that stand in the source."""


def negative(b: Builder, x: Any) -> Value:
    """-x."""
    t = _type(x)
    if t.kind in "iub":
        t = _integers(t, t)
        return Value(t, (b.integer("sub", t, "0", cast(b, x, t).text),))
    return Value(t, tuple([b.real("fneg", part_of(t), p) for p in b.value(x).parts]))


def inverted(b: Builder, x: Any) -> Value:
    """~x."""
    t = _integers(_type(x), _type(x))
    return Value(t, (b.integer("xor", t, cast(b, x, t).text, "-1"),))


def logical_not(b: Builder, x: Any) -> Value:
    """Not x."""
    return Value(BOOL, (b.make(f"xor i1 {truth(b, x).text}, true"),))


# --- comparisons -----------------------------------------------------------------------------------------

RELATIONS = {"Eq": "eq", "NotEq": "ne", "Lt": "lt", "LtE": "le", "Gt": "gt", "GtE": "ge"}


def compare(b: Builder, name: str, x: Any, y: Any) -> Value:
    """Whether two numbers are in this relation; complex ones are ordered by `np.less` and the like only."""
    relation = RELATIONS[name]
    kinds = _type(x), _type(y)
    if all(t.kind in "iub" for t in kinds):
        return _compared_integers(b, relation, x, y)
    t = np.promote_types(*kinds)
    x, y = cast(b, x, t), cast(b, y, t)
    if t.kind != "c":
        return Value(BOOL, (_compared(b, relation, t, x.text, y.text),))
    if relation not in ("eq", "ne"):
        raise TranslationError("complex numbers have no order")
    parts = [_compared(b, relation, part_of(t), *pair) for pair in zip(x.parts, y.parts, strict=True)]
    return Value(BOOL, (b.make(f"{'and' if relation == 'eq' else 'or'} i1 {', '.join(parts)}"),))


def _compared(b: Builder, relation: str, t: np.dtype, x: str, y: str) -> str:
    return b.make(f"fcmp {b.flags}{'u' if relation == 'ne' else 'o'}{relation} {llvm_type(t)} {x}, {y}")


def _compared_integers(b: Builder, relation: str, x: Any, y: Any) -> Value:
    kinds = _type(x), _type(y)
    t: np.dtype
    if kinds == (BOOL, BOOL):
        t, sign = BOOL, "u"
    elif kinds[0] == kinds[1]:
        t, sign = kinds[0], "s" if kinds[0].kind == "i" else "u"
    elif {kinds[0].kind, kinds[1].kind} == {"i", "u"} and UINT64 in kinds:
        return _compared_mixed(b, relation, x, y)
    else:
        t = INT64 if "i" in kinds[0].kind + kinds[1].kind or "b" in kinds[0].kind + kinds[1].kind else UINT64
        sign = "s" if t.kind == "i" else "u"
    sign = "" if relation in ("eq", "ne") else sign
    texts = ", ".join(cast(b, v, t).text for v in (x, y))
    return Value(BOOL, (b.make(f"icmp {sign}{relation} {llvm_type(t)} {texts}"),))


def _compared_mixed(b: Builder, relation: str, x: Any, y: Any) -> Value:
    """Of integers with and without a sign: in one bit more than they have."""
    wide = [
        b.make(f"{'sext' if _type(v).kind == 'i' else 'zext'} {llvm_type(_type(v))} {b.value(v).text} to i65")
        for v in (x, y)
    ]
    sign = "" if relation in ("eq", "ne") else "s"
    return Value(BOOL, (b.make(f"icmp {sign}{relation} i65 {', '.join(wide)}"),))


def ordered_compare(name: str) -> Callable[[Builder, Any, Any], Value]:
    """NumPy's comparison, which orders complex numbers by their real, then by their imaginary parts."""

    def apply(b: Builder, x: Any, y: Any) -> Value:
        t = np.promote_types(_type(x), _type(y))
        if t.kind != "c":
            return compare(b, name, x, y)
        part, relation = part_of(t), RELATIONS[name]
        (a, c), (d, e) = cast(b, x, t).parts, cast(b, y, t).parts
        apart = _compared(b, relation[0] + "t", part, a, d)
        numbers = b.make(f"fcmp ord {llvm_type(part)} {c}, {e}")
        level = _compared(b, "eq", part, a, d)
        below = _compared(b, relation, part, c, e)
        first, second = b.make(f"and i1 {apart}, {numbers}"), b.make(f"and i1 {level}, {below}")
        return Value(BOOL, (b.make(f"or i1 {first}, {second}"),))

    return apply


# --- NumPy's functions -----------------------------------------------------------------------------------


def real_operands(b: Builder, *given: Any) -> tuple[np.dtype, list[str]]:
    """Operands of a function of real numbers, and their type."""
    t = np.result_type(*[_type(x) for x in given])
    if t.kind == "c":
        raise TranslationError("a function of real numbers is given a complex one")
    t = t if t.kind == "f" else FLOAT64
    return t, [cast(b, x, t).text for x in given]


def by_intrinsic(name: str) -> Callable[..., Value]:
    """A function that LLVM has."""

    def apply(b: Builder, *given: Any) -> Value:
        t, texts = real_operands(b, *given)
        return Value(t, (b.intrinsic(name, t, *texts),))

    return apply


def by_library(name: str) -> Callable[..., Value]:
    """A function of C's library."""

    def apply(b: Builder, *given: Any) -> Value:
        t, texts = real_operands(b, *given)
        return Value(t, (b.foreign(name if t == FLOAT64 else f"{name}f", t, *texts),))

    return apply


def by_parts(name: str) -> Callable[[Builder, Any], Value]:
    """LLVM's function of each part of a number."""

    def apply(b: Builder, x: Any) -> Value:
        x = b.value(x)
        if not is_complex(x):
            return by_intrinsic(name)(b, x)
        return Value(x.type, tuple([b.intrinsic(name, part_of(x.type), p) for p in x.parts]))

    return apply


def or_complex(function: Callable[..., Value], helper: str) -> Callable[..., Value]:
    """A function that for complex numbers is a helper of kernels."""

    def apply(b: Builder, *given: Any) -> Value:
        values = [b.value(x) for x in given]
        return b.call_named(helper, *values) if any(map(is_complex, values)) else function(b, *values)

    return apply


def absolute(b: Builder, x: Any) -> Value:
    """|x|, of the type of x or of its parts."""
    x = b.value(x)
    if is_complex(x):
        t = part_of(x.type)
        return Value(t, (b.foreign("hypot" if t == FLOAT64 else "hypotf", t, *x.parts),))
    t = _type(x)
    if t.kind == "f":
        return Value(t, (b.intrinsic("fabs", t, x.text),))
    if t.kind != "i":
        return x
    below = b.make(f"icmp slt {llvm_type(t)} {x.text}, 0")
    return b.select(below, t, Value(t, (b.integer("sub", t, "0", x.text),)), x)


def conjugate(b: Builder, x: Any) -> Value:
    """Of a real number it is that number."""
    x = b.value(x)
    if not is_complex(x):
        return x
    return Value(x.type, (x.parts[0], b.real("fneg", part_of(x.type), x.parts[1])))


def reciprocal(b: Builder, x: Any) -> Value:
    """1 / x; of an integer rounded to 0."""
    x = b.value(x)
    t = _type(x)
    if t.kind == "f":
        return Value(t, (b.real("fdiv", t, ONE, x.text),))
    return cast(b, divide(b, 1, x), t)


def copysign(b: Builder, x: Any, y: Any) -> Value:
    """|x| with the sign of y."""
    t, texts = real_operands(b, x, y)
    return Value(t, (b.intrinsic("copysign", t, *texts),))


def fmod(b: Builder, x: Any, y: Any) -> Value:
    """The remainder with the sign of x."""
    t, texts = real_operands(b, x, y)
    return Value(t, (b.real("frem", t, *texts),))


def sign(b: Builder, x: Any) -> Value:
    """-1, 0 or 1 of a real number; nan of nan."""
    t, (text,) = real_operands(b, x)
    value, numbers = Value(t, (text,)), [b.constant(number, t) for number in (1, -1)]
    below = b.select(compare(b, "Lt", value, 0.0).text, t, numbers[1], value)
    return b.select(compare(b, "Gt", value, 0.0).text, t, numbers[0], below)


def test_of_parts(test: Callable[[Builder, np.dtype, str], str], every: bool) -> Callable[..., Value]:
    """A test of a real number, or of every part or any part of a complex one; integers are finite."""

    def apply(b: Builder, x: Any) -> Any:
        x = b.value(x)
        t = _type(x)
        if t.kind in "iub":
            return every
        found = [test(b, part_of(t), p) for p in x.parts]
        if len(found) == 2:
            found = [b.make(f"{'and' if every else 'or'} i1 {', '.join(found)}")]
        return Value(BOOL, tuple(found))

    return apply


def _is_nan(b: Builder, t: np.dtype, x: str) -> str:
    return b.make(f"fcmp uno {llvm_type(t)} {x}, {ZERO}")


def _is_infinite(b: Builder, t: np.dtype, x: str) -> str:
    return b.make(f"fcmp oeq {llvm_type(t)} {b.intrinsic('fabs', t, x)}, {constant_text(math.inf, t)}")


def _is_finite(b: Builder, t: np.dtype, x: str) -> str:
    return b.make(f"fcmp olt {llvm_type(t)} {b.intrinsic('fabs', t, x)}, {constant_text(math.inf, t)}")


def signbit(b: Builder, x: Any) -> Value:
    """Whether a real number has a sign."""
    t, (text,) = real_operands(b, x)
    word = f"i{8 * t.itemsize}"
    bits = b.make(f"bitcast {llvm_type(t)} {text} to {word}")
    return Value(BOOL, (b.make(f"icmp slt {word} {bits}, 0"),))


def extreme(name: str) -> Callable[[Builder, Any, Any], Value]:
    """NumPy's maximum or minimum: nan if either is, the first if both are."""

    def apply(b: Builder, x: Any, y: Any) -> Value:
        t = np.promote_types(_type(x), _type(y))
        x, y = cast(b, x, t), cast(b, y, t)
        first = ordered_compare(name)(b, x, y).text
        if t.kind in "fc":
            (nan_x,), is_nan_y = b.value(is_nan(b, x)).parts, b.value(is_nan(b, y)).text
            first = b.make(f"select i1 {is_nan_y}, i1 {nan_x}, i1 {b.make(f'or i1 {nan_x}, {first}')}")
        return b.select(first, t, x, y)

    return apply


def extreme_of_integers(relation: str) -> Callable[[Builder, Any, Any], Any]:
    """Python's min or max, of integers."""

    def apply(b: Builder, x: Any, y: Any) -> Any:
        if _type(x).kind not in "iub" or _type(y).kind not in "iub":
            raise TranslationError("min and max are of integers here")
        if not isinstance(x, Value) and not isinstance(y, Value):
            return x if IN_PYTHON[relation](x, y) else y
        x, y = cast(b, x, INT64), cast(b, y, INT64)
        return b.select(compare(b, relation, x, y).text, INT64, x, y)

    return apply


def logical(operation: str) -> Callable[[Builder, Any, Any], Value]:
    """NumPy's logical functions."""
    return lambda b, x, y: Value(BOOL, (b.make(f"{operation} i1 {truth(b, x).text}, {truth(b, y).text}"),))


is_nan = test_of_parts(_is_nan, every=False)
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    abs: absolute,
    np.abs: absolute,
    complex: complex_number,
    max: extreme_of_integers("Gt"),
    min: extreme_of_integers("Lt"),
    math.erf: by_library("erf"),
    math.erfc: by_library("erfc"),
    math.sqrt: by_intrinsic("sqrt"),
    np.arccos: lambda b, x: b.call_named("arccos_of_complex", x),
    np.arcsinh: lambda b, x: b.call_named("arcsinh_of_complex", x),
    np.arctan2: by_library("atan2"),
    np.arctanh: lambda b, x: b.call_named("arctanh_of_complex", x),
    np.ceil: by_intrinsic("ceil"),
    np.conj: conjugate,
    np.copysign: copysign,
    np.cos: by_intrinsic("cos"),
    np.divide: divide,
    np.exp: by_intrinsic("exp"),
    np.floor: by_intrinsic("floor"),
    np.floor_divide: floor_divide,
    np.fmod: fmod,
    np.greater: ordered_compare("Gt"),
    np.greater_equal: ordered_compare("GtE"),
    np.isfinite: test_of_parts(_is_finite, every=True),
    np.isinf: test_of_parts(_is_infinite, every=False),
    np.isnan: is_nan,
    np.less: ordered_compare("Lt"),
    np.less_equal: ordered_compare("LtE"),
    np.log: or_complex(by_intrinsic("log"), "log_of_complex"),
    np.log10: or_complex(by_intrinsic("log10"), "log10_of_complex"),
    np.log1p: or_complex(by_library("log1p"), "log1p_of_complex"),
    np.log2: or_complex(by_intrinsic("log2"), "log2_of_complex"),
    np.logical_and: logical("and"),
    np.logical_not: logical_not,
    np.logical_or: logical("or"),
    np.maximum: extreme("GtE"),
    np.minimum: extreme("LtE"),
    np.reciprocal: or_complex(reciprocal, "complex_reciprocal"),
    np.remainder: remainder,
    np.rint: by_parts("rint"),
    np.sign: sign,
    np.signbit: signbit,
    np.sin: by_intrinsic("sin"),
    np.sqrt: or_complex(by_intrinsic("sqrt"), "sqrt_of_complex"),
}
"""Functions that kernels may call."""
