"""fastvjp.fast, products of chosen matrices, weights in few bits: as PyTorch and MLX; gradients by differences."""

from __future__ import annotations

from functools import partial
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from support.checks import close

import fastvjp as fv
from fastvjp import fast


def check_gradients(f, *primals):
    """<g, J d> by differences is <vjp, d>, for f of arrays of float64; and the same of the gradient, once more."""
    rng = np.random.default_rng(abs(hash(primals[0].tobytes())))

    def against_differences(f, primals, tolerance):
        g, ds = rng.normal(size=np.shape(f(*primals))), [rng.normal(size=p.shape) for p in primals]
        vjps = fv.vjp(f, primals, [g])[1]
        up, down = ([p + step * d for p, d in zip(primals, ds, strict=True)] for step in (1e-6, -1e-6))
        slope = (np.asarray(f(*up)) - np.asarray(f(*down))) / 2e-6
        found = sum(np.sum(np.asarray(v) * d) for v, d in zip(vjps, ds, strict=True))
        np.testing.assert_allclose(found, np.sum(g * slope), rtol=tolerance, atol=tolerance)

    against_differences(f, primals, 1e-6)
    against_differences(fv.grad(lambda x, *rest: fv.sum(f(x, *rest) ** 2)), primals, 1e-5)


# --- normalisations, positions ------------------------------------------------------------------------------


def test_normalisations(rng):
    torch = pytest.importorskip("torch")
    x, w, b = rng.normal(size=(3, 4, 8)), rng.normal(size=8), rng.normal(size=8)
    tx, tw, tb = map(torch.tensor, (x, w, b))
    close(fast.rms_norm(x, w, 1e-5), torch.nn.functional.rms_norm(tx, (8,), tw, 1e-5))
    close(fast.rms_norm(x, None, 1e-5), torch.nn.functional.rms_norm(tx, (8,), None, 1e-5))
    close(fast.layer_norm(x, w, b, 1e-5), torch.nn.functional.layer_norm(tx, (8,), tw, tb, 1e-5))
    close(fast.layer_norm(x, None, None, 1e-5), torch.nn.functional.layer_norm(tx, (8,), None, None, 1e-5))
    check_gradients(lambda x, w: fast.rms_norm(x, w, 1e-3), x, w)
    check_gradients(lambda x, w, b: fast.layer_norm(x, w, b, 1e-3), x, w, b)
    close(fv.vmap(lambda x: fast.layer_norm(x, w, b, 1e-5))(x), fast.layer_norm(x, w, b, 1e-5))
    assert fast.rms_norm(fv.ones((2, 3)), None, 1e-5).dtype == fv.float32
    with pytest.raises(ValueError, match=r"Expected a weight of shape \(8,\), got \(3,\)"):
        fast.rms_norm(x, w[:3], 1e-5)
    with pytest.raises(ValueError, match=r"Expected a bias of shape \(8,\), got \(\)"):
        fast.layer_norm(x, w, 1.0, 1e-5)


def turned(x, dims, traditional, base, scale, offset):
    """Pairs as complex numbers that are multiplied by others of size 1."""
    half = dims // 2
    u, v = (x[..., 0:dims:2], x[..., 1:dims:2]) if traditional else (x[..., :half], x[..., half:dims])
    places = np.arange(x.shape[-2]) + np.reshape(offset, (-1, *[1] * (x.ndim - 2)))
    z = (u + 1j * v) * np.exp(1j * scale * places[..., None] * base ** (-2 * np.arange(half) / dims))
    result = x.copy()
    if traditional:
        result[..., 0:dims:2], result[..., 1:dims:2] = z.real, z.imag
    else:
        result[..., :half], result[..., half:dims] = z.real, z.imag
    return result


@pytest.mark.parametrize("traditional", [False, True])
@pytest.mark.parametrize("dims", [6, 8])
def test_rotary_positions(traditional, dims, rng):
    x = rng.normal(size=(2, 3, 5, 8))
    for offset in (0, 3, np.array([1, 4])):
        f = partial(fast.rope, dims=dims, traditional=traditional, base=100.0, scale=0.5, offset=offset)
        close(f(x), turned(x, dims, traditional, 100.0, 0.5, offset))
        by_freqs = partial(f, base=None, freqs=100.0 ** (2 * np.arange(dims // 2) / dims))
        close(by_freqs(x), f(x))
    check_gradients(f, x)
    freqs = rng.uniform(0.5, 2, dims // 2)
    check_gradients(lambda q: fast.rope(x, dims, traditional=traditional, base=None, freqs=q), freqs)
    with pytest.raises(ValueError, match="one of base and freqs"):
        fast.rope(x, dims, freqs=freqs)
    with pytest.raises(ValueError, match="even number of dims up to D, got the shape"):
        fast.rope(x, 10)
    with pytest.raises(ValueError, match=r"Expected one offset or 2, got the shape \(3,\)"):
        fast.rope(x, dims, offset=np.arange(3))


@pytest.mark.parametrize("traditional", [False, True])
@pytest.mark.parametrize("dtype", [fv.float16, fv.bfloat16])
def test_far_rotary_positions_in_16_bits(traditional, dtype, rng):
    """Which have too few digits for a position of 4 digits: all is computed in 32 bits and rounded once."""
    x = fv.array(rng.normal(size=(1, 2, 9, 8))).astype(dtype)
    found = fast.rope(x, 6, traditional=traditional, offset=4001)
    wide = fast.rope(x.astype("float32"), 6, traditional=traditional, offset=4001)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, wide.astype(dtype))


# --- attention ----------------------------------------------------------------------------------------------


def masks(rng):
    return [
        None,
        "causal",
        rng.uniform(size=(5, 7)) < 0.7,
        rng.normal(size=(2, 1, 5, 7)),
        rng.normal(size=(4, 1, 1)),
    ]


def test_attention(rng):
    torch = pytest.importorskip("torch")
    q, k, v = rng.normal(size=(2, 4, 5, 8)), rng.normal(size=(2, 2, 7, 8)), rng.normal(size=(2, 2, 7, 6))
    tensors = list(map(torch.tensor, (q, k, v)))
    for mask in masks(rng):
        if isinstance(mask, np.ndarray) and mask.dtype == bool:
            mask[:, 0] = True
        given = np.tri(5, 7, 2, dtype=bool) if isinstance(mask, str) else mask
        theirs = torch.nn.functional.scaled_dot_product_attention(
            *tensors, attn_mask=None if given is None else torch.tensor(given), scale=0.3, enable_gqa=True
        )
        close(fast.scaled_dot_product_attention(q, k, v, scale=0.3, mask=mask), theirs)
    f = partial(fast.scaled_dot_product_attention, scale=0.3)
    check_gradients(f, q, k, v)
    check_gradients(partial(f, mask="causal"), q, k, v)
    check_gradients(
        lambda q, k, v, m, s: f(q, k, v, mask=m, sinks=s), q, k, v, mask_of_scores(rng), rng.normal(size=4)
    )


def mask_of_scores(rng):
    return rng.normal(size=(4, 5, 1))


def test_sinks_take_weight_and_have_no_value(rng):
    q, k, v = rng.normal(size=(2, 4, 5, 8)), rng.normal(size=(2, 4, 7, 8)), rng.normal(size=(2, 4, 7, 6))
    sinks = rng.normal(size=4)
    scores = np.exp(q @ k.swapaxes(-1, -2))
    expected = scores / (scores.sum(-1, keepdims=True) + np.exp(sinks)[:, None, None]) @ v
    close(fast.scaled_dot_product_attention(q, k, v, scale=1.0, sinks=sinks), expected)
    none = np.zeros((5, 7), bool)
    average = np.broadcast_to(v.mean(2, keepdims=True), (2, 4, 5, 6))
    close(fast.scaled_dot_product_attention(q, k, v, scale=1.0, mask=none), average)


def test_attention_of_shapes_that_do_not_fit():
    q, k = fv.ones((2, 4, 5, 8)), fv.ones((2, 3, 7, 8))
    with pytest.raises(ValueError, match="with M a divisor of N"):
        fast.scaled_dot_product_attention(q, k, k, scale=1.0)
    with pytest.raises(ValueError, match="Expected 'causal', an array or None as mask, got 'full'"):
        fast.scaled_dot_product_attention(q, q, q, scale=1.0, mask="full")
    with pytest.raises(ValueError, match=r"A mask of shape \(5, 6\) does not broadcast|cannot be broadcast"):
        fast.scaled_dot_product_attention(q, q, q, scale=1.0, mask=fv.ones((5, 6)))
    with pytest.raises(ValueError, match=r"Expected sinks of shape \(4,\), got \(2,\)"):
        fast.scaled_dot_product_attention(q, q, q, scale=1.0, sinks=fv.ones(2))


def test_cross_entropy(rng):
    torch = pytest.importorskip("torch")
    x, t = rng.normal(size=(3, 4, 5)), rng.integers(0, 5, (3, 4))
    theirs = torch.nn.functional.cross_entropy(torch.tensor(x).movedim(-1, 1), torch.tensor(t), reduction="none")
    close(fast.cross_entropy(x, t), theirs)
    check_gradients(lambda x: fast.cross_entropy(x, t), x)
    with pytest.raises(ValueError, match=r"Expected targets of shape \(3, 4\), got \(3,\)"):
        fast.cross_entropy(x, t[:, 0])
    with pytest.raises(IndexError):
        fast.cross_entropy(x, t + 5)


# --- products -----------------------------------------------------------------------------------------------


def test_chosen_matrices(rng):
    a, b = rng.normal(size=(3, 2, 4)), rng.normal(size=(2, 5, 4, 6))
    i, j = np.array([[0, 2]]), np.array([[9], [0], [3]])
    flat = b.reshape(10, 4, 6)
    close(fv.gather_mm(a, b, i, j), a[i] @ flat[j])
    close(fv.gather_mm(a, flat[:3], rhs_indices=np.array([2, 0, 0])), a @ flat[[2, 0, 0]])
    check_gradients(lambda a, b: fv.gather_mm(a, b, i, j), a, b)
    close(fv.vmap(lambda i: fv.gather_mm(a, b, i, np.array([1])))(np.array([[0], [2]])), a[[[0], [2]]] @ flat[1])
    with pytest.raises(IndexError):
        fv.gather_mm(a, b, rhs_indices=[10])
    with pytest.raises(ValueError, match=r"got \(3, 2, 4\) and \(3, 2, 4\)"):
        fv.gather_mm(a, a)


def test_blocks(rng):
    a, b = rng.normal(size=(7, 9)), rng.normal(size=(9, 5))
    out, lhs, rhs = (rng.uniform(size=s) < 0.6 for s in [(2, 2), (2, 3), (3, 2)])

    def whole(mask, shape):
        return np.kron(mask, np.ones((4, 4)))[: shape[0], : shape[1]]

    expected = (a * whole(lhs, a.shape)) @ (b * whole(rhs, b.shape)) * whole(out, (7, 5))
    close(fv.block_masked_mm(a, b, 4, out, lhs, rhs), expected)
    close(
        fv.block_masked_mm(a, b, 4, out * 0.5, lhs * 3.0), 1.5 * (a * whole(lhs, a.shape)) @ b * whole(out, (7, 5))
    )
    check_gradients(lambda a, b, m: fv.block_masked_mm(a, b, 4, m, lhs, rhs), a, b, rng.normal(size=(2, 2)))
    with pytest.raises(ValueError, match=r"need a mask_lhs of shape \(2, 3\), got \(2, 2\)"):
        fv.block_masked_mm(a, b, 4, None, out)


def test_segments(rng):
    a, b = rng.normal(size=(4, 9)), rng.normal(size=(9, 3))
    ends = np.array([[0, 3], [3, 9], [2, 2]])
    expected = np.stack([a[:, i:j] @ b[i:j] for i, j in ends])
    close(fv.segmented_mm(a, b, ends), expected)
    close(fv.compile(fv.segmented_mm)(a, b, ends), expected)
    close(fv.vmap(fv.segmented_mm, in_axes=(None, None, 0))(a, b, ends), expected)
    check_gradients(lambda a, b: fv.segmented_mm(a, b, ends), a, b)
    assert fv.segmented_mm(a, b, np.zeros((0, 2), int)).shape == (0, 4, 3)
    with pytest.raises(ValueError, match=r"got \(4, 9\), \(4, 9\)"):
        fv.segmented_mm(a, a, ends)


# --- few bits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 8])
def test_few_bits(bits, rng):
    w = rng.normal(size=(3, 64))
    form: dict[str, Any] = {"group_size": 32, "bits": bits}
    q, scales, biases = fv.quantize(w, **form)
    assert q.shape == (3, 2 * bits) and q.dtype == fv.uint32 and scales.shape == biases.shape == (3, 2)
    found = np.asarray(fv.dequantize(q, scales, biases, **form))
    spread = np.ptp(w.reshape(3, 2, 32), axis=-1, keepdims=True)
    assert (np.abs(found - w).reshape(3, 2, 32) <= spread / (2**bits - 1) * 1.01).all()
    assert len(np.unique(found[0, :32])) <= 2**bits
    x = rng.normal(size=(2, 64))
    close(fv.quantized_matmul(x, q, scales, biases, **form), x @ found.T)
    close(fv.quantized_matmul(x[:, :3], q, scales, biases, False, **form), x[:, :3] @ found)
    close(
        fv.gather_qmm(x, q[None], scales[None], biases[None], rhs_indices=[0, 0], **form),
        np.stack([x @ found.T] * 2),
    )
    check_gradients(
        lambda x, s, b: fv.quantized_matmul(x, q, s, b, **form), x, np.asarray(scales), np.asarray(biases)
    )


def test_few_bits_are_mlxs(rng):
    mx = pytest.importorskip("mlx.core")
    w = rng.normal(size=(3, 128)).astype(np.float32)
    for bits in (2, 3, 4, 5, 6, 8):
        for size in (32, 64):
            ours, theirs = (m.quantize(m.array(w), group_size=size, bits=bits) for m in (fv, mx))
            np.testing.assert_array_equal(ours[0], np.array(theirs[0]))
            for a, b in zip(ours[1:], theirs[1:], strict=True):
                np.testing.assert_allclose(a, np.array(b), rtol=1e-6)


def test_numbers_of_8_bits(rng):
    x = np.concatenate([
        rng.normal(size=500) * 10.0 ** rng.integers(-4, 4, 500),
        [0, 448, 464, 1e9, -np.inf, np.nan, 2.0**-9, 2.0**-10, 3 * 2.0**-10],
        np.arange(0.5, 20, 0.25) * 17,
    ])  # fmt: skip
    for dtype in (fv.float16, fv.bfloat16, fv.float32, fv.float64):
        a = fv.array(x).astype(dtype)
        found = fv.to_fp8(a)
        exact = np.asarray(a).astype(np.float64)
        expected = np.clip(exact, -448, 448).astype(ml_dtypes.float8_e4m3fn)
        np.testing.assert_array_equal(found, expected.view(np.uint8))
        for wanted in (fv.float16, fv.bfloat16, fv.float32, fv.float64):
            back = fv.from_fp8(found, wanted)
            assert back.dtype == wanted
            np.testing.assert_array_equal(np.asarray(back).astype(np.float64), expected.astype(np.float64))
    assert fv.from_fp8(found).dtype == fv.bfloat16
    with pytest.raises(ValueError, match="Expected a floating array, got int32"):
        fv.to_fp8(fv.arange(3))
    with pytest.raises(ValueError, match="Expected uint8 codes and a floating dtype, got int32 and bfloat16"):
        fv.from_fp8(fv.arange(3))


def grouped(w, mode):
    """Groups of numbers, and the largest number of their bits: 1.3 times powers of two of this is theirs."""
    size, top = {"mxfp4": (32, 6.0), "mxfp8": (32, 448.0), "nvfp4": (16, 6.0)}[mode]
    groups = w.reshape(-1, size)
    spread = np.abs(groups).max(-1, keepdims=True)
    return (groups / spread * 1.3 * top * 2.0 ** (np.arange(len(groups)) % 8 - 3)[:, None]).astype(np.float32), top


@pytest.mark.parametrize("mode", ["mxfp4", "mxfp8", "nvfp4"])
def test_few_floating_bits(mode, rng):
    groups, top = grouped(rng.normal(size=(4, 32)), mode)
    kind = ml_dtypes.float8_e4m3fn if mode == "mxfp8" else ml_dtypes.float4_e2m1fn
    wanted = np.abs(groups).max(-1, keepdims=True) / top
    if mode == "nvfp4":
        scales = wanted.astype(ml_dtypes.float8_e4m3fn)
    else:
        scales = (2 ** np.ceil(np.log2(wanted))).astype(ml_dtypes.float8_e8m0fnu)
    exact = np.clip(groups / scales.astype(np.float32), -top, top).astype(kind).astype(np.float32)
    expected = (exact * scales.astype(np.float32)).reshape(4, 32)
    w = fv.array(groups.reshape(4, 32))
    q, found = fv.quantize(w, mode=mode)
    np.testing.assert_array_equal(np.ravel(found), scales.view(np.uint8).ravel())
    assert q.dtype == fv.uint32 and q.shape == (4, 8 if mode == "mxfp8" else 4)
    back = fv.dequantize(q, found, mode=mode, dtype=fv.float32)
    np.testing.assert_array_equal(back, expected)
    assert fv.dequantize(q, found, mode=mode).dtype == fv.bfloat16
    x = rng.normal(size=(2, 32)).astype(np.float32)
    close(fv.quantized_matmul(x, q, found, mode=mode), x @ expected.T)
    close(fv.quantized_matmul(x[:, :4], q, found, transpose=False, mode=mode), x[:, :4] @ expected)
    close(fv.gather_qmm(x, q[None], found[None], rhs_indices=[0, 0], mode=mode), np.stack([x @ expected.T] * 2))
    close(
        fv.grad(lambda x: fv.sum(fv.quantized_matmul(x, q, found, mode=mode)))(x), np.tile(expected.sum(0), (2, 1))
    )
    q, found = fv.quantize(fv.zeros((2, 32)), mode=mode)
    assert not np.asarray(fv.dequantize(q, found, mode=mode)).any()
    if mode == "nvfp4":
        small = fv.multiply(w, 2.0**-20)  # scales of 8 bits have no such numbers
        top_of_all = fv.max(fv.abs(small))
        q, found = fv.quantize(small, mode=mode, global_scale=top_of_all)
        again = fv.dequantize(q, found, mode=mode, global_scale=top_of_all, dtype=fv.float32)
        assert np.abs(np.asarray(again - small)).max() < 0.3 * float(top_of_all)


@pytest.mark.parametrize("mode", ["mxfp4", "mxfp8", "nvfp4"])
def test_few_floating_bits_are_mlxs(mode, rng):
    mx = pytest.importorskip("mlx.core")
    w = grouped(rng.normal(size=(8, 64)), mode)[0].reshape(8, 64)
    (q, scales), theirs = fv.quantize(fv.array(w), mode=mode), mx.quantize(mx.array(w), mode=mode)
    assert q.shape == theirs[0].shape
    np.testing.assert_array_equal(scales, np.array(theirs[1]))
    expected = np.array(mx.dequantize(*theirs, mode=mode, dtype=mx.float32))
    np.testing.assert_array_equal(fv.dequantize(q, scales, mode=mode, dtype=fv.float32), expected)
    q, scales = [fv.array(np.array(part)) for part in theirs]
    np.testing.assert_array_equal(fv.dequantize(q, scales, mode=mode, dtype=fv.float32), expected)


def test_few_bits_that_cannot_be():
    with pytest.raises(ValueError, match="Expected the mode 'affine', 'mxfp4', 'mxfp8' or 'nvfp4', got 'fp2'"):
        fv.quantize(fv.ones((2, 64)), mode="fp2")
    with pytest.raises(
        ValueError, match="Expected groups of 32 numbers of 4 bits each in the mode 'mxfp4', got 64 of 4"
    ):
        fv.quantize(fv.ones((2, 64)), 64, mode="mxfp4")
    with pytest.raises(ValueError, match="got 16 of 3"):
        fv.quantize(fv.ones((2, 64)), bits=3, mode="nvfp4")
    with pytest.raises(ValueError, match="A global scale is for the mode 'nvfp4', got 'mxfp8'"):
        fv.quantize(fv.ones((2, 64)), mode="mxfp8", global_scale=1.0)
    with pytest.raises(ValueError, match="Expected a floating array, got int32"):
        fv.quantize(fv.ones((2, 64), fv.int32))
    for dtype in (fv.float32, fv.int32):
        q, scales = fv.quantize(fv.ones((2, 64)), mode="mxfp4")
        with pytest.raises(
            ValueError, match="uint8 scales of groups of 32 numbers of 4 bits and a floating dtype"
        ):
            fv.dequantize(q, scales if dtype == fv.int32 else fv.ones((2, 2)), mode="mxfp4", dtype=dtype)
    with pytest.raises(ValueError, match="got 32 of 7"):
        fv.quantize(fv.ones((2, 64)), 32, 7)
    with pytest.raises(ValueError, match=r"groups of 64, got \(2, 96\)"):
        fv.quantize(fv.ones((2, 96)))
    q, scales, biases = fv.quantize(fv.ones((2, 64)))
    with pytest.raises(ValueError, match=r"but scales have the shape \(2, 1\)"):
        fv.dequantize(q, scales, biases, group_size=32)
    with pytest.raises(ValueError, match="uint32 words in two axes or more, and biases"):
        fv.dequantize(q, scales)
