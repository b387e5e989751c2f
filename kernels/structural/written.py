"""Tiny matrices, written out: straight code for one of them, in a loop that is vectorised over many.

What is computed is said by functions of matrices as lists of rows. Run once, on terms, they write the code:
numbers are loaded where they lie, stay in registers, and are stored where they belong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...core.declared import Declared
from ...devices.operands import aval_of
from ...planning.plan import KernelStep, View
from ..loops import Allocate, Failure, Loop
from .lapack import matrices
from .small import LANES, tiles
from .structure import shaped

LARGEST = 4
"""Rows and columns of matrices that are written out: code grows with their cube."""


class Term:
    """A number that the code computes; what is done to it writes a line."""

    def __init__(self, lines: list[str], text: str, name: str = "") -> None:
        """What a text computes; with a name, a number that has been computed."""
        self.lines, self.name = lines, name or f"v{len(lines)}"
        if not name:
            lines.append(f"{self.name} = {text}")

    def __add__(self, other: Term) -> Term:
        return Term(self.lines, f"{self.name} + {other.name}")

    def __sub__(self, other: Term) -> Term:
        return Term(self.lines, f"{self.name} - {other.name}")

    def __mul__(self, other: Term) -> Term:
        return Term(self.lines, f"{self.name} * {other.name}")

    def __truediv__(self, other: Term) -> Term:
        return Term(self.lines, f"{self.name} / {other.name}")

    def __neg__(self) -> Term:
        return Term(self.lines, f"-{self.name}")

    def __gt__(self, other: Term) -> Term:
        return Term(self.lines, f"{self.name} > {other.name}")


Matrix = list[list[Term]]


def _call(function: str, *terms: Term) -> Term:
    return Term(terms[0].lines, f"{function}({', '.join(term.name for term in terms)})")


def _number(value: float, like: Term, kind: str = "dtype") -> Term:
    return Term(like.lines, f"{kind}({value})")


def _conjugate(x: Term) -> Term:
    return _call("conjugate", x)


def _dot(xs: Sequence[Term], ys: Sequence[Term]) -> Term:
    """The sum of products; of one at least."""
    total = xs[0] * ys[0]
    for x, y in zip(xs[1:], ys[1:], strict=True):
        total = total + x * y
    return total


def _adjoint(x: Matrix) -> Matrix:
    return [[_conjugate(value) for value in column] for column in zip(*x, strict=True)]


def _product(x: Matrix, y: Matrix) -> Matrix:
    return [[_dot(row, column) for column in zip(*y, strict=True)] for row in x]


def _negative(x: Matrix) -> Matrix:
    return [[-value for value in row] for row in x]


# --- systems ---------------------------------------------------------------------------------------------


def _eliminated(a: Matrix, b: Matrix) -> Term:
    """Put solutions in the place of b, by partial pivoting; the smallest pivot, or 1."""
    n, least = len(a), _number(1, a[0][0], "real_dtype")
    for k in range(n):
        largest = _call("magnitude", a[k][k])
        for row in range(k + 1, n):  # a larger pivot comes up at once
            size = _call("magnitude", a[row][k])
            larger = size > largest
            largest = _call("choose", larger, size, largest)
            for matrix, first in ((a, k), (b, 0)):
                for j in range(first, len(matrix[k])):
                    upper, lower = matrix[k][j], matrix[row][j]
                    matrix[k][j] = _call("choose", larger, lower, upper)
                    matrix[row][j] = _call("choose", larger, upper, lower)
        least = _call("choose", least > largest, largest, least)
        a[k][k] = _call("ratio", _number(1, a[k][k]), a[k][k])
        for row in range(k + 1, n):
            factor = a[row][k] * a[k][k]
            for matrix, first in ((a, k + 1), (b, 0)):
                for j in range(first, len(matrix[k])):
                    matrix[row][j] = matrix[row][j] - factor * matrix[k][j]
    for k in reversed(range(n)):
        for j in range(len(b[k])):
            b[k][j] = b[k][j] * a[k][k]
            for row in range(k):
                b[row][j] = b[row][j] - a[row][k] * b[k][j]
    return least


def eliminate(x: Matrix, y: Matrix) -> tuple[list[Matrix], Term]:
    """Solutions; singular where the smallest pivot is zero."""
    least = _eliminated(x, y)
    return [y], least


def inverse(x: Matrix) -> tuple[list[Matrix], Term]:
    """Inverses, the solutions for identity matrices."""
    one = [[_number(int(i == j), value) for j, value in enumerate(row)] for i, row in enumerate(x)]
    return eliminate(x, one)


def inverse_back(y: Matrix, x: Matrix) -> tuple[list[Matrix], None]:
    """-x^H y x^H."""
    return [_negative(_product(_adjoint(x), _product(y, _adjoint(x))))], None


# --- positive definite matrices --------------------------------------------------------------------------


def cholesky(x: Matrix) -> tuple[list[Matrix], Term]:
    """Lower factors; with a last diagonal element that is not positive, none."""
    n, none = len(x), _number(0, x[0][0], "real_dtype")
    for k in range(n):
        square = _call("real", x[k][k])
        root = _call("np.sqrt", _call("choose", square > none, square, Term(square.lines, "real_dtype(np.nan)")))
        x[k][k] = _call("dtype", root)
        for row in range(k + 1, n):
            x[row][k] = _call("dtype", x[row][k] / root)
            x[k][row] = _number(0, x[0][0])
        for row in range(k + 1, n):
            for column in range(k + 1, row + 1):
                x[row][column] = x[row][column] - x[row][k] * _conjugate(x[column][k])
    last = _call("real", x[-1][-1])  # what is nan once stays so to the end
    return [x], _call("choose", last > none, last, none)


def cholesky_back(y: Matrix, x: Matrix) -> tuple[list[Matrix], None]:
    """L^-H H L^-1 for lower factors L and H, half the Hermitian matrix whose lower triangle is that of L^H y.

    Row by row from the last on: what is above the diagonal is known from the rows below.
    """
    n, found = len(x), [list(row) for row in x]
    half, inverses = _number(0.5, x[0][0]), [_number(1, x[0][0]) / x[k][k] for k in range(n)]
    for row in reversed(range(n)):
        left = [_conjugate(x[k][row]) for k in range(row, n)]
        for column in range(row + 1):
            value = _dot(left, [y[k][column] for k in range(row, n)]) * half
            if row == column:
                value = _call("dtype", _call("real", value))
            if row + 1 < n:
                value = value - _dot(left[1:], [found[k][column] for k in range(row + 1, n)])
            found[row][column] = value * inverses[row]
    for row in reversed(range(n)):
        for column in reversed(range(row + 1)):
            value = found[row][column]
            if column + 1 < n:
                right = [x[k][column] for k in range(column + 1, n)]
                value = value - _dot(found[row][column + 1 :], right)
            found[row][column] = value * inverses[column]
            found[column][row] = _conjugate(found[row][column])
    return [found], None


# --- loops -----------------------------------------------------------------------------------------------


def is_tiny(*sizes: int) -> bool:
    """Whether matrices of so many rows and columns are written out."""
    return max(sizes) <= LARGEST


Program = Callable[..., tuple[list[Matrix], Term | None]]
Writing = tuple[Program, Failure | None]
"""What is computed, and what is wrong where the program's term is zero; without it, the term is nothing."""

writes = Declared[Callable[[KernelStep], Writing | None]]("kernels.writes")
"""What a step computes of tiny matrices; None where they are not tiny."""


def lowered(step: KernelStep, allocate: Allocate) -> list[Loop] | None:
    """The loops of a step whose operands and results are tiny matrices, behind what brings these in reach.

    Upper triangles, by the parameter `upper`, are lower ones of transposes.
    """
    writing = writes[step.primitive.name](step)
    if writing is None:
        return None
    program, failure = writing
    count, upper = matrices(aval_of(step.outputs[0])), bool(step.params.get("upper"))
    loops: list[Loop] = []
    operands: list[View] = list(step.outputs)
    for x in step.inputs:
        view, copies = shaped(x, (count, *aval_of(x).shape[-2:]), allocate)
        operands.append(view)
        loops += copies
    strides: list[tuple[int, int, int]] = []
    for view in operands:
        m, n = view.layout.shape[-2:]
        ahead, row, column = (m * n, n, 1) if len(strides) < len(step.outputs) else view.layout.strides
        strides.append((ahead, column, row) if upper else (ahead, row, column))
    sizes = [view.layout.shape[-2:] for view in operands]
    source, operations = _source(program, operands[0].dtype, sizes, len(step.outputs), failure is not None)
    tiles_in_all, grain = tiles(count, operations // 4)
    numbers = (count, *(n for steps in strides for n in steps))
    return [*loops, Loop(source, tuple(operands), (), numbers, tiles_in_all, grain, failure)]


def _source(
    program: Program, dtype: np.dtype, sizes: Sequence[Sequence[int]], outputs: int, fails: bool
) -> tuple[str, int]:
    """The source of a loop, and how many lines there are for a matrix.

    Where it fails its status is the first matrix whose term is zero, from 1.
    """
    scopes, lines = len(sizes) + 1, list[str]()

    def element(number: int, row: int, column: int) -> str:
        return f"a{number}, at{number} + {row} * row{number} + {column} * column{number}"

    given = [
        [
            [Term(lines, f"load({element(number, i, j)}, {number}, {scopes})") for j in range(sizes[number][1])]
            for i in range(sizes[number][0])
        ]
        for number in range(outputs, len(sizes))
    ]
    results, term = program(*given)
    for number, result in enumerate(results):
        for i, row in enumerate(result):
            for j, value in enumerate(row):
                lines.append(f"store({element(number, i, j)}, {value.name}, {number}, {scopes})")
    source = [
        "def fused(args, start, stop):",
        f"    dtype, real_dtype = {dtype.name}, {dtype.type(0).real.dtype.name}",
        f"    count = args[{len(sizes)}]",
    ]
    for number in range(len(sizes)):
        word = len(sizes) + 1 + 3 * number
        source += [
            f"    a{number} = pointer(args[{number}], dtype)",
            f"    next{number}, row{number}, column{number} = args[{word}], args[{word + 1}], args[{word + 2}]",
        ]
    source += [
        f"    terms = row_memory({LANES}, real_dtype)",
        "    for i in range(start, stop):",
        f"        first = i * {LANES}",
        f"        width = min({LANES}, count - first)",
        "        for lane in range(width):",
    ]
    source += [f"            at{number} = (first + lane) * next{number}" for number in range(len(sizes))]
    source += [f"            {line}" for line in lines]
    if fails and term is not None:
        source += [
            f"            store(terms, lane, {term.name}, {scopes - 1}, {scopes})",
            "        for lane in range(width):",
            "            if terms[lane] == real_dtype(0):",
            "                return first + lane + 1",
        ]
    return "\n".join([*source, "    return 0", ""]), len(lines)
