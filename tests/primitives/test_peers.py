"""FFTs and special functions against PyTorch and JAX in double precision: values and gradients to 1e-10.

Where they have the wrong gradient, or none, it is compared with finite differences or a formula.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from support.checks import close, numeric_grad
from support.peers import Function, jaxs, ours, torchs, weights_for

import fastvjp as fv

PEERS = [torchs, jaxs]
Gradient = Callable[..., tuple[np.ndarray, np.ndarray]]


def compare(function: Function, x: np.ndarray, peer: Gradient, rng: np.random.Generator, part: str) -> None:
    """Errors are measured by the largest number of a value or gradient."""
    weights = weights_for(function, x, rng, part)
    for got, want in zip(ours(function, x, weights, part), peer(function, x, weights, part), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10 * np.abs(want).max())


# --- FFTs ------------------------------------------------------------------------------------------------

OF_ANY: dict[str, Function] = {
    "fft": lambda f, a: f.fft(a),
    "fft, longer": lambda f, a: f.fft(a, 9),
    "fft, shorter": lambda f, a: f.fft(a, 3),
    "ifft": lambda f, a: f.ifft(a, 7, 0),
    "fft2": lambda f, a: f.fft2(a),
    "ifft2": lambda f, a: f.ifft2(a, norm="ortho"),
    "fftn": lambda f, a: f.fftn(a, norm="forward"),
    "ifftn": lambda f, a: f.ifftn(a),
    "fftshift": lambda f, a: f.fftshift(f.fft(a)),
    "ifftshift": lambda f, a: f.ifft(f.ifftshift(a)),
    "irfft": lambda f, a: f.irfft(a),
    "irfft, odd": lambda f, a: f.irfft(a, 7),
    "irfft2": lambda f, a: f.irfft2(a),
    "irfftn": lambda f, a: f.irfftn(a),
    "hfft": lambda f, a: f.hfft(a, 8),
    "power": lambda f, a: abs(f.fft(a)) ** 2,
}
OF_REAL: dict[str, Function] = {
    "rfft": lambda f, a: f.rfft(a),
    "rfft, odd": lambda f, a: f.rfft(a, 7, norm="ortho"),
    "rfft2": lambda f, a: f.rfft2(a),
    "rfftn": lambda f, a: f.rfftn(a),
    "ihfft": lambda f, a: f.ihfft(a),
    "filter": lambda f, a: f.irfft(f.rfft(a) ** 3, 6),
}
ROWS = [
    *(("complex128", name, f) for name, f in OF_ANY.items()),
    *(("float64", name, f) for name, f in (OF_ANY | OF_REAL).items()),
]


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("dtype", "name", "function"), ROWS, ids=lambda x: "" if callable(x) else str(x))
@pytest.mark.parametrize("shape", [(4, 6), (2, 3, 5)], ids=str)
def test_fft(
    dtype: str, name: str, function: Function, shape: tuple[int, ...], peer: Gradient, rng: np.random.Generator
) -> None:
    x = rng.normal(size=shape)
    if dtype == "complex128":
        x = x + 1j * rng.normal(size=shape)
    compare(function, x, peer, rng, "fft")


# --- special functions -----------------------------------------------------------------------------------

SPECIAL: dict[str, tuple[Function, float, float]] = {
    "gammaln": (lambda s, x: s.gammaln(x), 0.2, 9),
    "digamma": (lambda s, x: s.digamma(x), 0.2, 9),
    "polygamma": (lambda s, x: s.polygamma(2, x), 0.2, 9),
    "erfc": (lambda s, x: s.erfc(x), -2, 2),
    "ndtr": (lambda s, x: s.ndtr(x), -3, 3),
    "log_ndtr": (lambda s, x: s.log_ndtr(x), -9, 3),
    "ndtri": (lambda s, x: s.ndtri(x), 0.05, 0.95),
    "logit": (lambda s, x: s.logit(x), 0.05, 0.95),
    "xlog1py": (lambda s, x: s.xlog1py(x, x), 0.2, 3),
    "entr": (lambda s, x: s.entr(x), 0.2, 3),
    "i0": (lambda s, x: s.i0(x), 0.2, 3),
    "i0e": (lambda s, x: s.i0e(x), 0.2, 3),
    "i1": (lambda s, x: s.i1(x), 0.2, 3),
    "i1e": (lambda s, x: s.i1e(x), 0.2, 3),
    "zeta": (lambda s, x: s.zeta(2.5, x), 0.5, 4),
    "gammainc": (lambda s, x: s.gammainc(2.5, x), 0.2, 6),
    "gammaincc": (lambda s, x: s.gammaincc(2.5, x), 0.2, 6),
    "erfcx": (lambda s, x: s.erfcx(x), -1, 9),
    "gammainc of a": (lambda s, x: s.gammainc(x, 2.0), 0.2, 6),
    "betaln": (lambda s, x: s.betaln(x, 1.5), 0.2, 6),
    "beta": (lambda s, x: s.beta(x, 1.5), 0.2, 6),
    "betainc": (lambda s, x: s.betainc(2.0, 1.5, x), 0.05, 0.95),
    "gamma": (lambda s, x: s.gamma(x), 0.3, 5),
    "expi": (lambda s, x: s.expi(x), 0.3, 5),
    "exp1": (lambda s, x: s.exp1(x), 0.3, 5),
    "rel_entr": (lambda s, x: s.rel_entr(x, x * x), 0.3, 2),
    "kl_div": (lambda s, x: s.kl_div(x, x * x), 0.3, 2),
}
"""Functions, and from where to where numbers are drawn."""
INACCURATE = {("torchs", "digamma")}
"""PyTorch's trigamma is off by 5e-10 (2.13)."""


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", SPECIAL)
def test_special(name: str, peer: Gradient, rng: np.random.Generator) -> None:
    function, low, high = SPECIAL[name]
    if (peer.__name__, name) in INACCURATE:
        x = rng.uniform(low, high, 6)
        close(fv.grad(lambda x: fv.sum(fv.special.digamma(x)))(x), scipy.special.polygamma(1, x), rtol=1e-13)
        return
    try:
        compare(function, rng.uniform(low, high, 6), peer, rng, "special")
    except (AttributeError, TypeError, NotImplementedError, RuntimeError) as error:
        pytest.skip(f"it lacks that: {error}"[:80])


# --- where peers are wrong -------------------------------------------------------------------------------


def test_singular_values_that_are_equal() -> None:
    """Symmetric functions of them are smooth."""
    x = 2 * np.eye(3)
    close(fv.grad(lambda a: fv.sum(fv.linalg.svdvals(a) ** 2))(x), 2 * x)
    close(fv.grad(lambda a: fv.linalg.matrix_norm(a, ord="nuc"))(x), np.eye(3))


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_determinants_of_singular_matrices(rank: int, rng: np.random.Generator) -> None:
    """The gradient is the matrix of cofactors, which there is without an inverse."""
    x = rng.uniform(-1, 1, (3, rank)) @ rng.uniform(-1, 1, (rank, 3)) if rank else np.zeros((3, 3))
    expected = numeric_grad(np.linalg.det, x, 1e-3)  # exact: it is linear in each element
    close(fv.grad(np.linalg.det)(x), expected, rtol=1e-9, atol=1e-11)


def test_pseudoinverses_of_constant_rank(rng: np.random.Generator) -> None:
    """Along directions that keep the rank the pseudoinverse is smooth."""
    left, right, weights = rng.uniform(1, 2, (4, 2)), rng.uniform(-1, 1, (2, 3)), rng.normal(size=(3, 4))

    def loss(n: Any, a: Any) -> Any:
        return n.sum(n.linalg.pinv(a @ right, rcond=1e-10) * weights)

    found = fv.grad(lambda a: loss(np, a))(left)
    close(found, numeric_grad(lambda a: loss(np, a), left), rtol=1e-5, atol=1e-6)
