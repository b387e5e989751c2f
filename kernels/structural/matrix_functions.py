"""Functions of square matrices: exponentials by Pade approximants; logarithms, roots and equations by SciPy.

An exponential commutes with transposing: it makes no difference whether a matrix is read by rows or by columns.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable

import numpy as np

from ...core.avals import aval
from ...devices.operands import aval_of
from ...planning.plan import KernelStep
from ..elements.registry import helper, kernel
from ..elements.scalars import choose
from ..loops import Allocate, Loop, calling, grain_for, launches, lowers
from ..native.interrupts import postponed
from ..native.pointers import call, pointer
from .lapack import PLAIN, function, in_order, matrices, number_words, one_thread, word, words

# --- exponentials ----------------------------------------------------------------------------------------

# argument words, behind those of the result, two operands, and three kinds of memory to work in
MULTIPLY, SOLVE, ORDER, FLAG, SIZE, CHUNK, ONE, _, ZERO = range(6, 15)
MATRICES, COEFFICIENTS = 8, 14
"""Of memory to work in."""
LIMITS = (0.01495585217958292, 0.253939833006323, 0.9504178996162932, 4.25)
SINGLE_LIMITS = (0.4258730016922831, 1.880152677804762, 3.92572478313866)
"""Sizes up to which approximants of degree 3, 5, 7 and 13 are accurate (Higham, "The scaling and squaring method
for the matrix exponential revisited", 2005; Al-Mohy and Higham, "A new scaling and squaring algorithm for the
matrix exponential", 2009); in single precision degree 7 is enough."""


@helper
def limit_of(degree, single):
    """The limit for a degree."""
    if degree == 3:
        return SINGLE_LIMITS[0] if single else LIMITS[0]
    if degree == 5:
        return SINGLE_LIMITS[1] if single else LIMITS[1]
    if degree == 7:
        return SINGLE_LIMITS[2] if single else LIMITS[2]
    return LIMITS[3]


@helper
def multiplied(args, out, x, y):
    """The product of two matrices at these addresses."""
    flag, order = word(args, FLAG), word(args, ORDER)
    call(
        args[MULTIPLY],
        (flag, flag, order, order, order, word(args, ONE), x, order, y, order, word(args, ZERO), out, order),
    )


@helper
def norm_of(matrix, n):
    """The largest sum of sizes in a row; nan if there is one."""
    largest = np.float64(0)
    for i in range(n):
        total = np.float64(0)
        for j in range(n):
            total += np.float64(np.abs(matrix[i * n + j]))
        largest = largest if total <= largest else total
    return largest


@helper
def scaled_by(matrix, size, factor, dtype):
    """Multiply by a real number."""
    for i in range(size):
        matrix[i] = dtype(matrix[i] * factor)


@helper
def further_squarings(matrix, n, degree, part, sums, eps):
    """How often to halve that part of a matrix so that rounding, which sees sizes only, does no harm."""
    for i in range(n):
        sums[i] = np.float64(1)
    for _ in range(2 * degree + 1):
        for i in range(n):
            sums[n + i] = sums[i]
        for i in range(n):
            total = np.float64(0)
            for j in range(n):
                total += np.float64(np.abs(matrix[i * n + j])) * part * sums[n + j]
            sums[i] = total
    largest = np.float64(0)
    for i in range(n):
        largest = choose(sums[i] > largest, sums[i], largest)
    norm = norm_of(matrix, n) * part
    for k in range(1, degree + 1):
        largest *= np.float64(k) / np.float64(degree + k)
    for k in range(1, 2 * degree + 2):
        largest /= np.float64(k)
    if not largest > norm * eps / 2:
        return np.int64(0)
    return np.int64(np.ceil(np.log2(2 * largest / norm / eps) / np.float64(2 * degree)))


@helper
def exponential(args, base, integers, reals, dtype, eps):
    """The address of the exponential of the matrix at the beginning of the memory, which is lost."""
    n = args[ORDER]
    size, step = n * n, n * n * args[SIZE]
    a, a2 = pointer(base, dtype), pointer(base + step, dtype)
    a4, a6 = pointer(base + 2 * step, dtype), pointer(base + 3 * step, dtype)
    u, v = pointer(base + 4 * step, dtype), pointer(base + 5 * step, dtype)
    w, x = pointer(base + 6 * step, dtype), pointer(base + 7 * step, dtype)
    c, sums = pointer(reals, np.float64), pointer(reals + COEFFICIENTS * 8, np.float64)
    single, squarings, norm = eps > 1e-10, np.int64(0), norm_of(a, n)
    if not np.isfinite(norm):
        scaled_by(a, size, np.float64(np.nan), dtype)
        return base
    if norm > 1048576.0:
        squarings = np.int64(np.ceil(np.log2(norm))) - 20
        scaled_by(a, size, 2.0 ** np.float64(-squarings), dtype)
    multiplied(args, base + step, base, base)
    multiplied(args, base + 2 * step, base + step, base + step)
    multiplied(args, base + 3 * step, base + 2 * step, base + step)
    fourth, sixth = norm_of(a4, n) ** 0.25, norm_of(a6, n) ** (1 / 6)
    eta, degree = choose(fourth > sixth, fourth, sixth), np.int64(0)
    for candidate in range(3, 8, 2):
        fits = degree == 0 and eta <= limit_of(candidate, single)
        if fits and further_squarings(a, n, candidate, 1.0, sums, eps) == 0:
            degree = np.int64(candidate)
    if degree == 0:
        degree = np.int64(7) if single else np.int64(13)
        more, limit = np.int64(0), limit_of(degree, single)
        if eta > limit:
            more = np.int64(np.ceil(np.log2(eta / limit)))
        more += further_squarings(a, n, degree, 2.0 ** np.float64(-more), sums, eps)
        part = 2.0 ** np.float64(-more)
        scaled_by(a, size, part, dtype)
        scaled_by(a2, size, part**2, dtype)
        scaled_by(a4, size, part**4, dtype)
        scaled_by(a6, size, part**6, dtype)
        squarings += more
    for j in range(COEFFICIENTS):
        c[j] = np.float64(0)
    c[0] = np.float64(1)
    for j in range(1, degree + 1):
        c[j] = c[j - 1] * np.float64(degree - j + 1) / np.float64((2 * degree - j + 1) * j)
    for i in range(size):
        w[i] = dtype(c[9] * a2[i] + c[11] * a4[i] + c[13] * a6[i])
        v[i] = dtype(c[8] * a2[i] + c[10] * a4[i] + c[12] * a6[i])
        u[i], x[i] = dtype(0), dtype(0)
    if degree > 7:
        multiplied(args, base + 4 * step, base + 3 * step, base + 6 * step)
        multiplied(args, base + 7 * step, base + 3 * step, base + 5 * step)
    for i in range(size):
        one = np.float64(1) if i % (n + 1) == 0 else np.float64(0)
        w[i] = dtype(u[i] + c[3] * a2[i] + c[5] * a4[i] + c[7] * a6[i] + c[1] * one)
        v[i] = dtype(x[i] + c[2] * a2[i] + c[4] * a4[i] + c[6] * a6[i] + c[0] * one)
    multiplied(args, base + 4 * step, base, base + 6 * step)
    for i in range(size):
        x[i], v[i] = dtype(v[i] + u[i]), dtype(v[i] - u[i])
    order = word(args, ORDER)
    call(args[SOLVE], (order, order, base + 5 * step, order, integers + 8, base + 7 * step, order, integers))
    here, there = base + 7 * step, base + 6 * step
    for _ in range(squarings):
        multiplied(args, there, here, here)
        here, there = there, here
    return here


@kernel
def expm(args, start, stop, dtype, eps):
    """Exponentials, one by one."""
    n, chunk = args[ORDER], start // args[CHUNK]
    size = n * n
    base, integers = args[3] + chunk * MATRICES * size * args[SIZE], args[4] + chunk * (n + 1) * 8
    reals = args[5] + chunk * (COEFFICIENTS + 2 * n) * 8
    out, x, a = pointer(args[0], dtype), pointer(args[1], dtype), pointer(base, dtype)
    for i in range(start, stop):
        for j in range(size):
            a[j] = x[i * size + j]
        found = pointer(exponential(args, base, integers, reals, dtype, eps), dtype)
        for j in range(size):
            out[i * size + j] = found[j]
    return 0


@kernel
def expm_frechet(args, start, stop, dtype, eps):
    """Derivatives of exponentials: what stands beside that of X in that of [[X, E], [0, X]], E as large as X."""
    n, chunk = args[ORDER], start // args[CHUNK]
    size, h = n * n, n // 2
    base, integers = args[3] + chunk * MATRICES * size * args[SIZE], args[4] + chunk * (n + 1) * 8
    reals = args[5] + chunk * (COEFFICIENTS + 2 * n) * 8
    a = pointer(base, dtype)
    for i in range(start, stop):
        skipped = i * h * h * args[SIZE]
        out, x = pointer(args[0] + skipped, dtype), pointer(args[1] + skipped, dtype)
        e = pointer(args[2] + skipped, dtype)
        along, own = norm_of(e, h), norm_of(x, h)
        if along == 0:
            for j in range(h * h):
                out[j] = dtype(0)
            continue
        factor = (own if own > 0 else np.float64(1)) / along
        for row in range(h):
            for column in range(h):
                at, value = row * n + column, x[row * h + column]
                a[at], a[at + h * n + h] = value, value
                a[at + h] = dtype(e[row * h + column] * factor)
                a[at + h * n] = dtype(0)
        found = pointer(exponential(args, base, integers, reals, dtype, eps), dtype)
        for row in range(h):
            for column in range(h):
                out[row * h + column] = dtype(found[row * n + h + column] / factor)
    return 0


def _exponentials(kernel_name: str, order: int, step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Loops of a kernel that takes exponentials of matrices of this order."""
    a = aval_of(step.output)
    count, dtype, read = matrices(a), a.dtype, [in_order(o, allocate) for o in step.inputs]
    loops = [loop for _, copies in read for loop in copies]
    grain = grain_for(count, 3000 + 3 * order**3) or count
    chunks = -(-count // grain)
    memory = allocate(aval((chunks, MATRICES, order, order), dtype))
    integers, reals = (
        words(count, grain, order + 1, allocate),
        words(count, grain, COEFFICIENTS + 2 * order, allocate),
    )
    one, zero = number_words(dtype.type(1)), number_words(dtype.type(0))
    numbers = (function("gemm", dtype), function("gesv", dtype), order, PLAIN, dtype.itemsize, grain, *one, *zero)
    arrays = (step.output, read[0][0], read[-1][0], memory, integers, reals)
    source = calling(kernel_name, dtype, float(np.finfo(dtype).eps))
    return [*loops, Loop(source, arrays, (), numbers, count, grain, during=one_thread(order))]


@lowers("expm")
def lower_expm(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """By `gemm` and `gesv`."""
    a = aval_of(step.output)
    return _exponentials("expm", a.shape[-1], step, allocate) if a.size else []


@lowers("expm_frechet")
def lower_expm_frechet(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """The same of block matrices."""
    a = aval_of(step.output)
    return _exponentials("expm_frechet", 2 * a.shape[-1], step, allocate) if a.size else []


# --- logarithms, roots, and equations ---------------------------------------------------------------------


@launches("logm_frechet")
def logm_frechet(out: np.ndarray, x: np.ndarray, e: np.ndarray) -> None:
    """What stands beside the logarithm of x in that of [[x, e], [0, x]], e as large as x."""

    def along(x: np.ndarray, e: np.ndarray) -> np.ndarray:
        size = np.abs(e).max(initial=0)
        if size == 0:
            return e
        n, factor = len(x), (np.abs(x).max(initial=0) or 1) / size
        return _of_scipy("logm")(np.block([[x, e * factor], [np.zeros_like(x), x]]))[:n, n:] / factor

    _each(along, _principal("logm", "logarithm"), out, x, e)


@launches("logm")
def logm(out: np.ndarray, x: np.ndarray) -> None:
    """Principal logarithms."""
    _each(_of_scipy("logm"), _principal("logm", "logarithm"), out, x)


@launches("sqrtm")
def sqrtm(out: np.ndarray, x: np.ndarray) -> None:
    """Principal square roots."""
    _each(_of_scipy("sqrtm"), _principal("sqrtm", "square root"), out, x)


@launches("sylvester")
def sylvester(out: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray, of: str) -> None:
    """The w with x w + w y = z; what is no larger than rounding can make it of x and y that have none is none."""

    def solved(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        found = _of_scipy("solve_sylvester")(x, y, z)
        sizes = [np.abs(m).max(initial=0) for m in (x, y, z, found)]
        least = np.finfo(found.dtype).eps * (sizes[0] + sizes[1]) * sizes[3]
        there_is_one = sizes[2] == 0 or (sizes[0] + sizes[1] > 0 and least < sizes[2])
        return found if there_is_one else np.full_like(found, np.nan)

    why = "and -b have an eigenvalue in common" if of == "solve_sylvester" else "is singular"
    _each(solved, lambda place: f"[{of}] {place} {why}.", out, x, y, z)


@postponed()
def _of_scipy(name: str) -> Callable[..., np.ndarray]:
    """SciPy's function, imported when it is first needed, in the form in which it prints nothing."""
    import scipy.linalg

    found = getattr(scipy.linalg, name)
    parameters = inspect.signature(found).parameters
    if "disp" in parameters and parameters["disp"].default is True:
        return lambda x: found(x, disp=False)[0]
    return found


def _principal(name: str, what: str) -> Callable[[str], str]:
    """What to say of a matrix that has none."""
    return lambda place: (
        f"[{name}] {place} has no principal {what} in this dtype: it is singular, has a negative eigenvalue, or "
        f"elements that are infinite or nan. Hint: of complex numbers eigenvalues may be negative."
    )


def _each(
    compute: Callable[..., np.ndarray], wrong: Callable[[str], str], out: np.ndarray, *operands: np.ndarray
) -> None:
    """A function of matrices, one by one; LinAlgError for one of which it has no finite value of that dtype."""
    for place in np.ndindex(out.shape[:-2]):
        with warnings.catch_warnings(record=True) as heard, np.errstate(all="ignore"):
            warnings.simplefilter("always")
            try:
                found = compute(*[x[place] for x in operands])
            except (np.linalg.LinAlgError, ValueError):
                found = np.array(np.nan)
        if any("exactly singular" in str(w.message) for w in heard):  # of which it takes another
            found = np.array(np.nan)
        size = np.abs(found).max(initial=0)
        real = out.dtype.kind != "c" and np.iscomplexobj(found)
        if not np.isfinite(size) or (
            real and np.abs(found.imag).max(initial=0) > 100 * np.finfo(out.dtype).eps * size
        ):
            shown = f"a[{', '.join(map(str, place))}]" if place else "a"
            raise np.linalg.LinAlgError(wrong(shown))
        out[place] = found.real if real else found
