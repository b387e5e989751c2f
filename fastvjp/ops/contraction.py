"""Sums of products in Einstein's notation, contracted pair by pair."""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Sequence

import numpy as np

from ..arrays.array import array, as_array, as_arrays, from_numpy
from ..arrays.emit import cast, emit, permuted, promoted, reshaped, section, spread, trailing
from ..arrays.public import public
from ..core.avals import bool_, inexact
from .arithmetic import multiply
from .common import ArrayLike
from .diagonals import written_diagonal
from .linalg import matmul, product
from .shape import transpose

_Term = tuple[array, str]
"""An operand and its labels, one for each axis, all different."""


@public()
def einsum(subscripts: str, *operands: ArrayLike) -> array:
    """Sum of products of array elements, said by labels of the axes.

    Args:
        subscripts: labels of each operand, separated by commas, and behind "->" those of the result; without
            "->" these are the labels that occur once, in alphabetical order. "..." stands for axes that are
            broadcast; a label that occurs twice in an operand takes its diagonal.
        operands: arrays.

    Returns:
        Array with an axis for each label of the result; every other label is summed over.

    Raises:
        ValueError: labels that do not fit the operands or each other.

    Example:
        >>> import fastvjp
        >>> a, b = fastvjp.ones((2, 3)), fastvjp.ones((3, 4))
        >>> fastvjp.einsum("ij,jk->ik", a, b).shape
        (2, 4)
    """
    xs = promoted(as_arrays(operands, "einsum")) if operands else []
    labels, result = _parse(subscripts, tuple([x.ndim for x in xs]))
    if len(xs) == 1 and set(labels[0]) == set(result):
        return _relabelled(as_array(operands[0], "einsum"), labels[0], result)
    sizes = _sizes(labels, xs)
    terms = [_distinct(x, term, sizes) for x, term in zip(xs, labels, strict=True)]
    for pair in _path(tuple([term for _, term in terms]), result, tuple([x.shape for x, _ in terms])):
        chosen = [terms[i] for i in pair]
        terms = [t for i, t in enumerate(terms) if i not in pair]
        while len(chosen) > 1:
            kept = set(result).union(*[term for _, term in terms + chosen[2:]])
            chosen[:2] = [_contract(chosen[0], chosen[1], kept)]
        terms += chosen
    x, term = _summed(terms[0], set(result))
    return permuted(x, tuple([term.index(label) for label in result]))


@public()
def einsum_path(subscripts: str, *operands: ArrayLike) -> tuple[list[tuple[int, ...]], str]:
    """The order in which products of `einsum` are cheap, by NumPy's greedy search, without computing any.

    Args:
        subscripts: as for `einsum`.
        operands: arrays, of which only the shapes count.

    Returns:
        Which operands are contracted at each step, their result being appended to the others; and what NumPy tells
        of the cost.

    Raises:
        ValueError: labels that do not fit the operands or each other.

    Example:
        >>> import fastvjp
        >>> a, b, c = fastvjp.ones((5, 8)), fastvjp.ones((8, 10)), fastvjp.ones((10, 7))
        >>> fastvjp.einsum_path("ij,jk,kl", a, b, c)[0]
        [(1, 2), (0, 1)]
    """
    stand_ins = [np.broadcast_to(np.float32(0), x.shape) for x in as_arrays(operands, "einsum_path")]
    path, told = np.einsum_path(subscripts, *stand_ins, optimize="greedy")
    return path[1:], told


@functools.lru_cache(maxsize=1024)
def _parse(subscripts: str, ndims: tuple[int, ...]) -> tuple[list[str], str]:
    """Labels of the operands and of the result, letters in place of every "..."."""

    def wrong(why: str) -> ValueError:
        return ValueError(f"[einsum] {why} in {subscripts!r}.")

    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims) or not ndims:
        raise wrong(f"Expected labels for {len(ndims)} operands, got {len(terms)}")
    for term in [*terms, right]:
        letters = term.replace("...", "", 1)
        if letters and not (letters.isascii() and letters.isalpha()):
            raise wrong(f"Expected letters and at most one '...' per operand, got {term!r}")
    unused = [c for c in string.ascii_letters if c not in subscripts][::-1]
    dots = 0
    for term, ndim in zip(terms, ndims, strict=True):
        free = ndim - len(term.replace("...", ""))
        if free < 0 or (free and "..." not in term):
            raise wrong(f"Labels {term!r} do not match an operand with {ndim} axes")
        dots = max(dots, free if "..." in term else 0)
    if dots > len(unused):
        raise wrong("Too many axes")
    shared = "".join(unused[:dots])
    expanded = []
    for term, ndim in zip(terms, ndims, strict=True):
        free = ndim - len(term.replace("...", ""))
        expanded.append(term.replace("...", shared[dots - free :]))
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        return expanded, shared + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if dots and "..." not in right:
        raise wrong("Expected '...' in the result, as in the operands,")
    result = right.replace("...", shared)
    for c in result:
        if result.count(c) > 1 or not any(c in term for term in expanded):
            raise wrong(f"The result's label {c!r} must be there once, and in an operand,")
    return expanded, result


def _sizes(labels: Sequence[str], xs: Sequence[array]) -> dict[str, int]:
    """Size of each label; ValueError naming the label where the operands differ."""
    sizes: dict[str, int] = {}
    for x, term in zip(xs, labels, strict=True):
        for label, n in zip(term, x.shape, strict=True):
            known = sizes.setdefault(label, n)
            if 1 not in (known, n) and known != n:
                shapes = ", ".join(f"{t}: {y.shape}" for t, y in zip(labels, xs, strict=True))
                raise ValueError(f"[einsum] Label {label!r} stands for sizes {known} and {n} ({shapes}).")
            if known == 1:
                sizes[label] = n
    return sizes


def _relabelled(x: array, term: str, result: str) -> array:
    """An operand of which nothing is summed: diagonals and a transpose, which are views where these are."""
    sizes = _sizes([term], [x])
    if any(x.shape[i] != sizes[label] for i, label in enumerate(term)):
        x, term = _distinct(x, term, sizes)
    while len(term) > len(result):
        label = next(c for c in term if term.count(c) > 1)
        i, j = term.index(label), term.rindex(label)
        x = written_diagonal(x, 0, i, j)
        term = term[:i] + term[i + 1 : j] + term[j + 1 :] + label
    return transpose(x, tuple([term.index(label) for label in result]))


def _distinct(x: array, term: str, sizes: dict[str, int]) -> _Term:
    """Take diagonals of labels that occur twice, drop axes that others broadcast."""
    for label in dict.fromkeys(term):
        while term.count(label) > 1:
            i = term.index(label)
            j = term.index(label, i + 1)
            n = max(x.shape[i], x.shape[j])
            both = tuple([n if k in (i, j) else m for k, m in enumerate(x.shape)])
            x = permuted(spread(x, both), trailing((i, j), x.ndim))
            x = section(reshaped(x, (*x.shape[:-2], n * n)), x.ndim - 2, 0, n * n, n + 1)
            term = "".join(c for k, c in enumerate(term) if k not in (i, j)) + label
    kept = [i for i, label in enumerate(term) if not x.shape[i] == 1 != sizes[label]]
    return reshaped(x, tuple([x.shape[i] for i in kept])), "".join([term[i] for i in kept])


@functools.lru_cache(maxsize=1024)
def _path(terms: tuple[str, ...], result: str, shapes: tuple[tuple[int, ...], ...]) -> list[tuple[int, ...]]:
    """Which operands to contract at each step; what is made is appended to the others."""
    if len(terms) <= 2:
        return [tuple(range(len(terms)))]
    stand_ins = [np.broadcast_to(np.float32(0), shape) for shape in shapes]
    # a label that all its operands dropped is missing here
    left = set("".join(terms))
    found = np.einsum_path(
        f"{','.join(terms)}->{''.join(c for c in result if c in left)}", *stand_ins, optimize="greedy"
    )[0]
    return [tuple(sorted(pair)) for pair in found[1:]]


def _summed(operand: _Term, kept: set[str]) -> _Term:
    x, term = operand
    axes = tuple([i for i, label in enumerate(term) if label not in kept])
    if not axes:
        return operand
    name = "max" if x.dtype == bool_ else "sum"
    return emit(name, x, axes=axes), "".join(label for label in term if label in kept)


def _contract(first: _Term, second: _Term, kept: set[str]) -> _Term:
    """Product of two operands, summed over labels that nothing else has."""
    x, a = _summed(first, kept.union(second[1]))
    y, b = _summed(second, kept.union(first[1]))
    batch = "".join(c for c in a if c in b and c in kept)
    summed = "".join(c for c in a if c in b and c not in kept)
    left = "".join(c for c in a if c not in b)
    right = "".join(c for c in b if c not in a)
    x = permuted(x, tuple([a.index(c) for c in batch + left + summed]))
    y = permuted(y, tuple([b.index(c) for c in batch + summed + right]))
    size = dict(zip(batch + left + summed, x.shape, strict=True))
    size.update(zip(batch + summed + right, y.shape, strict=True))
    groups, m, k, n = (tuple([size[c] for c in group]) for group in (batch, left, summed, right))
    if summed and (left or right):
        count = (math.prod(groups),) if batch else ()
        x = reshaped(x, (*count, math.prod(m), math.prod(k)))
        y = reshaped(y, (*count, math.prod(k), math.prod(n)))
        return reshaped(product(x, y), groups + m + n), batch + left + right
    # no sum, or no label of one operand alone: elementwise
    shape = groups + m + k + n
    x = spread(reshaped(x, groups + m + k + (1,) * len(n)), shape)
    y = spread(reshaped(y, groups + (1,) * len(m) + k + n), shape)
    out = emit("logical_and" if x.dtype == bool_ else "multiply", x, y)
    return _summed((out, batch + left + summed + right), set(batch + left + right))


@public()
def hadamard_transform(a: ArrayLike, scale: float | None = None) -> array:
    """Walsh-Hadamard transform along the last axis: the product with Sylvester's matrix of entries 1 and -1.

    It is a product of two smaller ones, as that matrix is their Kronecker product (Fino and Algazi 1976).

    Args:
        a: array whose last axis has a power of two as its size.
        scale: factor of the result; by default 1 / sqrt(size), with which the transform is its own inverse.

    Raises:
        ValueError: another size, or a scalar.

    Example:
        >>> import fastvjp
        >>> fastvjp.hadamard_transform(fastvjp.array([1.0, 2.0]), scale=1.0)
        array([3, -1], dtype=float32)
    """
    x = as_array(a, "hadamard_transform")
    n = x.shape[-1] if x.ndim else 0
    if n < 1 or n & (n - 1):
        raise ValueError(
            f"[hadamard_transform] Expected a last axis whose size is a power of two, got the shape {x.shape}."
        )
    x = cast(x, inexact(x.dtype))
    rows = 1 << (n.bit_length() - 1) // 2
    left, right = (cast(from_numpy(_sylvester(m), "hadamard_transform"), x.dtype) for m in (rows, n // rows))
    result = matmul(matmul(left, reshaped(x, (*x.shape[:-1], rows, n // rows))), right)
    return multiply(reshaped(result, x.shape), 1 / math.sqrt(n) if scale is None else scale)


def _sylvester(n: int) -> np.ndarray:
    """Entry i, j is -1 to the number of bits that i and j have in common."""
    places = np.arange(n)
    return 1.0 - 2.0 * (np.bitwise_count(places[:, None] & places) % 2)
