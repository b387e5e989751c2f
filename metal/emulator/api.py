"""metalcompute's classes. A run is done at once; in full mode its results appear when it is waited for."""

from __future__ import annotations

import ctypes
import functools
import itertools
from typing import Any

from ... import environment
from . import compiler, report, source
from .errors import error
from .runtime import Dispatch, Region, lock, runtime

CELL_BYTES = 16
CODE_REACH = 1 << 20
MODES = ("full", "fast")


class Buffer:
    """Memory of a device, which speaks the buffer protocol: np.frombuffer(buffer) does not copy.

    Made by `Device.buffer`. In full mode, what is not copied from an object is poison: NaN, or an unlikely integer.
    """

    _device: Device
    _size: int
    _cells: ctypes.Array[ctypes.c_char] | None
    _granule: int
    _fresh: bool
    _hidden: bytearray | None  # what a run has written that nobody has waited for
    _writer: int  # the number of that run
    _kept: Any

    def __del__(self) -> None:
        if getattr(self, "_size", None) is not None:
            runtime().release(ctypes.addressof(self), self._size)  # type: ignore[type-var]

    def __str__(self) -> str:
        return f"metalcompute.Buffer(length={self._size})"


@functools.lru_cache(1024)
def _buffer_type(size: int) -> type:
    return type("Buffer", (Buffer, ctypes.c_ubyte * max(size, 1)), {})


class Device:
    """A device that runs kernels on the CPU.

    `mode` is "full", with all checks, or "fast"; `group` the number of threads in a threadgroup; `fast_math` whether
    clang may assume what Metal's fast math assumes; a kernel that runs longer than `time_limit` seconds is endless.
    The first three are settings of the environment where they are not given: FASTVJP_EMULATOR,
    FASTVJP_EMULATOR_GROUP, FASTVJP_EMULATOR_FAST_MATH.

    >>> device = Device(mode="full", group=256)
    >>> function = device.kernel(text).function("run")
    >>> out = device.buffer(4 * 1000)
    >>> function(1000, out, np.ones(1000, np.float32))
    """

    def __init__(
        self,
        index: int = -1,
        *,
        mode: str | None = None,
        group: int | None = None,
        fast_math: bool | None = None,
        time_limit: float = 60.0,
    ) -> None:
        if index > 0:
            raise error("Cannot create device")
        mode = environment.emulator_mode() if mode is None else mode
        if mode not in MODES:
            raise error(f"[FASTVJP_EMULATOR] The mode is {mode!r}. Hint: full and fast are the modes.")
        group_text = environment.emulator_group() if group is None else str(group)
        if not group_text.isdigit() or int(group_text) % 32 or not 32 <= int(group_text) <= 1024:
            raise error(
                f"[FASTVJP_EMULATOR_GROUP] A threadgroup of {group_text!r} threads. "
                f"Hint: a multiple of 32 from 32 to 1024 is possible."
            )
        math_text = environment.emulator_fast_math() if fast_math is None else str(int(fast_math))
        if math_text not in {"0", "1"}:
            raise error(f"[FASTVJP_EMULATOR_FAST_MATH] Fast math is {math_text!r}. Hint: 0 is off and 1 is on.")
        self.mode = mode
        self.group = int(group_text)
        self.fast_math = math_text == "1"
        self.time_limit = time_limit
        self._kernels: dict[str, Kernel] = {}
        self._numbers = itertools.count(1)
        self._unwaited: list[Buffer] = []

    def __str__(self) -> str:
        return f"metalcompute.Device(emulator, {self.mode}, {self.group} threads)"

    @property
    def checked(self) -> bool:
        """Whether all checks are made."""
        return self.mode == "full"

    def kernel(self, text: str) -> Kernel:
        """Compile a text, unless that was done before."""
        found = self._kernels.get(text)
        if found is None:
            found = self._kernels[text] = Kernel(self, text)
        return found

    def buffer(self, length_or_object: Any) -> Buffer:
        """A new buffer of so many bytes, or with a copy of an object that speaks the buffer protocol."""
        content: memoryview | None = None
        try:
            content = memoryview(length_or_object)
        except TypeError:
            try:
                size = int(length_or_object)
            except (TypeError, ValueError):
                raise error("Unsupported input format") from None
        else:
            if not content.c_contiguous:
                raise error("Unsupported input format")
            size = content.nbytes
        if size < 0 or (size == 0 and content is None):
            raise error("Could not make buffer")
        address = runtime().allocate(max(size, 1), int(content is None and self.checked))
        if not address:
            raise error("Could not make buffer")
        buffer = _buffer_type(size).from_address(address)
        buffer._device, buffer._size = self, max(size, 1)
        buffer._cells, buffer._granule, buffer._fresh = None, 0, content is None
        buffer._hidden, buffer._writer = None, 0
        if content is not None and size:
            ctypes.memmove(address, bytes(content), size)
        return buffer  # type: ignore[no-any-return]

    def _publish(self, number: int) -> None:
        """Show the host what runs up to this number have written."""
        still = []
        for buffer in self._unwaited:
            if buffer._writer > number:
                still.append(buffer)
            elif buffer._hidden is not None:
                _copy_into(buffer, buffer._hidden)
                buffer._hidden = None
        self._unwaited = still


class Kernel:
    """A compiled text with one or more functions."""

    def __init__(self, device: Device, text: str) -> None:
        translated, kernels = source.translate(text)
        self.device = device
        self._kernels = {kernel.name: kernel for kernel in kernels}
        code = compiler.compile_shader(translated, checked=device.checked, fast_math=device.fast_math)
        names = [f"emu_{what}_{name}" for name in self._kernels for what in ("entry", "granule")]
        with lock:
            self._library = runtime().link(code, names)

    def function(self, name: str) -> Function:
        """A kernel function of the text."""
        if name not in self._kernels:
            raise error("Function not found")
        return Function(self, self._kernels[name])

    def __str__(self) -> str:
        return "metalcompute.Kernel"


class Function:
    """A kernel function, which is called with a number of threads and its buffers."""

    def __init__(self, kernel: Kernel, declared: source.Kernel) -> None:
        self._kernel = kernel
        self._declared = declared
        limit = declared.limit or kernel.device.group
        if limit < 32:
            raise error(
                f"[metal] {declared.name} allows {limit} threads in a threadgroup. "
                f"Hint: metalcompute needs 32 or more in [[max_total_threads_per_threadgroup(n)]]."
            )
        self._group = min(limit, kernel.device.group) // 32 * 32
        self._entry = kernel._library[f"emu_entry_{declared.name}"]
        granule = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)(
            kernel._library[f"emu_granule_{declared.name}"]
        )
        self._granules = [granule(p.index) for p in declared.parameters]

    def __call__(self, count: int, *arguments: Any) -> Run:
        """Start a run of at least `count` threads, in whole threadgroups; what it returns waits when dropped."""
        return Run(self, int(count), arguments)

    def __str__(self) -> str:
        return "metalcompute.Function"


class Run:
    """A run of a kernel, which is waited for by dropping it."""

    def __init__(self, function: Function, count: int, arguments: tuple[Any, ...]) -> None:
        self._number = 0
        device = function._kernel.device
        if not arguments:
            raise error("Buffer not found")
        given = [a if isinstance(a, Buffer) else device.buffer(a) for a in arguments]
        self._kept = function, given
        self._device = device
        declared = function._declared
        for parameter in declared.parameters:
            if parameter.index >= len(given):
                raise report.missing_buffer(declared, parameter, len(given))
        with lock:
            self._number = next(device._numbers)
            self._run(function, count, given)

    def __del__(self) -> None:
        if self._number:
            with lock:
                self._device._publish(self._number)

    def __str__(self) -> str:
        return "metalcompute.Run"

    def _run(self, function: Function, count: int, given: list[Buffer]) -> None:
        device, declared, group = self._device, function._declared, function._group
        regions = (Region * max(len(declared.parameters), 1) * 1)()[0]
        table = (Region * 31)()
        del regions
        bound = [given[p.index] for p in declared.parameters]
        shown: dict[int, bytearray] = {}
        for buffer in bound:
            if device.checked and id(buffer) not in shown:
                shown[id(buffer)] = bytearray(buffer)  # type: ignore[call-overload]
                if buffer._hidden is not None:
                    _copy_into(buffer, buffer._hidden)
        for parameter, buffer, granule in zip(declared.parameters, bound, function._granules, strict=True):
            if device.checked:
                _watch(buffer, granule)
            table[parameter.index] = Region(
                base=ctypes.addressof(buffer),  # type: ignore[type-var]
                size=buffer._size,
                cells=ctypes.addressof(buffer._cells) if buffer._cells is not None else None,
                granule=buffer._granule,
                fresh=buffer._fresh,
            )
        dispatch = Dispatch(
            entry=function._entry,
            buffers=table,
            buffer_count=1 + max((p.index for p in declared.parameters), default=-1),
            group_size=group,
            groups=-(-count // group),
            checked=device.checked,
            code_size=CODE_REACH,
            time_limit=device.time_limit,
        )
        if count > 0:
            runtime().run_dispatch(dispatch)
        if device.checked:
            self._hide(declared, bound, table, shown)
        if dispatch.report.kind:
            raise report.describe(dispatch.report, declared, given, group, count)

    def _hide(self, declared: source.Kernel, bound: list[Buffer], table: Any, shown: dict[int, bytearray]) -> None:
        """Keep what was written aside until the run is waited for, and show the host what was there before."""
        for parameter, buffer in zip(declared.parameters, bound, strict=True):
            if table[parameter.index].written:
                buffer._writer = self._number
                if all(other is not buffer for other in self._device._unwaited):
                    self._device._unwaited.append(buffer)
        for buffer in bound:
            if id(buffer) in shown:
                if buffer._writer == self._number:
                    buffer._hidden = bytearray(buffer)  # type: ignore[call-overload]
                _copy_into(buffer, shown.pop(id(buffer)))


def _watch(buffer: Buffer, granule: int) -> None:
    """Have cells for a buffer's granules; smaller ones than before forget what was written."""
    if buffer._cells is not None and buffer._granule <= granule:
        return
    if buffer._cells is not None:
        buffer._fresh = False
    buffer._granule = granule
    buffer._cells = (ctypes.c_char * ((buffer._size // granule + 1) * CELL_BYTES))()


def _copy_into(buffer: Buffer, content: bytearray) -> None:
    ctypes.memmove(ctypes.addressof(buffer), bytes(content), buffer._size)  # type: ignore[type-var]


def get_devices() -> tuple[Any, ...]:
    """The emulator is the only device."""
    return ("emulator",)
