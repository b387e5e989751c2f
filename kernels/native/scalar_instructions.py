"""The operations of elements/scalars.py in LLVM's instructions, which become vector instructions in a loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .builder import Builder
from .instructions import instruction, of_reals, real_type, type_of
from .operators import cast, truth
from .types import BOOL, FLOAT32, FLOAT64, INT64, Value, constant_text, llvm_type


@dataclass(frozen=True)
class Format:
    """How a real number lies in memory."""

    word: str
    """The integer type of its bits."""
    real: np.dtype
    mantissa: int
    """Bits of it."""
    bias: int
    """Of the exponent."""
    root_half: int
    """Bits of sqrt(1/2)."""

    def number(self, value: float) -> str:
        """A number of this format as LLVM writes it."""
        return constant_text(value, self.real)


SINGLE = Format("i32", FLOAT32, 23, 127, 0x3F3504F3)
DOUBLE = Format("i64", FLOAT64, 52, 1023, 0x3FE6A09E667F3BCD)


def format_of(t: np.dtype) -> Format:
    """The format of a real type."""
    return SINGLE if t == FLOAT32 else DOUBLE


def place(t: np.dtype) -> int:
    """Where a pair has what is for this type."""
    return 0 if t == FLOAT32 else 1


class Words:
    """Instructions of the words in which numbers of a format lie."""

    def __init__(self, b: Builder, form: Format) -> None:
        self.b, self.form = b, form

    def do(self, operation: str, x: str, y: str | int) -> str:
        """An operation of words."""
        return self.b.make(f"{operation} {self.form.word} {x}, {y}")

    def test(self, relation: str, x: str, y: str | int) -> str:
        """A comparison of words."""
        return self.b.make(f"icmp {relation} {self.form.word} {x}, {y}")

    def choose(self, condition: str, x: str | int, y: str | int) -> str:
        """One of two words."""
        return self.b.make(f"select i1 {condition}, {self.form.word} {x}, {self.form.word} {y}")

    def bits(self, x: str) -> str:
        """The word of a number."""
        return self.b.make(f"bitcast {llvm_type(self.form.real)} {x} to {self.form.word}")

    def number(self, word: str) -> str:
        """The number of a word."""
        return self.b.make(f"bitcast {self.form.word} {word} to {llvm_type(self.form.real)}")

    def add(self, x: str, y: str) -> str:
        """The sum of two numbers."""
        return self.b.real("fadd", self.form.real, x, y)

    def subtract(self, x: str, y: str) -> str:
        """Their difference."""
        return self.b.real("fsub", self.form.real, x, y)

    def whole(self, x: str) -> str:
        """Bits of x + 1.5 * 2**mantissa: the low ones are those of the integer x."""
        return self.bits(self.add(x, self.form.number(1.5 * 2**self.form.mantissa)))


def words_of(b: Builder, t: np.dtype) -> Words:
    """For numbers of a type."""
    return Words(b, format_of(t))


@instruction()
def constant(b: Builder, x: Any, pair: Any) -> Value:
    t = real_type(x)
    return cast(b, pair[place(t)], t)


@instruction()
def choose(b: Builder, c: Any, x: Any, y: Any) -> Any:
    x = b.value(x)
    y = cast(b, y, x.type)
    if not isinstance(c, Value):
        return x if c else y
    return b.select(truth(b, c).text, x.type, x, y)


@instruction()
def fma(b: Builder, x: Any, y: Any, z: Any) -> Value:
    return of_reals(b, "fma", x, y, z)


@instruction()
def copysign(b: Builder, x: Any, y: Any) -> Value:
    return of_reals(b, "copysign", x, y)


@instruction()
def absolute(b: Builder, x: Any) -> Value:
    return of_reals(b, "fabs", x)


@instruction()
def nearest(b: Builder, x: Any) -> Value:
    return of_reals(b, "rint", x)


@instruction()
def polynomial(b: Builder, x: Any, pair: Any) -> Value:
    t, power = real_type(x), b.value(x).text
    terms = [cast(b, c, t).text for c in reversed(pair[place(t)])]
    # a tree of pairs, where Horner's scheme is a chain: what is slow is to wait for the result before
    while len(terms) > 1:
        steps = zip(terms[::2], terms[1::2], strict=False)
        pairs = [b.intrinsic("fma", t, high, power, low) for low, high in steps]
        terms = pairs + terms[len(pairs) * 2 :]
        if len(terms) > 1:
            power = b.real("fmul", t, power, power)
    return Value(t, (terms[0],))


@instruction()
def power_of_two(b: Builder, k: Any) -> Value:
    t, value = real_type(k), b.value(k).text
    words = words_of(b, t)
    biased = words.do("add", words.whole(value), words.form.bias)
    return Value(t, (words.number(words.do("shl", biased, words.form.mantissa)),))


@instruction()
def is_odd(b: Builder, k: Any) -> Value:
    words = words_of(b, real_type(k))
    return Value(BOOL, (words.test("ne", words.do("and", words.whole(b.value(k).text), 1), 0),))


@instruction()
def mantissa_exponent(b: Builder, x: Any) -> tuple[Value, Value]:
    t = real_type(x)
    words = words_of(b, t)
    form = words.form
    mantissa, bias, root = form.mantissa, form.bias, form.root_half
    shifted = words.do("add", words.bits(b.value(x).text), (bias << mantissa) - root)
    fraction = words.do("and", shifted, (1 << mantissa) - 1)
    m = words.number(words.do("add", fraction, root))
    # an integer in the low bits of 2**mantissa, which is then taken away
    digits = words.do("or", words.do("lshr", shifted, mantissa), bias + mantissa << mantissa)
    k = words.subtract(words.number(digits), form.number(2.0**mantissa + bias))
    return Value(t, (m,)), Value(t, (k,))


@instruction()
def ordered(b: Builder, x: Any) -> Value:
    t, x = type_of(x), b.value(x)
    if t.kind != "f":
        return x
    words = words_of(b, t)
    bits = words.bits(words.add(x.text, words.form.number(0)))
    largest = (1 << 8 * t.itemsize - 1) - 1
    bits = words.choose(words.test("slt", bits, 0), words.do("xor", bits, largest), bits)
    is_nan = b.make(f"fcmp uno {llvm_type(t)} {x.text}, {x.text}")
    return Value(np.dtype(np.int32) if t == FLOAT32 else INT64, (words.choose(is_nan, largest, bits),))


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
UINT16 = np.dtype(np.uint16)


def _narrowed(words: Words, half: Half, value: str) -> str:
    """The bits, in 32, of the nearest number."""
    bits = words.bits(value)
    sign = words.do("and", bits, SIGN)
    size = words.do("xor", bits, sign)
    last = words.do("and", words.do("lshr", size, half.dropped), 1)
    rounded = words.do("add", words.do("add", size, last), (1 << half.dropped - 1) - 1 - half.word)
    found = words.do("lshr", rounded, half.dropped)
    if half.shift:  # other exponents than float32's: more is infinite, and more is subnormal
        found = words.choose(words.test("ugt", found, half.infinity), half.infinity, found)
        moved = words.bits(words.add(words.number(size), words.number(str(half.anchor))))
        below = words.test("ult", size, half.normal)
        found = words.choose(below, words.do("sub", moved, half.anchor), found)
    is_nan = words.test("ugt", size, INFINITY)
    found = words.choose(is_nan, half.infinity | 1 << SINGLE.mantissa - 1 - half.dropped, found)
    return words.do("or", found, words.do("lshr", sign, 16))


def _widened(words: Words, half: Half, bits: str) -> Value:
    """The number of these bits, in 32, as float32."""
    if not half.shift:
        return Value(FLOAT32, (words.number(words.do("shl", bits, 16)),))
    size = words.do("and", bits, 0x7FFF)
    sign = words.do("shl", words.do("xor", bits, size), 16)
    found = words.do("add", words.do("shl", size, half.dropped), half.word)
    infinite = words.test("uge", size, half.infinity)
    found = words.choose(infinite, words.do("add", found, half.word), found)
    anchored = words.number(words.do("add", size, half.anchor))
    subnormal = words.bits(words.subtract(anchored, words.number(str(half.anchor))))
    below = words.test("ult", size, 1 << SINGLE.mantissa - half.dropped)
    found = words.choose(below, subnormal, found)
    return Value(FLOAT32, (words.number(words.do("or", found, sign)),))


def _single(b: Builder, x: Any) -> str:
    """A real number as float32; a float64 is rounded to odd, so that rounding again is rounding once."""
    if type_of(x) != FLOAT64:
        return cast(b, x, FLOAT32).text
    words, value = Words(b, SINGLE), b.value(x).text
    near = b.make(f"fptrunc double {value} to float")
    back = b.make(f"fpext float {near} to double")
    bits = words.bits(near)
    sizes = [b.intrinsic("fabs", FLOAT64, each) for each in (back, value)]
    above = b.make(f"zext i1 {b.make(f'fcmp ogt double {sizes[0]}, {sizes[1]}')} to i32")
    odd = words.do("or", words.do("sub", bits, above), 1)
    differs = b.make(f"fcmp one double {back}, {value}")
    return words.number(words.choose(differs, odd, bits))


def _declare(name: str, half: Half) -> None:
    @instruction(f"{name}_bits")
    def bits(b: Builder, x: Any) -> Value:
        narrow = _narrowed(Words(b, SINGLE), half, _single(b, x))
        return Value(UINT16, (b.make(f"trunc i32 {narrow} to i16"),))

    @instruction(f"{name}_of")
    def number(b: Builder, bits: Any) -> Value:
        word = b.make(f"zext i16 {cast(b, bits, UINT16).text} to i32")
        return _widened(Words(b, SINGLE), half, word)

    @instruction(name)
    def rounded(b: Builder, x: Any) -> Value:
        words = Words(b, SINGLE)
        return _widened(words, half, _narrowed(words, half, _single(b, x)))


for _name, _half in HALVES.items():
    _declare(_name, _half)
