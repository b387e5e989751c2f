"""Which line of the user's a call comes from, and what was called there: from Python's stack, for messages."""

from __future__ import annotations

import ast
import builtins
import dis
import linecache
import sys
from collections.abc import Iterator
from itertools import islice
from types import FrameType, ModuleType
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A line of the user's."""

    file: str
    line: int
    function: str
    source: str
    """The line itself; empty where there is no source."""
    called: str
    """The library function or class called there, as "np.array"; "store" for an assignment to an element; empty
    where the stack does not tell."""


def place() -> Place:
    """The innermost line that is neither ours nor NumPy's, SciPy's, the standard library's or an installed one's.

    An installed library's line is taken where no other is found inside the function that we called.
    """
    frames: list[FrameType] = []
    chosen = None
    for frame in _frames():
        origin = _origin(frame)
        if origin == "user" or (origin == "ours" and chosen is not None):
            chosen = frame if origin == "user" else chosen
            break
        if origin == "installed" and chosen is None:
            chosen = frame
        frames.append(frame)
    found = chosen or frames[-1]
    inner = frames[: frames.index(found)] if found in frames else frames
    libraries = [f for f in reversed(inner) if _origin(f) != "ours"]
    called = _called_in(found) or next(filter(None, map(_name_of_code, libraries)), "")
    code = found.f_code
    source = linecache.getline(code.co_filename, found.f_lineno, found.f_globals).strip()
    return Place(code.co_filename, found.f_lineno, code.co_qualname, source, called)


def _frames() -> Iterator[FrameType]:
    """From the frame that called `place` outwards."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


_LIBRARIES = sys.stdlib_module_names | {"numpy", "scipy"}


def is_ours(frame: FrameType) -> bool:
    """Whether it is this package's code that a frame runs."""
    return _origin(frame) == "ours"


def _origin(frame: FrameType) -> str:
    module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    if module == __name__.partition(".")[0]:
        return "ours"
    if module in _LIBRARIES:
        return "library"
    file = frame.f_code.co_filename
    return "installed" if "site-packages" in file or "dist-packages" in file else "user"


# --- what was called ---------------------------------------------------------------------------------------


def _called_in(frame: FrameType) -> str:
    """What the instruction that a frame is at calls, as far as its source tells."""
    code, at = frame.f_code, frame.f_lasti
    if dis.opname[code.co_code[at]] in ("STORE_SUBSCR", "STORE_SLICE"):
        return "store"
    first, last, start, end = next(islice(code.co_positions(), at // 2, None))
    if first is None or last is None or start is None or end is None:
        return ""
    lines = [linecache.getline(code.co_filename, n, frame.f_globals).encode() for n in range(first, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        expression = ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except (SyntaxError, ValueError):
        return ""
    if isinstance(expression, ast.Call):
        return _name(expression.func, frame)
    return _name(expression.value, frame) if isinstance(expression, ast.Subscript) else ""


def _name(expression: ast.expr, frame: FrameType) -> str:
    """The public name of what an expression stands for; empty where only running it would tell."""
    path: list[str] = []
    while isinstance(expression, ast.Attribute):
        path.insert(0, expression.attr)
        expression = expression.value
    scopes = (frame.f_locals, frame.f_globals, vars(builtins))
    scope = next((s for s in scopes if isinstance(expression, ast.Name) and expression.id in s), None)
    if scope is None or not isinstance(expression, ast.Name):
        return ""
    found = scope[expression.id]
    shown = _module(found.__name__) if isinstance(found, ModuleType) else public_name(_named(found))
    for attribute in path if shown else ():
        inside = isinstance(found, ModuleType | type)
        found = getattr(found, attribute, None) if inside else None  # of an object it might run code
        shown = public_name(found) or f"{shown}.{attribute}"
    return shown


def _named(thing: Any) -> Any:
    """What has a name: a function or class itself, of any other object its class."""
    return thing if hasattr(thing, "__name__") else type(thing)


def _name_of_code(frame: FrameType) -> str:
    """The public function, method or class that a frame of a library runs; empty if it is private."""
    names = [n for n in frame.f_code.co_qualname.split(".") if not (n.startswith("__") and n.endswith("__"))]
    if "self" in frame.f_locals and "." in frame.f_code.co_qualname:
        names[0] = public_name(type(frame.f_locals["self"]))
    elif names:
        module = _public_module(str(frame.f_globals.get("__name__", "")), names[0])
        names[0] = f"{module}.{names[0]}" if module else ""
    found = ".".join(names)
    if names and names[0] and "._" not in found and "<" not in found:
        return found
    public = str(frame.f_globals.get("__name__", "")).partition("._")[0]
    method = len(names) > 1 and not names[-1].startswith(("_", "<"))
    return f"{names[-1]} of {_module(public)}" if method else ""


def public_name(thing: Any) -> str:
    """The name by which users know a function or class, "np.array" say; empty where it is private."""
    name = getattr(thing, "__name__", "")
    module = "numpy" if not hasattr(thing, "__module__") else thing.__module__ or ""  # ufuncs have none
    if module == "builtins" or not name:
        return "" if thing is type(None) else name
    found = _public_module(module.lstrip("_"), name)
    return f"{found}.{name}" if found else ""


def _public_module(module: str, name: str) -> str:
    """The shortest part of a module's path where the name is found."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        path = ".".join(parts[:end])
        names = vars(sys.modules[path]) if path in sys.modules else {}
        if name in names and not isinstance(names[name], ModuleType):
            return _module(path)
    return ""


def _module(path: str) -> str:
    """A module by the name that it has in users' programs."""
    return path.replace("numpy", "np", 1) if path.partition(".")[0] == "numpy" else path
