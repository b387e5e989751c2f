"""metalcompute's classes. A run is done at once; in full mode its results appear when it is waited for."""

from __future__ import annotations

import ctypes
import functools
import itertools
import mmap
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

from ...core import environment
from . import compiler, report
from .errors import error
from .hardware import Faults, Hardware
from .runtime import Dispatch, Region, lock, runtime
from .signature import MOST_BUFFERS
from .signature import Kernel as Signature
from .source import translate

CELL_BYTES = 16
GUARD_BYTES = 1 << 16
CODE_SLACK = 1 << 16  # between the parts of a kernel in memory
MODES = ("full", "fast")


if TYPE_CHECKING:
    _Bytes = ctypes.Array[ctypes.c_ubyte]
else:
    _Bytes = object  # an array's length belongs to its type, so that `_buffer_type` makes one for each


class Buffer(_Bytes):
    """Memory of a device, which speaks the buffer protocol: np.frombuffer(buffer) does not copy.

    Made by `Device.buffer`. In full mode, what is not copied from an object is poison: NaN, or unlikely integers.
    """

    _device: Device
    _size: int
    _cells: ctypes.Array[ctypes.c_char] | None
    _granule: int
    _fresh: bool
    _hidden: bytearray | None  # what a run has written that nobody has waited for
    _writer: int  # the number of that run

    def _unwritten(self) -> bool:
        """Whether it is all poison still."""
        return self._fresh and not bytes(_bytes(self)).strip(b"\xb5\xff")

    def __str__(self) -> str:
        return f"metalcompute.Buffer(length={self._size})"


@functools.lru_cache(1024)
def _buffer_type(size: int) -> type[Buffer]:
    return cast(type[Buffer], type("Buffer", (Buffer, ctypes.c_ubyte * size), {}))


def _guarded(size: int) -> tuple[mmap.mmap, int]:
    """Memory between guard pages, and where in it a buffer begins that ends, but for its alignment, at one."""
    inner = -(-size // GUARD_BYTES) * GUARD_BYTES
    try:
        memory = mmap.mmap(-1, inner + 2 * GUARD_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANON)
    except (OSError, OverflowError, ValueError):
        raise error("Could not make buffer") from None
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for guard in (start, start + GUARD_BYTES + inner):
        runtime().guard(guard, GUARD_BYTES)
    return memory, GUARD_BYTES + inner - -(-size // 16) * 16


class Device:
    """A device that runs kernels on the CPU.

    `mode` is "full", with all checks, or "fast"; `group` the number of threads in a threadgroup; `fast_math` is
    whether clang may assume what Metal's fast math assumes; what runs longer than `time_limit` seconds is endless.
    `hardware` is what the device does worse than its language promises, `faults` what goes wrong.
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
        hardware: Hardware | None = None,
        faults: Faults | None = None,
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
        self.hardware = hardware or Hardware()
        self.faults = faults or Faults()
        self.process = os.getpid()
        self._compiled = 0
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
            self._compiled += 1
            forked = self.faults.lost_by_fork and self.process != os.getpid()
            if forked or self.faults.loses_compiler(self._compiled):
                raise error("Compiler encountered XPC_ERROR_CONNECTION_INTERRUPTED")
            if self._compiled <= self.faults.no_functions:
                return Kernel(self, text, empty=True)
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
        if size <= 0 or size > (self.hardware.max_buffer or size):
            raise error("Could not make buffer")
        buffer = _buffer_type(size).from_buffer(*_guarded(size))
        buffer._device, buffer._size = self, size
        buffer._cells, buffer._granule, buffer._fresh = None, 0, content is None and self.checked
        buffer._hidden, buffer._writer = None, 0
        if content is not None:
            _bytes(buffer)[:] = content.cast("B")
        elif self.checked:
            runtime().fill_poison(ctypes.addressof(buffer), size)
        return buffer

    def _publish(self, number: int) -> None:
        """Show the host what runs up to this number have written."""
        still = []
        for buffer in self._unwaited:
            if buffer._writer > number:
                still.append(buffer)
            elif buffer._hidden is not None:
                _bytes(buffer)[:] = buffer._hidden
                buffer._hidden = None
        self._unwaited = still


class Kernel:
    """A compiled text with one or more functions."""

    def __init__(self, device: Device, text: str, empty: bool = False) -> None:
        translated, kernels = translate(text)
        self.device = device
        self.lines = text.count("\n")
        self.asks_lanes = "simd_" in text or "simdgroup_" in text
        self._kernels = {} if empty else {kernel.name: kernel for kernel in kernels}
        flush = device.hardware.flush
        code = compiler.compile_shader(translated, checked=device.checked, fast_math=device.fast_math, flush=flush)
        self._code_size = len(code) + CODE_SLACK
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

    def __init__(self, kernel: Kernel, declared: Signature) -> None:
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
            _check_aliases(declared, given)
            kernel, faults, hardware = function._kernel, device.faults, device.hardware
            lanes_refused = hardware.simd == "refused" and kernel.asks_lanes
            if lanes_refused or faults.refuses_pipeline(self._number, kernel.lines):
                _abort()
            bound = sum({id(buffer): buffer._size for buffer in given}.values())
            if not faults.drops(self._number) and bound <= (hardware.working_set or bound):
                self._run(function, count, given)

    def __del__(self) -> None:
        if self._number:
            with lock:
                self._device._publish(self._number)

    def __str__(self) -> str:
        return "metalcompute.Run"

    def _run(self, function: Function, count: int, given: list[Buffer]) -> None:
        device, declared = self._device, function._declared
        table = (Region * MOST_BUFFERS)()
        shown: list[tuple[Buffer, bytearray]] = []  # what the host sees of what the run may write
        for parameter, granule in zip(declared.parameters, function._granules, strict=True):
            buffer = given[parameter.index]
            if device.checked:
                _watch(buffer, granule)
                if all(buffer is not other for other, _ in shown) and (buffer._hidden or not parameter.constant):
                    shown.append((buffer, bytearray(_bytes(buffer))))
                    if buffer._hidden is not None:
                        _bytes(buffer)[:] = buffer._hidden
            table[parameter.index] = Region(
                base=ctypes.addressof(buffer),
                size=buffer._size,
                cells=ctypes.addressof(buffer._cells) if buffer._cells is not None else None,
                granule=buffer._granule,
                fresh=buffer._fresh,
            )
        dispatch = Dispatch(
            entry=function._entry,
            buffers=table,
            buffer_count=1 + max((p.index for p in declared.parameters), default=-1),
            group_size=function._group,
            groups=-(-count // function._group),
            checked=device.checked,
            code_size=function._kernel._code_size,
            time_limit=device.time_limit,
            flush=device.hardware.flush,
            regroup=device.hardware.regroup,
            late=device.hardware.late,
            no_simd=device.hardware.simd == "zero",
            operations=device.hardware.operations,
        )
        if count > 0:
            runtime().run_dispatch(dispatch)
        for parameter in declared.parameters:
            if table[parameter.index].written:
                given[parameter.index]._writer = self._number
        for buffer, content in shown:
            if buffer._writer == self._number:
                buffer._hidden = bytearray(_bytes(buffer))
                device._unwaited = [b for b in device._unwaited if b is not buffer] + [buffer]
            _bytes(buffer)[:] = content
        if dispatch.report.kind == report.KINDS.index("watchdog"):
            return  # and nothing says so
        if dispatch.report.kind:
            sizes = [buffer._size for buffer in given]
            raise report.describe(dispatch.report, declared, sizes, function._group, count)
        if device.checked and count > 0 and not any(region.written for region in table):
            for parameter in declared.parameters:
                buffer = given[parameter.index]
                if not parameter.constant and buffer._hidden is None and buffer._unwritten():
                    raise report.nothing_written(declared, parameter, count)


def _check_aliases(declared: Signature, given: list[Buffer]) -> None:
    """No buffer is bound to two parameters of which one may be written."""
    for written in declared.parameters:
        for other in declared.parameters:
            if other is not written and not written.constant and given[other.index] is given[written.index]:
                raise report.bound_twice(declared, written, other)


def _abort() -> NoReturn:
    """What metalcompute comes to where Metal makes no pipeline: an encoder is left, and an assertion fails."""
    print(
        "-[_MTLCommandEncoder dealloc]: failed assertion `released without endEncoding'",
        file=sys.stderr,
        flush=True,
    )
    os.abort()


def _bytes(buffer: Buffer) -> memoryview:
    return memoryview(buffer).cast("B")


def _watch(buffer: Buffer, granule: int) -> None:
    """Have cells for a buffer's granules; smaller ones than before forget what was written."""
    if buffer._cells is not None and buffer._granule <= granule:
        return
    if buffer._cells is not None:
        buffer._fresh = False
    buffer._granule = granule
    buffer._cells = (ctypes.c_char * ((buffer._size // granule + 1) * CELL_BYTES))()


class DeviceInfo(NamedTuple):
    """What metalcompute tells of a device."""

    deviceName: str
    recommendedWorkingSetSize: int
    maxTransferRate: int
    hasUnifiedMemory: bool


def get_devices() -> tuple[DeviceInfo, ...]:
    """The emulator is the only device."""
    return (DeviceInfo("emulator", 1 << 32, 0, True),)
