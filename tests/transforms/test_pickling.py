"""Functions that transforms return: their names, copies and pickles, also in other processes."""

from __future__ import annotations

import copy
import functools
import inspect
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support import picklable
from support.checks import close
from support.picklable import X, made

import fastvjp as fv

TESTS = Path(__file__).parents[1]


def values(results: Any) -> list[np.ndarray]:
    return [np.asarray(x) for x in (results if isinstance(results, tuple) else (results,))]


def agree(f: Any, g: Any, x: Any = X) -> None:
    for a, b in zip(values(f(x)), values(g(x)), strict=True):
        np.testing.assert_array_equal(a, b)


def run(program: str, *args: str, **environment: str) -> str:
    """What a program prints that finds the support modules."""
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    found = subprocess.run(
        [sys.executable, "-c", program, *args], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": path} | environment,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return found.stdout


@pytest.fixture(params=["pickle", "cloudpickle"])
def pickler(request: pytest.FixtureRequest) -> ModuleType:
    return pytest.importorskip(request.param)


@pytest.mark.parametrize("name", made)
def test_pickles_and_copies_do_the_same(name, pickler):
    f = made[name]
    for protocol in (4, 5):
        agree(pickle.loads(pickler.dumps(f, protocol)), f)
    agree(copy.deepcopy(f), f)
    agree(copy.copy(f), f)


def test_other_processes_load_them(tmp_path):
    file = tmp_path / "functions"
    file.write_bytes(pickle.dumps(made))
    program = """
import pickle, sys
import numpy as np
functions = pickle.load(open(sys.argv[1], "rb"))
from support.picklable import X, made
for name, f in functions.items():
    for one, other in zip([f(X)], [made[name](X)]):
        assert str(one) == str(other), name
assert functions["decorated"] is made["decorated"]
print(len(functions))
"""
    assert int(run(program, str(file))) == len(made)


@pytest.mark.parametrize(
    "f", [picklable.decorated, picklable.twice_decorated, picklable.clipped, picklable.differences]
)
def test_what_has_the_name_of_its_function_is_found_by_it(f):
    assert pickle.loads(pickle.dumps(f)) is f
    assert f.__name__ == f.__wrapped__.__name__


def test_functions_of_a_program_s_own_module_by_value():
    pytest.importorskip("cloudpickle")
    program = """
import subprocess, sys
import cloudpickle, numpy as np, fastvjp as fv
@fv.compile
@fv.grad
def f(x):
    return (x ** 3).sum()
@fv.custom_function
def half(x):
    return x
@half.vjp
def _(x, g, out):
    return g / 2
g = fv.grad(lambda x: half(x).sum() + f(x).sum())
there = "import pickle, sys, numpy as np; print(np.asarray(pickle.load(sys.stdin.buffer)(np.array([2.0])))[0])"
for one in (f, g):
    print(subprocess.run([sys.executable, "-c", there], input=cloudpickle.dumps(one), capture_output=True).stdout)
"""
    assert run(program).split() == ["b'12.0\\n'", "b'12.5\\n'"]


def test_pullbacks(pickler):
    _, pullback = fv.vjp(picklable.of_everything, [X])
    pickled = pickler.dumps(pullback)
    agree(pickle.loads(pickled), pullback, [2.0])
    agree(copy.deepcopy(pullback), pullback, [2.0])
    _, back = fv.vjp(lambda p: {"y": np.sin(p["a"]) * p["b"]}, [{"a": X, "b": np.float64(2)}])
    (found,) = pickle.loads(pickler.dumps(back))([{"y": X}])
    close(found["a"], 2 * np.cos(X) * X)
    close(found["b"], np.sum(np.sin(X) * X))
    with pytest.raises(ValueError, match=r"Number of outputs"):
        pickle.loads(pickled)([1.0, 2.0])


def test_a_pullback_that_holds_python_functions_says_so():
    f = fv.custom_function(lambda x: x * 2)
    f.vjp(lambda x, g, out: g * 2)
    f.jvp(lambda x, t: t * 2)
    _, pullback = fv.vjp(f, [1.0])
    with pytest.raises(TypeError, match=r"\[vjp\].*custom_function.*Hint"):
        pickle.dumps(pullback)


def test_unravel():
    vector, unravel = fv.ravel_tree({"w": X, "b": 2.0})
    restored = pickle.loads(pickle.dumps(unravel))(vector)
    close(restored["w"], X)


def test_a_copied_estimator_has_functions_of_its_own(pickler):
    first = picklable.Estimator()
    close(first.compiled_(X), 2 * X)
    for other in (copy.deepcopy(first), pickle.loads(pickler.dumps(first))):
        other.target = X
        close(other.gradient_(X), 0 * X)
        close(other.compiled_(X), 0 * X)
        close(first.compiled_(X), 2 * X)


def test_state_goes_by_name_only(pickler):
    stateful = picklable.stateful_elsewhere["step"]
    for attempt in (pickler.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"\[compile\].*inputs or outputs.*Hint"):
            attempt(stateful)


def test_functions_without_a_name_are_the_pickler_s_error():
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(fv.grad(lambda x: x))


@pytest.mark.parametrize(
    "name", ["grad", "value_and_grad", "jacrev", "jacfwd", "hessian", "compile", "checkpoint", "njit"]
)
def test_name_docstring_and_signature_are_those_of_the_function(name):
    f = made[name]
    assert (f.__name__, f.__qualname__, f.__doc__) == ("loss", "loss", "The sum of cubes.")
    assert f.__module__ == picklable.__name__
    assert inspect.signature(f) == inspect.signature(picklable.loss)
    assert inspect.unwrap(f) is picklable.loss


@pytest.mark.parametrize("make", [fv.grad, fv.compile, fv.custom_function, fv.numpy.of], ids=lambda f: f.__name__)
def test_signatures_for_those_who_do_not_look_behind_decorators(make):
    def loss(x: Any, *, rate: float = 2.0) -> Any:
        return rate * x

    found = inspect.getfullargspec(make(loss))
    assert (found.args, found.varargs, found.varkw, found.kwonlyargs) == (["x"], None, None, ["rate"])
    assert inspect.signature(make(loss)) == inspect.signature(loss)
    assert not hasattr(make(loss), "no_such_name")


def test_signatures_of_kernels_have_what_is_given():
    assert list(inspect.signature(picklable.differences).parameters) == ["x"]
    assert picklable.differences.__doc__ == "Of neighbours."


def test_what_has_no_name_can_be_differentiated():
    f = fv.grad(functools.partial(lambda a, x: a * x, 3.0))
    assert float(f(2.0)) == 3
    assert "fastvjp.grad of" in repr(f)


def test_as_methods():
    class Model:
        rate = 2.0

        @functools.partial(fv.grad, argnums=1)
        def slope(self, x: Any) -> Any:
            return self.rate * x**2

    assert float(Model().slope(3.0)) == 12
    assert Model.slope.__name__ == "slope"


# --- workers ---------------------------------------------------------------------------------------------


def test_spawned_workers():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        functions = (made["compile"], made["custom_primitive"], made["decorated"])
        futures: list[Future[Any]] = [pool.submit(f, X) for f in functions]
        found = [np.asarray(future.result()) for future in futures]
    for got, wanted in zip(found, (3 * X**2, np.log1p(np.exp(X)), 2 * X), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_a_killed_worker_is_the_pool_s_error_and_the_next_pool_works():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(picklable.slope, X).result() == (4 * X**3).tolist()
        with pytest.raises(BrokenProcessPool):
            pool.submit(os._exit, 1).result()
        with pytest.raises(BrokenProcessPool):
            pool.submit(picklable.decorated, X)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        close(pool.submit(picklable.decorated, X).result(), 2 * X)


def test_workers_of_joblib():
    joblib = pytest.importorskip("joblib")
    offset = 3.0
    local = fv.grad(lambda x: np.sum((x - offset) ** 2))
    for f, wanted in ((local, 2 * (X - 3)), (fv.compile(local), 2 * (X - 3)), (picklable.decorated, 2 * X)):
        for found in joblib.Parallel(2, backend="loky")(joblib.delayed(f)(X) for _ in range(2)):
            close(found, wanted)


def test_workers_of_dask(tmp_path):
    distributed = pytest.importorskip("dask.distributed")
    options = {"threads_per_worker": 2, "dashboard_address": None, "local_directory": tmp_path}
    with distributed.LocalCluster(1, **options) as cluster, distributed.Client(cluster) as client:
        f = fv.value_and_grad(lambda x: np.sum(np.sin(x)))
        value, slope = client.submit(f, X).result()
        close(value, np.sum(np.sin(X)))
        close(slope, np.cos(X))
        close(client.submit(picklable.twice_decorated, X).result()[1], 4 * X**3)


def test_workers_find_kernels_in_the_shared_cache(tmp_path):
    program = """
import sys
from support import picklable
print(picklable.slope(picklable.X), "numba" in sys.modules)
"""
    script = program.replace("from support", "import fastvjp\nfrom support")
    first = run(script, FASTVJP_CACHE_DIR=str(tmp_path))
    files = set(tmp_path.iterdir())
    assert files
    second = run(script, FASTVJP_CACHE_DIR=str(tmp_path))
    assert first.split("]")[0] == second.split("]")[0]
    assert set(tmp_path.iterdir()) == files
