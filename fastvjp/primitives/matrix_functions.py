"""Functions of square matrices and their derivatives; any leading axes are batches.

L(X, E), the derivative of f at X along E (Frechet's), is a primitive, linear in E. It is what stands beside f(X)
in f of the block matrix [[X, E], [0, X]] (Mathias, "A chain rule for matrix functions and applications", 1996;
Higham, "Functions of matrices", 2008, section 3.2), which also says what its own derivatives are. That of a root Y
solves Y L + L Y = E.
"""

from __future__ import annotations

from ..arrays.array import array
from ..arrays.emit import emit, zeros
from ..core.avals import Aval
from ..core.primitive import structural
from .linalg import adjoint, block, joined, product
from .views import same


def _last(*operands: Aval, **_: object) -> Aval:
    return operands[-1]


# --- functions -------------------------------------------------------------------------------------------


def _function(name: str) -> None:
    """A function that takes the adjoint of X to the adjoint of f(X), and its derivative."""
    derivative = f"{name}_frechet"

    def rule_x(g: array, x: array, e: array) -> array:
        """Along [[0, g], [0, 0]] the derivative at [[X, E], [0, X]]^H: the sum of its blocks for X."""
        n, none, turned = x.shape[-1], zeros(x), adjoint(x)
        whole, along = _blocks(turned, none, adjoint(e), turned), _blocks(none, g, none, none)
        found = emit(derivative, whole, along)
        return emit("add", block(found, 0, n, 0, n), block(found, n, n, n, n))

    def rule(g: array, x: array) -> array:
        """L(X^H, g)."""
        return emit(derivative, adjoint(x), g)

    structural(name, "x", same, vjp={"x": rule}, on="cpu", fails=name != "expm")
    structural(derivative, "x e", _last, vjp={"x": rule_x, "e": rule}, on="cpu", fails=name != "expm")


def _blocks(a: array, b: array, c: array, d: array) -> array:
    """[[a, b], [c, d]]."""
    return joined(-2, joined(-1, a, b), joined(-1, c, d))


# --- equations -------------------------------------------------------------------------------------------


def _sylvester_z(g: array, x: array, y: array, of: str) -> array:
    """The W with X^H W + W Y^H = g."""
    return emit("sylvester", adjoint(x), adjoint(y), g, of=of)


def _sylvester_x(g: array, x: array, y: array, out: array, of: str) -> array:
    return emit("negative", product(_sylvester_z(g, x, y, of), adjoint(out)))


def _sylvester_y(g: array, x: array, y: array, out: array, of: str) -> array:
    return emit("negative", product(adjoint(out), _sylvester_z(g, x, y, of)))


_function("expm")
_function("logm")
structural("sqrtm", "x", same, vjp={"x": lambda g, out: _sylvester_z(g, out, out, "sqrtm")}, on="cpu", fails=True)
structural(
    "sylvester",
    "x y z",
    _last,
    vjp={"x": _sylvester_x, "y": _sylvester_y, "z": _sylvester_z},
    on="cpu",
    fails=True,
)
