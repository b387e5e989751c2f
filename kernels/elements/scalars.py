"""Scalar operations that Numba lacks, for float32 and float64: each as Python and as LLVM instructions.

They are what branch-free element functions are made of: every one becomes vector instructions in a loop.
A constant or a list of coefficients is a pair, of what float32 takes and what float64 takes.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from .registry import operation

WIDTHS = {"float32": (32, 23, 127), "float64": (64, 52, 1023)}
"""Bits of a number and of its mantissa, exponent bias."""
ROOT_HALF = {"float32": 0x3F3504F3, "float64": 0x3FE6A09E667F3BCD}
"""Bits of sqrt(1/2)."""


@operation
def constant(x, pair):
    """The constant of x's type."""
    return np.float32(pair[0]) if isinstance(x, np.float32) else np.float64(pair[1])


@operation
def choose(c, x, y):
    """Select x or y, both computed already: never a branch."""
    return x if c else y


@operation
def fma(x, y, z):
    """x * y + z, rounded once."""
    if isinstance(x, np.float32):
        return np.float32(np.float64(x) * np.float64(y) + np.float64(z))
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)) or x == 0 or y == 0:
        return x * y + z
    exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
    if exact == 0:
        return x * y + z
    try:
        return np.float64(float(exact))
    except OverflowError:
        return np.float64(math.inf if exact > 0 else -math.inf)


@operation
def polynomial(x, pair):
    """Value at x of the polynomial with these coefficients, the highest first, by Estrin's scheme."""
    terms = [type(x)(c) for c in reversed(pair[0] if isinstance(x, np.float32) else pair[1])]
    while len(terms) > 1:
        pairs = [fma(high, x, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms, x = pairs + terms[len(pairs) * 2 :], x * x
    return terms[0]


@operation
def copysign(x, y):
    """Magnitude of x, sign of y."""
    return np.copysign(x, y)


@operation
def absolute(x):
    """Clear the sign."""
    return np.abs(x)


@operation
def nearest(x):
    """Nearest integer, halves to the even one."""
    return np.rint(x)


@operation
def power_of_two(k):
    """2**k for a whole k in the range of normal exponents; anything for another k."""
    return np.ldexp(type(k)(1), int(min(max(k, -9999), 9999))) if np.isfinite(k) else k


@operation
def is_odd(k):
    """Whether a whole k of moderate size is odd; anything for another k."""
    return bool(int(k) & 1) if np.isfinite(k) else False


@operation
def mantissa_exponent(x):
    """m in [sqrt(1/2), sqrt(2)) and a whole k with x == m * 2**k; anything unless x is positive and normal."""
    if not (np.isfinite(x) and x > 0):
        return x, x
    m, k = np.frexp(x)
    low = m < np.sqrt(type(x)(0.5))
    return type(x)(2 * m if low else m), type(x)(k - 1 if low else k)


@operation
def ordered(x):
    """A real floating number as an integer in the same order, -0 as 0 and nan the largest; else x itself."""
    if not isinstance(x, np.floating):
        return x
    signed = np.int32 if isinstance(x, np.float32) else np.int64
    bits, largest = (x + type(x)(0)).view(signed), np.iinfo(signed).max
    return signed(largest) if np.isnan(x) else bits ^ signed(largest) if bits < 0 else bits


def lowered(numba: Any) -> dict[str, Any]:
    """The same operations as intrinsics, by name."""
    from llvmlite import ir

    types, intrinsic = numba.types, numba.extending.intrinsic

    def call(builder: Any, name: str, *values: Any) -> Any:
        t = values[0].type
        function = ir.FunctionType(t, [t] * len(values))
        return builder.call(builder.module.declare_intrinsic(f"llvm.{name}", [t], function), values)

    def layout(t: Any) -> tuple[Any, Any, int, int]:
        """Integer type and float type of a number, bits of its mantissa, exponent bias."""
        width, mantissa, bias = WIDTHS[str(t)]
        return ir.IntType(width), ir.FloatType() if width == 32 else ir.DoubleType(), mantissa, bias

    def is_real(t: Any) -> bool:
        """Without it, branches of other types would be compiled before they are found dead."""
        return isinstance(t, types.Float)

    def at(t: Any) -> int:
        return 0 if t == types.float32 else 1

    def whole_bits(builder: Any, t: Any, value: Any) -> Any:
        """Bits of value + 1.5 * 2**mantissa: the low ones are those of the integer `value`."""
        word, real, mantissa, _ = layout(t)
        return builder.bitcast(builder.fadd(value, real(1.5 * 2**mantissa)), word)

    @intrinsic
    def constant(context, x, pair):
        if not is_real(x):
            return None

        def generate(target, builder, signature, args):
            value = builder.extract_value(args[1], at(x))
            return target.cast(builder, value, pair[at(x)], x)

        return x(x, pair), generate

    @intrinsic
    def choose(context, c, x, y):
        def generate(target, builder, signature, args):
            condition = target.cast(builder, args[0], c, types.boolean)
            return builder.select(condition, args[1], args[2])

        return x(c, x, x), generate

    @intrinsic
    def fma(context, x, y, z):
        if not is_real(x):
            return None
        return x(x, x, x), lambda target, builder, signature, args: call(builder, "fma", *args)

    @intrinsic
    def polynomial(context, x, pair):
        if not is_real(x):
            return None

        def generate(target, builder, signature, args):
            _, real, _, _ = layout(x)
            values = builder.extract_value(args[1], at(x))
            terms = [builder.extract_value(values, i) for i in range(len(pair[at(x)]))]
            if at(x) == 0:
                terms = [builder.fptrunc(term, real) for term in terms]
            terms.reverse()
            power = args[0]
            # a tree of pairs, where Horner's scheme is a chain: what is slow is to wait for the result before
            while len(terms) > 1:
                steps = zip(terms[::2], terms[1::2], strict=False)
                pairs = [call(builder, "fma", high, power, low) for low, high in steps]
                terms, power = pairs + terms[len(pairs) * 2 :], builder.fmul(power, power)
            return terms[0]

        return x(x, pair), generate

    @intrinsic
    def copysign(context, x, y):
        if not is_real(x):
            return None
        return x(x, x), lambda target, builder, signature, args: call(builder, "copysign", *args)

    @intrinsic
    def absolute(context, x):
        if not is_real(x):
            return None
        return x(x), lambda target, builder, signature, args: call(builder, "fabs", *args)

    @intrinsic
    def nearest(context, x):
        if not is_real(x):
            return None
        return x(x), lambda target, builder, signature, args: call(builder, "rint", *args)

    @intrinsic
    def power_of_two(context, k):
        if not is_real(k):
            return None

        def generate(target, builder, signature, args):
            word, real, mantissa, bias = layout(k)
            biased = builder.add(whole_bits(builder, k, args[0]), word(bias))
            return builder.bitcast(builder.shl(biased, word(mantissa)), real)

        return k(k), generate

    @intrinsic
    def is_odd(context, k):
        if not is_real(k):
            return None

        def generate(target, builder, signature, args):
            word, _, _, _ = layout(k)
            return builder.icmp_unsigned("!=", builder.and_(whole_bits(builder, k, args[0]), word(1)), word(0))

        return types.boolean(k), generate

    @intrinsic
    def mantissa_exponent(context, x):
        if not is_real(x):
            return None
        result = types.UniTuple(x, 2)

        def generate(target, builder, signature, args):
            word, real, mantissa, bias = layout(x)
            root = ROOT_HALF[str(x)]
            shifted = builder.add(builder.bitcast(args[0], word), word((bias << mantissa) - root))
            fraction = builder.and_(shifted, word((1 << mantissa) - 1))
            m = builder.bitcast(builder.add(fraction, word(root)), real)
            # an integer in the low bits of 2**mantissa, which is then taken away
            anchor = bias + mantissa << mantissa
            digits = builder.or_(builder.lshr(shifted, word(mantissa)), word(anchor))
            k = builder.fsub(builder.bitcast(digits, real), real(2.0**mantissa + bias))
            return target.make_tuple(builder, result, [m, k])

        return result(x), generate

    @intrinsic
    def ordered(context, x):
        if not is_real(x):
            return x(x), lambda target, builder, signature, args: args[0]

        def generate(target, builder, signature, args):
            word, real, _, _ = layout(x)
            bits = builder.bitcast(builder.fadd(args[0], real(0)), word)
            largest = word((1 << word.width - 1) - 1)
            below = builder.icmp_signed("<", bits, word(0))
            bits = builder.select(below, builder.xor(bits, largest), bits)
            return builder.select(builder.fcmp_unordered("uno", args[0], args[0]), largest, bits)

        return (types.int32 if x == types.float32 else types.int64)(x), generate

    return {name: value for name, value in locals().items() if isinstance(value, type(fma))}
