"""One library on one program, in a process: `python -m bench.npbench.child ROOT NAME SIZE LIBRARY FOLDER MEMORY`.

It answers commands, a line each, by a line of JSON. `first`: the first call, whose results go to a file in the
folder. `check`: by how much gradients differ from differences. `turn SECONDS`: what a call takes in the mean of
calls for about so long.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..measure import PAUSE
from .checkout import programs
from .problem import Problem, Unsuitable

SLOW = 0.2
"""Seconds of a call that needs no other one before it to have the caches."""

Call = Callable[[], Any]


def ours(problem: Problem, compiled: bool) -> Call:
    """Value and gradients by fastvjp of the NumPy program as it is, with `fastvjp.numpy` for NumPy."""
    import fastvjp

    def total(x: Any) -> Any:
        found = np.sum(x)
        return found.real if found.dtype.kind == "c" else found

    loss = problem.loss(fastvjp.numpy.of(problem.numpy), total)
    fun = fastvjp.value_and_grad(loss, argnums=tuple(range(len(problem.names))))
    call = fastvjp.compile(fun) if compiled else fun
    return lambda: call(*problem.primals)


def jax(problem: Problem) -> Call:
    """Value and gradients by JAX of the JAX program."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    primals = [jnp.asarray(x) for x in problem.primals]
    loss = problem.jax_loss(jnp)
    call = jax.jit(jax.value_and_grad(loss, argnums=tuple(range(len(primals)))))
    return lambda: jax.block_until_ready(call(*primals))


LIBRARIES: dict[str, Callable[[Problem], Call]] = {
    "fastvjp compiled": lambda problem: ours(problem, True),
    "fastvjp": lambda problem: ours(problem, False),
    "jax.jit": jax,
}


class Child:
    """The commands.

    Args:
        root: the checkout.
        name: of the program.
        size: its name.
        library: of LIBRARIES.
        folder: where results go.
    """

    def __init__(self, root: str, name: str, size: str, library: str, folder: str) -> None:
        self.library = library
        self.file = Path(folder, library)
        (program,) = programs(Path(root), [name])
        self.problem = Problem(program, size)
        self.call = LIBRARIES[library](self.problem)
        self.gradients: Sequence[np.ndarray] = ()
        self.seconds = 0.0

    def first(self) -> dict[str, Any]:
        """The first call."""
        start = time.perf_counter()
        value, gradients = self.call()
        self.seconds = time.perf_counter() - start
        turned = np.conj if self.library == "jax.jit" else np.asarray  # of complex numbers JAX has the conjugate
        self.gradients = [turned(g) for g in gradients]
        np.savez(self.file, np.asarray(value), *self.gradients)
        return {"first_s": self.seconds}

    def check(self) -> dict[str, Any]:
        """The gradients beside differences."""
        return {"error": self.problem.error(self.gradients)}

    def turn(self, seconds: str) -> dict[str, Any]:
        """A turn of calls."""
        time.sleep(PAUSE)
        if self.seconds < SLOW:
            self.call()
        done, start = 0, time.perf_counter()
        while True:
            self.call()
            done += 1
            spent = time.perf_counter() - start
            if spent >= float(seconds):
                self.seconds = spent / done
                return {"us": self.seconds * 1e6}


def limit_memory(size: int) -> None:
    """Let this process have so many bytes at most, where the system can."""
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def main(given: Sequence[str]) -> None:
    """Answer commands until there are no more."""
    *names, memory = given
    limit_memory(int(memory))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what programs print is no answer
    child: Child | None = None
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            child = child or Child(*names)
            answer = getattr(child, command)(*arguments)
        except (Exception, MemoryError) as error:
            text = str(error).strip().partition("\n")[0]
            kind = "" if isinstance(error, Unsuitable) else f"{type(error).__name__}: "
            answer = {"refused": (kind + text)[:300]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
