"""The namespace a workload is stated in, per library: its own functions, and compositions of them.

`fused=True` of torch takes its own fused function where it has one, as its users would.
"""

from __future__ import annotations

import functools
from typing import Any

from .base import Unsupported


class Namespace:
    """A library's own functions under NumPy's names, and what can be composed of them."""

    def __init__(self, module: Any, **replaced: Any) -> None:
        self.module = module
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)

    def solve_lower(self, a: Any, b: Any) -> Any:
        """Solutions of lower triangular systems."""
        return self.linalg.solve(a, b)

    def relu(self, x: Any) -> Any:
        return self.maximum(x, 0.0)

    def softplus(self, x: Any) -> Any:
        return self.logaddexp(x, 0.0)

    def softmax(self, x: Any, axis: int) -> Any:
        e = self.exp(x - self.max(x, axis=axis, keepdims=True))
        return e / self.sum(e, axis=axis, keepdims=True)

    def logsumexp(self, x: Any, axis: int) -> Any:
        largest = self.max(x, axis=axis, keepdims=True)
        total = self.sum(self.exp(x - largest), axis=axis, keepdims=True)
        return self.sum(self.log(total) + largest, axis=axis)

    def cross_entropy(self, scores: Any, labels: Any) -> Any:
        right = scores[self.arange(scores.shape[0]), labels]
        return self.mean(self.logsumexp(scores, axis=1) - right)

    def gelu(self, x: Any) -> Any:
        return x * (0.5 + 0.5 * self.erf(x * 0.5**0.5))

    def max_pool(self, x: Any) -> Any:
        """Maxima of 2 x 2 blocks of images, of shape (images, height, width, channels)."""
        n, height, width, channels = x.shape
        blocks = self.reshape(x, (n, height // 2, 2, width // 2, 2, channels))
        return self.max(self.max(blocks, axis=4), axis=2)

    def conv2d(self, x: Any, w: Any) -> Any:
        """Images of shape (images, height, width, channels) and filters of (filters, 3, 3, channels)."""
        padded = self.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        windows = self.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        return self.tensordot(windows, w, ((3, 4, 5), (3, 1, 2)))

    def layer_norm(self, x: Any, weight: Any, bias: Any) -> Any:
        centred = x - self.mean(x, axis=-1, keepdims=True)
        variance = self.mean(centred * centred, axis=-1, keepdims=True)
        return centred / self.sqrt(variance + 1e-5) * weight + bias

    def attention(self, q: Any, k: Any, v: Any) -> Any:
        scores = q @ self.swapaxes(k, -1, -2) * q.shape[-1] ** -0.5
        return self.softmax(scores, axis=-1) @ v


@functools.cache
def numpy_namespace() -> Namespace:
    """Plain NumPy and SciPy: for values, and for fastvjp on functions written for NumPy."""
    import numpy

    def erf(x: Any) -> Any:
        import scipy.special  # no library's start has to wait for it

        return scipy.special.erf(x)

    def gammaln(x: Any) -> Any:
        import scipy.special

        return scipy.special.gammaln(x)

    return Namespace(numpy, erf=erf, gammaln=gammaln)


@functools.cache
def fastvjp_namespace() -> Namespace:
    import fastvjp

    return Namespace(
        fastvjp, softmax=fastvjp.softmax, logsumexp=fastvjp.logsumexp,
        conv2d=lambda x, w: fastvjp.conv2d(x, w, padding=1), solve_lower=fastvjp.linalg.solve_triangular,
        gammaln=fastvjp.special.gammaln,
    )  # fmt: skip


@functools.cache
def jax_namespace() -> Namespace:
    import jax
    from jax.scipy import linalg, special

    def solve_lower(a: Any, b: Any) -> Any:
        return linalg.solve_triangular(a, b, lower=True)

    def conv2d(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "OHWI", "NHWC"))

    nn = jax.nn
    functions = {"softmax": nn.softmax, "relu": nn.relu, "softplus": nn.softplus, "conv2d": conv2d}
    functions |= {"solve_lower": solve_lower, "gammaln": special.gammaln}
    return Namespace(jax.numpy, erf=special.erf, logsumexp=special.logsumexp, **functions)


@functools.cache
def torch_namespace(fused: bool = False) -> Namespace:
    import torch

    def conv2d(x: Any, w: Any) -> Any:  # in torch's order, whose memory is as it was
        return fn.conv2d(x.permute(0, 3, 1, 2), w.permute(0, 3, 1, 2), padding=1).permute(0, 2, 3, 1)

    def max_pool(x: Any) -> Any:
        return fn.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)

    fn = torch.nn.functional
    names = {"relu": torch.relu, "softplus": fn.softplus, "softmax": torch.softmax, "logsumexp": torch.logsumexp}
    names |= {"max": torch.amax, "min": torch.amin, "conv2d": conv2d, "max_pool": max_pool}
    names |= {"gammaln": torch.lgamma}
    names["solve_lower"] = lambda a, b: torch.linalg.solve_triangular(a, b, upper=False)
    if fused:
        names |= {
            "cross_entropy": fn.cross_entropy,
            "gelu": fn.gelu,
            "attention": fn.scaled_dot_product_attention,
            "layer_norm": lambda x, weight, bias: fn.layer_norm(x, weight.shape, weight, bias),
        }
    return Namespace(torch, **names)


class _WithoutDerivatives:
    """MLX's linear algebra, of which nothing has a gradient."""

    def __getattr__(self, name: str) -> Any:
        raise Unsupported(f"MLX does not differentiate linalg.{name}")


def _without_gammaln(x: Any) -> Any:
    raise Unsupported("MLX has no logarithm of the gamma function")


@functools.cache
def mlx_namespace() -> Namespace:
    import mlx.core

    functions: dict[str, Any] = {"softmax": mlx.core.softmax, "logsumexp": mlx.core.logsumexp}
    functions |= {"linalg": _WithoutDerivatives(), "gammaln": _without_gammaln}
    return Namespace(mlx.core, conv2d=lambda x, w: mlx.core.conv2d(x, w, padding=1), **functions)


@functools.cache
def autograd_namespace() -> Namespace:
    import autograd.numpy
    from autograd.scipy import linalg, signal, special

    def conv2d(x: Any, w: Any) -> Any:
        padded = autograd.numpy.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "constant")
        turned = w[:, ::-1, ::-1]
        found = signal.convolve(padded, turned, axes=([1, 2], [1, 2]), dot_axes=([3], [3]), mode="valid")
        return autograd.numpy.moveaxis(found, 1, 3)

    def solve_lower(a: Any, b: Any) -> Any:
        return linalg.solve_triangular(a, b, lower=True)

    functions = {"erf": special.erf, "gammaln": special.gammaln, "logsumexp": special.logsumexp}
    return Namespace(autograd.numpy, conv2d=conv2d, solve_lower=solve_lower, **functions)
