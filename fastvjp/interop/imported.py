"""What other libraries are told of us when they are imported, whoever imports them first: we import none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from ..arrays.array import array

Told = Callable[[ModuleType], None]


def when_imported(name: str) -> Callable[[Told], Told]:
    """Decorator of a function that is called once, with a module: now if it is imported, else when it is."""

    def declare(tell: Told) -> Told:
        if name in sys.modules:
            tell(sys.modules[name])
        else:
            sys.meta_path.insert(0, _Finder(name, tell))
        return tell

    return declare


class _Finder(MetaPathFinder):
    """Finds one module as all others would, and is gone then."""

    def __init__(self, name: str, tell: Told) -> None:
        self.name = name
        self.tell = tell

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Telling(spec.loader, self.tell)
        return spec


class _Telling(Loader):
    """Loads as another loader does, to which it leaves the module then."""

    def __init__(self, loader: Any, tell: Told) -> None:
        self.loader = loader
        self.tell = tell

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self.loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.tell(module)


@when_imported("einops._backends")
def _einops(backends: Any) -> None:
    """Einops finds a backend among the subclasses of its own, and asks it whether an array is its."""

    class FastvjpBackend(backends.NumpyBackend):
        """NumPy's functions, which find ours."""

        framework_name = "fastvjp"

        def is_appropriate_type(self, tensor: Any) -> bool:
            return isinstance(tensor, array)

        def from_numpy(self, x: Any) -> array:
            return array(x)

        def to_numpy(self, x: array) -> Any:
            return self.np.asarray(x)

    backends.FastvjpBackend = FastvjpBackend  # classes hold no subclasses
