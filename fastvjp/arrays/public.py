"""Public functions are declared whole where they stand, by `@public`.

A declaration makes the function a recorded call, puts it among the public names and, if asked, among the methods
of `array`, and has NumPy's functions reach it. What is claimed twice is an error at import that says by whom.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..core.callers import public_name
from ..core.declared import Declared
from ..recording.hints import COVERED, NAMES
from .array import array
from .calls import F, direct

PUBLIC = Declared[Callable[..., Any]]("public")
"""The public functions by name, behind that of their module if they are not the package's own."""
NUMPY = Declared[Callable[..., Any]]("numpy")
"""What NumPy's functions, ufuncs and methods of ufuncs do on arrays; SciPy, which is never imported, by names."""


def public(
    call: Callable[[Any], Any] | None = None,
    *,
    numpy: Any = (),
    method: bool | type[property] = False,
    within: str = "",
) -> Callable[[F], F]:
    """Decorator that declares a public function.

    Args:
        call: `unary`, `binary` or `recorded(operands)` for a recorded call; none for a function that is composed
            of others, or makes arrays.
        numpy: the function of NumPy that it is, or several of them: see `implements`.
        method: whether `array` has it as a method of the same name, or as a `property`.
        within: the module of the package that has it, `linalg` say; by default the package itself.
    """

    def declare(fun: F) -> F:
        declared = direct(fun) if call is None else call(fun)
        name = f"{within}.{fun.__name__}" if within else fun.__name__
        PUBLIC(name)(declared)
        NAMES.add(name)
        if method:
            attach(fun.__name__, property(declared) if method is property else declared)
        return implements(*(numpy if isinstance(numpy, tuple) else (numpy,)))(declared)

    return declare


def implements(*functions: Any) -> Callable[[F], F]:
    """Decorator that declares a function to be what these of NumPy do on arrays.

    What NumPy's function requires stands in the same places in ours; what is optional has NumPy's name, in any
    order, and ours may lack some of it.

    Args:
        functions: functions, ufuncs, methods of ufuncs as `np.add.reduce`, and names as "scipy.special.erf";
            None, in the place of what only later versions of NumPy have, is passed over.
    """

    def declare(fun: F) -> F:
        given = [f for f in functions if f is not None]
        NUMPY(*given)(fun)
        COVERED.update(f if isinstance(f, str) else public_name(f) for f in given)
        return fun

    return declare


def names(namespace: Mapping[str, Any], within: str = "") -> list[str]:
    """The names in a module that stand for public functions of this module; a function may have several."""
    functions = {id(f) for full, f in PUBLIC.items() if full.rpartition(".")[0] == within}
    return sorted(name for name, value in namespace.items() if id(value) in functions)


def attach(name: str, member: Any) -> None:
    """Give `array` a method or property, which type checkers find in `methods.pyi`."""
    if name in vars(array):
        functions = [getattr(m, "fget", m) for m in (vars(array)[name], member)]
        first, second = (inspect.getsourcefile(inspect.unwrap(f)) for f in functions)
        raise ValueError(f"[array] The member {name} is declared twice: in {first} and in {second}.")
    setattr(array, name, member)
