"""Random bits: Threefry-2x32 of counters (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3)."""

from __future__ import annotations

import numpy as np

from ...devices.operands import around
from ...planning.plan import KernelStep
from ..elements.registry import kernel
from ..loops import Allocate, Loop, calling, grain_for, lowers
from ..native.pointers import pointer
from .structure import shaped

WORD = 0xFFFFFFFF
PARITY = 0x1BD11BDA
EVEN_TURNS, ODD_TURNS = 0x0D0F1A06, 0x111D1018
"""By how many bits four rounds turn a word, a byte for each."""


@kernel
def random_bits(args, start, stop, dtype):
    """Iteration i is pair i of a key's words: word i and word i + pairs are those of counters (i, i + pairs).

    Of an odd number of words the last pair has one, of counters (i, 0): as MLX counts.
    """
    out, key = pointer(args[0], dtype), pointer(args[1], dtype)
    words, pairs, key_row, key_step = args[2], args[3], args[4], args[5]
    for i in range(start, stop):
        row, pair = i // pairs, i % pairs
        k0, k1 = np.int64(key[row * key_row]), np.int64(key[row * key_row + key_step])
        k2 = k0 ^ k1 ^ PARITY
        second = pair + pairs if pair + pairs < words else 0
        a, b = (pair + k0) & WORD, (second + k1) & WORD
        for group in range(5):
            turns = ODD_TURNS if group % 2 else EVEN_TURNS
            for j in range(4):
                turn = (turns >> (24 - 8 * j)) & 255
                a = (a + b) & WORD
                b = (((b << turn) | (b >> (32 - turn))) & WORD) ^ a
            a, b = (a + k1) & WORD, (b + k2 + group + 1) & WORD
            k0, k1, k2 = k1, k2, k0
        out[row * words + pair] = dtype(a)
        if pair + pairs < words:
            out[row * words + pair + pairs] = dtype(b)
    return 0


@lowers("random_bits")
def lower_random_bits(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """One iteration for each pair of words of each key."""
    shape = step.output.layout.shape
    if 0 in shape:
        return []
    rows, words, _ = around(shape, (len(shape) - 1,))
    key, copies = shaped(step.inputs[0], (rows, 2), allocate)
    pairs = (words + 1) // 2
    views, numbers = (step.output, key), (words, pairs, *key.layout.strides)
    loop = Loop(
        calling("random_bits", step.output.dtype), views, (), numbers, rows * pairs, grain_for(rows * pairs, 15)
    )
    return [*copies, loop]
