"""What transformers are made of: normalisations, rotary positions, attention, cross entropy.

Each is a recorded call of elementwise operations, reductions and products, which are fused as any others are, and
has derivatives of every order by all of its arrays.
"""

from __future__ import annotations

import numpy as np

from ..arrays.array import array, as_array, as_arrays, from_numpy
from ..arrays.calls import recorded
from ..arrays.emit import cast, reshaped, rounded, widened
from ..arrays.public import public
from ..core.avals import inexact, promote
from ..core.dtypes import finfo
from .arithmetic import add, multiply, reciprocal, rsqrt, square, subtract
from .broadcasting import broadcast_to
from .common import ArrayLike, broadcast, require
from .indexing import getitem
from .joining import concatenate, stack
from .linalg import matmul
from .logical import where
from .reductions import logsumexp, mean, softmax
from .shape import swapaxes
from .taking import take_along_axis
from .trigonometric import cos, sin

WITHIN = "fast"


# --- normalisations -----------------------------------------------------------------------------------------


def _floating(name: str, eps: float, x: ArrayLike, **vectors: ArrayLike | None) -> list[array]:
    """Floating arrays; ValueError where the first has no axis, or a vector is not as long as its last one."""
    if not isinstance(eps, int | float | np.number):
        raise TypeError(f"[fast.{name}] Expected a number as eps, got {type(eps).__name__}.")
    arrays = as_arrays([x, *(v for v in vectors.values() if v is not None)], f"fast.{name}")
    for a in arrays:
        require(f"fast.{name}", a.dtype, "biuf")
    if arrays[0].ndim == 0:
        raise ValueError(f"[fast.{name}] Expected an array with at least one axis.")
    for what, vector in vectors.items():
        if vector is not None and np.shape(vector) != arrays[0].shape[-1:]:
            shape = arrays[0].shape[-1:]
            raise ValueError(f"[fast.{name}] Expected a {what} of shape {shape}, got {np.shape(vector)}.")
    return [cast(a, inexact(a.dtype)) for a in arrays]


@public(within=WITHIN)
def rms_norm(x: ArrayLike, weight: ArrayLike | None, eps: float) -> array:
    """`x / sqrt(mean(x**2) + eps) * weight` along the last axis (Zhang and Sennrich 2019).

    Args:
        x: real array.
        weight: vector of factors as long as the last axis, or None.
        eps: added under the root.

    Raises:
        ValueError: a scalar, or a weight of another shape.

    Example:
        >>> import fastvjp
        >>> fastvjp.fast.rms_norm(fastvjp.array([3.0, 4.0]), None, 0.0)
        array([0.848528, 1.13137], dtype=float32)
    """
    given = _floating("rms_norm", eps, x, weight=weight)
    return _rms_norm(given[0], 1.0 if weight is None else given[1], eps)


@recorded(3)
def _rms_norm(x: array, weight: ArrayLike, eps: float) -> array:
    dtype, x = promote(*[a.dtype for a in (x, weight) if isinstance(a, array)]), widened(x)
    return rounded(multiply(multiply(x, rsqrt(add(mean(square(x), -1, keepdims=True), eps))), weight), dtype)


@public(within=WITHIN)
def layer_norm(x: ArrayLike, weight: ArrayLike | None, bias: ArrayLike | None, eps: float) -> array:
    """`(x - mean(x)) / sqrt(var(x) + eps) * weight + bias` along the last axis (Ba, Kiros and Hinton 2016).

    Args:
        x: real array.
        weight: vector of factors as long as the last axis, or None.
        bias: vector of summands as long as the last axis, or None.
        eps: added under the root.

    Raises:
        ValueError: a scalar, or a vector of another shape.

    Example:
        >>> import fastvjp
        >>> fastvjp.fast.layer_norm(fastvjp.array([1.0, 2.0, 3.0]), None, None, 0.0)
        array([-1.22474, 0, 1.22474], dtype=float32)
    """
    given = _floating("layer_norm", eps, x, weight=weight, bias=bias)
    return _layer_norm(given[0], 1.0 if weight is None else given[1], 0.0 if bias is None else given[-1], eps)


@recorded(4)
def _layer_norm(x: array, weight: ArrayLike, bias: ArrayLike, eps: float) -> array:
    dtype, x = promote(*[a.dtype for a in (x, weight, bias) if isinstance(a, array)]), widened(x)
    away = subtract(x, mean(x, -1, keepdims=True))
    unit = multiply(away, rsqrt(add(mean(square(away), -1, keepdims=True), eps)))
    return rounded(add(multiply(unit, weight), bias), dtype)


# --- positions ----------------------------------------------------------------------------------------------


@public(within=WITHIN)
def rope(
    a: ArrayLike,
    dims: int,
    *,
    traditional: bool = False,
    base: float | None = 10000.0,
    scale: ArrayLike = 1.0,
    offset: ArrayLike = 0,
    freqs: ArrayLike | None = None,
) -> array:
    """Rotary positions (Su et al. 2021): pairs of features are turned by angles that grow with the position.

    Args:
        a: array of shape (B, ..., T, D): T positions, D features.
        dims: how many features are turned, the first ones; an even number.
        traditional: pairs are neighbours; otherwise a feature of the first half and one of the second.
        base: pair i turns by `base**(-2 * i / dims)` from one position to the next; None if `freqs` are given.
        scale: factor of the positions.
        offset: the first position, or a vector of B of them.
        freqs: the inverses of the angles by which pairs turn: a vector of `dims // 2`.

    Raises:
        ValueError: fewer than three axes; `dims` that are odd or too many; both base and freqs, or none.

    Example:
        >>> import fastvjp
        >>> fastvjp.fast.rope(fastvjp.ones((1, 2, 2)), 2)
        array([[[1, 1],
                [-0.301169, 1.38177]]], dtype=float32)
    """
    x = as_array(a, "fast.rope")
    x = cast(x, inexact(x.dtype))
    if x.ndim < 3 or dims % 2 or not 0 < dims <= x.shape[-1]:
        raise ValueError(
            f"[fast.rope] Expected an array of shape (B, ..., T, D) and an even number of dims up to D, "
            f"got the shape {x.shape} and {dims}."
        )
    if (base is None) == (freqs is None):
        raise ValueError("[fast.rope] Expected one of base and freqs.")
    if freqs is None:
        assert base is not None
        angles = from_numpy(base ** (np.arange(0, -dims, -2) / dims), "fast.rope")
    else:
        angles = reciprocal(as_array(freqs, "fast.rope"))
    if angles.shape != (dims // 2,):
        raise ValueError(f"[fast.rope] Expected freqs of shape ({dims // 2},), got {angles.shape}.")
    if np.shape(offset) not in ((), (1,), x.shape[:1]):
        raise ValueError(f"[fast.rope] Expected one offset or {x.shape[0]}, got the shape {np.shape(offset)}.")
    return _rope(x, cast(angles, widened(x).dtype), scale, offset, bool(traditional))


@recorded(4)
def _rope(x: array, angles: array, scale: ArrayLike, offset: ArrayLike, traditional: bool) -> array:
    dtype, x = x.dtype, widened(x)  # 16 bits do not hold a position beyond some hundreds
    half = angles.shape[0]
    starts = as_array(offset, "rope")
    first = offset if starts.ndim == 0 else reshaped(starts, (starts.size, *(1,) * (x.ndim - 2)))
    places = cast(multiply(add(from_numpy(np.arange(x.shape[-2]), "rope"), first), scale), x.dtype)
    turns = multiply(getitem(places, (..., None)), angles)
    c, s = cos(turns), sin(turns)
    if traditional:
        u, v = getitem(x, (..., slice(0, 2 * half, 2))), getitem(x, (..., slice(1, 2 * half, 2)))
    else:
        u, v = getitem(x, (..., slice(half))), getitem(x, (..., slice(half, 2 * half)))
    turned = subtract(multiply(u, c), multiply(v, s)), add(multiply(u, s), multiply(v, c))
    parts = [reshaped(stack(turned, -1), (*x.shape[:-1], 2 * half))] if traditional else list(turned)
    if 2 * half < x.shape[-1]:
        parts.append(getitem(x, (..., slice(2 * half, None))))
    return rounded(parts[0] if len(parts) == 1 else concatenate(parts, -1), dtype)


# --- attention ----------------------------------------------------------------------------------------------


@public(within=WITHIN)
def scaled_dot_product_attention(
    q: ArrayLike,
    k: ArrayLike,
    v: ArrayLike,
    *,
    scale: float,
    mask: ArrayLike | str | None = None,
    sinks: ArrayLike | None = None,
    force_fused: bool = False,
) -> array:
    """Attention, `softmax(scale * q @ k.T + mask) @ v` for each head (Vaswani et al. 2017).

    Args:
        q: queries of shape (B, N, T, D).
        k: keys of shape (B, M, S, D): a head of keys serves N / M heads of queries that follow one another
            (Ainslie et al. 2023), so M must divide N.
        v: values of shape (B, M, S, E).
        scale: factor of the scores, mostly 1 / sqrt(D).
        mask: what broadcasts to (B, N, T, S) and is added to the scores; or bools, of which False excludes a key;
            or "causal": query i sees keys up to i + S - T. If all keys are excluded, all count alike.
        sinks: vector of N scores, each of a key without value that all queries of a head see (Xiao et al. 2023).
        force_fused: accepted as in MLX; nothing else is there.

    Returns:
        Array of shape (B, N, T, E).

    Raises:
        ValueError: shapes that do not fit, or another mask in words.

    Example:
        >>> import fastvjp
        >>> x = fastvjp.array([[[[1.0, 0.0], [0.0, 1.0]]]])
        >>> fastvjp.fast.scaled_dot_product_attention(x, x, x, scale=1.0, mask="causal")
        array([[[[1, 0],
                 [0.268941, 0.731059]]]], dtype=float32)
    """
    name = "fast.scaled_dot_product_attention"
    xs = [as_array(x, name) for x in (q, k, v)]
    shapes = [x.shape for x in xs]
    if any(len(s) != 4 for s in shapes) or not _fit(*shapes):
        raise ValueError(
            f"[{name}] Expected shapes (B, N, T, D), (B, M, S, D) and (B, M, S, E) with M a divisor of N, "
            f"got {', '.join(map(str, shapes))}."
        )
    scores = (*shapes[0][:3], shapes[1][2])
    causal = isinstance(mask, str)
    if causal and mask != "causal":
        raise ValueError(f"[{name}] Expected 'causal', an array or None as mask, got {mask!r}.")
    added = None if causal or mask is None else as_array(mask, name)
    if added is not None and broadcast(scores, added.shape, name) != scores:
        raise ValueError(f"[{name}] A mask of shape {added.shape} does not broadcast to the scores, {scores}.")
    if sinks is not None and np.shape(sinks) != scores[1:2]:
        raise ValueError(f"[{name}] Expected sinks of shape {scores[1:2]}, got {np.shape(sinks)}.")
    bias, extra = 0.0 if added is None else added, 0.0 if sinks is None else sinks
    return _attention(xs[0], xs[1], xs[2], scale, bias, extra, causal, added is None, sinks is None)


def _fit(q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...]) -> bool:
    return q[0] == k[0] and q[3] == k[3] and k[:3] == v[:3] and k[1] > 0 and q[1] % k[1] == 0


@recorded(6)
def _attention(
    q: array,
    k: array,
    v: array,
    scale: float,
    mask: ArrayLike,
    sinks: ArrayLike,
    causal: bool,
    unmasked: bool,
    without_sinks: bool,
) -> array:
    dtype = promote(q.dtype, k.dtype, v.dtype)
    q, k, v = widened(q), widened(k), widened(v)
    batch, heads, queries, _ = q.shape
    groups, keys = k.shape[1:3]
    # heads that share keys are rows of one product
    together = reshaped(multiply(q, scale), (batch, groups, heads // groups * queries, q.shape[3]))
    scores = reshaped(matmul(together, swapaxes(k, -1, -2)), (batch, heads, queries, keys))
    if causal:
        mask = from_numpy(np.tri(queries, keys, keys - queries, bool), "attention")
    if causal or not unmasked:
        given = as_array(mask, "attention")
        lowest = float(finfo(scores.dtype).min)
        scores = where(given, scores, lowest) if given.dtype.kind == "b" else add(scores, given)
    if not without_sinks:
        column = broadcast_to(reshaped(as_array(sinks, "attention"), (heads, 1, 1)), (*scores.shape[:3], 1))
        scores = concatenate([cast(column, scores.dtype), scores], -1)
    weights = softmax(scores, -1)
    if not without_sinks:
        weights = getitem(weights, (..., slice(1, None)))
    rows = reshaped(weights, (batch, groups, heads // groups * queries, keys))
    return rounded(reshaped(matmul(rows, v), (batch, heads, queries, v.shape[3])), dtype)


@public(within=WITHIN)
def cross_entropy(logits: ArrayLike, targets: ArrayLike) -> array:
    """`logsumexp(logits) - logits[target]` along the last axis: the loss of class indices.

    Args:
        logits: real array of shape (..., n).
        targets: integers of shape (...), from 0 to n - 1.

    Returns:
        Array of shape (...).

    Raises:
        ValueError: shapes that do not fit.
        IndexError: a target out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.fast.cross_entropy(fastvjp.array([[0.0, 0.0]]), [1])
        array([0.693147], dtype=float32)
    """
    x, index = _floating("cross_entropy", 0.0, logits)[0], as_array(targets, "fast.cross_entropy")
    if x.shape[:-1] != index.shape:
        raise ValueError(f"[fast.cross_entropy] Expected targets of shape {x.shape[:-1]}, got {index.shape}.")
    dtype, x = x.dtype, widened(x)
    chosen = take_along_axis(x, reshaped(index, (*index.shape, 1)), -1)
    return rounded(subtract(logsumexp(x, -1), reshaped(chosen, index.shape)), dtype)
