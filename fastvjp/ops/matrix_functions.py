"""Functions of square matrices: powers, exponentials, logarithms, roots."""

from __future__ import annotations

import numpy as np

from ..arrays.array import array, as_array, as_arrays
from ..arrays.calls import recorded
from ..arrays.emit import emit, promoted, spread
from ..arrays.public import public
from ..arrays.views import whole
from ..primitives.linalg import identity
from .common import ArrayLike, broadcast
from .linalg import product
from .matrices import matrices, require_square, square
from .solving import inverted


@public(within="linalg", numpy=np.linalg.matrix_power)
def matrix_power(a: ArrayLike, n: int) -> array:
    """Whole powers of square matrices, by squaring.

    Args:
        a: matrices of shape (..., m, m).
        n: exponent; for a negative one the inverses are raised to -n.

    Returns:
        Array of that shape; floating, or of the dtype of `a` if that is an integer one and n is not negative.

    Raises:
        TypeError: `n` is no integer.
        numpy.linalg.LinAlgError: `a` has no square matrices, or `n` is negative and one is singular; says which.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.matrix_power(fastvjp.array([[1.0, 1.0], [0.0, 1.0]]), 5)
        array([[1, 5],
               [0, 1]], dtype=float32)
    """
    try:
        exponent = n.__index__()
    except AttributeError:
        raise TypeError(f"[matrix_power] Expected an integer exponent, got {n!r}.") from None
    x = as_array(a, "matrix_power")
    require_square("matrix_power", x)
    return whole(x) if exponent == 1 else _power(x, exponent)


@recorded()
def _power(x: array, exponent: int) -> array:
    if exponent < 0:
        x, exponent = inverted(square("matrix_power", x), "matrix_power"), -exponent
    found, power = None, x
    while exponent:
        if exponent & 1:
            found = power if found is None else product(found, power)
        exponent >>= 1
        power = product(power, power) if exponent else power
    return array._of(identity(x.shape[-1], x)._var if found is None else found._var)


@public(recorded(), within="linalg")
def expm(a: ArrayLike) -> array:
    """Exponentials of square matrices: the sum of a^k / k!, by scaling and squaring.

    Args:
        a: matrices of shape (..., n, n).

    Returns:
        Array of that shape, floating. Value: Al-Mohy and Higham, "A new scaling and squaring algorithm for the
        matrix exponential", 2009. Derivatives of any order are blocks of exponentials of block matrices (Mathias,
        "A chain rule for matrix functions and applications", 1996).

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.expm(fastvjp.array([[0.0, 1.0], [0.0, 0.0]]))
        array([[1, 1],
               [0, 1]], dtype=float32)
    """
    return emit("expm", square("expm", a))


@recorded(2)
def expm_frechet(a: ArrayLike, e: ArrayLike) -> array:
    """The derivative of the exponential of square matrices along others of the same shape."""
    x, y = promoted(as_arrays([a, e], "expm_frechet"))
    x, y = square("expm_frechet", x), square("expm_frechet", y)
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(
            f"[expm_frechet] Shapes {x.shape} and {y.shape} do not fit. Expected: matrices of one size."
        )
    batch = broadcast(x.shape[:-2], y.shape[:-2], "expm_frechet")
    return emit("expm_frechet", *[spread(v, (*batch, *v.shape[-2:])) for v in (x, y)])


@public(recorded(), within="linalg")
def logm(a: ArrayLike) -> array:
    """Principal logarithms of square matrices, whose eigenvalues have imaginary parts between -pi and pi; SciPy's.

    Args:
        a: matrices of shape (..., n, n), without an eigenvalue that is 0; of real ones none may be negative,
            unless they come as complex numbers.

    Returns:
        Array of that shape, floating. Derivatives are those of `expm`'s kind.

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices, or one without such a logarithm; says which.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.logm(fastvjp.eye(2))
        array([[0, 0],
               [0, 0]], dtype=float32)
    """
    return emit("logm", square("logm", a))


@public(recorded(), within="linalg")
def sqrtm(a: ArrayLike) -> array:
    """Principal square roots of square matrices, whose eigenvalues have no negative real parts; SciPy's.

    Args:
        a: matrices of shape (..., n, n); of real ones no eigenvalue may be negative, unless they come as complex
            numbers.

    Returns:
        Array of that shape, floating. The derivative along e is the y with out y + y out = e.

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices, or one without such a root; says which. Of
            derivatives: a matrix is singular.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.sqrtm(fastvjp.array([[4.0, 0.0], [0.0, 9.0]]))
        array([[2, 0],
               [0, 3]], dtype=float32)
    """
    return emit("sqrtm", square("sqrtm", a))


@public(recorded(3), within="linalg")
def solve_sylvester(a: ArrayLike, b: ArrayLike, q: ArrayLike) -> array:
    """Solutions x of Sylvester's equation a x + x b = q; SciPy's, by Schur decompositions (Bartels and Stewart).

    Args:
        a: matrices of shape (..., m, m).
        b: matrices of shape (..., n, n).
        q: matrices of shape (..., m, n); leading axes are broadcast.

    Returns:
        Array of shape (..., m, n), floating.

    Raises:
        ValueError: shapes that do not fit.
        numpy.linalg.LinAlgError: `a` or `b` has no square matrices, or a and -b have an eigenvalue in common; says
            where.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.solve_sylvester(fastvjp.eye(2), fastvjp.eye(2), fastvjp.ones((2, 2)))
        array([[0.5, 0.5],
               [0.5, 0.5]], dtype=float32)
    """
    name = "solve_sylvester"
    x, y, z = promoted(as_arrays([a, b, q], name))
    x, y, z = square(name, x), square(name, y), matrices(name, z)
    m, n = x.shape[-1], y.shape[-1]
    if z.shape[-2:] != (m, n):
        raise ValueError(
            f"[{name}] Shapes {x.shape}, {y.shape} and {z.shape} do not fit. Expected: {m} rows and {n} "
            f"columns of the last."
        )
    batch = broadcast(broadcast(x.shape[:-2], y.shape[:-2], name), z.shape[:-2], name)
    given = [spread(v, (*batch, *v.shape[-2:])) for v in (x, y, z)]
    return emit("sylvester", *given, of=name)
