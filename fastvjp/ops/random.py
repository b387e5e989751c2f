"""Keys of random numbers, and the bits that follow from them.

A key is two words of 32 bits. Words are those of a counter under a key (Threefry-2x32, Salmon et al. 2011),
counted as MLX counts: so a key gives the same numbers on any machine, device and number of threads, and MLX's.
"""

from __future__ import annotations

import math
import operator
import threading
import time
from collections.abc import Sequence

import numpy as np

from ..arrays.array import array, as_array, from_numpy
from ..arrays.calls import recorded
from ..arrays.emit import emit, reshaped
from ..arrays.public import public
from ..core.avals import uint32
from ..recording.recorder import called_once_by, outside
from .common import ArrayLike
from .creation import Shape, shape_of

WITHIN = "random"


@public(within=WITHIN)
def key(seed: int) -> array:
    """The key of a seed.

    Args:
        seed: an integer, of which the lowest 64 bits count.

    Returns:
        uint32 array of shape (2,): the upper and the lower half of the seed.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.key(7)
        array([0, 7], dtype=uint32)
    """
    number = operator.index(seed)
    return from_numpy(np.array([number >> 32 & 0xFFFFFFFF, number & 0xFFFFFFFF], uint32), "random.key")


@public(recorded(), within=WITHIN)
def split(key: ArrayLike, num: int = 2) -> array:
    """Keys that follow from a key: of independent numbers, and unlike those of the key itself.

    Args:
        key: a key, which should not be used for anything else afterwards.
        num: how many.

    Returns:
        uint32 array of shape (num, 2).

    Raises:
        ValueError: no key.

    Example:
        >>> import fastvjp
        >>> first, second = fastvjp.random.split(fastvjp.random.key(0))
        >>> first
        array([4146024105, 967050713], dtype=uint32)
    """
    return reshaped(emit("random_bits", check_key(key, "split"), size=2 * operator.index(num)), (num, 2))


def check_key(key: ArrayLike, name: str) -> array:
    """A key as an array; ValueError where it is none."""
    x = as_array(key, f"random.{name}")
    if x.shape != (2,) or x.dtype != uint32:
        raise ValueError(
            f"[random.{name}] Expected a key, a uint32 array of shape (2,), got {x._var.aval}. "
            f"Hint: fastvjp.random.key(seed), or a row of fastvjp.random.split(key); vmap over several keys."
        )
    return x


# --- numbers without a key ----------------------------------------------------------------------------------

_state: list[array] = []
_lock = threading.Lock()


def current_state() -> list[array]:
    """The key from which those come that are not given, in a list; made at first use, as it lies on a device."""
    if not _state:
        seed(time.time_ns())
    return _state


@public(within=WITHIN)
def seed(seed: int) -> None:
    """Begin anew with the key of a seed wherever none is given.

    Args:
        seed: an integer; without a call the time of the first use is taken.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.seed(3)
    """
    _state[:] = [key(seed)]


def next_key(given: ArrayLike | None, name: str) -> array:
    """The key that is given, or the next one of the state.

    Raises:
        TypeError: none is given where a function is called once for many results, which would all be the same.
    """
    if given is not None:
        return check_key(given, name)
    with _lock:
        keys = current_state()
        traced = keys[0]._var.value is None
        once = called_once_by()
        if once is not None and not (traced and once == "compile"):
            more = " or compile(fun, inputs=fastvjp.random.state, outputs=fastvjp.random.state)"
            raise TypeError(
                f"[random.{name}] {once} calls a function once for all its results, which would have the same "
                f"random numbers. Expected: a key. Hint: give key=, as an argument of the function"
                f"{more if once == 'compile' else ': vmap over fastvjp.random.split(key, n)'}."
            )
        if traced:
            keys[0], found = split(keys[0])
        else:  # not as a part of what is recorded, whose values would be needed for the next numbers
            with outside():
                keys[0], found = split(keys[0])
        return found


# --- bits ---------------------------------------------------------------------------------------------------


@public(within=WITHIN)
def bits(shape: Shape = (), width: int = 4, key: ArrayLike | None = None) -> array:
    """Random bits.

    Args:
        shape: shape of the result.
        width: bytes of each element: 4, 2 or 1.
        key: a key; by default the next one of the state.

    Returns:
        uint32, uint16 or uint8 array.

    Raises:
        ValueError: another width, a negative size, or no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.bits((2,), key=fastvjp.random.key(0))
        array([928981903, 3453687069], dtype=uint32)
    """
    if width not in (1, 2, 4):
        raise ValueError(f"[random.bits] Expected a width of 1, 2 or 4 bytes, got {width}.")
    return _bits(next_key(key, "bits"), shape_of(shape, "random.bits"), width)


@recorded()
def _bits(key: array, shape: tuple[int, ...], width: int) -> array:
    count, parts = math.prod(shape), 4 // width
    words = emit("random_bits", key, size=-(-count // parts))
    if width == 4:
        return reshaped(words, shape)
    places = np.arange(parts, dtype=uint32) * np.uint32(8 * width)
    cut = (words[:, None] >> places) & np.uint32((1 << 8 * width) - 1)
    return reshaped(reshaped(cut, (cut.size,))[:count], shape).astype(f"uint{8 * width}")


def words(key: array, shape: Sequence[int]) -> array:
    """Random words of 32 bits."""
    return reshaped(emit("random_bits", key, size=math.prod(shape)), tuple(shape))
