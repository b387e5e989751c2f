"""Rows of random bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .case import Case, Domain, Shape, primitive, structural

WORDS = Domain(integers=(0, 2**32 - 1), dtype="uint32")


def threefry(key: Any, counter: Any) -> tuple[Any, Any]:
    """Two words of Threefry-2x32 with 20 rounds, by the paper (Salmon et al. 2011, section 3.3)."""
    k = [*key, key[0] ^ key[1] ^ np.uint32(0x1BD11BDA)]
    a, b = counter[0] + k[0], counter[1] + k[1]
    for step in range(20):
        turn = np.uint32((13, 15, 26, 6, 17, 29, 16, 24)[step % 8])
        a = a + b
        b = ((b << turn) | (b >> (np.uint32(32) - turn))) ^ a
        if step % 4 == 3:
            s = step // 4 + 1
            a, b = a + k[s % 3], b + k[(s + 1) % 3] + np.uint32(s)
    return a, b


def _bits(size: int) -> Callable[..., Any]:
    """What MLX makes of them: the first words of all pairs, then the second ones."""

    def bits(key: Any) -> Any:
        pairs = (size + 1) // 2
        i = np.arange(pairs, dtype=np.uint32)
        second = np.where(i + pairs < size, i + pairs, 0).astype(np.uint32)
        with np.errstate(over="ignore"):
            words = threefry((key[..., :1], key[..., 1:]), (i, second))
        return np.concatenate(words, -1)[..., :size]

    return bits


def _case(size: int, shape: Shape) -> Case:
    name = f"{size},{shape}".replace(" ", "")
    fun = primitive("random_bits", size=size)
    return structural("random_bits", fun, _bits(size), (WORDS, shape), dtypes=("uint32",), variant=name)


CASES = [_case(7, (2,)), _case(6, (3, 2)), _case(1, (2, 2, 2)), _case(0, (2,)), _case(5, (0, 2))]
