// What a shader includes as <metal_stdlib>.
#pragma once
#include "atomic.h"
#include "math.h"
#include "matrix.h"
#include "synchronisation.h"
#include "types.h"

namespace emu {
// The attributes of a kernel's parameters for one thread; runtime.h has the same struct.
struct position {
    uint thread_position_in_grid, thread_position_in_threadgroup, threadgroup_position_in_grid;
    uint threads_per_threadgroup, threadgroups_per_grid, threads_per_grid;
};
// A grid has one dimension: in the others positions are 0 and sizes 1.
template <typename T> struct parameter {
    static T of(uint x, uint) { return T(x); }
};
#define EMU_PARAMETER(T)                                                                      \
    template <> struct parameter<T##2> {                                                      \
        static T##2 of(uint x, uint rest) { return make_##T##2(T(x), T(rest)); }              \
    };                                                                                        \
    template <> struct parameter<T##3> {                                                      \
        static T##3 of(uint x, uint rest) { return make_##T##3(T(x), T(rest), T(rest)); }     \
    };
EMU_PARAMETER(uint) EMU_PARAMETER(ushort)
} // namespace emu
