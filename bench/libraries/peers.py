"""Peers: JAX, PyTorch, MLX and autograd."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workloads.base import Problem
from .base import Call, Library, Unsupported
from .namespaces import Namespace, autograd_namespace, jax_namespace, mlx_namespace, torch_namespace


class Jax(Library):
    """`jax.jit` of `value_and_grad`, or of `vjp` where the value is an array; 64 bits enabled."""

    name = "jax.jit"
    package = "jax"

    def build(self, problem: Problem) -> Call:
        import jax

        jax.config.update("jax_enable_x64", True)
        fun = problem.fun(jax_namespace())
        n = len(problem.wrt)

        def pulled(cotangent: Any, *arrays: Any) -> Any:
            value, pullback = jax.vjp(lambda *wrt: fun(*wrt, *arrays[n:]), *arrays[:n])
            return value, pullback(cotangent)

        arrays = [jax.numpy.asarray(x) for x in (*problem.wrt, *problem.constants)]
        if problem.scalar:
            gradient = jax.jit(jax.value_and_grad(fun, argnums=tuple(range(n))))
            return lambda: jax.block_until_ready(gradient(*arrays))
        cotangent = jax.numpy.asarray(problem.cotangent)
        gradient = jax.jit(pulled)
        return lambda: jax.block_until_ready(gradient(cotangent, *arrays))


class Torch(Library):
    """Eager PyTorch: the forward pass, then `torch.autograd.grad`."""

    name = "torch"
    package = "torch"

    def namespace(self, problem: Problem) -> Namespace:
        """What the workload is stated in."""
        return torch_namespace()

    def compiled(self, fun: Any) -> Any:
        """Of the forward function; the backward one follows."""
        return fun

    def build(self, problem: Problem) -> Call:
        import torch

        fun = self.compiled(problem.fun(self.namespace(problem)))
        wrt = [torch.from_numpy(np.array(x)).requires_grad_() for x in problem.wrt]
        constants = [torch.from_numpy(np.array(x)) for x in problem.constants]
        cotangent = None if problem.scalar else torch.from_numpy(np.array(problem.cotangent))

        def run() -> Any:
            value = fun(*wrt, *constants)
            return value, torch.autograd.grad(value, wrt, cotangent)

        return run

    def array(self, x: Any) -> np.ndarray:
        return x.detach().numpy()


class TorchFused(Torch):
    """Eager PyTorch with its own attention, layer_norm, gelu and cross_entropy."""

    name = "torch fused"

    def namespace(self, problem: Problem) -> Namespace:
        if not problem.workload.native:
            raise Unsupported("no fused function of torch in this workload")
        return torch_namespace(fused=True)


class TorchCompile(Torch):
    """`torch.compile`, with torch's own fused functions."""

    name = "torch.compile"
    slow_to_build = True

    def namespace(self, problem: Problem) -> Namespace:
        return torch_namespace(fused=True)

    def compiled(self, fun: Any) -> Any:
        import torch

        torch._dynamo.reset()  # its limit of recompilations counts by code object, and ours are shared
        return torch.compile(fun, dynamic=False)


class Mlx(Library):
    """MLX: `value_and_grad` or `vjp`, then `eval`; on its CPU where fastvjp runs on the cpu."""

    name = "mlx"
    package = "mlx.core"
    compile = False

    def build(self, problem: Problem) -> Call:
        import mlx.core as mx

        import fastvjp

        mx.set_default_device(mx.gpu if fastvjp.default_device() == "metal" else mx.cpu)
        fun = problem.fun(mlx_namespace())
        n = len(problem.wrt)
        wrt, constants = ([self.convert(x) for x in xs] for xs in (problem.wrt, problem.constants))
        cotangent = self.convert(problem.cotangent)

        def pulled(*arrays: Any) -> Any:
            (value,), gradients = mx.vjp(
                lambda *wrt: fun(*wrt, *arrays[n:-1]), list(arrays[:n]), list(arrays[-1:])
            )
            return value, gradients

        arrays = [*wrt, *constants] if problem.scalar else [*wrt, *constants, cotangent]
        gradient = mx.value_and_grad(fun, argnums=list(range(n))) if problem.scalar else pulled
        gradient = mx.compile(gradient) if self.compile else gradient

        def run() -> Any:
            value, gradients = gradient(*arrays)
            mx.eval(value, gradients)
            return value, gradients

        return run

    def convert(self, x: np.ndarray) -> Any:
        """An input; `mx.array` would make float32 of a float64 one."""
        import mlx.core as mx

        return mx.array(x, dtype=getattr(mx, str(x.dtype)))


class MlxCompile(Mlx):
    """`mx.compile` of the same."""

    name = "mlx compile"
    compile = True
    slow_to_build = True


class Autograd(Library):
    """HIPS/autograd's `make_vjp`."""

    name = "autograd"
    package = "autograd"

    def build(self, problem: Problem) -> Call:
        import autograd

        make = autograd.make_vjp(problem.fun(autograd_namespace()), tuple(range(len(problem.wrt))))
        arrays = [*problem.wrt, *problem.constants]
        cotangent = problem.cotangent[()]

        def run() -> Any:
            pullback, value = make(*arrays)
            return value, pullback(cotangent)

        return run
