"""Arrays in files: NumPy's formats, and safetensors through its own library."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.array import array, as_array, from_numpy
from ..arrays.public import public
from ..core.avals import as_dtype, is_bfloat16
from .common import ArrayLike


def _values(x: ArrayLike, name: str) -> np.ndarray:
    """The values, to be written; LostGradientError within a recording where they depend on its inputs."""
    return as_array(x, name)._memory(name)


def _of_numpy(x: ArrayLike, name: str) -> np.ndarray:
    """The same for a format that knows NumPy's dtypes."""
    values = _values(x, name)
    if is_bfloat16(values.dtype):
        raise TypeError(f"[{name}] NumPy's formats have no bfloat16. Hint: cast to float32, or save_safetensors.")
    return values


@public()
def save(file: Any, arr: ArrayLike) -> None:
    """Save an array in NumPy's format .npy.

    Args:
        file: path, to which ".npy" is appended if it has no such ending, or binary file.
        arr: the array.

    Example:
        >>> import io
        >>> import fastvjp
        >>> file = io.BytesIO()
        >>> fastvjp.save(file, fastvjp.ones(2))
    """
    np.save(file, _of_numpy(arr, "save"))


@public()
def savez(file: Any, *args: ArrayLike, **kwargs: ArrayLike) -> None:
    """Save several arrays in NumPy's format .npz: those without a name are arr_0, arr_1 and so on.

    Args:
        file: path, to which ".npz" is appended if it has no such ending, or binary file.
        args: arrays.
        kwargs: arrays by name.

    Example:
        >>> import io
        >>> import fastvjp
        >>> file = io.BytesIO()
        >>> fastvjp.savez(file, w=fastvjp.ones(2))
    """
    named = {key: _of_numpy(x, "savez") for key, x in kwargs.items()}
    np.savez(file, *[_of_numpy(x, "savez") for x in args], **named)  # type: ignore[arg-type]


@public()
def savez_compressed(file: Any, *args: ArrayLike, **kwargs: ArrayLike) -> None:
    """`savez`, compressed.

    Example:
        >>> import io
        >>> import fastvjp
        >>> file = io.BytesIO()
        >>> fastvjp.savez_compressed(file, w=fastvjp.ones(2))
    """
    named = {key: _of_numpy(x, "savez_compressed") for key, x in kwargs.items()}
    np.savez_compressed(file, *[_of_numpy(x, "savez_compressed") for x in args], **named)  # type: ignore[arg-type]


@public()
def save_safetensors(file: Any, arrays: dict[str, ArrayLike], metadata: dict[str, str] | None = None) -> None:
    """Save several arrays by name in the format safetensors.

    Args:
        file: path, to which ".safetensors" is appended if it has no such ending, or binary file.
        arrays: arrays by name.
        metadata: texts by name, to be saved with them.

    Raises:
        ImportError: the library safetensors is not installed.
        TypeError: an array of complex128, which the format does not have, or metadata that are no texts.

    Example:
        >>> import fastvjp
        >>> fastvjp.save_safetensors("w", {"w": fastvjp.ones(2)}, {"of": "a model"})  # doctest: +SKIP
    """
    if not all(type(x) is str for pair in (metadata or {}).items() for x in pair):
        raise TypeError(f"[save_safetensors] Expected texts by name as metadata, got {metadata!r:.80}.")
    values = {key: _values(x, "save_safetensors") for key, x in arrays.items()}
    for key, x in values.items():
        if x.dtype.name not in _DTYPES.values():
            raise TypeError(f"[save_safetensors] The format has no {x.dtype}, which {key!r} is of.")
    content = _safetensors("safetensors.numpy").save(values, metadata)
    if hasattr(file, "write"):
        file.write(content)
        return
    path = Path(file)
    path = path if path.suffix == ".safetensors" else path.with_name(path.name + ".safetensors")
    path.write_bytes(content)


_DTYPES = {
    "BOOL": "bool", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "U8": "uint8", "U16": "uint16",
    "U32": "uint32", "U64": "uint64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
    "C64": "complex64", "F8_E4M3": "uint8",
}  # fmt: skip
"""What the format calls dtypes; as in MLX numbers of 8 bits are left as they are, for `from_fp8`."""


def _safetensors(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ImportError(
            "[safetensors] The library safetensors is not installed. Hint: pip install safetensors."
        ) from None


def _read_safetensors(content: bytes) -> tuple[dict[str, array], dict[str, str]]:
    """The arrays and the texts of a file; ValueError where it is damaged."""
    library, found = _safetensors("safetensors"), {}
    try:
        entries = library.deserialize(content)
    except library.SafetensorError as error:
        raise ValueError(f"[load] Expected a file in the format safetensors, got a damaged one: {error}") from None
    for key, entry in entries:  # its own `load` has no bfloat16
        if entry["dtype"] not in _DTYPES:
            raise ValueError(f"[load] {key!r} is of the unsupported dtype {entry['dtype']}.")
        values = np.frombuffer(entry["data"], as_dtype(_DTYPES[entry["dtype"]], "load"))
        found[key] = from_numpy(values.reshape(entry["shape"]), "load")
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return found, header.get("__metadata__", {})


@public()
def load(file: Any, format: str | None = None, return_metadata: bool = False) -> Any:
    """Load what `save`, `savez` or `save_safetensors` saved.

    Args:
        file: path or binary file.
        format: "npy", "npz" or "safetensors"; by default what the name ends with.
        return_metadata: whether to return the texts of a safetensors file, too.

    Returns:
        An array of a .npy file, a dict of arrays of the others; with the metadata a pair of them.

    Raises:
        ValueError: another format, a damaged file, or metadata of a format that has none.
        ImportError: the library safetensors is needed and not installed.

    Example:
        >>> import io
        >>> import fastvjp
        >>> file = io.BytesIO()
        >>> fastvjp.save(file, fastvjp.ones(2))
        >>> _ = file.seek(0)
        >>> fastvjp.load(file, format="npy")
        array([1, 1], dtype=float32)
    """
    name = file if isinstance(file, str | Path) else getattr(file, "name", "")
    kind = format or Path(str(name)).suffix[1:]
    if kind not in ("npy", "npz", "safetensors") or (return_metadata and kind != "safetensors"):
        asked = f"metadata of the format {kind!r}" if return_metadata else f"the format {kind!r}"
        raise ValueError(
            f"[load] Cannot load {asked}. Expected: 'npy', 'npz', or 'safetensors', which has metadata."
        )
    if kind == "npy":
        return from_numpy(np.load(file), "load")
    if kind == "npz":
        with np.load(file) as found:
            return {key: from_numpy(found[key], "load") for key in found.files}
    content = file.read() if hasattr(file, "read") else Path(file).read_bytes()
    arrays, metadata = _read_safetensors(content)
    return (arrays, metadata) if return_metadata else arrays
