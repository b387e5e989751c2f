"""Small matrices side by side: what LAPACK would be called for is done for many matrices at once.

A tile has the same element of some matrices, the lanes, next to each other, so that loops over lanes are
vectorised whatever the size of the matrices. Matrices are read where they lie, element by element.
"""

from __future__ import annotations

import numpy as np

from ..elements.complex_parts import conjugate, real
from ..elements.registry import helper, kernel
from ..elements.scalars import choose
from ..loops import grain_for
from ..native.pointers import load, pointer, row_memory, store

LARGEST = 8
"""Rows of what is small: a tile of these fits the first cache."""
LANES = 64


def is_small(*sizes: int) -> bool:
    """Whether matrices of so many rows and columns are done side by side."""
    return max(sizes) <= LARGEST


def tiles(count: int, operations: int) -> tuple[int, int]:
    """Tiles of so many matrices, and how many of them a chunk, if a matrix takes so many operations."""
    total = -(-count // LANES)
    return total, grain_for(total, 20 + LANES * operations / 2)


@helper
def magnitude(x):
    """What LAPACK takes for the size of a number where it looks for a pivot."""
    if isinstance(x, (complex, np.complex64)):
        return np.abs(x.real) + np.abs(x.imag)
    return np.abs(x)


@helper
def ratio(x, y):
    """x / y without a branch, for complex numbers too."""
    if isinstance(y, (complex, np.complex64)):
        size = choose(np.abs(y.real) > np.abs(y.imag), np.abs(y.real), np.abs(y.imag))
        u, v = y.real / size, y.imag / size
        product, square = x * type(x)(complex(u, -v)), (u * u + v * v) * size
        return type(x)(complex(product.real / square, product.imag / square))
    return np.divide(x, y)


@helper
def gathered(tile, x, origin, width, rows, columns, x_matrix, x_row, x_column):
    """Bring elements of some matrices side by side, row by row."""
    for i in range(rows):
        for j in range(columns):
            at, source = (i * columns + j) * LANES, origin + i * x_row + j * x_column
            if x_matrix == 0:  # one matrix for all
                value = x[source]
                for lane in range(width):
                    store(tile, at + lane, value, 0, 2)
            else:
                for lane in range(width):
                    store(tile, at + lane, load(x, source + lane * x_matrix, 1, 2), 0, 2)


@helper
def scattered(out, tile, origin, width, rows, columns, out_matrix, out_row, out_column):
    """The reverse."""
    for i in range(rows):
        for j in range(columns):
            at, target = (i * columns + j) * LANES, origin + i * out_row + j * out_column
            for lane in range(width):
                store(out, target + lane * out_matrix, load(tile, at + lane, 1, 2), 0, 2)


@helper
def small_pivot(matrix, n, lanes, lane, limit):
    """Whether a diagonal element, of one of matrices side by side, is no larger than this part of the largest."""
    least, largest = magnitude(matrix[lane]), magnitude(matrix[lane])
    for k in range(1, n):
        size = magnitude(matrix[(k * n + k) * lanes + lane])
        least, largest = choose(size < least, size, least), choose(size > largest, size, largest)
    return least == 0 or least <= largest * type(largest)(limit)


@helper
def first_singular(matrix, n, width, limit):
    """The first of some matrices that has such an element; -1 if none has."""
    for lane in range(width):
        if small_pivot(matrix, n, LANES, lane, limit):
            return lane
    return -1


@helper
def substituted(values, matrix, n, width, forward, unit, row_step, column_step, conjugated):
    """Put solutions of triangular systems in the place of right hand sides: from the first row on, or the last."""
    for step in range(n):
        i = step if forward else n - 1 - step
        at = i * LANES
        for other in range(step):
            k = other if forward else n - 1 - other
            factors, known = (i * row_step + k * column_step) * LANES, k * LANES
            for lane in range(width):
                factor = load(matrix, factors + lane, 1, 3)
                product = choose(conjugated, conjugate(factor), factor) * load(values, known + lane, 2, 3)
                store(values, at + lane, load(values, at + lane, 0, 3) - product, 0, 3)
        if not unit:
            diagonal = (i * row_step + i * column_step) * LANES
            for lane in range(width):
                factor = load(matrix, diagonal + lane, 1, 2)
                value = ratio(load(values, at + lane, 0, 2), choose(conjugated, conjugate(factor), factor))
                store(values, at + lane, value, 0, 2)


# --- positive definite matrices --------------------------------------------------------------------------


@kernel
def small_cholesky(args, start, stop, dtype):
    """Lower factors; the upper ones of matrices that are read, and factors that are written, transposed.

    Status: the first matrix that is not positive definite, from 1.
    """
    out, x = pointer(args[0], dtype), pointer(args[1], dtype)
    count, n, out_row, out_column = args[2], args[3], args[4], args[5]
    x_matrix, x_row, x_column = args[6], args[7], args[8]
    tile = row_memory(n * n * LANES, dtype)
    for i in range(start, stop):
        first = i * LANES
        width = min(LANES, count - first)
        gathered(tile, x, first * x_matrix, width, n, n, x_matrix, x_row, x_column)
        for k in range(n):
            here = (k * n + k) * LANES
            for lane in range(width):
                square = real(load(tile, here + lane, 0, 1))
                root = np.sqrt(choose(square > type(square)(0), square, type(square)(np.nan)))
                store(tile, here + lane, dtype(root), 0, 1)
            for row in range(k + 1, n):
                there, above = (row * n + k) * LANES, (k * n + row) * LANES
                for lane in range(width):
                    value, root = load(tile, there + lane, 0, 3), real(load(tile, here + lane, 1, 3))
                    store(tile, there + lane, dtype(value / root), 0, 3)
                    store(tile, above + lane, dtype(0), 2, 3)
            for row in range(k + 1, n):
                for column in range(k + 1, row + 1):
                    at, left, right = (row * n + column) * LANES, (row * n + k) * LANES, (column * n + k) * LANES
                    for lane in range(width):
                        product = load(tile, left + lane, 1, 2) * conjugate(load(tile, right + lane, 1, 2))
                        store(tile, at + lane, load(tile, at + lane, 0, 2) - product, 0, 2)
        for lane in range(width):  # what is nan once stays so to the end
            if np.isnan(real(tile[(n * n - 1) * LANES + lane])):
                return first + lane + 1
        scattered(out, tile, first * n * n, width, n, n, n * n, out_row, out_column)
    return 0


# --- triangular systems ----------------------------------------------------------------------------------


@kernel
def small_triangular(args, start, stop, dtype):
    """Solutions of triangular systems; status: the first matrix with a zero on its diagonal, from 1."""
    out, x, y = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], dtype)
    count, n, columns, lower, unit = args[3], args[4], args[5], args[6], args[7]
    x_matrix, x_row, x_column = args[8], args[9], args[10]
    y_matrix, y_row, y_column = args[11], args[12], args[13]
    matrix, values = row_memory(n * n * LANES, dtype), row_memory(n * LANES, dtype)
    for i in range(start, stop):
        first = i * LANES
        width = min(LANES, count - first)
        gathered(matrix, x, first * x_matrix, width, n, n, x_matrix, x_row, x_column)
        if not unit:
            zero = first_singular(matrix, n, width, 0)
            if zero >= 0:
                return first + zero + 1
        for column in range(columns):
            gathered(values, y, first * y_matrix + column * y_column, width, n, 1, y_matrix, y_row, 0)
            substituted(values, matrix, n, width, lower, unit, n, 1, False)
            scattered(out, values, first * n * columns + column, width, n, 1, n * columns, columns, 0)
    return 0


# --- LU --------------------------------------------------------------------------------------------------


@kernel
def small_lu(args, start, stop, dtype, real_dtype):
    """Transposed factors of matrices that are read transposed, with pivots and places of rows: see `lu`."""
    out, pivots, rows = pointer(args[0], dtype), pointer(args[1], np.int32), pointer(args[2], np.int32)
    x, count, m, n = pointer(args[3], dtype), args[4], args[5], args[6]
    x_matrix, x_column, x_row = args[7], args[8], args[9]
    steps = min(m, n)
    tile, pivot = row_memory(m * n * LANES, dtype), row_memory(m * LANES, real_dtype)
    largest, order = row_memory(LANES, real_dtype), row_memory(m, np.int32)
    for i in range(start, stop):
        first = i * LANES
        width = min(LANES, count - first)
        gathered(tile, x, first * x_matrix, width, m, n, x_matrix, x_row, x_column)
        for k in range(steps):
            here, place = (k * n + k) * LANES, k * LANES
            for lane in range(width):
                store(largest, lane, magnitude(load(tile, here + lane, 2, 3)), 0, 3)
                store(pivot, place + lane, real_dtype(k), 1, 3)
            for row in range(k + 1, m):
                there = (row * n + k) * LANES
                for lane in range(width):
                    size, before = magnitude(load(tile, there + lane, 2, 3)), load(largest, lane, 0, 3)
                    found = choose(size > before, real_dtype(row), load(pivot, place + lane, 1, 3))
                    store(pivot, place + lane, found, 1, 3)
                    store(largest, lane, choose(size > before, size, before), 0, 3)
            for row in range(k + 1, m):
                for column in range(n):
                    above, at = (k * n + column) * LANES, (row * n + column) * LANES
                    for lane in range(width):
                        swap = load(pivot, place + lane, 2, 3) == real_dtype(row)
                        one, other = load(tile, above + lane, 0, 3), load(tile, at + lane, 1, 3)
                        store(tile, above + lane, choose(swap, other, one), 0, 3)
                        store(tile, at + lane, choose(swap, one, other), 1, 3)
            for row in range(k + 1, m):
                there = (row * n + k) * LANES
                for lane in range(width):
                    value, divisor = load(tile, there + lane, 1, 2), load(tile, here + lane, 0, 2)
                    quotient = choose(magnitude(divisor) > 0, ratio(value, divisor), value)
                    store(tile, there + lane, quotient, 1, 2)
                for column in range(k + 1, n):
                    at, above = (row * n + column) * LANES, (k * n + column) * LANES
                    for lane in range(width):
                        product = load(tile, there + lane, 1, 3) * load(tile, above + lane, 2, 3)
                        store(tile, at + lane, load(tile, at + lane, 0, 3) - product, 0, 3)
        scattered(out, tile, first * m * n, width, m, n, m * n, 1, m)
        for lane in range(width):
            at = (first + lane) * steps
            for k in range(steps):
                pivots[at + k] = np.int32(pivot[k * LANES + lane])
            placed(rows, (first + lane) * m, pivots, at, steps, order, m)
    return 0


@helper
def placed(rows, target, pivots, source, steps, order, m):
    """Where each of m rows comes to stand by so many exchanges."""
    for j in range(m):
        order[j] = np.int32(j)
    for k in range(steps):
        with_row = pivots[source + k]
        order[k], order[with_row] = order[with_row], order[k]
    for j in range(m):
        rows[target + order[j]] = np.int32(j)


@helper
def exchanged(values, pivots, origin, width, n, pivots_matrix, back):
    """Exchange rows as the factors were, or back."""
    for step in range(n):
        k = n - 1 - step if back else step
        for lane in range(width):
            one, other = k * LANES + lane, pivots[origin + lane * pivots_matrix + k] * LANES + lane
            value = values[one]
            values[one] = values[other]
            values[other] = value


@kernel
def small_solve(args, start, stop, dtype, eps):
    """Solutions, row by row, from the factors of `lu`; status: the first singular matrix, from 1."""
    out, factors, pivots = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], np.int32)
    y, count, n, systems, adjoined, checked = pointer(args[3], dtype), args[4], args[5], args[6], args[7], args[8]
    step, pivots_step, y_matrix, y_row, y_column = args[9], args[10], args[11], args[12], args[13]
    matrix, values = row_memory(n * n * LANES, dtype), row_memory(n * LANES, dtype)
    for i in range(start, stop):
        first = i * LANES
        width = min(LANES, count - first)
        gathered(matrix, factors, first * step, width, n, n, step, 1, n)
        if checked >= 0:
            zero = first_singular(matrix, n, width, checked * eps)
            if zero >= 0:
                return first + zero + 1
        for system in range(systems):
            gathered(values, y, first * y_matrix + system * y_row, width, n, 1, y_matrix, y_column, 0)
            if adjoined:
                substituted(values, matrix, n, width, True, False, 1, n, True)
                substituted(values, matrix, n, width, False, True, 1, n, True)
                exchanged(values, pivots, first * pivots_step, width, n, pivots_step, True)
            else:
                exchanged(values, pivots, first * pivots_step, width, n, pivots_step, False)
                substituted(values, matrix, n, width, True, True, n, 1, False)
                substituted(values, matrix, n, width, False, False, n, 1, False)
            scattered(out, values, (first * systems + system) * n, width, n, 1, systems * n, 1, 0)
    return 0


# --- elimination -----------------------------------------------------------------------------------------


@helper
def exchanged_where(tile, place, k, row, first, columns, width):
    """Exchange elements of rows k and `row`, from a column on, of the matrices whose pivot is there."""
    for column in range(first, columns):
        above, at = (k * columns + column) * LANES, (row * columns + column) * LANES
        for lane in range(width):
            swap = load(place, lane, 2, 3) == type(place[0])(row)
            one, other = load(tile, above + lane, 0, 3), load(tile, at + lane, 1, 3)
            store(tile, above + lane, choose(swap, other, one), 0, 3)
            store(tile, at + lane, choose(swap, one, other), 1, 3)


@helper
def subtracted(tile, factors, row, k, factor, first, columns, width):
    """Subtract from a row, from a column on, row k times factors that lie there in a matrix."""
    for column in range(first, columns):
        at, other = (row * columns + column) * LANES, (k * columns + column) * LANES
        for lane in range(width):
            product = load(factors, factor + lane, 1, 3) * load(tile, other + lane, 2, 3)
            store(tile, at + lane, load(tile, at + lane, 0, 3) - product, 0, 3)


@kernel
def eliminate(args, start, stop, dtype, real_dtype):
    """Solutions by elimination with partial pivoting; status: the first singular matrix, from 1."""
    out, x, y = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], dtype)
    count, n, columns, checked = args[3], args[4], args[5], args[6]
    x_matrix, x_row, x_column = args[7], args[8], args[9]
    y_matrix, y_row, y_column = args[10], args[11], args[12]
    matrix, values = row_memory(n * n * LANES, dtype), row_memory(n * columns * LANES, dtype)
    place, largest = row_memory(LANES, real_dtype), row_memory(LANES, real_dtype)
    least, inverse = row_memory(LANES, real_dtype), row_memory(LANES, dtype)
    for i in range(start, stop):
        first = i * LANES
        width = min(LANES, count - first)
        for lane in range(width):
            store(least, lane, real_dtype(1), 0, 2)
        gathered(matrix, x, first * x_matrix, width, n, n, x_matrix, x_row, x_column)
        gathered(values, y, first * y_matrix, width, n, columns, y_matrix, y_row, y_column)
        for k in range(n):
            here = (k * n + k) * LANES
            for lane in range(width):
                store(largest, lane, magnitude(load(matrix, here + lane, 2, 3)), 0, 3)
                store(place, lane, real_dtype(k), 1, 3)
            for row in range(k + 1, n):
                there = (row * n + k) * LANES
                for lane in range(width):
                    size, before = magnitude(load(matrix, there + lane, 2, 3)), load(largest, lane, 0, 3)
                    found = choose(size > before, real_dtype(row), load(place, lane, 1, 3))
                    store(place, lane, found, 1, 3)
                    store(largest, lane, choose(size > before, size, before), 0, 3)
            for lane in range(width):
                size, before = load(largest, lane, 1, 2), load(least, lane, 0, 2)
                store(least, lane, choose(size < before, size, before), 0, 2)
            for row in range(k + 1, n):
                exchanged_where(matrix, place, k, row, k, n, width)
                exchanged_where(values, place, k, row, 0, columns, width)
            for lane in range(width):
                store(inverse, lane, ratio(dtype(1), load(matrix, here + lane, 1, 2)), 0, 2)
            for row in range(k + 1, n):
                there = (row * n + k) * LANES
                for lane in range(width):
                    value, factor = load(matrix, there + lane, 0, 2), load(inverse, lane, 1, 2)
                    store(matrix, there + lane, value * factor, 0, 2)
                subtracted(matrix, matrix, row, k, there, k + 1, n, width)
                subtracted(values, matrix, row, k, there, 0, columns, width)
        if checked:
            for lane in range(width):
                if least[lane] == real_dtype(0):
                    return first + lane + 1
        for step in range(n):
            k = n - 1 - step
            here = (k * n + k) * LANES
            for lane in range(width):
                store(inverse, lane, ratio(dtype(1), load(matrix, here + lane, 1, 2)), 0, 2)
            for column in range(columns):
                at = (k * columns + column) * LANES
                for lane in range(width):
                    value, factor = load(values, at + lane, 0, 2), load(inverse, lane, 1, 2)
                    store(values, at + lane, value * factor, 0, 2)
            for row in range(k):
                subtracted(values, matrix, row, k, (row * n + k) * LANES, 0, columns, width)
        scattered(out, values, first * n * columns, width, n, columns, n * columns, columns, 1)
    return 0
