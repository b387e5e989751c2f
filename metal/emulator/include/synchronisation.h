// Barriers, SIMD functions, 8x8 matrices and atomics, in terms of the runtime.
#pragma once
#include "math.h"

namespace emu {
struct lanes { uint active, lane, regroup; const uchar (*values)[16]; };
}
extern "C" {
__attribute__((convergent)) void emu_threadgroup_barrier(uint flags);
__attribute__((convergent)) void emu_simdgroup_barrier(uint flags);
__attribute__((convergent)) const emu::lanes *emu_simd(const void *value, uint size);
__attribute__((convergent)) const emu::lanes *emu_simd_all(const void *value, uint size);
void emu_inactive_lane(uint lane);
void emu_atomic(const void *address, uint size, uint write);
uint emu_late_store(const volatile void *address, uint value);
void *emu_threadgroup(constant const char *name, constant const char *function, uint number, uint size, uint granule);
}
#define EMU_INLINE __attribute__((always_inline)) inline
#define EMU_UNCHECKED __attribute__((noinline, no_sanitize("thread"))) inline

namespace emu {
// Bytes of which races are told apart: a component of a vector, a member of a structure.
template <typename T> struct granule { enum { value = __alignof__(T) > 8 ? 4 : __alignof__(T) }; };
template <typename T> struct granule<const T> : granule<T> {};
template <typename T, size_t N> struct granule<T[N]> : granule<T> {};
#define EMU_GRANULE(T)                                              \
    template <> struct granule<T##2> { enum { value = sizeof(T) }; }; \
    template <> struct granule<T##3> { enum { value = sizeof(T) }; }; \
    template <> struct granule<T##4> { enum { value = sizeof(T) }; };
EMU_VECTORABLE(EMU_GRANULE)

template <typename T>
EMU_INLINE threadgroup T &threadgroup_variable(constant const char *name, constant const char *function,
                                               uint number) {
    return *(threadgroup T *)(ulong)emu_threadgroup(name, function, number, sizeof(T), granule<T>::value);
}

// A value of every lane of the simdgroup that calls this together.
template <typename T> struct gathered {
    uint active, lane, regroup;
    T values[32];
    EMU_UNCHECKED T get(uint i) const { return values[i]; }
    EMU_INLINE bool has(uint i) const { return i < 32 && (active >> i & 1); }
    EMU_INLINE T from(uint i) const {
        if (!has(i)) emu_inactive_lane(i);
        return get(i & 31);
    }
};
template <typename T> EMU_UNCHECKED void spread(const lanes *all, gathered<T> *out) {
    out->active = all->active;
    out->lane = all->lane;
    out->regroup = all->regroup;
    for (uint i = 0; i < 32; i++) __builtin_memcpy(&out->values[i], all->values[i], sizeof(T));
}
template <typename T> EMU_UNCHECKED void pack(uchar *bytes, T value) { __builtin_memcpy(bytes, &value, sizeof(T)); }

template <typename T> struct in_simdgroup { enum { value = 0 }; };
#define EMU_IN_SIMDGROUP(T)                                       \
    template <> struct in_simdgroup<T> { enum { value = 1 }; };   \
    template <> struct in_simdgroup<T##2> { enum { value = 1 }; };\
    template <> struct in_simdgroup<T##3> { enum { value = 1 }; };\
    template <> struct in_simdgroup<T##4> { enum { value = 1 }; };
EMU_IN_SIMDGROUP(char) EMU_IN_SIMDGROUP(uchar) EMU_IN_SIMDGROUP(short) EMU_IN_SIMDGROUP(ushort)
EMU_IN_SIMDGROUP(int) EMU_IN_SIMDGROUP(uint) EMU_IN_SIMDGROUP(half) EMU_IN_SIMDGROUP(float)

template <typename T> EMU_INLINE gathered<T> gather(T value) {
    static_assert(in_simdgroup<T>::value, "SIMD functions take types of 8, 16 and 32 bits other than bool");
    uchar bytes[16];
    pack(bytes, value);
    gathered<T> all;
    spread(emu_simd(bytes, 16), &all);
    return all;
}

// In pairs of neighbours, then of neighbouring pairs, ...: as hardware does, and deterministic. Or in another order.
template <typename T, typename F> EMU_UNCHECKED T reduce(gathered<T> *all, F f) {
    uint active = all->active;
    if (all->regroup) { // from the last lane to the first, as one is free to
        int last = 31;
        while (last > 0 && !(active >> last & 1)) last--;
        T value = all->values[last];
        for (int i = last - 1; i >= 0; i--)
            if (active >> i & 1) value = f(value, all->values[i]);
        return value;
    }
    for (uint step = 1; step < 32; step *= 2)
        for (uint i = 0; i < 32; i += 2 * step) {
            uint other = i + step;
            if (!(active >> other & 1)) continue;
            all->values[i] = active >> i & 1 ? f(all->values[i], all->values[other]) : all->values[other];
            active |= 1u << i;
        }
    return all->values[0];
}
template <typename T, typename F> EMU_UNCHECKED T scan(const gathered<T> *all, F f, T start, uint count) {
    for (uint i = 0; i < count; i++)
        if (all->active >> i & 1) start = f(start, all->values[i]);
    return start;
}
#define EMU_OPERATION(name, result) \
    struct name { template <typename T> T operator()(T a, T b) const { return result; } };
EMU_OPERATION(add, a + b) EMU_OPERATION(multiply, a * b) EMU_OPERATION(least, metal::min(a, b))
EMU_OPERATION(greatest, metal::max(a, b)) EMU_OPERATION(bit_and, a & b) EMU_OPERATION(bit_or, a | b)
EMU_OPERATION(bit_xor, a ^ b)
} // namespace emu

namespace metal {
enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2, mem_texture = 4 };
inline constexpr mem_flags operator|(mem_flags a, mem_flags b) { return mem_flags(int(a) | int(b)); }
EMU_INLINE void threadgroup_barrier(mem_flags flags) { emu_threadgroup_barrier(uint(flags)); }
EMU_INLINE void simdgroup_barrier(mem_flags flags) { emu_simdgroup_barrier(uint(flags)); }

#define EMU_REDUCTION(name, operation) \
    template <typename T> EMU_INLINE T name(T x) {  \
        auto all = emu::gather(x);                  \
        return emu::reduce(&all, emu::operation()); \
    }
EMU_REDUCTION(simd_sum, add) EMU_REDUCTION(simd_product, multiply) EMU_REDUCTION(simd_min, least)
EMU_REDUCTION(simd_max, greatest) EMU_REDUCTION(simd_and, bit_and) EMU_REDUCTION(simd_or, bit_or)
EMU_REDUCTION(simd_xor, bit_xor)
#define EMU_PREFIX(name, operation, start, count) \
    template <typename T> EMU_INLINE T name(T x) {                                    \
        auto all = emu::gather(x);                                                    \
        return emu::scan(&all, emu::operation(), T(start), all.lane + count);         \
    }
EMU_PREFIX(simd_prefix_inclusive_sum, add, 0, 1) EMU_PREFIX(simd_prefix_exclusive_sum, add, 0, 0)
EMU_PREFIX(simd_prefix_inclusive_product, multiply, 1, 1) EMU_PREFIX(simd_prefix_exclusive_product, multiply, 1, 0)

template <typename T> EMU_INLINE T simd_broadcast(T x, ushort lane) { return emu::gather(x).from(lane); }
template <typename T> EMU_INLINE T simd_shuffle(T x, ushort lane) { return emu::gather(x).from(lane); }
// From the lane whose number is an expression of `lane`; or this lane's value where there is no such lane.
#define EMU_SHUFFLE(name, exists, from_lane)                         \
    template <typename T> EMU_INLINE T name(T x, ushort by) {        \
        auto all = emu::gather(x);                                   \
        uint lane = all.lane;                                        \
        return exists ? all.from(from_lane) : x;                     \
    }
EMU_SHUFFLE(simd_shuffle_xor, true, lane ^ by)
EMU_SHUFFLE(simd_shuffle_down, lane + by < 32, lane + by)
EMU_SHUFFLE(simd_shuffle_up, lane >= by, lane - by)
EMU_SHUFFLE(simd_shuffle_rotate_down, true, (lane + by) & 31)
EMU_SHUFFLE(simd_shuffle_rotate_up, true, (lane - by) & 31)
template <typename T> EMU_INLINE T simd_broadcast_first(T x) {
    auto all = emu::gather(x);
    return all.get(uint(__builtin_ctz(all.active)));
}
EMU_INLINE bool simd_all(bool x) { auto all = emu::gather(uint(x)); return emu::reduce(&all, emu::bit_and()); }
EMU_INLINE bool simd_any(bool x) { auto all = emu::gather(uint(x)); return emu::reduce(&all, emu::bit_or()); }
EMU_INLINE bool simd_is_first() { auto all = emu::gather(0u); return uint(__builtin_ctz(all.active)) == all.lane; }
struct simd_vote {
    typedef ulong vote_t;
    vote_t bits;
    explicit constexpr simd_vote(vote_t v = 0) : bits(v) {}
    explicit constexpr operator vote_t() const { return bits; }
    bool all() const { return bits == 0xffffffffu; }
    bool any() const { return bits != 0; }
};
EMU_INLINE simd_vote simd_ballot(bool x) {
    auto all = emu::gather(uint(x));
    uint bits = 0;
    for (uint i = 0; i < 32; i++) bits |= all.has(i) && all.get(i) ? 1u << i : 0;
    return simd_vote(bits);
}
EMU_INLINE simd_vote simd_active_threads_mask() { return simd_vote(emu::gather(0u).active); }
} // namespace metal
