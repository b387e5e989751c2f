"""Random compositions of differentiable functions, written once for NumPy, fastvjp and `jax.numpy`.

They are drawn with the values that they have at one point. Kinks and poles are avoided by construction: before a
function that has any, constants that are chosen for these values keep it away from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

Values = list[Any]
Apply = Callable[[Any, Values], Any]
"""Takes a namespace such as NumPy's and the values so far; returns the next one."""

SHAPES: list[tuple[int, ...]] = [
    (3,),
    (4,),
    (2, 3),
    (3, 3),
    (3, 2),
    (1, 3),
    (2, 1),
    (2, 2, 3),
    (2, 3, 3),
    (),
    (1,),
]
LARGEST = 40
"""Elements of a value at most."""


class Step(NamedTuple):
    """One function of a composition, and what to call it."""

    name: str
    apply: Apply


class Composition:
    """A scalar function of some arrays: steps on them and on each other's results, then a weighted sum."""

    def __init__(self, inputs: list[np.ndarray]) -> None:
        self.inputs = inputs
        self.steps: list[Step] = []
        self.values: Values = list(inputs)
        self.weights: dict[int, np.ndarray] = {}

    def __repr__(self) -> str:
        names = [*(f"{x!r}" for x in self.inputs), *(step.name for step in self.steps)]
        lines = [f"{i}: {v.shape} = {name}" for i, (v, name) in enumerate(zip(self.values, names, strict=True))]
        return "\n" + "\n".join([*lines, f"outputs, with weights: {self.weights}"])

    def add(self, name: str, apply: Apply) -> None:
        """One more step; one whose result is too large is left out, a large value is scaled."""
        value = np.asarray(apply(np, self.values))
        assert np.isfinite(value).all() and value.dtype == np.float64, name
        if not 0 < value.size <= LARGEST:
            return
        size = np.abs(value).max()
        if size > 2:
            scaled = apply
            apply = lambda n, vs: scaled(n, vs) * (1.5 / size)  # noqa: E731
            value = value * (1.5 / size)
        self.steps.append(Step(name, apply))
        self.values.append(value)

    def __call__(self, n: Any, *inputs: Any) -> Any:
        """The function, of another namespace's arrays."""
        values = list(inputs)
        for step in self.steps:
            values.append(step.apply(n, values))
        return sum(n.sum(values[i] * w) for i, w in self.weights.items())


class _Maker:
    """Draws one step after another."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        base = draw(st.sampled_from(SHAPES))
        others = [base, *(s for s in SHAPES if s != base and _fits(s, base))]
        shapes = [base, *draw(st.lists(st.sampled_from(others), max_size=1))]
        self.made = Composition([self.rng.uniform(-1.5, 1.5, s) for s in shapes])

    def pick(self, fits: Callable[[np.ndarray], bool] = lambda _: True) -> int | None:
        """A value, rather a late one."""
        found = [i for i, v in enumerate(self.made.values) if fits(v)]
        return found[-1 - min(self.draw(st.integers(0, 3)), len(found) - 1)] if found else None

    def axis(self, value: np.ndarray) -> int:
        return self.draw(st.integers(-value.ndim, value.ndim - 1))

    # --- what keeps away from kinks ----------------------------------------------------------------------

    def apart(self, value: np.ndarray) -> np.ndarray:
        """Numbers above and below a value's, at least 0.2 from them."""
        return value + self.rng.choice([-1, 1], value.shape) * self.rng.uniform(0.2, 1, value.shape)

    def spread(self, value: np.ndarray) -> np.ndarray:
        """What to add to a value so that its elements are at least 0.1 apart, in random order."""
        places = self.rng.permutation(value.size) - value.size / 2 + self.rng.uniform(-0.3, 0.3, value.size)
        return places.reshape(value.shape) / 4 - value

    def above(self, value: np.ndarray) -> float:
        """What to add to a value so that its elements are positive."""
        return float(self.rng.uniform(0.4, 1) - value.min())

    # --- families ----------------------------------------------------------------------------------------

    def smooth(self) -> None:
        i = self.pick()
        assert i is not None
        name = self.draw(st.sampled_from(sorted(SMOOTH)))
        self.made.add(f"{name}({i})", lambda n, vs: SMOOTH[name](n, vs[i]))

    def positive(self) -> None:
        i = self.pick()
        assert i is not None
        name, c = self.draw(st.sampled_from(sorted(POSITIVE))), self.above(self.made.values[i])
        self.made.add(f"{name}({i} + {c})", lambda n, vs: POSITIVE[name](n, vs[i] + c))

    def binary(self) -> None:
        i = self.pick()
        assert i is not None
        value = self.made.values[i]
        j = self.pick(lambda v: _fits(v.shape, value.shape))
        assert j is not None
        name = self.draw(st.sampled_from(sorted(BINARY)))
        self.made.add(f"{name}({i}, {j})", lambda n, vs: BINARY[name](n, vs[i], vs[j]))

    def choice(self) -> None:
        """What compares two arrays: their difference is at least 0.2."""
        i = self.pick()
        assert i is not None
        x = self.made.values[i]
        j = self.pick(lambda v: _fits(v.shape, x.shape))
        assert j is not None
        y = self.made.values[j]
        c = self.apart(x - y)
        name = self.draw(st.sampled_from(sorted(CHOICES)))
        self.made.add(f"{name}({i}, {j} + {c!r})", lambda n, vs: CHOICES[name](n, vs[i], vs[j] + c))

    def ordered(self) -> None:
        """What orders elements: they are at least 0.1 apart."""
        i = self.pick(lambda v: v.ndim > 0)
        if i is not None:
            c, axis = self.spread(self.made.values[i]), self.axis(self.made.values[i])
            name = self.draw(st.sampled_from(sorted(ORDERED)))
            self.made.add(f"{name}({i} + {c!r}, {axis})", lambda n, vs: ORDERED[name](n, vs[i] + c, axis))

    def along(self) -> None:
        """Reductions, scans and views along an axis."""
        i = self.pick(lambda v: v.ndim > 0)
        if i is not None:
            axis, name = self.axis(self.made.values[i]), self.draw(st.sampled_from(sorted(ALONG)))
            self.made.add(f"{name}({i}, {axis})", lambda n, vs: ALONG[name](n, vs[i], axis))

    def whole(self) -> None:
        """Reductions of all elements, which must differ for some."""
        i = self.pick(lambda v: v.size > 1)
        if i is not None:
            c, name = self.spread(self.made.values[i]), self.draw(st.sampled_from(sorted(WHOLE)))
            self.made.add(f"{name}({i} + {c!r})", lambda n, vs: WHOLE[name](n, vs[i] + c))

    def shape(self) -> None:
        i = self.pick()
        assert i is not None
        value = self.made.values[i]
        name = self.draw(st.sampled_from(["reshape", "transpose", "expand_dims", "broadcast_to", "ravel"]))
        given: Any = None
        if name == "reshape":
            divisors = [k for k in range(1, value.size + 1) if value.size % k == 0]
            given = (self.draw(st.sampled_from(divisors)), -1)
        elif name == "transpose":
            given = tuple(self.rng.permutation(value.ndim).tolist())
        elif name == "expand_dims":
            given = self.draw(st.integers(0, value.ndim))
        elif name == "broadcast_to":
            given = (2, *value.shape)
        apply = {"ravel": lambda n, x: n.ravel(x)}.get(name, lambda n, x: getattr(n, name)(x, given))
        self.made.add(f"{name}({i}, {given})", lambda n, vs: apply(n, vs[i]))

    def index(self) -> None:
        """Basic and advanced indices, with duplicates and negative ones."""
        i = self.pick(lambda v: v.ndim > 0)
        if i is None:
            return
        shape = self.made.values[i].shape
        index: list[Any] = []
        arrays = self.draw(st.booleans())
        length = self.draw(st.integers(1, 3))
        for size in shape[: self.draw(st.integers(1, len(shape)))]:
            kind = self.draw(st.sampled_from(["slice", "back", "int", "none", "array"]))
            if kind == "array" and arrays:
                index.append(self.rng.integers(-size, size, length))
            elif kind == "int":
                index.append(int(self.rng.integers(-size, size)))
            elif kind == "none":
                index += [None, slice(None)]
            else:
                index.append(
                    slice(None, None, -1) if kind == "back" else slice(int(self.rng.integers(size)), None)
                )
        if self.draw(st.booleans()) and len(index) < len(shape):
            index.append(Ellipsis)
        key = tuple(index)
        self.made.add(f"{i}[{key}]", lambda n, vs: vs[i][key])

    def taken(self) -> None:
        i = self.pick(lambda v: v.ndim > 0)
        if i is None:
            return
        value = self.made.values[i]
        axis = self.axis(value)
        size = value.shape[axis]
        places = self.rng.integers(0, size, (2,))
        mask = self.rng.random(value.shape) < 0.7
        mask.flat[0] = True
        order = self.rng.integers(0, size, value.shape)
        ways: dict[str, Apply] = {
            "take": lambda n, vs: n.take(vs[i], places, axis),
            "mask": lambda n, vs: vs[i][mask],
            "take_along_axis": lambda n, vs: n.take_along_axis(vs[i], order, axis),
            "where": lambda n, vs: n.where(mask, vs[i], 0.5),
            "repeat": lambda n, vs: n.repeat(vs[i], places, axis) if size == 2 else n.repeat(vs[i], 2, axis),
        }
        name = self.draw(st.sampled_from(sorted(ways)))
        self.made.add(f"{name}({i}, {axis}) of {places}, {mask!r}, {order!r}", ways[name])

    def joined(self) -> None:
        i = self.pick(lambda v: v.ndim > 0)
        if i is None:
            return
        shape = self.made.values[i].shape
        axis = self.axis(self.made.values[i])
        rest = _without(shape, axis)
        j = self.pick(lambda v: v.ndim == len(shape) and _without(v.shape, axis) == rest)
        assert j is not None
        name = self.draw(st.sampled_from(["concatenate", "stack"]))
        same = self.made.values[j].shape == shape
        if name == "stack" and same:
            self.made.add(f"stack({i}, {j}, {axis})", lambda n, vs: n.stack([vs[i], vs[j]], axis))
        else:
            self.made.add(f"concatenate({i}, {j}, {i}, {axis})",
                          lambda n, vs: n.concatenate([vs[i], vs[j], vs[i]], axis))  # fmt: skip

    def product(self) -> None:
        """A product with another value, or with a constant of a shape that fits."""
        i = self.pick(lambda v: v.ndim > 0)
        if i is None:
            return
        x = self.made.values[i]
        inner = x.shape[-1]
        c = self.rng.uniform(-1, 1, (inner, 2))
        j = self.pick(lambda v: v.ndim == 2 and v.shape[0] == inner) if self.draw(st.booleans()) else None
        ways: dict[str, Apply] = {
            "matmul": lambda n, vs: vs[i] @ (c if j is None else vs[j]),
            "rmatmul": lambda n, vs: c.T @ n.swapaxes(vs[i], -1, -2) if vs[i].ndim > 1 else c.T @ vs[i],
            "einsum": lambda n, vs: n.einsum("...i,ij->j...", vs[i], c if j is None else vs[j]),
            "gram": lambda n, vs: n.einsum("...i,...j->...ij", vs[i], vs[i]),
            "inner": lambda n, vs: n.inner(vs[i], vs[i]),
            "outer": lambda n, vs: n.outer(vs[i], c),
            "tensordot": lambda n, vs: n.tensordot(vs[i], c if j is None else vs[j], ([-1], [0])),
            "kron": lambda n, vs: n.kron(vs[i], c[:, 0]),
            "vecdot": lambda n, vs: n.vecdot(vs[i], c[:, 0]),
        }
        name = self.draw(st.sampled_from(sorted(ways)))
        self.made.add(f"{name}({i}, {'constant' if j is None else j})", ways[name])

    def matrix(self) -> None:
        """Functions of matrices made well-conditioned, with eigenvalues and singular values apart."""
        i = self.pick(lambda v: v.ndim > 1 and min(v.shape[-2:]) > 1)
        if i is None:
            return
        rows, columns = self.made.values[i].shape[-2:]
        ladder = np.zeros((rows, columns))
        np.fill_diagonal(ladder, 1.0 + np.arange(min(rows, columns)))
        table = MATRIX | (SQUARE if rows == columns else {})
        name = self.draw(st.sampled_from(sorted(table)))
        reach = 0.4 / max(rows, columns)
        self.made.add(f"{name}({i})", lambda n, vs: table[name](n, ladder + reach * n.tanh(vs[i])))

    def spectrum(self) -> None:
        i = self.pick(lambda v: v.ndim > 0)
        if i is not None:
            value = self.made.values[i]
            axis = self.axis(value)
            length = self.draw(st.sampled_from([None, 2, 3, 5, 8]))
            name = self.draw(st.sampled_from(sorted(FFT)))
            self.made.add(f"{name}({i}, {length}, {axis})", lambda n, vs: FFT[name](n, vs[i], length, axis))

    def make(self) -> Composition:
        """A composition of some steps, of which the last result and some others are summed."""
        families = [
            self.smooth, self.positive, self.binary, self.choice, self.ordered, self.along, self.whole, self.shape,
            self.index, self.taken, self.joined, self.product, self.matrix, self.spectrum,
        ]  # fmt: skip
        made = self.made
        for _ in range(self.draw(st.integers(3, 8))):
            self.draw(st.sampled_from(families))()
        last = len(made.values) - 1
        chosen = {last, *self.draw(st.sets(st.integers(0, last), max_size=1))}
        made.weights = {i: self.rng.uniform(-1, 1, made.values[i].shape) for i in sorted(chosen)}
        return made


def _fits(shape: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two shapes broadcast."""
    return all(m == n or 1 in (m, n) for m, n in zip(shape[::-1], other[::-1], strict=False))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(n for k, n in enumerate(shape) if k != axis % len(shape))


def _function(name: str) -> Callable[..., Any]:
    """The namespace's function of this name."""
    return lambda n, *xs: getattr(n, name)(*xs)


def _along(name: str) -> Callable[[Any, Any, int], Any]:
    """Likewise along an axis."""
    return lambda n, x, axis: getattr(n, name)(x, axis=axis)


SMOOTH: dict[str, Callable[[Any, Any], Any]] = {
    **{name: _function(name) for name in (
        "sin", "cos", "tanh", "arctan", "exp", "expm1", "exp2", "arcsinh", "sinh", "cosh", "square", "negative",
        "sinc", "degrees",
    )},
    "cube": lambda n, x: x**3,
    "tan": lambda n, x: n.tan(0.5 * x),
    "log1p": lambda n, x: n.log1p(x * x),
    "arcsin": lambda n, x: n.arcsin(0.4 * x),
    "arccos": lambda n, x: n.arccos(0.4 * x),
    "arctanh": lambda n, x: n.arctanh(0.4 * x),
    "softmax": lambda n, x: n.exp(x) / n.sum(n.exp(x)),
}  # fmt: skip
POSITIVE: dict[str, Callable[[Any, Any], Any]] = {
    **{name: _function(name) for name in (
        "log", "log2", "log10", "log1p", "sqrt", "cbrt", "reciprocal",
    )},
    "arccosh": lambda n, x: n.arccosh(1 + x),
    "power": lambda n, x: x**-1.5,
    "to itself": lambda n, x: x**x,
}  # fmt: skip
BINARY: dict[str, Callable[[Any, Any, Any], Any]] = {
    **{name: _function(name) for name in (
        "add", "subtract", "multiply", "logaddexp", "logaddexp2",
    )},
    "divide": lambda n, x, y: x / (1.5 + y * y),
    "hypot": lambda n, x, y: n.hypot(x, 2.5 + y),
    "arctan2": lambda n, x, y: n.arctan2(x, 2.5 + y),
    "power": lambda n, x, y: n.power(2.5 + x, y),
    "in place": lambda n, x, y: x * y + x,
}  # fmt: skip
CHOICES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "maximum": lambda n, x, y: n.maximum(x, y),
    "minimum": lambda n, x, y: n.minimum(x, y),
    "fmax": lambda n, x, y: n.fmax(x, y),
    "where": lambda n, x, y: n.where(x > y, n.sin(x), y * y),
    "abs": lambda n, x, y: n.abs(x - y),
    "clip": lambda n, x, y: n.clip(x, y, y + 9),
    "copysign": lambda n, x, y: n.copysign(1 + x * x, x - y),
    "log or not": lambda n, x, y: n.where(x > y, n.log(n.where(x > y, x - y, 1.0)), 0.5),
    "select": lambda n, x, y: n.select([x > y, x < y], [x * x, n.cos(y)], 0.0),
}
ORDERED: dict[str, Callable[[Any, Any, int], Any]] = {
    **{name: _along(name) for name in (
        "sort", "max", "min", "median", "ptp", "std", "var",
    )},
    "quantile": lambda n, x, axis: n.quantile(x, 0.3, axis=axis),
    "argsort": lambda n, x, axis: n.take_along_axis(x, n.argsort(x, axis=axis), axis),
    "argmax": lambda n, x, axis: n.take_along_axis(x, n.expand_dims(n.argmax(x, axis=axis), axis), axis),
    "cummax": lambda n, x, axis: n.maximum.accumulate(x, axis=axis),
}  # fmt: skip
ALONG: dict[str, Callable[[Any, Any, int], Any]] = {
    **{name: _along(name) for name in (
        "sum", "mean", "cumsum", "cumprod", "prod", "flip", "diff",
    )},
    "sum, kept": lambda n, x, axis: n.sum(x, axis=axis, keepdims=True),
    "logsumexp": lambda n, x, axis: n.log(n.sum(n.exp(x), axis=axis)),
    "roll": lambda n, x, axis: n.roll(x, 2, axis=axis),
    "average": lambda n, x, axis: n.average(x, axis=axis, weights=n.exp(x)),
    "nansum": lambda n, x, axis: n.nansum(x, axis=axis),
    "centred": lambda n, x, axis: x - n.mean(x, axis=axis, keepdims=True),
    "moveaxis": lambda n, x, axis: n.moveaxis(x, axis, 0),
    "split": lambda n, x, axis: n.split(x, [1], axis=axis)[0] * 2,
    "pad": lambda n, x, axis: n.pad(x, [(1, 0)] * x.ndim),
    "wrapped": lambda n, x, axis: n.pad(x, [(0, 1)] * x.ndim, mode="wrap"),
    "tile": lambda n, x, axis: n.tile(x, 2),
    "trapezoid": lambda n, x, axis: n.trapezoid(x, axis=axis),
    "convolve": lambda n, x, axis: n.convolve(n.ravel(x), n.exp(n.ravel(x)[:2]), "same"),
    "polyval": lambda n, x, axis: n.polyval(n.ravel(x)[:3], x),
    "vander": lambda n, x, axis: n.vander(n.ravel(x), 3),
    "interp": lambda n, x, axis: n.interp(n.tanh(x), n.array([-2.0, 2.0]), n.ravel(x)[n.array([0, -1])]),
    "atleast_2d": lambda n, x, axis: n.atleast_2d(x),
}  # fmt: skip
WHOLE: dict[str, Callable[[Any, Any], Any]] = {
    "norm": lambda n, x: n.linalg.norm(x),
    "std": lambda n, x: n.std(x, ddof=1),
    "var": lambda n, x: n.var(x),
    "max": lambda n, x: n.max(x),
    "sort": lambda n, x: n.sort(n.ravel(x)),
    "ranks": lambda n, x: n.ravel(x)[n.argsort(-n.ravel(x))],
    "mean": lambda n, x: n.mean(x, keepdims=True),
}
MATRIX: dict[str, Callable[[Any, Any], Any]] = {
    "svdvals": lambda n, a: n.linalg.svd(a, compute_uv=False),
    "svd": lambda n, a: _from_svd(n, *n.linalg.svd(a, full_matrices=False)),
    "pinv": lambda n, a: n.linalg.pinv(a),
    "qr": lambda n, a: n.linalg.qr(a)[0],
    "r of qr": lambda n, a: n.linalg.qr(a)[1],
    "nuclear norm": lambda n, a: n.linalg.matrix_norm(a, ord="nuc"),
    "spectral norm": lambda n, a: n.linalg.matrix_norm(a, ord=2),
    "trace": lambda n, a: n.trace(a, axis1=-2, axis2=-1),
    "diagonal": lambda n, a: n.diagonal(a, axis1=-2, axis2=-1),
    "tril": lambda n, a: n.tril(a),
    "triu": lambda n, a: n.triu(a, 1),
    "fft2": lambda n, a: n.abs(n.fft.fft2(a)) ** 2,
    "rfft2": lambda n, a: n.fft.irfft2(n.fft.rfft2(a) ** 2),
    "fftshift": lambda n, a: n.fft.fftshift(a),
}
SQUARE: dict[str, Callable[[Any, Any], Any]] = {
    "inv": lambda n, a: n.linalg.inv(a),
    "det": lambda n, a: n.linalg.det(a),
    "slogdet": lambda n, a: n.linalg.slogdet(a)[1],
    "solve": lambda n, a: n.linalg.solve(a, n.sin(a)),
    "cholesky": lambda n, a: n.linalg.cholesky(_symmetric(n, a)),
    "eigvalsh": lambda n, a: n.linalg.eigvalsh(_symmetric(n, a)),
    "eigh": lambda n, a: _from_eigh(n, *n.linalg.eigh(_symmetric(n, a))),
    "cube": lambda n, a: n.linalg.matrix_power(a, 3),
    "inverse square": lambda n, a: n.linalg.matrix_power(a, -2),
    "multi_dot": lambda n, a: n.linalg.multi_dot([a, a, a]) if a.ndim == 2 else a,
}


def _symmetric(n: Any, a: Any) -> Any:
    return (a + n.swapaxes(a, -1, -2)) / 2


def _from_svd(n: Any, u: Any, s: Any, v: Any) -> Any:
    """A function of singular vectors that does not depend on their signs."""
    return n.matmul(u * n.exp(-s)[..., None, :], v)


def _from_eigh(n: Any, w: Any, v: Any) -> Any:
    return n.matmul(v * n.exp(-w)[..., None, :], n.swapaxes(v, -1, -2))


FFT: dict[str, Callable[[Any, Any, int | None, int], Any]] = {
    "fft": lambda n, x, length, axis: n.real(n.fft.fft(x, length, axis)) + n.imag(n.fft.fft(x, length, axis)),
    "power": lambda n, x, length, axis: n.abs(n.fft.rfft(x, length, axis)) ** 2,
    "angle": lambda n, x, length, axis: n.sin(n.angle(n.fft.fft(x, length, axis) + 30 + 1j)),
    "filter": lambda n, x, length, axis: n.fft.irfft(n.fft.rfft(x, length, axis) ** 2, length or 4, axis),
    "ifft": lambda n, x, length, axis: n.real(n.fft.ifft(x * (1 + 2j), length, axis, "ortho")),
    "hfft": lambda n, x, length, axis: n.fft.hfft(x * (1 + 1j), length or 4, axis),
}


@st.composite
def compositions(draw: Any) -> Composition:
    """Compositions of 3 to 8 functions."""
    return _Maker(draw).make()
