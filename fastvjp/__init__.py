"""fastvjp: vector-Jacobian products for people who write NumPy.

`fastvjp.vjp(fun, primals, cotangents)` and the transforms around it, on CPUs through LLVM and on Apple GPUs
through Metal; names and signatures are those of `mlx.core`.
"""

import typing as _typing

from . import array_api, autograd, fast, fft, linalg, metal, numpy, random, scipy, special, utils
from . import interop as _interop  # noqa: F401  sets operators and methods on array
from . import primitives as _primitives  # noqa: F401  all of them, by families
from . import rules as _rules  # noqa: F401  and the derivative rules of elementwise ones
from .arrays import public as _public
from .arrays.array import array
from .core import avals as _avals
from .core.avals import (
    bool_,
    complex64,
    complex128,
    float16,
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
from .core.dtypes import (
    Dtype,
    broadcast_shapes,
    can_cast,
    complexfloating,
    e,
    euler_gamma,
    finfo,
    floating,
    generic,
    iinfo,
    inexact,
    inf,
    integer,
    isdtype,
    issubdtype,
    nan,
    newaxis,
    number,
    pi,
    signedinteger,
    unsignedinteger,
)
from .core.program import Program
from .core.warnings import CacheWarning, CompileWarning, LostGradientWarning, PrecisionWarning
from .custom.callback import pure_callback
from .custom.function import custom_function
from .custom.kernel import custom_kernel
from .custom.primitive import custom_primitive
from .devices import (
    Device,
    DeviceType,
    cpu,
    default_device,
    device,
    gpu,
    num_threads,
    set_default_device,
    set_num_threads,
)
from .devices.memory_use import (
    clear_cache,
    get_active_memory,
    get_cache_memory,
    get_memory_limit,
    get_peak_memory,
    reset_peak_memory,
    set_cache_limit,
    set_memory_limit,
    set_wired_limit,
)
from .devices.streams import (
    Stream,
    clear_streams,
    default_stream,
    device_count,
    device_info,
    is_available,
    new_stream,
    set_default_stream,
    stream,
    synchronize,
)
from .explain import explain
from .linalg import matrix_norm, matrix_transpose, vecdot
from .ops import *  # type: ignore[assignment]  # noqa: F403
from .recording.reads import LostGradientError, reads
from .recording.recorder import TracedValueError
from .transforms.checkpoint import checkpoint, stop_gradient
from .transforms.compile import async_eval, compile, eval, record
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
    "Device",
    "DeviceType",
    "Dtype",
    "LostGradientError",
    "LostGradientWarning",
    "PrecisionWarning",
    "Program",
    "Stream",
    "TracedValueError",
    "array",
    "array_api",
    "async_eval",
    "autograd",
    "bfloat16",
    "bool_",
    "broadcast_shapes",
    "can_cast",
    "checkpoint",
    "clear_cache",
    "clear_streams",
    "compile",
    "complex64",
    "complex128",
    "complexfloating",
    "cpu",
    "custom_function",
    "custom_kernel",
    "custom_primitive",
    "default_device",
    "default_stream",
    "device",
    "device_count",
    "device_info",
    "e",
    "euler_gamma",
    "eval",
    "explain",
    "fast",
    "fft",
    "finfo",
    "float16",
    "float32",
    "float64",
    "floating",
    "generic",
    "get_active_memory",
    "get_cache_memory",
    "get_memory_limit",
    "get_peak_memory",
    "gpu",
    "grad",
    "hessian",
    "hvp",
    "iinfo",
    "inexact",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "integer",
    "is_available",
    "isdtype",
    "issubdtype",
    "jacfwd",
    "jacrev",
    "jvp",
    "linalg",
    "matrix_norm",
    "matrix_transpose",
    "metal",
    "nan",
    "new_stream",
    "newaxis",
    "njit",
    "num_threads",
    "number",
    "numpy",
    "pi",
    "pure_callback",
    "random",
    "ravel_tree",
    "reads",
    "record",
    "reset_peak_memory",
    "scipy",
    "set_cache_limit",
    "set_default_device",
    "set_default_stream",
    "set_memory_limit",
    "set_num_threads",
    "set_wired_limit",
    "signedinteger",
    "special",
    "stop_gradient",
    "stream",
    "synchronize",
    "tree_map",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unsignedinteger",
    "utils",
    "value_and_grad",
    "vecdot",
    "vjp",
    "vmap",
]  # fmt: skip
__all__.extend(_public.names(globals()))


if _typing.TYPE_CHECKING:
    from .core.avals import bfloat16
else:

    def __getattr__(name: str) -> object:
        if name == "bfloat16":
            return _avals.bfloat16
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names: modules that hold them are no concern of a user's."""
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
