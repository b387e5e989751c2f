"""One row per primitive, and per choice of parameters that matters: what to call and what it should give.

The tests are driven by `CASES`, and so is the per-op part of bench. A `<op>_vjp` primitive has no row of its
own: it is tested through the row of `<op>`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.special

import fastvjp as mx
from fastvjp import ops
from fastvjp.arrays.emit import emit
from fastvjp.core.primitive import REGISTRY

WITHOUT_CASE = {"marker": "stands around ops for custom_function and checkpoint, and is tested with them"}
"""Primitives that have no row, and why."""

BOOL = ("bool",)
INTEGER = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOAT = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
INEXACT = FLOAT + COMPLEX
NUMERIC = INTEGER + INEXACT
ALL = BOOL + NUMERIC
KINDS = ("bool", "int8", "int32", "int64", "uint8", "uint64", *INEXACT)
"""Of functions that treat integers of all widths alike: the default ones, the shortest and the longest."""
INTO_FLOAT = ("int8", "int32", *FLOAT)
INTO_INEXACT = ("int8", "int32", *INEXACT)
"""Of functions that compute integers in floating point: two stand for them all."""

Interval = tuple[float, float]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Domain:
    """Numbers of one operand: drawn from `real` (for complex numbers both parts from `parts`), or integers.

    With `spacing` they lie around multiples of it (plus `offset`), an eighth of it away from them at most;
    `distinct` ones are around different multiples each. `whole` ones are integers of any dtype.
    """

    real: tuple[Interval, ...] = ((-3, 3),)
    parts: tuple[Interval, ...] = ((-1.2, -0.2), (0.2, 1.2))
    integers: tuple[int, int] = (-9, 9)
    spacing: float = 0
    offset: float = 0
    distinct: bool = False
    whole: bool = False
    dtype: str | None = None
    """Of an operand which does not follow the others (a condition, an index)."""

    def draw(self, rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
        """Random numbers of this domain."""
        wanted = np.dtype(self.dtype or dtype)
        if wanted.kind == "c":
            values = self._reals(rng, shape, self.parts) + 1j * self._reals(rng, shape, self.parts)
        elif wanted.kind == "f":
            values = self._reals(rng, shape, self.real)
        else:
            low, high = (0, 1) if wanted.kind == "b" else self.integers
            values = rng.integers(max(low, 0) if wanted.kind == "u" else low, high + 1, shape)
        return np.asarray(values, wanted)

    def _reals(self, rng: np.random.Generator, shape: Shape, intervals: tuple[Interval, ...]) -> Any:
        if self.whole:
            return rng.integers(self.integers[0], self.integers[1] + 1, shape)
        chosen = np.array(intervals)[rng.integers(len(intervals), size=shape)]
        values = rng.uniform(chosen[..., 0], chosen[..., 1])
        if self.spacing:
            multiples = np.rint(values / self.spacing)
            if self.distinct:
                multiples = rng.permutation(multiples.size).reshape(shape) - multiples.size // 2
            values = (multiples + rng.uniform(-0.125, 0.125, shape)) * self.spacing + self.offset
        return values


@dataclass(frozen=True)
class Case:
    """One row. `fun` takes fastvjp arrays, `reference` the same as NumPy arrays."""

    primitive: str
    fun: Callable[..., Any]
    reference: Callable[..., Any]
    domains: tuple[Domain, ...]
    shapes: tuple[Shape, ...]
    dtypes: tuple[str, ...]
    variant: str = ""
    ulp: int = 4
    """Error allowed, in units in the last place of the result ..."""
    at_least: float = 0
    """... or of this number where the result is smaller, for what cancels in between."""
    smooth: Callable[..., Any] | None = None
    """The function whose derivative is asked for, where that is not the derivative of `reference`."""

    @property
    def elementwise(self) -> bool:
        """Whether operands may be of any shapes that broadcast."""
        return REGISTRY[self.primitive].elementwise

    def draw(self, rng: np.random.Generator, dtype: str, *shapes: Shape) -> list[np.ndarray]:
        """Random operands, of other shapes than the row's if any are given."""
        pairs = zip(self.domains, shapes or self.shapes, strict=True)
        return [domain.draw(rng, shape, dtype) for domain, shape in pairs]

    def __str__(self) -> str:
        return f"{self.primitive}-{self.variant}" if self.variant else self.primitive


ANY = Domain()
SIGNED = Domain(((-3, -0.3), (0.3, 3)))
POSITIVE = Domain(((0.3, 3),))
UNIT = Domain(((-0.7, 0.7),))
ABOVE_ONE = Domain(((1.2, 4),))
WHOLE = Domain(whole=True, integers=(-2, 2))
BETWEEN = Domain(spacing=1, offset=0.5, parts=((-3, 3),))
"""Far from integers."""
EVEN, ODD = (Domain(spacing=0.5, offset=o, parts=((-3, 3),)) for o in (0, 0.25))
"""Never near to one another."""
DISTINCT, DISTINCT_ODD = (replace(d, distinct=True) for d in (EVEN, ODD))
DIVIDEND = Domain(((-3.8, -2.6), (-1.7, -0.3), (0.3, 1.7), (2.6, 3.8)))
DIVISOR = Domain(((-2.4, -2), (2, 2.4)))
"""The quotient is far from integers."""
SHIFTS = Domain(integers=(0, 7))
CONDITION = Domain(dtype="bool")


def index(size: int) -> Domain:
    """Positions on an axis, with duplicates."""
    return Domain(integers=(0, size - 1), dtype="int64")


# --- elementwise -----------------------------------------------------------------------------------------


def elementwise(
    primitive: str, reference: Callable[..., Any], dtypes: tuple[str, ...], *domains: Domain, **more: Any
) -> Case:
    """Row of a primitive that works on any shapes; the public function has its name unless `fun` is given."""
    fun = more.pop("fun", None) or getattr(mx, primitive)
    return Case(primitive, fun, reference, domains, ((3, 4),) * len(domains), dtypes, **more)


def primitive(name: str, **params: Any) -> Callable[..., Any]:
    """Apply a primitive that has no public function of its own."""
    return lambda *operands: emit(name, *operands, **params)


def _scale(x: Any, y: Any) -> Any:
    return np.where(x == 0, x.dtype.type(0), x * np.conj(y))


def _placed(i: Any) -> Any:
    return np.where((i < -5) | (i >= 5), -(1 << 62), np.where(i < 0, i + 5, i))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x)) if x.dtype.kind == "c" else scipy.special.expit(x)


def _erfinv(x: Any) -> Any:
    """SciPy's loses the sign of -0."""
    return np.copysign(scipy.special.erfinv(x), x)


def _power(n: int) -> Case:
    dtypes = NUMERIC if n >= 0 else INEXACT
    raise_it = {"fun": lambda x: mx.power(x, n), "variant": f"n={n}", "ulp": 4 + abs(n)}
    return elementwise("integer_power", lambda x: x ** np.array(n, x.dtype), dtypes, SIGNED, **raise_it)


def _astype(target: str, dtypes: tuple[str, ...]) -> Case:
    to = {"fun": lambda x: mx.astype(x, target), "variant": target}
    return elementwise("astype", lambda x: x.astype(target), dtypes, ANY, **to)


ELEMENTWISE = [
    elementwise("add", np.add, ALL, ANY, ANY),
    elementwise("subtract", np.subtract, NUMERIC, ANY, ANY),
    elementwise("multiply", np.multiply, ALL, ANY, ANY),
    elementwise("divide", np.divide, INTO_INEXACT, ANY, SIGNED),
    elementwise("negative", np.negative, NUMERIC, ANY),
    elementwise("reciprocal", lambda x: np.divide(1, x), ("int32", *INEXACT), SIGNED),
    elementwise("square", np.square, NUMERIC, ANY),
    elementwise("power", np.power, NUMERIC, POSITIVE, replace(SIGNED, integers=(0, 4)), ulp=8),
    _power(3),
    _power(5),
    _power(-2),
    elementwise("sqrt", np.sqrt, INTO_INEXACT, POSITIVE),
    elementwise("rsqrt", lambda x: 1 / np.sqrt(x), INTO_INEXACT, POSITIVE),
    elementwise("scale", _scale, INEXACT, ANY, ANY, fun=ops.scale),
    elementwise("copy", np.copy, KINDS, ANY),
    elementwise("maximum", np.maximum, KINDS, EVEN, ODD),
    elementwise("minimum", np.minimum, KINDS, EVEN, ODD),
    elementwise("floor", np.floor, FLOAT, BETWEEN),
    elementwise("ceil", np.ceil, FLOAT, BETWEEN),
    elementwise("round", np.round, INEXACT, replace(BETWEEN, offset=0)),
    elementwise("sign", np.sign, INTEGER + FLOAT, SIGNED),
    elementwise("floor_divide", np.floor_divide, INTEGER + FLOAT, DIVIDEND, DIVISOR),
    elementwise("remainder", np.remainder, INTEGER + FLOAT, DIVIDEND, DIVISOR),
    elementwise("select", np.where, KINDS, CONDITION, ANY, ANY, fun=mx.where),
    elementwise("exp", np.exp, INTO_INEXACT, ANY),
    elementwise("expm1", np.expm1, INTO_INEXACT, ANY),
    elementwise("log", np.log, INTO_INEXACT, POSITIVE),
    elementwise("log1p", np.log1p, INTO_INEXACT, POSITIVE),
    elementwise("log2", np.log2, INTO_INEXACT, POSITIVE),
    elementwise("log10", np.log10, INTO_INEXACT, POSITIVE),
    elementwise("logaddexp", np.logaddexp, INTO_FLOAT, ANY, ANY, at_least=1),
    elementwise("sigmoid", _sigmoid, ("int32", *INEXACT), ANY),
    elementwise("erf", scipy.special.erf, ("int32", *FLOAT), ANY),
    elementwise("erfinv", _erfinv, ("int32", *FLOAT), UNIT),
    elementwise("sin", np.sin, INTO_INEXACT, ANY),
    elementwise("cos", np.cos, INTO_INEXACT, ANY),
    elementwise("tan", np.tan, INTO_INEXACT, Domain(((-1.2, 1.2),))),
    elementwise("arcsin", np.arcsin, INTO_INEXACT, UNIT),
    elementwise("arccos", np.arccos, INTO_INEXACT, UNIT),
    elementwise("arctan", np.arctan, INTO_INEXACT, ANY),
    elementwise("arctan2", np.arctan2, INTO_FLOAT, SIGNED, SIGNED),
    elementwise("sinh", np.sinh, INTO_INEXACT, ANY),
    elementwise("cosh", np.cosh, INTO_INEXACT, ANY),
    elementwise("tanh", np.tanh, INTO_INEXACT, ANY),
    elementwise("arcsinh", np.arcsinh, INTO_INEXACT, ANY),
    elementwise("arccosh", np.arccosh, INTO_INEXACT, ABOVE_ONE),
    elementwise("arctanh", np.arctanh, INTO_INEXACT, UNIT),
    elementwise("equal", np.equal, KINDS, WHOLE, WHOLE),
    elementwise("not_equal", np.not_equal, KINDS, WHOLE, WHOLE),
    elementwise("less", np.less, KINDS, WHOLE, WHOLE),
    elementwise("less_equal", np.less_equal, KINDS, WHOLE, WHOLE),
    elementwise("greater", np.greater, KINDS, WHOLE, WHOLE),
    elementwise("greater_equal", np.greater_equal, KINDS, WHOLE, WHOLE),
    elementwise("isnan", np.isnan, INEXACT, ANY),
    elementwise("isinf", np.isinf, INEXACT, ANY),
    elementwise("isfinite", np.isfinite, INEXACT, ANY),
    elementwise(
        "finite_or_zero",
        lambda x: np.where(np.isfinite(x), x, 0),
        FLOAT,
        ANY,
        fun=primitive("finite_or_zero"),
    ),
    elementwise("logical_not", np.logical_not, KINDS, WHOLE),
    elementwise("logical_and", np.logical_and, KINDS, WHOLE, WHOLE),
    elementwise("logical_or", np.logical_or, KINDS, WHOLE, WHOLE),
    elementwise("bitwise_and", np.bitwise_and, BOOL + INTEGER, ANY, ANY),
    elementwise("bitwise_or", np.bitwise_or, BOOL + INTEGER, ANY, ANY),
    elementwise("bitwise_xor", np.bitwise_xor, BOOL + INTEGER, ANY, ANY),
    elementwise("bitwise_invert", np.invert, BOOL + INTEGER, ANY),
    elementwise("left_shift", np.left_shift, INTEGER, ANY, SHIFTS),
    elementwise("right_shift", np.right_shift, INTEGER, ANY, SHIFTS),
    elementwise("conjugate", np.conjugate, COMPLEX, ANY),
    elementwise("real", np.real, COMPLEX, ANY),
    elementwise("imag", np.imag, COMPLEX, ANY),
    elementwise("abs", np.abs, ("int8", "int16", "int32", "int64", *INEXACT), SIGNED),
    elementwise("angle", np.angle, INEXACT, SIGNED),
    _astype("float32", BOOL + INTEGER),
    _astype("int32", BOOL + INTEGER + FLOAT),
    _astype("bool", NUMERIC),
    _astype("complex128", ALL),
    elementwise("normalize_index", _placed, ("int64",), ANY, fun=primitive("normalize_index", size=5)),
]


# --- structural ------------------------------------------------------------------------------------------


def structural(
    primitive: str,
    fun: Callable[..., Any],
    reference: Callable[..., Any],
    *operands: tuple[Domain, Shape],
    dtypes: tuple[str, ...] = INEXACT,
    **more: Any,
) -> Case:
    """Row of a primitive on arrays of given shapes; errors are measured against numbers of size 1."""
    domains, shapes = zip(*operands, strict=True)
    return Case(primitive, fun, reference, domains, shapes, dtypes, ulp=16, at_least=1, **more)


def variants(
    primitive: str,
    fun: Callable[..., Any],
    reference: Callable[..., Any],
    domain: Domain,
    *choices: tuple[Shape, dict[str, Any]],
    dtypes: tuple[str, ...],
    more_dtypes: tuple[str, ...] = FLOAT,
) -> list[Case]:
    """A row for each shape and keyword arguments (of `fun` and `reference`); all dtypes in the first."""

    def row(i: int, shape: Shape, keywords: dict[str, Any]) -> Case:
        shown = ",".join([str(shape), *(f"{k}={v}" for k, v in keywords.items())]).replace(" ", "")
        return structural(
            primitive,
            lambda x: fun(x, **keywords),
            lambda x: reference(x, **keywords),
            (domain, shape),
            dtypes=dtypes if i == 0 else more_dtypes,
            variant=shown,
        )

    return [row(i, *choice) for i, choice in enumerate(choices)]


REDUCTIONS: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 3, 4), {"axis": (0, 2)}),
    ((2, 3, 4), {"axis": 1, "keepdims": True}),
    ((3, 4), {"axis": -1}),
    ((2, 3), {}),
    ((1, 3, 1), {"axis": (0, 2)}),
    ((), {}),
    ((3, 0), {"axis": 0}),
]
EMPTY: list[tuple[Shape, dict[str, Any]]] = [((0, 3), {"axis": 0}), ((0, 3), {"axis": None})]
FOURS: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 3, 2), {"axis": (0, 2)}),
    ((2, 4, 3), {"axis": 1, "keepdims": True}),
    ((3, 4), {"axis": -1}),
]
"""Four elements each: finite differences of their product are exact, zeros or not."""
ALONG: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 3, 4), {"axis": 1}),
    ((3, 4), {"axis": 1}),
    ((1, 3), {"axis": 0}),
    ((0, 3), {"axis": 1}),
]
SCANS = [
    ((2, 3, 4), {"axis": 1, "reverse": False, "exclusive": False}),
    ((3, 4), {"axis": 1, "reverse": True, "exclusive": False}),
    ((3, 4), {"axis": 1, "reverse": False, "exclusive": True}),
    ((2, 3, 4), {"axis": 1, "reverse": True, "exclusive": True}),
    ((1, 1), {"axis": 0, "reverse": False, "exclusive": True}),
    ((0, 3), {"axis": 0, "reverse": False, "exclusive": False}),
]


def emitted(name: str) -> Callable[..., Any]:
    """Apply a primitive with keyword arguments as its parameters."""
    return lambda x, **params: emit(name, x, **params)


def scanned(accumulate: np.ufunc) -> Callable[..., Any]:
    """What cumsum and cumprod should give; for bool NumPy's scans count, ours stay bool."""

    def scan(x: Any, axis: int, reverse: bool, exclusive: bool) -> Any:
        x = np.flip(x, axis) if reverse else x
        if exclusive:
            first = np.full_like(np.take(x, [0] if x.shape[axis] else [], axis), accumulate.identity)
            rest = np.delete(x, -1, axis) if x.shape[axis] else x
            x = np.concatenate([first, rest], axis)
        found = accumulate.accumulate(x, axis, dtype=x.dtype)
        return np.flip(found, axis) if reverse else found

    return scan


def _stable_order(x: Any, axis: int) -> Any:
    return np.argsort(x, axis, kind="stable")


def _recurrence(axis: int, reverse: bool, dtypes: tuple[str, ...] = INEXACT) -> Case:
    def recur(x: Any, y: Any) -> Any:
        out = np.zeros_like(y)
        h = np.zeros_like(np.take(y, 0, axis))
        for i in range(x.shape[axis])[:: -1 if reverse else 1]:
            place = (slice(None),) * axis + (i,)
            h = out[place] = x[place] * h + y[place]
        return out

    fun = primitive("linear_recurrence", axis=axis, reverse=reverse)
    operands = [(ANY, (2, 3, 4))] * 2
    shown = f"axis={axis},reverse={reverse}"
    return structural("linear_recurrence", fun, recur, *operands, dtypes=dtypes, variant=shown)


def _rows(x: Any, index: Any) -> Any:
    return x[index]


def _by_row(x: Any, index: Any) -> Any:
    return np.take_along_axis(x, index[..., None], -1)[..., 0]


def _one_hot(x: Any, index: Any) -> Any:
    return np.where(np.arange(4) == index[..., None], x[..., None], x.dtype.type(0))


def _scattered(combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def scatter(x: Any, index: Any, y: Any) -> Any:
        out = x.copy()
        for i, place in enumerate(index):
            out[place] = combine(out[place], y[i])
        return out

    return scatter


def _scatter(name: str, combine: Callable[[Any, Any], Any], x: Domain, y: Domain) -> list[Case]:
    def row(rows: Shape, picks: int, dtypes: tuple[str, ...]) -> Case:
        operands = (x, rows), (index(rows[0]), (picks,)), (y, (picks, *rows[1:]))
        shown = f"{rows},{picks}".replace(" ", "")
        return structural(name, primitive(name), _scattered(combine), *operands, dtypes=dtypes, variant=shown)

    return [row((4, 3), 6, KINDS), row((3,), 5, FLOAT), row((2, 1, 2), 1, FLOAT), row((3, 2), 0, FLOAT)]


def _updated(start: Shape, stop: Shape, step: Shape) -> Callable[..., Any]:
    section = tuple(np.array(range(*bounds), int) for bounds in zip(start, stop, step, strict=True))

    def update(x: Any, y: Any) -> Any:
        out = x.copy()
        out[np.ix_(*section)] = y
        return out

    return update


def _slice_update(shape: Shape, start: Shape, stop: Shape, step: Shape, dtypes: Any = FLOAT) -> Case:
    section = tuple(len(range(*bounds)) for bounds in zip(start, stop, step, strict=True))
    return structural(
        "slice_update",
        primitive("slice_update", start=start, stop=stop, step=step),
        _updated(start, stop, step),
        (ANY, shape),
        (ANY, section),
        dtypes=dtypes,
        variant=f"{start},{stop},{step}".replace(" ", ""),
    )


def _slice(shape: Shape, dtypes: tuple[str, ...], *items: Any) -> Case:
    shown = ",".join(str(i).removeprefix("slice") for i in items).replace(" ", "")
    shown = f"{shape},{shown}".replace(" ", "")
    return structural("slice", *[lambda x: x[items]] * 2, (ANY, shape), dtypes=dtypes, variant=shown)


def _joined(axis: int, *shapes: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    return structural(
        "concatenate",
        lambda *xs: mx.concatenate(xs, axis),
        lambda *xs: np.concatenate(xs, axis),
        *[(ANY, shape) for shape in shapes],
        dtypes=dtypes,
        variant=f"{axis},{len(shapes)}",
    )


def _product(x: Shape, y: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    operands = (ANY, x), (ANY, y)
    shown = f"{x}{y}".replace(" ", "")
    return structural("matmul", mx.matmul, np.matmul, *operands, dtypes=dtypes, variant=shown)


STRUCTURAL = [
    # views
    structural("alias", primitive("alias"), np.copy, (ANY, (2, 3)), dtypes=KINDS),
    structural("stop_gradient", mx.stop_gradient, np.copy, (ANY, (2, 3)), dtypes=KINDS, smooth=np.zeros_like),
    structural("barrier", primitive("barrier"), np.copy, (ANY, (2, 3)), dtypes=KINDS),
    *variants("reshape", mx.reshape, np.reshape, ANY, ((2, 3, 4), {"shape": (4, 6)}), ((), {"shape": (1, 1)}),
              ((1, 1), {"shape": ()}), ((0, 3), {"shape": (2, 0)}), dtypes=KINDS),
    *variants("broadcast_to", mx.broadcast_to, np.broadcast_to, ANY, ((3, 1), {"shape": (2, 3, 4)}),
              ((), {"shape": (2, 3)}), ((1,), {"shape": (0,)}), ((1, 4), {"shape": (1, 4)}), dtypes=KINDS),
    *variants("transpose", mx.transpose, np.transpose, ANY, ((2, 3, 4), {"axes": (2, 0, 1)}), ((3, 4), {}),
              ((0, 2), {}), dtypes=KINDS),
    _slice((4, 5), KINDS, slice(1, 4, 2), slice(None, None, -2)),
    _slice((4, 5), FLOAT, slice(-1, None), 2),
    _slice((4, 5), FLOAT, slice(3, 0, -1), None, slice(0, 0)),
    # reductions
    *variants("sum", mx.sum, np.sum, ANY, *REDUCTIONS, *EMPTY, dtypes=KINDS),
    *variants("prod", mx.prod, np.prod, ANY, *REDUCTIONS, *EMPTY, dtypes=KINDS),
    *[replace(case, domains=(WHOLE,), variant=f"zeros,{case.variant}") for case in
      variants("prod", mx.prod, np.prod, WHOLE, *FOURS, dtypes=INEXACT)],
    *variants("max", mx.max, np.max, DISTINCT, *REDUCTIONS, dtypes=KINDS),
    *variants("min", mx.min, np.min, DISTINCT, *REDUCTIONS, dtypes=KINDS),
    *variants("logsumexp", mx.logsumexp, scipy.special.logsumexp, ANY, *REDUCTIONS, dtypes=("int32", *FLOAT)),
    *variants("softmax", mx.softmax, scipy.special.softmax, ANY, ((2, 3, 4), {"axis": (0, 2)}),
              ((3, 4), {"axis": -1}), ((3,), {}), ((1, 1), {"axis": 0}), ((0, 3), {"axis": 1}),
              dtypes=("int32", *FLOAT)),
    *variants("argmax", mx.argmax, np.argmax, WHOLE, *ALONG, ((2, 3), {}), dtypes=KINDS),
    *variants("argmin", mx.argmin, np.argmin, WHOLE, *ALONG, ((2, 3), {}), dtypes=KINDS),
    # scans and sorting
    *variants("cumsum", emitted("cumsum"), scanned(np.add), ANY, *SCANS, dtypes=KINDS),
    *variants("cumprod", emitted("cumprod"), scanned(np.multiply), ANY, *SCANS, dtypes=KINDS),
    *[replace(case, domains=(WHOLE,), variant=f"zeros,{case.variant}") for case in
      variants("cumprod", emitted("cumprod"), scanned(np.multiply), WHOLE, *SCANS[:4], dtypes=INEXACT)],
    _recurrence(1, False, KINDS[1:]),
    _recurrence(2, True, FLOAT),
    _recurrence(0, True),
    *variants("argsort", mx.argsort, _stable_order, WHOLE, *ALONG, dtypes=KINDS),
    # rows by index
    structural("gather", primitive("gather"), _rows, (ANY, (4, 3)), (index(4), (6,)), dtypes=KINDS),
    structural("gather", primitive("gather"), _rows, (ANY, (4,)), (index(4), (0,)), variant="none"),
    structural("gather", lambda x, i: mx.take(x, i, axis=1), lambda x, i: np.take(x, i, axis=1),
               (ANY, (2, 3, 2)), (Domain(integers=(-3, 2), dtype="int32"), (2, 2)), variant="take"),
    structural("pick", primitive("pick"), _by_row, (ANY, (2, 3, 4)), (index(4), (2, 3)), dtypes=KINDS),
    structural("pick", lambda x, i: mx.take_along_axis(mx.exp(x), i, axis=1),
               lambda x, i: np.take_along_axis(np.exp(x), i, axis=1), (ANY, (5, 4)), (index(4), (5, 1)),
               variant="along an axis"),
    structural("pick", lambda x, i: mx.exp(x)[mx.arange(5), i], lambda x, i: np.exp(x)[np.arange(5), i],
               (ANY, (5, 4)), (Domain(integers=(-4, 3), dtype="int32"), (5,)), variant="by an index"),
    structural("one_hot", primitive("one_hot", columns=4), _one_hot, (ANY, (2, 3)), (index(4), (2, 3)),
               dtypes=KINDS),
    *_scatter("scatter_set", lambda old, new: new, ANY, ANY),
    *_scatter("scatter_add", np.add, ANY, ANY),
    *_scatter("scatter_multiply", np.multiply, ANY, ANY),
    *[replace(case, variant=f"zeros,{case.variant}") for case in
      _scatter("scatter_multiply", np.multiply, WHOLE, WHOLE)[:2]],
    *_scatter("scatter_max", np.maximum, DISTINCT, DISTINCT_ODD),
    *_scatter("scatter_min", np.minimum, DISTINCT, DISTINCT_ODD),
    # joins and products
    _slice_update((4, 5), (1, 4), (4, -1), (2, -2), KINDS),
    _slice_update((4, 5), (0, 1), (4, 2), (1, 1)),
    _slice_update((3,), (1,), (1,), (1,)),
    _joined(1, (2, 3), (2, 0), (2, 2), dtypes=KINDS),
    _joined(0, (1, 3), (2, 3)),
    _product((3, 4), (4, 2), KINDS),
    _product((2, 3, 4), (4, 2)),
    _product((3, 4), (2, 4, 2)),
    _product((2, 1, 3, 2), (3, 2, 1), INEXACT),
    _product((4,), (4,)),
    _product((0, 3), (3, 2)),
    _product((2, 0), (0, 3)),
]  # fmt: skip


CASES = [*ELEMENTWISE, *STRUCTURAL]
