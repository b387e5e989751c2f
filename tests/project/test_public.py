"""What users name: no public name is lost, and each is declared once, where it stands."""

from __future__ import annotations

from operator import attrgetter
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import fastvjp
from fastvjp.arrays.public import NUMPY, PUBLIC, attach, implements, public

NAMES = """
    CacheWarning CompileWarning PrecisionWarning Program TracedValueError abs absolute acos acosh add addmm all
    allclose angle any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argpartition
    argsort argwhere array array_equal asin asinh astype atan atan2 atanh atleast_1d atleast_2d atleast_3d
    bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor bool_
    broadcast_arrays broadcast_to ceil checkpoint clip compile complex128 complex64 concatenate conj conjugate
    copy cos cosh count_nonzero cumprod cumsum custom_function custom_kernel custom_primitive default_device
    degrees device diag diagonal divide divmod einsum empty empty_like equal erf erfinv eval exp expand_dims
    explain expm1 eye flatnonzero flatten flip float32 float64 floor floor_divide full full_like grad greater
    greater_equal hessian hvp identity imag inner int16 int32 int64 int8 isclose isfinite isinf isnan isneginf
    isposinf jacfwd jacrev jvp left_shift less less_equal linear_recurrence linspace log log10 log1p log2
    log_softmax logaddexp logical_and logical_not logical_or logical_xor logsumexp matmul max maximum mean
    meshgrid min minimum mod moveaxis multiply nan_to_num negative njit nonzero not_equal num_threads ones
    ones_like outer pad partition permute_dims positive pow power prod put_along_axis pure_callback
    radians ravel ravel_tree
    real reciprocal record remainder repeat reshape right_shift roll round rsqrt scale set_default_device
    set_num_threads sigmoid sign sin sinh softmax sort split sqrt square squeeze stack std stop_gradient
    subtract sum swapaxes take take_along_axis tan tanh tensordot tile topk trace transpose tree_map tri tril
    triu true_divide trunc uint16 uint32 uint64 uint8 unflatten value_and_grad var vdot vjp vmap where zeros
    zeros_like
"""
"""The public names of version 0.1."""


def test_no_public_name_is_lost():
    found = [n for n in dir(fastvjp) if not n.startswith("_") and not isinstance(getattr(fastvjp, n), ModuleType)]
    assert set(NAMES.split()) <= set(found)
    modules = {
        "array_api",
        "autograd",
        "fast",
        "fft",
        "linalg",
        "metal",
        "numpy",
        "random",
        "scipy",
        "special",
        "utils",
    }
    assert sorted(found) == sorted(set(fastvjp.__all__) - modules)


def test_dir_shows_public_names_alone():
    assert set(dir(fastvjp)) == set(fastvjp.__all__) | {name for name in vars(fastvjp) if name.startswith("__")}
    assert isinstance(vars(fastvjp)["transforms"], ModuleType)  # which is there all the same


def test_declared_functions_are_found_by_their_names():
    assert {name: attrgetter(name)(fastvjp) for name in PUBLIC} == PUBLIC


def tanh(x: Any) -> Any:
    """A function of that name that stands elsewhere."""


def test_two_functions_of_one_name_are_an_error_that_names_both_files():
    with pytest.raises(ValueError, match=r"tanh is declared twice: in .*trigonometric.py and in .*test_public.py"):
        public()(tanh)
    assert fastvjp.tanh is PUBLIC["tanh"]


@pytest.mark.parametrize(("name", "module"), [("copy", "array"), ("T", "operators"), ("abs", "arithmetic")])
def test_two_members_of_one_name_are_an_error_that_names_both_files(name, module):
    before = vars(fastvjp.array)[name]
    with pytest.raises(
        ValueError, match=rf"member {name} is declared twice: in .*{module}.py and in .*test_public.py"
    ):
        attach(name, property(tanh))
    assert vars(fastvjp.array)[name] is before


@pytest.mark.parametrize(
    ("function", "name", "family"),
    [(np.tanh, "tanh", "trigonometric"), ("scipy.special.erf", "scipy.special.erf", "exponential")],
)
def test_two_implementations_of_one_function_are_an_error_that_names_both_files(function, name, family):
    before = NUMPY[function]
    with pytest.raises(ValueError, match=rf"{name} is declared twice: in .*{family}.py and in .*test_public.py"):
        implements(function)(tanh)
    assert NUMPY[function] is before
