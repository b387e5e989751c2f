"""fastvjp: vector-Jacobian products for people who write NumPy.

`fastvjp.vjp(fun, primals, cotangents)` and the transforms around it, on CPUs through Numba and on Apple GPUs
through Metal; names and signatures are those of `mlx.core`.
"""

from . import array_api, autograd, fft, linalg, numpy, scipy
from . import interop as _interop  # noqa: F401  sets operators and methods on array
from . import primitives as _primitives  # noqa: F401  all of them, by families
from . import rules as _rules  # noqa: F401  and the derivative rules of elementwise ones
from .arrays import public as _public
from .arrays.array import array
from .core.avals import (
    bool_,
    complex64,
    complex128,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .core.program import Program
from .core.warnings import CacheWarning, CompileWarning, LostGradientWarning, PrecisionWarning
from .custom.callback import pure_callback
from .custom.function import custom_function
from .custom.kernel import custom_kernel
from .custom.primitive import custom_primitive
from .devices import default_device, device, num_threads, set_default_device, set_num_threads
from .explain import explain
from .ops import *  # noqa: F403
from .recording.reads import LostGradientError, reads
from .recording.recorder import TracedValueError
from .transforms.checkpoint import checkpoint, stop_gradient
from .transforms.compile import compile, eval, record
from .transforms.forward import hessian, hvp, jacfwd, jacrev, jvp
from .transforms.grad import grad, value_and_grad
from .transforms.njit import njit
from .transforms.ravel import ravel_tree
from .transforms.tree import tree_map
from .transforms.vjp import vjp
from .transforms.vmap import vmap

__version__ = "0.1.0"

__all__ = [
    "CacheWarning",
    "CompileWarning",
    "LostGradientError",
    "LostGradientWarning",
    "PrecisionWarning",
    "Program",
    "TracedValueError",
    "array",
    "array_api",
    "autograd",
    "bool_",
    "checkpoint",
    "compile",
    "complex64",
    "complex128",
    "custom_function",
    "custom_kernel",
    "custom_primitive",
    "default_device",
    "device",
    "eval",
    "explain",
    "fft",
    "float32",
    "float64",
    "grad",
    "hessian",
    "hvp",
    "int8",
    "int16",
    "int32",
    "int64",
    "jacfwd",
    "jacrev",
    "jvp",
    "linalg",
    "njit",
    "num_threads",
    "numpy",
    "pure_callback",
    "ravel_tree",
    "reads",
    "record",
    "scipy",
    "set_default_device",
    "set_num_threads",
    "stop_gradient",
    "tree_map",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "value_and_grad",
    "vjp",
    "vmap",
]  # fmt: skip
__all__.extend(_public.names(globals()))


def __dir__() -> list[str]:
    """The public names: modules that hold them are no concern of a user's."""
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
