"""The operations of elements/scalars.py in LLVM's instructions, which become vector instructions in a loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing import Signature

from .instructions import Typed, called, instruction, is_real, of_reals


@dataclass(frozen=True)
class Format:
    """How a real number lies in memory."""

    word: Any
    """The integer type of its bits."""
    real: Any
    mantissa: int
    """Bits of it."""
    bias: int
    """Of the exponent."""
    root_half: int
    """Bits of sqrt(1/2)."""


SINGLE = Format(ir.IntType(32), ir.FloatType(), 23, 127, 0x3F3504F3)
DOUBLE = Format(ir.IntType(64), ir.DoubleType(), 52, 1023, 0x3FE6A09E667F3BCD)


def format_of(t: Any) -> Format:
    """The format of a real type."""
    return SINGLE if t == types.float32 else DOUBLE


def place(t: Any) -> int:
    """Where a pair has what is for this type."""
    return 0 if t == types.float32 else 1


def whole_bits(builder: Any, t: Any, value: Any) -> Any:
    """Bits of value + 1.5 * 2**mantissa: the low ones are those of the integer `value`."""
    form = format_of(t)
    return builder.bitcast(builder.fadd(value, form.real(1.5 * 2**form.mantissa)), form.word)


@instruction()
def constant(context: Any, x: Any, pair: Any) -> Typed:
    if not is_real(x):
        return None

    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        value = builder.extract_value(values[1], place(x))
        return target.cast(builder, value, pair[place(x)], x)

    return x(x, pair), generate


@instruction()
def choose(context: Any, c: Any, x: Any, y: Any) -> Typed:
    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        condition = target.cast(builder, values[0], c, types.boolean)
        return builder.select(condition, values[1], values[2])

    return x(c, x, x), generate


@instruction()
def fma(context: Any, x: Any, y: Any, z: Any) -> Typed:
    return of_reals("fma", x, y, z)


@instruction()
def copysign(context: Any, x: Any, y: Any) -> Typed:
    return of_reals("copysign", x, y)


@instruction()
def absolute(context: Any, x: Any) -> Typed:
    return of_reals("fabs", x)


@instruction()
def nearest(context: Any, x: Any) -> Typed:
    return of_reals("rint", x)


@instruction()
def polynomial(context: Any, x: Any, pair: Any) -> Typed:
    if not is_real(x):
        return None

    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        coefficients = builder.extract_value(values[1], place(x))
        terms = [builder.extract_value(coefficients, i) for i in range(len(pair[place(x)]))]
        if x == types.float32:
            terms = [builder.fptrunc(term, SINGLE.real) for term in terms]
        terms.reverse()
        power = values[0]
        # a tree of pairs, where Horner's scheme is a chain: what is slow is to wait for the result before
        while len(terms) > 1:
            steps = zip(terms[::2], terms[1::2], strict=False)
            pairs = [called(builder, "fma", high, power, low) for low, high in steps]
            terms, power = pairs + terms[len(pairs) * 2 :], builder.fmul(power, power)
        return terms[0]

    return x(x, pair), generate


@instruction()
def power_of_two(context: Any, k: Any) -> Typed:
    if not is_real(k):
        return None

    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        form = format_of(k)
        biased = builder.add(whole_bits(builder, k, values[0]), form.word(form.bias))
        return builder.bitcast(builder.shl(biased, form.word(form.mantissa)), form.real)

    return k(k), generate


@instruction()
def is_odd(context: Any, k: Any) -> Typed:
    if not is_real(k):
        return None

    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        word = format_of(k).word
        return builder.icmp_unsigned("!=", builder.and_(whole_bits(builder, k, values[0]), word(1)), word(0))

    return types.boolean(k), generate


@instruction()
def mantissa_exponent(context: Any, x: Any) -> Typed:
    if not is_real(x):
        return None
    result = types.UniTuple(x, 2)

    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        form = format_of(x)
        word, mantissa, bias, root = form.word, form.mantissa, form.bias, form.root_half
        shifted = builder.add(builder.bitcast(values[0], word), word((bias << mantissa) - root))
        fraction = builder.and_(shifted, word((1 << mantissa) - 1))
        m = builder.bitcast(builder.add(fraction, word(root)), form.real)
        # an integer in the low bits of 2**mantissa, which is then taken away
        anchor = bias + mantissa << mantissa
        digits = builder.or_(builder.lshr(shifted, word(mantissa)), word(anchor))
        k = builder.fsub(builder.bitcast(digits, form.real), form.real(2.0**mantissa + bias))
        return target.make_tuple(builder, result, [m, k])

    return result(x), generate


@instruction()
def ordered(context: Any, x: Any) -> Typed:
    if not is_real(x):
        return x(x), lambda target, builder, signature, values: values[0]

    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        form = format_of(x)
        bits = builder.bitcast(builder.fadd(values[0], form.real(0)), form.word)
        largest = form.word((1 << form.word.width - 1) - 1)
        below = builder.icmp_signed("<", bits, form.word(0))
        bits = builder.select(below, builder.xor(bits, largest), bits)
        return builder.select(builder.fcmp_unordered("uno", values[0], values[0]), largest, bits)

    return (types.int32 if x == types.float32 else types.int64)(x), generate


# --- numbers of 16 bits ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Half:
    """A format of 16 bits, the upper ones of float32's but for the range of its exponents."""

    dropped: int
    """Bits of a float32's mantissa that it lacks."""
    shift: int
    """Between the biases of the exponents."""

    @property
    def word(self) -> int:
        """Bits that change a float32's exponent by the shift."""
        return self.shift << SINGLE.mantissa

    @property
    def normal(self) -> int:
        """Bits of the least normal number as float32."""
        return self.word + (1 << SINGLE.mantissa)

    @property
    def anchor(self) -> int:
        """Bits of the float32 whose last digit is worth the least number of all."""
        return self.word + (self.dropped + 1 << SINGLE.mantissa)

    @property
    def infinity(self) -> int:
        """Bits of it."""
        return (0xFF - 2 * self.shift << SINGLE.mantissa) >> self.dropped


HALVES = {"float16": Half(13, 112), "bfloat16": Half(16, 0)}
INFINITY = 0xFF << SINGLE.mantissa
"""Bits of float32's."""
SIGN = 1 << 31


def _narrowed(builder: Any, half: Half, value: Any) -> Any:
    """The bits, in 32, of the nearest number."""
    word, real = SINGLE.word, SINGLE.real
    bits = builder.bitcast(value, word)
    sign = builder.and_(bits, word(SIGN))
    size = builder.xor(bits, sign)
    last = builder.and_(builder.lshr(size, word(half.dropped)), word(1))
    rounded = builder.add(builder.add(size, last), word((1 << half.dropped - 1) - 1 - half.word))
    found = builder.lshr(rounded, word(half.dropped))
    if half.shift:  # other exponents than float32's: more is infinite, and more is subnormal
        large = builder.icmp_unsigned(">", found, word(half.infinity))
        found = builder.select(large, word(half.infinity), found)
        anchor = word(half.anchor)
        moved = builder.fadd(builder.bitcast(size, real), builder.bitcast(anchor, real))
        below = builder.icmp_unsigned("<", size, word(half.normal))
        found = builder.select(below, builder.sub(builder.bitcast(moved, word), anchor), found)
    is_nan = builder.icmp_unsigned(">", size, word(INFINITY))
    found = builder.select(is_nan, word(half.infinity | 1 << SINGLE.mantissa - 1 - half.dropped), found)
    return builder.or_(found, builder.lshr(sign, word(16)))


def _widened(builder: Any, half: Half, bits: Any) -> Any:
    """The number of these bits, in 32, as float32."""
    word, real = SINGLE.word, SINGLE.real
    if not half.shift:
        return builder.bitcast(builder.shl(bits, word(16)), real)
    size = builder.and_(bits, word(0x7FFF))
    sign = builder.shl(builder.xor(bits, size), word(16))
    found = builder.add(builder.shl(size, word(half.dropped)), word(half.word))
    infinite = builder.icmp_unsigned(">=", size, word(half.infinity))
    found = builder.select(infinite, builder.add(found, word(half.word)), found)
    anchor = word(half.anchor)
    subnormal = builder.fsub(builder.bitcast(builder.add(size, anchor), real), builder.bitcast(anchor, real))
    below = builder.icmp_unsigned("<", size, word(1 << SINGLE.mantissa - half.dropped))
    found = builder.select(below, builder.bitcast(subnormal, word), found)
    return builder.bitcast(builder.or_(found, sign), real)


def _single(target: Any, builder: Any, x: Any, value: Any) -> Any:
    """A real number as float32; a float64 is rounded to odd, so that rounding again is rounding once."""
    if x != types.float64:
        return target.cast(builder, value, x, types.float32)
    near = builder.fptrunc(value, SINGLE.real)
    back = builder.fpext(near, DOUBLE.real)
    bits = builder.bitcast(near, SINGLE.word)
    above = builder.fcmp_ordered(">", called(builder, "fabs", back), called(builder, "fabs", value))
    odd = builder.or_(builder.sub(bits, builder.zext(above, SINGLE.word)), SINGLE.word(1))
    differs = builder.fcmp_ordered("!=", back, value)
    return builder.bitcast(builder.select(differs, odd, bits), SINGLE.real)


def _declare(name: str, half: Half) -> None:
    @instruction(f"{name}_bits")
    def bits(context: Any, x: Any) -> Typed:
        def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
            narrow = _narrowed(builder, half, _single(target, builder, x, values[0]))
            return builder.trunc(narrow, ir.IntType(16))

        return types.uint16(x), generate

    @instruction(f"{name}_of")
    def number(context: Any, bits: Any) -> Typed:
        def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
            return _widened(builder, half, builder.zext(values[0], SINGLE.word))

        return types.float32(types.uint16), generate

    @instruction(name)
    def rounded(context: Any, x: Any) -> Typed:
        def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
            return _widened(builder, half, _narrowed(builder, half, _single(target, builder, x, values[0])))

        return types.float32(x), generate


for _name, _half in HALVES.items():
    _declare(_name, _half)
