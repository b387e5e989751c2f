"""How to go on, by what took a value: the function that records the same."""

from __future__ import annotations

import sys

import numpy as np

THREAD = "another thread"
NAMES: set[str] = set()
"""The public functions: whoever declares one adds it."""
COVERED: set[str] = set()
"""And the functions of NumPy and SciPy that are recorded."""

_HINTS = {
    **dict.fromkeys(
        (
            "np.array", "np.asarray", "np.asanyarray", "np.ascontiguousarray", "np.asfortranarray",
            "np.asarray_chkfinite", "np.require",
        ),
        "fastvjp.array(...) and np.stack([...]) keep the gradient; of an array by itself, leave the call out.",
    ),
    **dict.fromkeys(
        ("float", "complex", "np.float64", "np.float32", "np.complex128", "np.complex64"),
        "use the array as it is, and return it as it is: its shape () is that of a number.",
    ),
    "store": "make the array by fastvjp.zeros(...) or fastvjp.array(z): stores into it are recorded.",
    "np.fromiter": "np.stack(list(...)) records it.",
    "np.r_": "np.concatenate([...]) of arrays records it; fastvjp.array([x]) makes one of a number.",
    "np.c_": "np.column_stack([...]) records it.",
    "np.vectorize": "call the function on whole arrays, or fastvjp.vmap(function)(x).",
    "np.frompyfunc": "call the function on whole arrays, or fastvjp.vmap(function)(x).",
    "np.lib.stride_tricks.as_strided": "fastvjp.as_strided, whose strides count elements, records it; so does "
    "fastvjp.numpy.lib.stride_tricks.as_strided.",
    "np.ndenumerate": "enumerate(x), or the indices of np.ndindex(x.shape), give elements that are recorded.",
    "np.nditer": "iterate over x, or over x.ravel().",
    **dict.fromkeys(
        ("np.arange", "fastvjp.arange"), "start + step * np.arange(n) of an integer n records start and step."
    ),
    "math.pow": "x ** y records it.",
    "math.fsum": "np.sum(fastvjp.array([...])) records it.",
    "math.dist": "np.sqrt(np.sum((x - y) ** 2)) records it.",
    "math.gamma": "fastvjp.special.gamma records it.",
    "math.lgamma": "fastvjp.special.gammaln records it.",
    **{
        f"scipy.linalg.{name}": f"fastvjp.scipy.linalg.{name} records it."  # ours takes other arguments
        for name in ("cholesky", "lu", "qr", "solve_triangular")
    },
    "scipy.linalg.schur": "q of fastvjp.linalg.qr of the eigenvectors of fastvjp.linalg.eig is unitary, and "
    "q^H a q triangular, with the eigenvalues in the order of eig.",
    "scipy.integrate.trapezoid": "np.trapezoid records it.",
    "scipy.signal.convolve": "fastvjp.convolve records it along one axis, fastvjp.conv_general along several.",
    "scipy.signal.correlate": "fastvjp.correlate records it along one axis, fastvjp.conv_general along several.",
    "scipy.signal.fftconvolve": "fastvjp.convolve, or a product of fastvjp.fft.rfft, records it.",
    "scipy.signal.stft": "fastvjp.fft.stft records it, in a scale of its own.",
    "scipy.signal.istft": "fastvjp.fft.istft records it, in a scale of its own.",
    "scipy.spatial.distance.cdist": "np.sqrt(np.sum((a[:, None] - b[None]) ** 2, axis=-1)) records it.",
    "pickle.dumps": "send values of stop_gradient(x), or what is not being differentiated.",
    THREAD: "let one thread run the whole function, or differentiate inside of each thread.",
}  # fmt: skip


def hint(called: str, operation: str) -> str:
    """A sentence, for what was called (or the operation that read, where that is not known)."""
    if operation == THREAD:
        return _HINTS[THREAD]
    found = _HINTS.get(called or operation)
    if found:
        return found
    module, _, name = called.rpartition(".")
    if module == "math" and callable(getattr(np, name, None)):
        return f"np.{name} records it."
    if called.startswith("np.ndarray.") and name == "dot":
        return "X @ b and np.dot(X, b) record the product."
    theirs = getattr(sys.modules.get(module), name, None)
    if called in COVERED and (not called.startswith("scipy.") or isinstance(theirs, np.ufunc)):
        return f"{called} records what it is given as arrays, a list or constants by {called}(fastvjp.array(...))."
    for place in ("", "linalg.", "fft.", "special."):
        if module in ("np", "np.fft", "scipy.special", "scipy.linalg", "scipy.fft") and f"{place}{name}" in NAMES:
            return f"fastvjp.{place}{name} records it."
    if called in COVERED:  # ours takes other arguments, or SciPy's is no ufunc
        return f"fastvjp.{called} records it."
    method, _, home = called.partition(" of ")
    if home == "scipy.stats" and any(c.startswith(home) and c.endswith(f".{method}") for c in COVERED):
        return f"fastvjp.scipy.stats has distributions whose {method} is recorded."
    return (
        "write it with NumPy's functions that fastvjp has, which are recorded, or give it a derivative of its own "
        "by fastvjp.custom_function."
    )
