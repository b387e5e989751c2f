// 8x8 matrices, which the lanes of a simdgroup hold together.
#pragma once
#include "synchronisation.h"

namespace metal {
// Each lane holds two neighbours of a row.
template <typename T, int Rows, int Columns> struct simdgroup_matrix {
    static_assert(Rows == 8 && Columns == 8, "matrices of a simdgroup are 8x8");
    static_assert(is_floating_point<T>::value, "matrices of a simdgroup are of half or float");
    vec<T, 2> elements;
    simdgroup_matrix() = default;
    EMU_INLINE explicit simdgroup_matrix(T diagonal);
    EMU_INLINE thread vec<T, 2> &thread_elements() { return elements; }
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;
} // namespace metal

namespace emu {
EMU_INLINE uint lane_of(uint r, uint c) { return (r & 4) * 4 + (r & 3) * 2 + (c & 4) * 2 + (c >> 1 & 1); }
EMU_INLINE uint row(uint lane) { return (lane / 4 & 4) + (lane / 2 & 3); }
EMU_INLINE uint column(uint lane) { return (lane / 4 & 2) * 2 + (lane & 1) * 2; }
EMU_UNCHECKED uint lane_of(const lanes *all) { return all->lane; }
EMU_INLINE uint this_lane() { uchar nothing[16] = {0}; return lane_of(emu_simd_all(nothing, 16)); }
// This lane's elements of a product, whose factors the lanes gave as two elements of each.
EMU_UNCHECKED float2 multiply_rows(const lanes *all, float2 sum) {
    uint r = row(all->lane), c = column(all->lane);
    for (uint k = 0; k < 8; k++) {
        float a[4], b[4];
        __builtin_memcpy(a, all->values[lane_of(r, k)], 16);
        __builtin_memcpy(b, all->values[lane_of(k, c)], 16);
        sum.x += a[k & 1] * b[2];
        sum.y += a[k & 1] * b[3];
    }
    return sum;
}
template <typename P, typename M>
EMU_INLINE void load(thread M &m, P from, ulong stride, ulong2 origin, bool transpose) {
    uint lane = this_lane();
    for (uint i = 0; i < 2; i++) {
        ulong r = row(lane), c = column(lane) + i;
        m.elements[i] = from[(origin.y + (transpose ? c : r)) * stride + origin.x + (transpose ? r : c)];
    }
}
template <typename P, typename M> EMU_INLINE void store(M m, P to, ulong stride, ulong2 origin, bool transpose) {
    uint lane = this_lane();
    for (uint i = 0; i < 2; i++) {
        ulong r = row(lane), c = column(lane) + i;
        to[(origin.y + (transpose ? c : r)) * stride + origin.x + (transpose ? r : c)] = m.elements[i];
    }
}
} // namespace emu

namespace metal {
template <typename T, int R, int C> EMU_INLINE simdgroup_matrix<T, R, C>::simdgroup_matrix(T diagonal) {
    uint lane = emu::this_lane(), r = emu::row(lane), c = emu::column(lane);
    elements.x = r == c ? diagonal : T(0);
    elements.y = r == c + 1 ? diagonal : T(0);
}
template <typename T, int R, int C> EMU_INLINE simdgroup_matrix<T, R, C> make_filled_simdgroup_matrix(T value) {
    simdgroup_matrix<T, R, C> m;
    m.elements = (vec<T, 2>)(value);
    return m;
}
#define EMU_MATRIX_MEMORY(SPACE)                                                                                  \
    template <typename T>                                                                                         \
    EMU_INLINE void simdgroup_load(thread simdgroup_matrix<T, 8, 8> &m, const SPACE T *from, ulong stride = 8,    \
                                   ulong2 origin = (ulong2)(0), bool transpose = false) {                         \
        emu::load(m, from, stride, origin, transpose);                                                            \
    }                                                                                                             \
    template <typename T>                                                                                         \
    EMU_INLINE void simdgroup_store(simdgroup_matrix<T, 8, 8> m, SPACE T *to, ulong stride = 8,                   \
                                    ulong2 origin = (ulong2)(0), bool transpose = false) {                        \
        emu::store(m, to, stride, origin, transpose);                                                             \
    }
EMU_MATRIX_MEMORY(device) EMU_MATRIX_MEMORY(threadgroup)

template <typename D, typename A, typename B, typename C>
EMU_INLINE void simdgroup_multiply_accumulate(thread simdgroup_matrix<D, 8, 8> &d, simdgroup_matrix<A, 8, 8> a,
                                              simdgroup_matrix<B, 8, 8> b, simdgroup_matrix<C, 8, 8> c) {
    uchar bytes[16];
    float4 factors = make_float4(float(a.elements.x), float(a.elements.y), float(b.elements.x), float(b.elements.y));
    emu::pack(bytes, factors);
    float2 sum = make_float2(float(c.elements.x), float(c.elements.y));
    sum = emu::multiply_rows(emu_simd_all(bytes, 16), sum);
    d.elements.x = D(sum.x);
    d.elements.y = D(sum.y);
}
template <typename D, typename A, typename B>
EMU_INLINE void simdgroup_multiply(thread simdgroup_matrix<D, 8, 8> &d, simdgroup_matrix<A, 8, 8> a,
                                   simdgroup_matrix<B, 8, 8> b) {
    simdgroup_multiply_accumulate(d, a, b, make_filled_simdgroup_matrix<D, 8, 8>(D(0)));
}
} // namespace metal
