"""Linear algebra against PyTorch and JAX in double precision: values and gradients to 1e-10."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.peers import Function, jaxs, ours, torchs, weights_for


def adjoint(a: Any) -> Any:
    return a.swapaxes(-1, -2).conj()


def of_eigenvectors(la: Any, a: Any) -> Any:
    w, v = la.eigh(a + adjoint(a))
    return v @ (w[..., None] ** 3 * adjoint(v))


def of_general_eigenvectors(la: Any, a: Any) -> Any:
    w, v = la.eig(a)
    return v @ (w[..., None] ** 3 * la.inv(v))


def of_singular_vectors(la: Any, a: Any) -> Any:
    u, s, v = la.svd(a, full_matrices=False)
    return u @ (s[..., None] ** 2 * v), u @ v


SQUARE: dict[str, Function] = {
    "inv": lambda la, a: la.inv(a),
    "solve": lambda la, a: la.solve(a, a * a),
    "det": lambda la, a: la.det(a),
    "slogdet": lambda la, a: la.slogdet(a)[1],
    "cholesky": lambda la, a: la.cholesky(a @ adjoint(a)),
    "eigvalsh": lambda la, a: la.eigvalsh(a + adjoint(a)),
    "eigh": of_eigenvectors,
    "eigvals": lambda la, a: (la.eigvals(a) ** 3).sum(-1),
    "eig": of_general_eigenvectors,
    "matrix_power": lambda la, a: la.matrix_power(a, -3),
}
"""Of square matrices."""
ANY: dict[str, Function] = {
    "svdvals": lambda la, a: la.svdvals(a),
    "pinv": lambda la, a: la.pinv(a),
    "spectral": lambda la, a: la.matrix_norm(a, ord=2),
    "nuclear": lambda la, a: la.matrix_norm(a, ord="nuc"),
    "qr": lambda la, a: tuple(la.qr(a)),
    "svd": of_singular_vectors,
}
"""Of matrices of any shape."""
ROWS = [
    *((name, f, shape) for name, f in SQUARE.items() for shape in ((3, 3), (2, 9, 9))),
    *((name, f, shape) for name, f in ANY.items() for shape in ((5, 3), (2, 3, 4))),
]


LACKING = {("jaxs", "eig")}
"""What a peer does not differentiate."""


@pytest.mark.parametrize("peer", [torchs, jaxs])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("name", "function", "shape"), ROWS, ids=lambda x: "" if callable(x) else str(x))
def test_peer(
    name: str,
    function: Function,
    shape: tuple[int, ...],
    dtype: str,
    peer: Callable[..., Any],
    rng: np.random.Generator,
) -> None:
    if (peer.__name__, name) in LACKING:
        pytest.skip("it has no such derivative")
    x = rng.normal(size=shape) + 3 * np.eye(shape[-2], shape[-1])
    if dtype == "complex128":
        x = x + 1j * rng.normal(size=shape)
    weights = weights_for(function, x, rng)
    value, gradient = ours(function, x, weights)
    expected_value, expected = peer(function, x, weights)
    np.testing.assert_allclose(value, expected_value, rtol=1e-10, atol=1e-10 * np.abs(weights[0]).sum())
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())
