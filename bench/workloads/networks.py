"""Neural networks and their parts."""

from __future__ import annotations

from typing import Any

from .base import Made, Workload
from .elementwise import BOTH


def mlp(np: Any, w1: Any, b1: Any, w2: Any, b2: Any, x: Any, labels: Any) -> Any:
    """Two layers and cross entropy."""
    return np.cross_entropy(np.relu(x @ w1 + b1) @ w2 + b2, labels)


def layernorm_gelu(np: Any, x: Any, weight: Any, bias: Any) -> Any:
    return np.gelu(np.layer_norm(x, weight, bias))


def attention(np: Any, q: Any, k: Any, v: Any) -> Any:
    """softmax(q k^T / sqrt(d)) v per batch and head."""
    return np.attention(q, k, v)


def matmul(np: Any, a: Any, b: Any) -> Any:
    return a @ b


def logistic(np: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    """Mean logistic loss with labels of +-1, and a ridge."""
    return np.mean(np.softplus(-y * (x @ w + b))) + 0.005 * np.sum(w * w)


def convnet(np: Any, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, images: Any, labels: Any) -> Any:
    """Two convolutions with 3 x 3 filters, each before maxima of 2 x 2 blocks, a layer and cross entropy."""
    h = np.max_pool(np.relu(np.conv2d(images, w1) + b1))
    h = np.max_pool(np.relu(np.conv2d(h, w2) + b2))
    return np.cross_entropy(np.reshape(h, (h.shape[0], -1)) @ w3 + b3, labels)


def rnn(np: Any, wx: Any, wh: Any, b: Any, x: Any, target: Any) -> Any:
    """An Elman network, unrolled over the first axis of x."""
    h = np.tanh(x[0] @ wx + b)
    for t in range(1, x.shape[0]):
        h = np.tanh(x[t] @ wx + h @ wh + b)
    return np.mean((h - target) ** 2)


def small_layers(np: Any, *arrays: Any) -> Any:
    """Many residual layers of a width at which a product costs less than a dispatch."""
    *params, x = arrays
    for w, b in zip(params[::2], params[1::2], strict=True):
        x = x + 0.1 * np.tanh(x @ w + b)
    return np.mean(x * x)


def make_mlp(rng: Any, batch: int, inputs: int, hidden: int, classes: int) -> Made:
    w1 = rng.normal(size=(inputs, hidden)) / inputs**0.5
    w2 = rng.normal(size=(hidden, classes)) / hidden**0.5
    biases = rng.normal(size=hidden) * 0.1, rng.normal(size=classes) * 0.1
    data = rng.normal(size=(batch, inputs)), rng.integers(0, classes, batch)
    return [w1, biases[0], w2, biases[1]], data


def make_layernorm(rng: Any, rows: int, width: int) -> Made:
    return [rng.normal(size=(rows, width)), rng.uniform(0.5, 1.5, width), rng.normal(size=width)], []


def make_attention(rng: Any, batch: int, heads: int, length: int, width: int) -> Made:
    return [rng.normal(size=(batch, heads, length, width)) for _ in range(3)], []


def make_matmul(rng: Any, n: int) -> Made:
    return [rng.normal(size=(n, n)) for _ in range(2)], []


def make_logistic(rng: Any, n: int, features: int) -> Made:
    x = rng.normal(size=(n, features))
    return [rng.normal(size=features) * 0.1, rng.normal()], [x, rng.choice([-1.0, 1.0], n)]


def make_convnet(rng: Any, batch: int, size: int, first: int, second: int, classes: int) -> Made:
    features = (size // 4) ** 2 * second
    shapes = [(first, 3, 3, 1), (second, 3, 3, first), (features, classes)]
    scales = [3.0, 3.0 * first**0.5, features**0.5]
    weights = [rng.normal(size=shape) / scale for shape, scale in zip(shapes, scales, strict=True)]
    biases = [rng.normal(size=n) * 0.1 for n in (first, second, classes)]
    wrt = [p for pair in zip(weights, biases, strict=True) for p in pair]
    return wrt, [rng.normal(size=(batch, size, size, 1)), rng.integers(0, classes, batch)]


def make_rnn(rng: Any, steps: int, batch: int, width: int) -> Made:
    weights = [rng.normal(size=(width, width)) * 0.5 / width**0.5 for _ in range(2)]
    data = rng.normal(size=(steps, batch, width)), rng.normal(size=(batch, width))
    return [*weights, rng.normal(size=width) * 0.1], data


def make_small_layers(rng: Any, layers: int, batch: int, width: int) -> Made:
    drawn = [(rng.normal(size=(width, width)) / width**0.5, rng.normal(size=width)) for _ in range(layers)]
    return [p for pair in drawn for p in pair], [rng.normal(size=(batch, width))]


def convnet_flops(batch: int, size: int, first: int, second: int, classes: int) -> float:
    """Of convolutions: forward and by filters, of the second one by images, too."""
    return 2.0 * batch * size**2 * 9 * first * (2 + 3 * second / 4)


def mlp_flops(batch: int, inputs: int, hidden: int, classes: int) -> float:
    return 2.0 * batch * hidden * (2 * inputs + 3 * classes)


MLP = {"batch": 64, "inputs": 784, "hidden": 256, "classes": 10}
CONVNET = {"batch": 64, "size": 28, "first": 8, "second": 16, "classes": 10}
ATTENTION = {"batch": 4, "heads": 8, "length": 128, "width": 64}

WORKLOADS = [
    Workload("mlp", mlp, make_mlp, {"batch": 4, "inputs": 12, "hidden": 8, "classes": 3}, (MLP,), native=True,
             matmul_flops=mlp_flops),
    Workload("layernorm_gelu", layernorm_gelu, make_layernorm, {"rows": 8, "width": 16},
             ({"rows": 512, "width": 1024},), BOTH, native=True),
    Workload("attention", attention, make_attention, {"batch": 1, "heads": 2, "length": 8, "width": 4},
             (ATTENTION,), native=True,
             matmul_flops=lambda batch, heads, length, width: 12.0 * batch * heads * length**2 * width),
    Workload("matmul", matmul, make_matmul, {"n": 16}, ({"n": 512},), BOTH, matmul_flops=lambda n: 6.0 * n**3),
    Workload("logistic", logistic, make_logistic, {"n": 50, "features": 5},
             ({"n": 10_000, "features": 50},), BOTH),
    Workload("convnet", convnet, make_convnet, {"batch": 2, "size": 8, "first": 2, "second": 3, "classes": 3},
             (CONVNET,), matmul_flops=convnet_flops),
    Workload("rnn", rnn, make_rnn, {"steps": 3, "batch": 2, "width": 4},
             ({"steps": 32, "batch": 32, "width": 64},),
             matmul_flops=lambda steps, batch, width: 10.0 * steps * batch * width**2),
    Workload("small_layers", small_layers, make_small_layers, {"layers": 3, "batch": 2, "width": 4},
             ({"layers": 50, "batch": 8, "width": 16},)),
]  # fmt: skip
