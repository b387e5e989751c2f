"""Random op lists, with the values that NumPy computes for them op by op.

Either all numbers are whole, and results exact in whatever order they are computed; or they are float64 numbers of
moderate size, whose rounding errors stay far below what a test looks for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.special
from hypothesis import strategies as st

from fastvjp.core.avals import aval
from fastvjp.core.primitive import REGISTRY
from fastvjp.core.program import Op, Program, Uniform, Var, apply
from fastvjp.kernels.runtime.buffers import upload

Shape = tuple[int, ...]

SHAPES: list[Shape] = [
    (3, 3), (2, 3), (3, 3, 3), (2, 3, 4), (2, 2, 2, 3), (5, 2), (7,), (12,), (2, 1, 3), (2, 3, 1), (3, 1), (1, 4),
    (1,), (), (0,), (0, 3), (3, 0),
]  # fmt: skip
LARGEST = 120
"""Elements of an array at most."""
LIMITS = {"float64": 2.0**53, "complex128": 2.0**26, "float32": 2.0**24, "real": 10.0}
"""Up to here whole numbers are exact; real numbers are kept moderate."""


def section(x: np.ndarray, start: Shape, stop: Shape, step: Shape) -> tuple[np.ndarray, ...]:
    """Index of a section by start, exclusive stop (which may be -1) and step for each axis."""
    return np.ix_(*[np.arange(*s) for s in zip(start, stop, step, strict=True)])


def updated(x: np.ndarray, y: np.ndarray, **params: Shape) -> np.ndarray:
    out = x.copy()
    out[section(x, **params)] = y
    return out


def added(x: np.ndarray, y: np.ndarray, **params: Shape) -> np.ndarray:
    return updated(x, x[section(x, **params)] + y, **params)


def scattered(combine: np.ufunc | None) -> Callable[..., np.ndarray]:
    """Rows replaced, or combined with others."""

    def scatter(x: np.ndarray, index: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = x.copy()
        if combine is None:
            out[index] = y
        else:
            combine.at(out, index, y)
        return out

    return scatter


NUMPY: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in (
        "add", "subtract", "multiply", "negative", "square", "abs", "maximum", "minimum", "sin", "cos", "tanh",
        "exp", "less", "equal", "logical_and", "logical_or", "logical_not",
    )},
    "sigmoid": scipy.special.expit,
    "select": np.where,
    "astype": lambda x, dtype: x.astype(dtype),
    "alias": np.copy,
    "barrier": np.copy,
    "reshape": np.reshape,
    "broadcast_to": np.broadcast_to,
    "transpose": np.transpose,
    "slice": lambda x, **params: x[section(x, **params)],
    "slice_update": updated,
    "slice_add": added,
    "gather": lambda x, index: x[index],
    "scatter_set": scattered(None),
    "scatter_add": scattered(np.add),
    "scatter_multiply": scattered(np.multiply),
    "pick": lambda x, index: np.take_along_axis(x, index[..., None], -1)[..., 0],
    "one_hot": lambda x, index, columns: x[..., None] * (np.arange(columns) == index[..., None]),
    "cumsum": lambda x, axis, **_: np.cumsum(x, axis, x.dtype),
    "sum": lambda x, axes: np.sum(x, axes, x.dtype),
    "prod": lambda x, axes: np.prod(x, axes, x.dtype),
    "max": np.max,
    "min": np.min,
    "matmul": np.matmul,
    "softmax": scipy.special.softmax,
    "logsumexp": scipy.special.logsumexp,
}  # fmt: skip
"""What each primitive means."""
ARITHMETIC = ("add", "subtract", "multiply", "maximum", "minimum")
SMOOTH = ("sin", "cos", "tanh", "sigmoid", "exp")


def evaluate(name: str, operands: Sequence[np.ndarray], params: dict[str, Any]) -> np.ndarray:
    """A primitive of NumPy arrays."""
    if name in ("max", "min", "softmax", "logsumexp"):
        params = {"axis": params["axes"]}
    with np.errstate(all="ignore"):
        return np.asarray(NUMPY[name](*operands, **params))


class Case:
    """An op list, its leaves, the values of all variables, and the outputs asked for."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.leaves: list[Var] = []
        self.values: dict[Var, np.ndarray] = {}
        self.outputs: list[Var] = []
        self.exact = True

    def __repr__(self) -> str:
        return f"\n{Program(self.leaves, self.ops, self.outputs)}"

    def leaf(self, values: np.ndarray) -> Var:
        """A new input."""
        return self._known(Var(aval(values.shape, values.dtype), upload(values)), values)

    def uniform(self, scalar: Any, shape: Shape, dtype: np.dtype) -> Var:
        """A new input of which all elements are one number."""
        return self._known(Var(aval(shape, dtype), Uniform(scalar)), np.full(shape, scalar, dtype))

    def _known(self, var: Var, values: np.ndarray) -> Var:
        self.leaves.append(var)
        self.values[var] = values
        return var

    def add(self, name: str, *inputs: Var, **params: Any) -> Var:
        """Append an op."""
        op = apply(REGISTRY[name], inputs, params)
        result = evaluate(name, [self.values[v] for v in inputs], params)
        (out,) = op.outputs
        assert result.shape == out.aval.shape and result.dtype == out.aval.dtype, name
        self.ops.append(op)
        self.values[out] = result
        return out


def broadcast(*shapes: Shape) -> Shape | None:
    """The common shape, unless there is none or it is too large."""
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        return None
    return shape if np.prod(shape) <= LARGEST else None


class _Maker:
    """Draws one op after another; what becomes too large is left out."""

    def __init__(self, draw: Any, kind: str) -> None:
        self.draw = draw
        self.dtype = np.dtype("float64" if kind == "real" else kind)
        self.real = kind == "real"
        self.limit = LIMITS.get(kind)
        self.case = Case()
        self.case.exact = not self.real
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        base = draw(st.sampled_from(SHAPES))
        self.known: list[Var] = []  # numbers of the dtype
        for _ in range(draw(st.integers(1, 3))):
            self.known.append(self.case.leaf(self.strided(self.numbers(self.lesser(base)))))
        self.known.append(self.case.leaf(self.numbers(base)))
        self.mask = self.case.leaf(np.asarray(self.rng.random(base) < 0.5))

    def numbers(self, shape: Shape) -> np.ndarray:
        if self.real:
            return self.rng.uniform(-2, 2, shape)
        low = 0 if self.dtype.kind in "ub" else -2
        values = np.asarray(self.rng.integers(low, 3, shape))
        imaginary = 1j * self.rng.integers(-1, 2, shape) if self.dtype.kind == "c" else 0
        return np.asarray(values + imaginary).astype(self.dtype)

    def strided(self, values: np.ndarray) -> np.ndarray:
        """The same values, maybe in another order in memory."""
        return np.asarray(values, order=self.draw(st.sampled_from("CF")))

    def lesser(self, shape: Shape) -> Shape:
        """A shape that broadcasts to this one."""
        kept = tuple([n if self.draw(st.integers(0, 3)) else 1 for n in shape])
        return kept[self.draw(st.integers(0, 1)) if kept[:1] == (1,) else 0 :]

    def pick(self) -> Var:
        """A known variable, rather a late one."""
        return self.known[-1 - min(self.draw(st.integers(0, 5)), len(self.known) - 1)]

    def axes(self, ndim: int) -> Shape:
        return tuple([i for i in range(ndim) if self.draw(st.booleans())])

    def add(self, name: str, *inputs: Var, **params: Any) -> Var | None:
        values = evaluate(name, [self.case.values[v] for v in inputs], params)
        limit = None if values.dtype.kind == "b" else self.limit
        if values.size > LARGEST or (limit and not (np.abs(values) <= limit).all()):
            return None
        return self.case.add(name, *inputs, **params)

    def remember(self, var: Var | None) -> None:
        if var is not None:
            self.known.append(var)

    def partner(self, x: Var) -> Var:
        """A known variable that broadcasts with this one, rather a late one."""
        found = [v for v in self.known if broadcast(v.aval.shape, x.aval.shape) is not None]
        return found[-1 - min(self.draw(st.integers(0, 5)), len(found) - 1)]

    def alike(self, *inputs: Var) -> list[Var]:
        """Variables broadcast to their common shape; none if there is no such."""
        shape = broadcast(*[v.aval.shape for v in inputs])
        if shape is None:
            return []
        return [v if v.aval.shape == shape else self.case.add("broadcast_to", v, shape=shape) for v in inputs]

    # --- what may come next ------------------------------------------------------------------------------

    def unary(self) -> None:
        x = self.pick()
        names: tuple[str, ...] = SMOOTH if self.real else ()
        names += ("abs",) if self.dtype.kind in "if" else ()
        self.remember(self.add(self.draw(st.sampled_from(["square", "negative", *names])), x))

    def binary(self) -> None:
        x = self.pick()
        if operands := self.alike(x, self.partner(x)):
            names = ARITHMETIC[:3] if self.dtype.kind == "c" else ARITHMETIC
            self.remember(self.add(self.draw(st.sampled_from(names)), *operands))

    def choose(self) -> None:
        x = self.pick()
        if operands := self.alike(self.mask, x, self.partner(x)):
            self.remember(self.add("select", *operands))

    def compare(self) -> None:
        """A new mask; real numbers that differ by rounding alone could make another."""
        if self.real:
            self.mask = self.case.add("logical_not", self.mask)
        elif operands := self.alike(x := self.pick(), self.partner(x)):
            self.mask = self.case.add("equal", *operands)
            self.remember(self.add("astype", self.mask, dtype=self.dtype))

    def reduce_mask(self) -> None:
        shape = self.mask.aval.shape
        axes = self.axes(len(shape))
        if axes and 0 not in shape:
            reduced = self.case.add(self.draw(st.sampled_from(["max", "min"])), self.mask, axes=axes)
            kept = tuple([1 if i in axes else n for i, n in enumerate(shape)])
            self.mask = self.case.add("reshape", reduced, shape=kept)

    def reduce(self) -> None:
        x = self.pick()
        shape = x.aval.shape
        axes = self.axes(len(shape))
        names = ["sum", "prod"] if self.dtype.kind == "c" or 0 in shape else ["sum", "prod", "max", "min"]
        names += ["logsumexp"] if self.real and 0 not in shape else []
        reduced = self.add(self.draw(st.sampled_from(names)), x, axes=axes) if axes else None
        if reduced is None:
            return
        what = self.draw(st.sampled_from(["plain", "kept", "spread"]))
        if what != "plain":
            kept = tuple([1 if i in axes else n for i, n in enumerate(shape)])
            reduced = self.case.add("reshape", reduced, shape=kept)
        self.remember(reduced)
        if what == "spread":
            reduced = self.case.add("broadcast_to", reduced, shape=shape)
            self.remember(self.add(self.draw(st.sampled_from(ARITHMETIC[:3])), x, reduced))

    def normal(self) -> None:
        """What needs a reduction over its columns, and then columns again."""
        x = self.pick()
        axes = tuple(range(self.draw(st.integers(0, x.aval.ndim)), x.aval.ndim))
        if not axes or 0 in x.aval.shape:
            return
        if self.real:
            self.remember(self.add("softmax", x, axes=axes))
            return
        extreme = self.add("sum" if self.dtype.kind == "c" else "max", x, axes=axes)
        if extreme is not None:
            kept = x.aval.shape[: axes[0]] + (1,) * len(axes)
            extreme = self.case.add("reshape", extreme, shape=kept)
            self.remember(self.add("subtract", *self.alike(x, extreme)))

    def product(self) -> None:
        """Of matrices with those of another array of their shape, transposed."""
        x = self.pick()
        operands = self.alike(x, self.partner(x))
        if operands and operands[0].aval.ndim > 1 and self.dtype.kind != "b":
            batch = operands[0].aval.ndim - 2
            axes = (*range(batch), batch + 1, batch)
            self.remember(self.add("matmul", operands[0], self.case.add("transpose", operands[1], axes=axes)))

    def angle(self) -> None:
        """The sine of an input that may be far from 0."""
        if self.real:
            x = self.rng.uniform(1e9, 1e12, self.pick().aval.shape)
            near = self.rng.random(x.shape) < self.draw(st.sampled_from([0.2, 1]))
            self.remember(self.case.add("sin", self.case.leaf(np.asarray(np.where(near, x / 1e12, x)))))

    def scalar(self) -> None:
        shape = self.draw(st.sampled_from([self.pick().aval.shape, ()]))
        self.remember(self.case.uniform(self.numbers(()).item(), shape, self.dtype))

    def transpose(self) -> None:
        x = self.pick()
        self.remember(self.add("transpose", x, axes=tuple(self.draw(st.permutations(range(x.aval.ndim))))))

    def reshape(self) -> None:
        x = self.pick()
        n = x.aval.size
        divisors = [k for k in range(1, n + 1) if n % k == 0] or [1]
        first = self.draw(st.sampled_from(divisors))
        shapes = [(n,), (first, n // first), (1, n), (n, 1), (first, 1, n // first)]
        self.remember(self.add("reshape", x, shape=self.draw(st.sampled_from(shapes))))

    def sections(self, shape: Shape, ones: bool) -> dict[str, Shape]:
        """Start, stop and step for each axis."""
        found = []
        for n in shape:
            step = 1 if ones else self.draw(st.sampled_from([1, 1, 2, -1]))
            low = self.draw(st.integers(0, n))
            high = self.draw(st.integers(low, n))
            found.append((low, high, step) if step > 0 or low == high else (high - 1, low - 1, step))
        start, stop, step = zip(*found, strict=True) if found else ((), (), ())
        return {"start": start, "stop": stop, "step": step}

    def slice(self) -> None:
        x = self.pick()
        self.remember(self.add("slice", x, **self.sections(x.aval.shape, ones=False)))

    def insert(self) -> None:
        """An array inside a larger one, of one value or of several."""
        y = self.pick()
        before = [self.draw(st.integers(0, 2)) for _ in y.aval.shape]
        shape = tuple([n + b + self.draw(st.integers(0, 1)) for n, b in zip(y.aval.shape, before, strict=True)])
        if np.prod(shape) > LARGEST:
            return
        stop = tuple([b + n for b, n in zip(before, y.aval.shape, strict=True)])
        if self.draw(st.booleans()):
            x = self.case.uniform(self.numbers(()).item(), shape, self.dtype)
        else:
            x = self.case.leaf(self.numbers(shape))
        params = {"start": tuple(before), "stop": stop, "step": (1,) * len(shape)}
        self.remember(self.case.add("slice_update", x, y, **params))

    def update(self) -> None:
        """A section of an array, which may still be read, replaced or added to, maybe by one of its own."""
        x = self.pick()
        if self.draw(st.booleans()):
            x = self.case.add("reshape", x, shape=self.draw(st.sampled_from([(x.aval.size,), (1, *x.aval.shape)])))
        where = self.sections(x.aval.shape, ones=self.draw(st.booleans()))
        shape = tuple([len(range(*s)) for s in zip(*where.values(), strict=True)])
        y: Var | None = self.part(x if self.draw(st.booleans()) else self.pick(), shape)
        if y is not None and self.draw(st.booleans()):
            y = self.add("square" if self.dtype.kind in "ub" else "negative", y)
        if y is not None:
            name = self.draw(st.sampled_from(["slice_update", "slice_update", "slice_add"]))
            self.remember(self.add(name, x, y, **where))

    def part(self, x: Var, shape: Shape) -> Var:
        """A section of x of this shape, if there is one, else one number."""
        sizes = x.aval.shape
        if len(sizes) != len(shape) or any(n < m for n, m in zip(sizes, shape, strict=True)):
            return self.case.uniform(self.numbers(()).item(), shape, self.dtype)
        start = tuple([self.draw(st.integers(0, n - m)) for n, m in zip(sizes, shape, strict=True)])
        stop = tuple([i + m for i, m in zip(start, shape, strict=True)])
        y = self.case.add("slice", x, start=start, stop=stop, step=(1,) * len(shape))
        if self.draw(st.booleans()):
            self.remember(y)
        return y

    def scatter(self) -> None:
        """Rows of an array, which may still be read, replaced by or combined with others, maybe its own."""
        x = self.pick()
        if not x.aval.ndim or 0 in x.aval.shape:
            return
        rows, picks = x.aval.shape[0], self.draw(st.integers(1, 4))
        index, other = (self.case.leaf(self.rng.integers(0, rows, picks)) for _ in range(2))
        y = self.case.add("gather", x, other)
        names = ["scatter_set", "scatter_add", "scatter_multiply"]
        self.remember(self.add(self.draw(st.sampled_from(names)), x, index, y))

    def cumsum(self) -> None:
        x = self.pick()
        if x.aval.ndim:
            axis = self.draw(st.integers(0, x.aval.ndim - 1))
            self.remember(self.add("cumsum", x, axis=axis, reverse=False, exclusive=False))

    def indices(self, shape: Shape, size: int) -> Var:
        """A place in a row of this size for each element of a shape."""
        if self.draw(st.integers(0, 4)) == 0:
            return self.case.uniform(int(self.rng.integers(size)), shape, np.dtype(np.int64))
        return self.case.leaf(self.strided(self.rng.integers(0, size, shape)))

    def from_rows(self) -> None:
        """An element of each row, and maybe rows of zeros with that element."""
        x = self.pick()
        shape = x.aval.shape
        if not shape or 0 in shape:
            return
        index = self.indices(shape[:-1], shape[-1])
        picked = self.case.add("pick", x, index)
        self.remember(picked)
        if self.draw(st.booleans()):
            hot = self.case.add("one_hot", picked, index, columns=shape[-1])
            self.remember(self.add(self.draw(st.sampled_from(ARITHMETIC[:3])), x, hot))

    def to_rows(self) -> None:
        x, size = self.pick(), self.draw(st.integers(1, 4))
        self.remember(self.add("one_hot", x, self.indices(x.aval.shape, size), columns=size))

    def barrier(self) -> None:
        self.remember(self.add("barrier", self.pick()))

    def again(self) -> None:
        """A value through another dtype and back."""
        other = self.draw(st.sampled_from(["bool", "int32", "float32", "float64", "complex64"]))
        if not self.real and self.dtype.kind != "c" and other != "complex64":
            x = self.add("astype", self.pick(), dtype=np.dtype(other))
            self.remember(x and self.add("astype", x, dtype=self.dtype))

    def make(self) -> Case:
        """A case of some ops."""
        moves = [
            self.binary, self.binary, self.unary, self.unary, self.reduce, self.reduce, self.reduce, self.choose,
            self.normal, self.normal, self.angle, self.compare, self.reduce_mask, self.transpose, self.slice,
            self.insert, self.reshape, self.scalar, self.barrier, self.again, self.cumsum,
            self.from_rows, self.to_rows, self.product, self.update, self.update, self.update, self.scatter,
        ]  # fmt: skip
        for _ in range(self.draw(st.integers(4, 18))):
            self.draw(st.sampled_from(moves))()
        more = [self.pick() for _ in range(self.draw(st.integers(1, 3)))]
        self.case.outputs = [self.known[-1], self.mask, *more]
        return self.case


@st.composite
def cases(draw: Any, kinds: Sequence[str]) -> Case:
    """Op lists over numbers of one of these kinds: dtypes of whole numbers, or "real"."""
    return _Maker(draw, draw(st.sampled_from(kinds))).make()
