// Products of matrices, in the last two axes of (batch ..., rows, inner) and (batch ..., inner, columns).
//
// Floating ones are computed as float: tiles of the result by threadgroups, from tiles of the operands in their
// memory; products of a vector and of integers more plainly. The inner axis may be shared out to pieces, each with a
// result of its own.
//
// Loops over matrices of a simdgroup are unrolled and their conditions stand outside: a compiler that indexes an array
// of matrices at run time spills it, or is wrong.

namespace helper {

constant uint TILE = 64;  // rows and columns of a tile
constant uint DEPTH = 16;  // of the operands' tiles
constant uint QUARTER = 32;  // rows and columns of a tile's quarter, which a simdgroup computes
constant uint X_STEP = 20;  // from row to row of the tiles in memory: not all in one bank
constant uint Y_STEP = 68;
constant uint TILE_MEMORY = 4096;  // both operands' tiles or, behind them in time, that of the result

// Of one piece of one batch: the words are columns, rows, inner, pieces, their size, batches, then for each array
// its offset and its strides along the last two axes, then the number of batch axes and of each, the innermost
// first, its size and two strides. The results lie densely, one piece behind the other.
struct Product {
    uint columns, rows, first, end, x, y, out, x_down, x_right, y_down, y_right;
    Product(constant int *words, uint i) {
        columns = uint(words[0]);
        rows = uint(words[1]);
        const uint inner = uint(words[2]), pieces = uint(words[3]), size = uint(words[4]), batches = uint(words[5]);
        out = i * rows * columns;
        const uint piece = i / batches;
        first = piece * size;
        end = min(first + size, inner);
        x = uint(words[6]);
        x_down = uint(words[7]);
        x_right = uint(words[8]);
        y = uint(words[9]);
        y_down = uint(words[10]);
        y_right = uint(words[11]);
        const uint axes = uint(words[12]);
        i %= batches;
        words += 13;
        for (uint axis = 0; axis < axes; ++axis, words += 3) {
            const uint k = i % uint(words[0]);
            i /= uint(words[0]);
            x += k * uint(words[1]);
            y += k * uint(words[2]);
        }
    }
};

template <typename X, typename Y>
inline void load_tiles(thread const Product &p, uint row, uint column, uint first, threadgroup float *x_tile,
                       threadgroup float *y_tile, helper::Group g, X x, Y y) {
    const bool x_along_rows = p.x_down != 1, y_along_rows = p.y_down != 1;
    for (uint e = g.rank; e < helper::TILE * helper::DEPTH; e += g.threads) {
        uint i = x_along_rows ? e / helper::DEPTH : e % helper::TILE;
        uint k = x_along_rows ? e % helper::DEPTH : e / helper::TILE;
        float value = 0.0f;
        if (row + i < p.rows && first + k < p.end) {
            value = float(x[p.x + (row + i) * p.x_down + (first + k) * p.x_right]);
        }
        x_tile[i * helper::X_STEP + k] = value;
        i = y_along_rows ? e % helper::TILE : e / helper::DEPTH;
        k = y_along_rows ? e / helper::TILE : e % helper::DEPTH;
        value = 0.0f;
        if (column + i < p.columns && first + k < p.end) {
            value = float(y[p.y + (first + k) * p.y_down + (column + i) * p.y_right]);
        }
        y_tile[k * helper::Y_STEP + i] = value;
    }
}

}  // namespace helper

namespace structural {

// Each tile by a threadgroup, whose simdgroups compute quarters of it, in as many rounds as that takes.
template <typename T, typename X, typename Y>
inline void matmul_tiles(constant int *words, threadgroup float *memory, helper::Group g, device T *out, X x, Y y) {
    threadgroup float *x_tile = memory, *y_tile = memory + helper::TILE * helper::X_STEP;
    const uint across = (uint(words[0]) + helper::TILE - 1) / helper::TILE;
    const uint down = (uint(words[1]) + helper::TILE - 1) / helper::TILE;
    const uint tiles = across * down * uint(words[3]) * uint(words[5]);
    const uint workers = g.threads / helper::LANES;  // a simdgroup that lacks threads only loads
    for (uint tile = g.index; tile < tiles; tile += g.count) {
        const helper::Product p(words, tile / (across * down));
        const uint row = tile / across % down * helper::TILE, column = tile % across * helper::TILE;
        for (uint done = 0; done < 4; done += workers) {
            const uint quarter = done + g.simdgroup;
            const bool works = quarter < 4 && g.simdgroup < workers;
            const uint x_at = quarter / 2 * helper::QUARTER, y_at = quarter % 2 * helper::QUARTER;
            simdgroup_float8x8 sums[4][4];
#pragma clang loop unroll(full)
            for (uint i = 0; i < 4; ++i) {
#pragma clang loop unroll(full)
                for (uint j = 0; j < 4; ++j) sums[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
            }
            for (uint first = p.first; first < p.end; first += helper::DEPTH) {
                helper::load_tiles(p, row, column, first, x_tile, y_tile, g, x, y);
                threadgroup_barrier(mem_flags::mem_threadgroup);
                if (works) {
#pragma clang loop unroll(full)
                    for (uint k = 0; k < helper::DEPTH; k += 8) {
                        simdgroup_float8x8 a[4], b[4];
#pragma clang loop unroll(full)
                        for (uint i = 0; i < 4; ++i) {
                            simdgroup_load(a[i], x_tile + (x_at + 8 * i) * helper::X_STEP + k, helper::X_STEP);
                            simdgroup_load(b[i], y_tile + k * helper::Y_STEP + y_at + 8 * i, helper::Y_STEP);
                        }
#pragma clang loop unroll(full)
                        for (uint i = 0; i < 4; ++i) {
#pragma clang loop unroll(full)
                            for (uint j = 0; j < 4; ++j) {
                                simdgroup_multiply_accumulate(sums[i][j], a[i], b[j], sums[i][j]);
                            }
                        }
                    }
                }
                threadgroup_barrier(mem_flags::mem_threadgroup);
            }
            if (works) {
                threadgroup float *to = memory + x_at * helper::TILE + y_at;
#pragma clang loop unroll(full)
                for (uint i = 0; i < 4; ++i) {
#pragma clang loop unroll(full)
                    for (uint j = 0; j < 4; ++j) {
                        simdgroup_store(sums[i][j], to + 8 * i * helper::TILE + 8 * j, helper::TILE);
                    }
                }
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
            for (uint e = g.rank; e < helper::TILE * helper::TILE; e += g.threads) {
                const uint i = e / helper::TILE, j = e % helper::TILE;
                const uint from = i / helper::QUARTER * 2 + j / helper::QUARTER;
                const bool made = from >= done && from < done + workers;
                if (made && row + i < p.rows && column + j < p.columns) {
                    out[p.out + (row + i) * p.columns + column + j] = T(memory[e]);
                }
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
        }
    }
}

// Each element by a thread.
template <typename T, typename Sum, typename Times, typename X, typename Y>
inline void matmul_by_threads(constant int *words, uint i, device T *out, X x, Y y) {
    typedef typename helper::Wide<T>::type W;
    const uint columns = uint(words[0]), rows = uint(words[1]);
    if (i >= rows * columns * uint(words[3]) * uint(words[5])) return;
    const helper::Product p(words, i / (rows * columns));
    const uint row = i / columns % rows, column = i % columns;
    W sum = Sum::template identity<W>();
    for (uint k = p.first; k < p.end; ++k) {
        const W a = W(x[p.x + row * p.x_down + k * p.x_right]), b = W(y[p.y + k * p.y_down + column * p.y_right]);
        sum = Sum::template apply<W>(sum, Times::template apply<W>(a, b));
    }
    out[i] = T(sum);
}

// A vector times a matrix whose columns are dense: each element by a threadgroup.
template <typename T, typename X, typename Y>
inline void vector_by_columns(constant int *words, threadgroup float *memory, helper::Group g, device T *out, X x,
                              Y y) {
    const uint columns = uint(words[0]);
    for (uint i = g.index; i < columns * uint(words[3]) * uint(words[5]); i += g.count) {
        const helper::Product p(words, i / columns);
        float sum = 0.0f;
        for (uint k = p.first + g.rank; k < p.end; k += g.threads) {
            sum += float(x[p.x + k * p.x_right]) * float(y[p.y + k * p.y_down + i % columns * p.y_right]);
        }
        sum = helper::group_combine<float, helper::Add>(sum, memory, g);
        if (g.rank == 0) out[i] = T(sum);
    }
}

// A vector times a matrix whose rows are dense: as many elements as a simdgroup has lanes by a threadgroup, whose
// simdgroups share out the inner axis.
template <typename T, typename X, typename Y>
inline void vector_by_rows(constant int *words, threadgroup float *memory, helper::Group g, device T *out, X x, Y y) {
    const uint columns = uint(words[0]), across = (columns + helper::LANES - 1) / helper::LANES;
    const uint workers = g.threads / helper::LANES;
    for (uint i = g.index; i < across * uint(words[3]) * uint(words[5]); i += g.count) {
        const helper::Product p(words, i / across);
        const uint column = i % across * helper::LANES + g.lane;
        float sum = 0.0f;
        if (g.simdgroup < workers && column < columns) {
            for (uint k = p.first + g.simdgroup; k < p.end; k += workers) {
                sum += float(x[p.x + k * p.x_right]) * float(y[p.y + k * p.y_down + column * p.y_right]);
            }
        }
        memory[g.rank] = sum;
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (g.simdgroup == 0 && column < columns) {
            for (uint k = 1; k < workers; ++k) sum += memory[k * helper::LANES + g.lane];
            out[p.out + column] = T(sum);
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

}  // namespace structural
