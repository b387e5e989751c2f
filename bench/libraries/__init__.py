"""The libraries, in the order of the table."""

from .base import Library, Unsupported
from .by_hand import NumpyByHand
from .numba_kernels import NumbaByHand, NumbaShort
from .ours import Fastvjp, FastvjpCompiled, FastvjpCompiledNumpy, FastvjpNumpy
from .peers import Autograd, Jax, Mlx, MlxCompile, Torch, TorchCompile, TorchFused

KINDS: tuple[type[Library], ...] = (
    FastvjpCompiled, Fastvjp, FastvjpCompiledNumpy, FastvjpNumpy, Jax, Torch, TorchFused, TorchCompile, Mlx,
    MlxCompile, Autograd, NumpyByHand, NumbaByHand, NumbaShort,
)  # fmt: skip
LIBRARIES: dict[str, Library] = {kind.name: kind() for kind in KINDS}

__all__ = ["LIBRARIES", "Library", "Unsupported"]
