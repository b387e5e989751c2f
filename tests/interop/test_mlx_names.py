"""Names of `mlx.core` and `mlx.utils` that mean little or nothing here, and what they give."""

from __future__ import annotations

import io
import operator
import sys
from typing import Any

import numpy as np
import pytest

import fastvjp as fv
from fastvjp import utils

# --- devices, streams, memory ------------------------------------------------------------------------------


def test_a_device_is_its_name():
    with fv.device("cpu"):
        assert fv.default_device() == fv.cpu == fv.Device(fv.cpu) == fv.Device("cpu", 0) == "cpu"
        assert fv.default_device().type is fv.cpu
        assert repr(fv.default_device()) == "Device(cpu, 0)"
    assert fv.Device(fv.gpu) != fv.cpu
    assert fv.Device("metal-emulator").type is fv.DeviceType.gpu
    with pytest.raises(ValueError, match="one device of each type, got 1"):
        fv.Device(fv.gpu, 1)


def test_streams_name_devices():
    default, new = fv.default_stream(fv.cpu), fv.new_stream(fv.cpu)
    assert default.device == new.device == fv.cpu and default != new
    assert default == fv.default_stream(fv.cpu) and len({default, fv.default_stream(fv.cpu)}) == 1
    with fv.device("metal-emulator"), fv.stream(new):
        assert fv.default_device() == fv.cpu
    before = fv.default_device()
    try:
        fv.set_default_stream(new)
        assert fv.default_device() == fv.cpu and fv.default_stream(fv.cpu) == new
        fv.clear_streams()
        assert fv.default_stream(fv.cpu) == default
    finally:
        fv.set_default_device(before)
    fv.synchronize()
    fv.synchronize(new)


def test_devices_that_are_not_there():
    assert fv.is_available(fv.cpu) and fv.device_count(fv.cpu) == 1 and fv.device_info()["architecture"]
    if fv.is_available(fv.gpu):
        pytest.skip("there is a GPU")
    assert fv.device_count(fv.gpu) == 0 and not fv.metal.is_available()
    for call in (fv.default_stream, fv.new_stream, fv.device_info, fv.set_default_device):
        with pytest.raises(ValueError, match="cannot be used"):
            call(fv.gpu)


CALLS = {
    "unary": fv.sin,
    "binary": lambda x, **more: fv.add(x, 1.0, **more),
    "recorded": lambda x, **more: fv.sum(x, 0, **more),
    "direct": lambda x, **more: fv.reshape(x, (-1,), **more),
    "creation": lambda x, **more: x * fv.zeros(3, **more),
    "within": lambda x, **more: fv.linalg.cholesky(x * fv.eye(3), **more),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_stream_makes_no_difference(call):
    x = fv.array([1.0, 2.0, 3.0])
    expected = fv.grad(lambda x: fv.sum(call(x)))(x)
    for stream in (None, fv.cpu, fv.gpu, fv.default_device(), fv.new_stream(fv.cpu)):
        np.testing.assert_array_equal(call(x, stream=stream), call(x))
        np.testing.assert_array_equal(fv.grad(lambda x, s=stream: fv.sum(call(x, stream=s)))(x), expected)
    with pytest.raises(TypeError, match="Expected a Stream, a Device"):
        call(x, stream="cpu")


def test_memory_is_not_counted():
    assert fv.get_active_memory() == fv.get_peak_memory() == fv.get_cache_memory() == 0
    fv.reset_peak_memory()
    fv.clear_cache()
    for limit in (fv.set_memory_limit, fv.set_cache_limit, fv.set_wired_limit):
        before = limit(1000)
        assert limit(before) == 1000


# --- dtypes and constants ----------------------------------------------------------------------------------


def test_kinds_of_dtypes_are_numpys():
    assert isinstance(fv.float32, fv.Dtype)
    assert fv.issubdtype(fv.float32, fv.floating) and not fv.issubdtype(fv.int8, fv.inexact)
    assert fv.issubdtype(fv.uint8, fv.unsignedinteger) and fv.issubdtype(fv.complex64, fv.complexfloating)
    assert fv.finfo(fv.float32).max == np.finfo(np.float32).max and fv.iinfo(fv.int8).min == -128
    assert (fv.pi, fv.e, fv.inf, fv.newaxis) == (np.pi, np.e, np.inf, None) and np.isnan(fv.nan)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((fv.int8, fv.float32), "float32"),
        ((fv.array([1], fv.int32), 2.0), "float64"),
        ((fv.array([1.0]), 2), "float32"),
        ((1, 2.0), "float32"),
        ((np.int8, "complex64"), "complex64"),
        ((True, 1), "int32"),
        ((1.0, 1 + 1j), "complex64"),
    ],
)
def test_result_type(given, expected):
    assert fv.result_type(*given) == expected


def test_asarray():
    x = fv.array([1.0, 2.0])
    assert fv.asarray(x) is x and fv.asarray(x, fv.float32, copy=False) is x
    assert fv.asarray(x, copy=True) is not x
    assert fv.asarray([1, 2], fv.float64).dtype == fv.float64
    np.testing.assert_array_equal(fv.from_dlpack(np.arange(3.0)), [0, 1, 2])
    with pytest.raises(ValueError, match=r"A list becomes this array only by a copy"):
        fv.asarray([1.0], copy=False)


# --- trees -------------------------------------------------------------------------------------------------

TREE: dict[str, Any] = {"w": 1, "layers": [{"b": 2, "c": (3, [4])}, None], "empty": {}}


def test_trees_by_paths():
    pairs = [("w", 1), ("layers.0.b", 2), ("layers.0.c.0", 3), ("layers.0.c.1.0", 4), ("layers.1", None)]
    assert utils.tree_flatten(TREE) == pairs
    assert utils.tree_flatten(TREE, destination={"a": 0}) == {"a": 0, **dict(pairs)}
    whole = utils.tree_flatten(TREE, is_leaf=lambda t: isinstance(t, dict) and "b" in t)
    assert whole[1] == ("layers.0", TREE["layers"][0])
    assert utils.tree_unflatten(pairs) == {"w": 1, "layers": [{"b": 2, "c": [3, [4]]}, None]}
    assert utils.tree_unflatten([("", 7)]) == 7 and utils.tree_unflatten([]) == {}
    assert utils.tree_reduce(lambda n, x: n + (x or 0), TREE, 0) == 10
    assert utils.tree_map_with_path(lambda p, x, y: (p, x, y), [1, (2,)], [3, (4,)]) == [
        ("0", 1, 3),
        (("1.0", 2, 4),),
    ]
    with pytest.raises(TypeError, match="list, a dict or None as destination, got set"):
        utils.tree_flatten(TREE, destination=set())


def test_merged_trees():
    assert utils.tree_merge({"a": [1, {}], "c": None}, {"a": [{}, 2, 3], "b": 4}) == {
        "a": [1, 2, 3],
        "c": None,
        "b": 4,
    }
    assert utils.tree_merge({"a": 1}, {"a": 2}, lambda x, y: x + y) == {"a": 3}
    with pytest.raises(ValueError, match=r"Both trees have a leaf at 'a.0'"):
        utils.tree_merge({"a": [1]}, {"a": [2]})
    with pytest.raises(ValueError, match="Containers of two kinds at 'a': list and dict"):
        utils.tree_merge({"a": []}, {"a": {}})


def test_trees_as_mlx_has_them():
    theirs = pytest.importorskip("mlx.utils")
    flat = theirs.tree_flatten(TREE)
    assert utils.tree_flatten(TREE) == flat
    assert utils.tree_unflatten(flat) == theirs.tree_unflatten(flat)
    sparse = [("2.a", 1), ("0", 2)]
    assert utils.tree_unflatten(sparse) == theirs.tree_unflatten(sparse)


# --- files -------------------------------------------------------------------------------------------------


def test_files_of_numpy(tmp_path):
    x, y = fv.array([[1.0, 2.0]]), fv.arange(3)
    fv.save(tmp_path / "x", x)
    found = fv.load(tmp_path / "x.npy")
    assert found.dtype == fv.float32
    np.testing.assert_array_equal(found, x)
    for save in (fv.savez, fv.savez_compressed):
        save(str(tmp_path / "xy.npz"), x, y=y)
        found = fv.load(str(tmp_path / "xy.npz"))
        assert list(found) == ["y", "arr_0"] or list(found) == ["arr_0", "y"]
        np.testing.assert_array_equal(found["y"], np.load(tmp_path / "xy.npz")["y"])
        np.testing.assert_array_equal(found["arr_0"], x)
    with (tmp_path / "x.npy").open("rb") as file:
        np.testing.assert_array_equal(fv.load(file), x)


def test_files_that_cannot_be_loaded(tmp_path):
    with pytest.raises(ValueError, match="Cannot load the format 'gguf'"):
        fv.load("w.gguf")
    with pytest.raises(ValueError, match="Cannot load metadata of the format 'npz'"):
        fv.load("w.npz", return_metadata=True)


def test_saving_loses_no_gradient(tmp_path):
    def f(x):
        fv.save(tmp_path / "x", x)
        return x

    with pytest.raises(fv.LostGradientError):
        fv.vjp(f, [fv.ones(2)], [fv.ones(2)])


SAVED = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16",
         "float32", "float64", "complex64")  # fmt: skip


def saved(rng):
    arrays = {dtype: fv.array(rng.integers(0, 100, (3, 5))).astype(dtype) for dtype in SAVED}
    turned = fv.array(rng.normal(size=(2, 3)), "float32").T
    return {**arrays, "empty": fv.zeros((0, 3)), "one": fv.array(2.0), "turned": turned}


def test_safetensors(tmp_path, rng):
    pytest.importorskip("safetensors")
    arrays = saved(rng)
    for path in (tmp_path / "w", str(tmp_path / "w.safetensors")):
        fv.save_safetensors(path, arrays, {"who": "me"})
    found, metadata = fv.load(tmp_path / "w.safetensors", return_metadata=True)
    assert metadata == {"who": "me"} and found.keys() == arrays.keys()
    for name, x in arrays.items():
        assert found[name].dtype == x.dtype and found[name].shape == x.shape
        np.testing.assert_array_equal(found[name], x)
    file = io.BytesIO()
    fv.save_safetensors(file, {})
    file.seek(0)
    assert fv.load(file, format="safetensors", return_metadata=True) == ({}, {})


@pytest.mark.parametrize("library", ["safetensors.numpy", "mlx.core"])
def test_safetensors_are_those_of_other_libraries(library, tmp_path, rng):
    pytest.importorskip("safetensors")
    theirs = pytest.importorskip(library)
    unknown = "float64" if library == "mlx.core" else "bfloat16"  # to the other library
    arrays = {k: x for k, x in saved(rng).items() if k != unknown}
    ours, made = str(tmp_path / "ours.safetensors"), str(tmp_path / "made.safetensors")
    fv.save_safetensors(ours, arrays)
    if library == "mlx.core":
        mlxs = {k: theirs.array(np.asarray(x.astype("float32"))).astype(getattr(theirs, x.dtype.name))
                for k, x in arrays.items() if x.dtype.kind not in "bc"}  # fmt: skip
        theirs.save_safetensors(made, mlxs)
        found, expected = theirs.load(ours), mlxs
    else:
        theirs.save_file({k: np.asarray(x) for k, x in arrays.items()}, made)
        found, expected = theirs.load_file(ours), arrays
    again = fv.load(made)
    for name in expected:
        assert again[name].dtype == arrays[name].dtype
        np.testing.assert_array_equal(again[name], arrays[name])
        if name != "bfloat16":
            np.testing.assert_array_equal(np.array(found[name]), arrays[name])


def test_safetensors_that_cannot_be(rng):
    pytest.importorskip("safetensors")
    with pytest.raises(TypeError, match="The format has no complex128, which 'z' is of"):
        fv.save_safetensors(io.BytesIO(), {"z": fv.array(np.complex128(1j))})
    with pytest.raises(TypeError, match="Expected texts by name as metadata"):
        fv.save_safetensors(io.BytesIO(), {}, {"n": 1})  # type: ignore[dict-item]
    file = io.BytesIO()
    fv.save_safetensors(file, {"w": fv.array(rng.normal(size=(2, 3)), "float32")})
    whole = file.getvalue()
    damaged = (b"", whole[:4], whole[:-1], whole.replace(b"F32", b"F99"), whole.replace(b"[0,24]", b"[0,-4]"),
               whole.replace(b"[2,3]", b"[2,4]"), whole.replace(b"data_offsets", b"data_offsetz"))  # fmt: skip
    for content in damaged:
        with pytest.raises(ValueError, match="Expected a file in the format safetensors, got a damaged one"):
            fv.load(io.BytesIO(content), format="safetensors")


@pytest.mark.parametrize("module", ["safetensors", "safetensors.numpy"])
def test_safetensors_is_said_to_be_missing(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match="pip install safetensors"):
        if module == "safetensors":
            fv.load(io.BytesIO(), format=module)
        else:
            fv.save_safetensors(io.BytesIO(), {})


# --- calls as in MLX ---------------------------------------------------------------------------------------


def test_astype_takes_a_stream_by_its_place(rng):
    x = fv.array(rng.normal(size=(2, 3)))
    for stream in (fv.cpu, fv.gpu, fv.default_device(), fv.new_stream(fv.cpu), None):
        np.testing.assert_array_equal(x.astype(fv.float32, stream), np.asarray(x).astype(np.float32))
    with pytest.raises(TypeError, match="Expected a Stream, a Device"):
        x.astype(fv.float32, 3)


def test_einsum_path(rng):
    sizes = dict(zip("abcdef", rng.integers(2, 9, 6), strict=True))
    for subscripts in ("ab,bc,cd->ad", "abc,cd,de,ef->abf", "ab,ab->", "aa->a", "ab , bc -> ac"):
        terms = subscripts.replace(" ", "").partition("->")[0].split(",")
        operands = [np.ones([sizes[c] for c in term]) for term in terms]
        path, told = fv.einsum_path(subscripts, *map(fv.array, operands))
        expected = np.einsum_path(subscripts, *operands)
        assert (path, told) == (expected[0][1:], expected[1])
    shapes = fv.compile(lambda a, b: fv.array([len(fv.einsum_path("ab,bc", a, b)[0]), a.shape[0]]))
    assert shapes(fv.ones((2, 3)), fv.ones((3, 4))).tolist() == [1, 2]


def test_numbers_in_steps_that_are_infinite():
    for start, stop in ((10, 0), (0, 10), (-3, 2), (2, 2)):
        for step in (float("inf"), -float("inf")):
            expected = np.arange(start, stop, step)
            np.testing.assert_array_equal(fv.arange(start, stop, step), expected)
    with pytest.raises(ValueError, match="Expected finite ends"):
        fv.arange(0, float("inf"))


BAD: dict[str, tuple[type[Exception], Any]] = {
    "no dtype of the operation": (TypeError, lambda x: fv.floor(x + 1j)),
    "no operands of the operator": (TypeError, lambda x: x & fv.array(1)),
    "a result that does not fit": (TypeError, lambda x: operator.itruediv(fv.arange(3), 2)),
    "no array to differentiate by": (TypeError, lambda x: fv.grad(lambda y: y)("hello")),
    "no numbers in a list": (TypeError, lambda x: fv.array([[0, 1], ["hello", 1]])),
    "an index out of range": (IndexError, lambda x: x[7]),
    "too many indices": (IndexError, lambda x: x[0, 0]),
    "a mask of another shape": (IndexError, lambda x: x.__setitem__(np.zeros((1, 3), bool), 0)),
    "nothing to take": (IndexError, lambda x: fv.take(fv.zeros((4, 0)), fv.array([[1]]), axis=1)),
}


@pytest.mark.parametrize(("numpys", "call"), BAD.values(), ids=BAD)
def test_errors_are_numpys_and_mlxs(numpys, call):
    """MLX raises ValueError for all of these."""
    for kind in (numpys, ValueError):
        with pytest.raises(kind):
            call(fv.array([1.0, 2.0, 3.0]))


def test_errors_are_mlxs():
    x = fv.arange(3.0)
    with pytest.raises(TypeError, match=r"\[format\] Expected an array of one element, got the shape \(3,\)"):
        f"{x:.2f}"
    assert f"{x[1]:.2f}" == f"{x[1:2]:.2f}" == "1.00"
    with pytest.raises(TypeError, match="integer"):
        fv.topk(x, np.float32(2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\[addmm\] c of shape \(2, 2, 2\) does not broadcast"):
        fv.addmm(fv.zeros((2, 2, 2)), fv.zeros((2, 2)), fv.zeros((2, 2)))
