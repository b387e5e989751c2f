"""Random numbers: bits of published vectors and MLX's, distributions by SciPy's, keys, state, gradients."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from support.cases.random import threefry
from support.checks import close

import fastvjp as fv
from fastvjp import random

stats = pytest.importorskip("scipy.stats")
CHANCE = 1e-9
"""Of a test to fail where all is right."""


@pytest.fixture
def key(rng):
    return random.key(int(rng.integers(0, 2**64, dtype=np.uint64)))


# --- bits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_the_reference_gives_the_vectors_of_random123(key, counter, expected):
    with np.errstate(over="ignore"):
        found = threefry(tuple(map(np.uint32, key)), tuple(map(np.uint32, counter)))
    assert tuple(map(int, found)) == expected


def test_bits_of_the_key_zero():
    zero, one = np.uint32(0), np.uint32(1)
    with np.errstate(over="ignore"):
        expected = list(threefry((zero, zero), (zero, one)))
    assert random.bits((2,), key=random.key(0)).tolist() == expected
    assert random.key(0x123456789).tolist() == [1, 0x23456789] == random.key(0x123456789 + (1 << 70)).tolist()


@pytest.mark.parametrize("width", [1, 2, 4])
def test_narrow_bits_are_parts_of_words(width, key):
    found = random.bits((3, 5), width, key)
    words = np.asarray(random.bits((-(-15 * width // 4),), key=key))
    assert found.shape == (3, 5) and found.dtype.itemsize == width
    np.testing.assert_array_equal(np.ravel(found), words.view(f"<u{width}")[:15])


def test_numbers_are_mlxs(rng):
    mx = pytest.importorskip("mlx.core")
    number = int(rng.integers(0, 2**62))
    logits = rng.normal(size=(3, 5)).astype(np.float32)
    draws = [
        lambda m, key, n: m.random.uniform(shape=(n,), key=key),
        lambda m, key, n: m.random.uniform(-2.0, 5.0, (n,), key=key),
        lambda m, key, n: m.random.normal((n, 2), key=key),
        lambda m, key, n: m.random.normal((n,), loc=2.0, scale=3.0, key=key),
        lambda m, key, n: m.random.laplace((n,), key=key),
        lambda m, key, n: m.random.gumbel((n,), key=key),
        lambda m, key, n: m.random.truncated_normal(-1.0, 2.0, (n,), key=key),
        lambda m, key, n: m.random.randint(-5, 100, (n,), key=key),
        lambda m, key, n: m.random.bernoulli(0.3, (n,), key=key),
        lambda m, key, n: m.random.permutation(n, key=key),
        lambda m, key, n: m.random.permutation(m.arange(2 * n).reshape(2, n), axis=1, key=key),
        lambda m, key, n: m.random.categorical(m.array(logits), key=key),
        lambda m, key, n: m.random.categorical(m.array(logits), 0, num_samples=n, key=key),
        lambda m, key, n: m.random.categorical(m.array(logits), shape=(n, 3), key=key),
        lambda m, key, n: m.random.categorical(m.array(logits[0]), shape=(n,), key=key),
        lambda m, key, n: m.random.split(key, n),
    ]
    for draw in draws:
        for n in (1, 64, 501):
            ours, theirs = draw(fv, random.key(number), n), np.array(draw(mx, mx.random.key(number), n))
            assert ours.shape == theirs.shape
            # erfinv is another; a number beside the border of two choices may fall on the other side
            exact = ours.dtype.kind in "biu"
            differ = np.abs(np.asarray(ours).astype(float) - theirs) > (0 if exact else 1e-4)
            assert differ.sum() <= (2 if exact else 0)


def test_any_device_gives_the_same_numbers(key):
    def draws():
        made = random.bits((5,), key=key), random.split(key, 3), random.uniform(shape=(3,), key=key)
        return [np.asarray(x) for x in made]

    with fv.device("cpu"):
        expected = draws()
    with fv.device("metal-emulator"):
        for found, x in zip(draws(), expected, strict=True):
            np.testing.assert_array_equal(found, x)


# --- distributions ------------------------------------------------------------------------------------------

CONTINUOUS = {
    "uniform": (partial(random.uniform, -1.0, 3.0), stats.uniform(-1, 4)),
    "normal": (partial(random.normal, loc=2.0, scale=3.0), stats.norm(2, 3)),
    "truncated_normal": (partial(random.truncated_normal, -1.0, 2.0), stats.truncnorm(-1, 2)),
    "gumbel": (random.gumbel, stats.gumbel_r()),
    "laplace": (partial(random.laplace, loc=1.0, scale=0.5), stats.laplace(1, 0.5)),
    "gamma": (partial(random.gamma, 2.5), stats.gamma(2.5)),
    "gamma below 1": (partial(random.gamma, 0.3), stats.gamma(0.3)),
    "beta": (partial(random.beta, 0.7, 2.0), stats.beta(0.7, 2)),
    "student_t": (partial(random.student_t, 3.0), stats.t(3)),
    "exponential": (partial(random.exponential, 2.0), stats.expon(scale=2)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("draw", "expected"), CONTINUOUS.values(), ids=CONTINUOUS)
def test_distributions(draw, expected, dtype, key):
    x = draw(shape=(100, 100), dtype=dtype, key=key)
    assert x.shape == (100, 100) and x.dtype == dtype
    assert stats.kstest(np.ravel(x), expected.cdf).pvalue > CHANCE
    assert np.unique(x).size > 9900


@pytest.mark.parametrize("dtype", [fv.float16, fv.bfloat16])
@pytest.mark.parametrize(("draw", "expected"), CONTINUOUS.values(), ids=CONTINUOUS)
def test_distributions_in_16_bits(draw, expected, dtype, key):
    """Those of float32, rounded once: all of the tails is there. Uniform ones never reach the end."""
    x = draw(shape=(1000,), dtype=dtype, key=key)
    assert x.dtype == dtype
    if getattr(draw, "func", draw) is random.uniform:
        assert bool(fv.all(x < draw.args[1]))
        close(x.astype("float32"), draw(shape=(1000,), key=key), atol=0.02, rtol=0)
        return
    np.testing.assert_array_equal(x, draw(shape=(1000,), dtype="float32", key=key).astype(dtype))
    by_place = random.normal((3,), dtype, None, None, key)
    np.testing.assert_array_equal(by_place, random.normal((3,), key=key).astype(dtype))


def frequencies(found, chances):
    """The p-value of counts."""
    counts = np.bincount(np.ravel(found), minlength=len(chances))
    assert counts.size == len(chances)
    return stats.chisquare(counts, np.array(chances) / np.sum(chances) * counts.sum()).pvalue


def test_choices(key):
    p = np.array([0.1, 0.2, 0.3, 0.4])
    drawn = [
        random.categorical(np.log(p), shape=(10000,), key=key),
        random.categorical(np.log(np.stack([p, p])), shape=(5000, 2), key=key),
        random.categorical(np.log(np.stack([p, p], 1)), 0, num_samples=5000, key=key),
    ]
    for found in drawn:
        assert frequencies(found, p) > CHANCE
    assert drawn[2].shape == (2, 5000)
    assert frequencies(np.asarray(random.bernoulli(0.3, (10000,), key)).astype(int), [0.7, 0.3]) > CHANCE
    assert bool(random.bernoulli(1.0, (1000,), key).all()) and not bool(random.bernoulli(0.0, (1000,), key).any())
    assert frequencies(random.randint(0, 7, (10000,), key=key), [1] * 7) > CHANCE
    long = np.asarray(random.randint(0, 1 << 40, (1000,), "int64", key))
    assert (long >= 0).all() and (long < 1 << 40).all() and np.unique(long & 1023).size > 400
    assert random.categorical(np.array([-np.inf, 0.0]), shape=(50,), key=key).tolist() == [1] * 50


@pytest.mark.parametrize("mean", [0.3, 4.0, 250.0])
def test_poisson_numbers(mean, key):
    found = np.asarray(random.poisson(mean, (10000,), key=key))
    expected = stats.poisson(mean)
    low, high = int(expected.ppf(0.02)), int(expected.ppf(0.98))
    counts = np.bincount(np.clip(found, low, high) - low, minlength=high - low + 1)
    chances = expected.pmf(np.arange(low, high + 1))
    chances[0], chances[-1] = expected.cdf(low), expected.sf(high - 1)
    assert stats.chisquare(counts, chances / chances.sum() * 10000).pvalue > CHANCE
    assert random.poisson(np.zeros(3), key=key).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="Expected an integer dtype, got float32"):
        random.poisson(mean, dtype="float32")


def test_dirichlet_vectors(key):
    alpha = np.array([0.2, 1.0, 3.0])
    x = np.asarray(random.dirichlet(alpha, (5000,), key=key))
    assert x.shape == (5000, 3) and (x >= 0).all()
    close(x.sum(1), np.ones(5000), 1e-13)
    for i in range(3):
        assert stats.kstest(x[:, i], stats.beta(alpha[i], alpha.sum() - alpha[i]).cdf).pvalue > CHANCE
    assert random.dirichlet(np.ones((4, 2)), key=key).shape == (4, 2)


def test_permutations(key):
    assert sorted(random.permutation(50, key=key).tolist()) == list(range(50))
    x = np.arange(12.0).reshape(3, 4)
    found = np.asarray(random.permutation(x, 1, key))
    np.testing.assert_array_equal(np.sort(found, 1), x)
    assert (np.diff(found, axis=0) == 4).all()  # columns stay together
    (dx,) = fv.vjp(lambda x: random.permutation(x, 1, key), [x], [found])[1]
    np.testing.assert_array_equal(dx, x)


def test_vectors(key, rng):
    root = rng.normal(size=(3, 3))
    mean, cov = rng.normal(size=3), root @ root.T + np.eye(3)
    x = np.asarray(random.multivariate_normal(mean, cov, (20000,), key=key))
    assert x.shape == (20000, 3) and x.dtype == np.float64
    white = np.linalg.solve(np.linalg.cholesky(cov), (x - mean).T)
    assert stats.kstest(white.ravel(), "norm").pvalue > CHANCE
    assert np.abs(np.corrcoef(white) - np.eye(3)).max() < 7 / np.sqrt(20000)
    assert random.multivariate_normal(np.zeros((4, 1, 2)), np.stack([np.eye(2)] * 5), key=key).shape == (4, 5, 2)
    with pytest.raises(ValueError, match=r"got \(2,\) and \(3, 3\)"):
        random.multivariate_normal(np.zeros(2), np.eye(3))


def test_complex_normal_numbers(key):
    z = np.asarray(random.normal((20000,), "complex128", loc=1j, scale=2.0, key=key))
    parts = np.stack([z.real, z.imag - 1])
    assert stats.kstest(parts.ravel() / np.sqrt(2), "norm").pvalue > CHANCE
    assert np.abs(np.corrcoef(parts)[0, 1]) < 7 / np.sqrt(20000)


def test_dtypes_and_shapes_of_parameters(key):
    assert random.uniform(np.zeros(3), 1.0, key=key).dtype == np.float64
    assert random.normal(loc=fv.zeros((2, 1)), scale=fv.ones(3), key=key).shape == (2, 3)
    assert random.normal(loc=fv.zeros(3), key=key).dtype == np.float32
    assert random.randint(np.array([0, 5]), np.array([1, 6]), key=key).tolist() == [0, 5]
    for draw, dtype in ((random.uniform, "int32"), (random.normal, "int32"), (random.gumbel, "complex64")):
        with pytest.raises(ValueError, match="Expected float16, bfloat16, float32 or float64"):
            draw(dtype=dtype, key=key)
    with pytest.raises(ValueError, match="integer dtype or bool, got float32"):
        random.randint(0, 3, dtype="float32")
    with pytest.raises(ValueError, match=r"do not broadcast|cannot be broadcast"):
        random.normal((2,), loc=fv.zeros(3))
    with pytest.raises(ValueError, match="Negative size"):
        random.uniform(shape=(2, -3))
    with pytest.raises(ValueError, match=r"Expected a key, a uint32 array of shape \(2,\), got int32\[2\]"):
        random.uniform(key=fv.array([1, 2]))


# --- transforms ---------------------------------------------------------------------------------------------


def test_gradients_by_parameters(key, rng):
    """Numbers are a function of the parameters: against differences."""
    low, high, loc, scale = -0.5, 0.9, 0.3, 1.7
    functions = [
        (lambda a, b: random.uniform(a, b, (5,), key=key), low, high),
        (lambda a, b: random.normal((5,), loc=a, scale=b, key=key), loc, scale),
        (lambda a, b: random.laplace((5,), loc=a, scale=b, key=key), loc, scale),
        (lambda a, b: random.truncated_normal(a, b, (5,), key=key), low, high),
        (lambda a, b: random.exponential(b, (5,), key=key) * a, loc, scale),
        (lambda a, b: random.gamma(a, (5,), key=key) * b, 0.3, scale),
        (lambda a, b: random.beta(a, b, (5,), key=key), 0.9, scale),
        (lambda a, b: random.student_t(b, (5,), key=key) * a, loc, scale),
        (lambda a, b: random.dirichlet(fv.stack([a, b, b * a]), key=key), 0.9, scale),
        (lambda a, b: random.multivariate_normal(a * np.ones(2), np.eye(2) * b, key=key), loc, scale),
    ]
    for f, *at in functions:
        x = np.array(at)
        jacobian = fv.jacrev(lambda x, f=f: f(x[0], x[1]))(x)
        for i in range(2):
            d = np.eye(2)[i] * 1e-6
            differences = (np.asarray(f(*(x + d))) - np.asarray(f(*(x - d)))) / 2e-6
            np.testing.assert_allclose(np.asarray(jacobian)[:, i], differences, rtol=1e-6, atol=1e-7)


def test_vmap_over_keys(key):
    keys = random.split(key, 4)
    expected = np.stack([random.normal((3,), key=k) for k in keys])
    np.testing.assert_array_equal(fv.vmap(lambda k: random.normal((3,), key=k))(keys), expected)
    np.testing.assert_array_equal(fv.compile(fv.vmap(lambda k: random.normal((3,), key=k)))(keys), expected)
    np.testing.assert_array_equal(fv.vmap(random.split)(keys), np.stack([random.split(k) for k in keys]))
    scaled = fv.vmap(fv.grad(lambda s, k: fv.sum(random.normal((3,), scale=s, key=k))))(fv.ones(4), keys)
    np.testing.assert_allclose(scaled, expected.sum(1), rtol=1e-5)


def test_the_state(rng):
    number = int(rng.integers(1 << 60))
    random.seed(number)
    first = [random.normal((3,)).tolist() for _ in range(3)]
    assert first[0] != first[1] != first[2]
    random.seed(number)
    assert first == [random.normal((3,)).tolist() for _ in range(3)]
    random.seed(number)
    after, drawn = random.split(random.key(number))
    assert random.bits((2,)).tolist() == random.bits((2,), key=drawn).tolist()
    assert random.state[0].tolist() == after.tolist()


def test_each_call_of_a_gradient_draws_anew():
    random.seed(1)
    noisy = fv.grad(lambda x: fv.sum(x * random.normal((3,))))
    x = fv.ones(3)
    found = [noisy(x).tolist() for _ in range(2)]
    random.seed(1)
    assert found == [random.normal((3,)).tolist() for _ in range(2)]


def test_the_state_of_a_compiled_function():
    x = fv.ones(3)
    with pytest.raises(TypeError, match=r"compile calls a function once.*inputs=fastvjp.random.state"):
        fv.compile(lambda x: x + random.normal((3,)))(x)
    with pytest.raises(TypeError, match="compile calls a function once"):
        fv.compile(lambda: random.normal((3,)))()
    step = fv.compile(lambda x: x + random.normal((3,)), inputs=random.state, outputs=random.state)
    random.seed(5)
    found = [step(x).tolist() for _ in range(3)]
    random.seed(5)
    assert found == [(x + random.normal((3,))).tolist() for _ in range(3)]
    with pytest.raises(TypeError, match="njit calls a function once"):
        fv.njit(lambda x: x + random.normal((3,)), np.ones(3))


def test_the_state_under_vmap():
    x = fv.ones(3)
    with pytest.raises(TypeError, match=r"vmap calls a function once.*vmap over fastvjp.random.split\(key, n\)"):
        fv.vmap(lambda x: x + random.normal())(x)
    # behind it, in the same recording, all is as before
    assert fv.grad(lambda x: fv.sum(fv.vmap(fv.sin)(x)) * (1 + 0 * random.normal()))(x).shape == (3,)
    with pytest.raises(TypeError, match="vmap calls a function once"):
        fv.compile(fv.vmap(lambda x: x + random.normal()), inputs=random.state, outputs=random.state)(x)


def test_numbers_in_numba_code(key):
    made = fv.njit(lambda k: random.normal((3,), key=k), np.asarray(key))
    close(made(np.asarray(key)), random.normal((3,), key=key))
