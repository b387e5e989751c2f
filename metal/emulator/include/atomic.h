// Atomics of 32 bits. Threads run one at a time, so that plain operations serve; the runtime is told of them.
#pragma once
#include "synchronisation.h"

namespace emu {
// Whether a store is one to device memory that others see later; it is made then.
EMU_UNCHECKED bool kept_back(constant const char *space, const volatile void *at, bool) { return false; }
template <typename T> EMU_UNCHECKED bool kept_back(constant const char *space, const volatile void *at, T value) {
    return space[0] == 'd' && emu_late_store(at, uint(value));
}
} // namespace emu

namespace metal {
enum memory_order { memory_order_relaxed };
struct atomic_int { int value; };
struct atomic_uint { uint value; };
struct atomic_bool { bool value; };
template <typename T> struct atomic;
template <> struct atomic<int> : atomic_int {};
template <> struct atomic<uint> : atomic_uint {};
template <> struct atomic<bool> : atomic_bool {};

#define EMU_ATOMIC_UPDATE(SPACE, A, T, name, result)                                                        \
    EMU_UNCHECKED T atomic_##name##_explicit(volatile SPACE A *at, T operand, memory_order) {               \
        emu_atomic((const void *)(ulong)at, sizeof(T), 1);                                                  \
        T old = at->value;                                                                                  \
        at->value = result;                                                                                 \
        return old;                                                                                         \
    }
#define EMU_ATOMIC(SPACE, A, T)                                                                             \
    EMU_UNCHECKED void atomic_store_explicit(volatile SPACE A *at, T value, memory_order) {                 \
        emu_atomic((const void *)(ulong)at, sizeof(T), 2);                                                  \
        if (emu::kept_back(#SPACE, (const volatile void *)(ulong)at, value)) return;                        \
        at->value = value;                                                                                  \
    }                                                                                                       \
    EMU_UNCHECKED T atomic_load_explicit(const volatile SPACE A *at, memory_order) {                        \
        emu_atomic((const void *)(ulong)at, sizeof(T), 0);                                                  \
        return at->value;                                                                                   \
    }                                                                                                       \
    EMU_UNCHECKED bool atomic_compare_exchange_weak_explicit(volatile SPACE A *at, thread T *expected,      \
                                                             T desired, memory_order, memory_order) {       \
        emu_atomic((const void *)(ulong)at, sizeof(T), 1);                                                  \
        T old = at->value;                                                                                  \
        bool same = old == *expected;                                                                       \
        if (same) at->value = desired;                                                                      \
        *expected = old;                                                                                    \
        return same;                                                                                        \
    }                                                                                                       \
    EMU_ATOMIC_UPDATE(SPACE, A, T, exchange, operand)
#define EMU_ATOMIC_INTEGER(SPACE, A, T)                                                                     \
    EMU_ATOMIC(SPACE, A, T)                                                                                 \
    EMU_ATOMIC_UPDATE(SPACE, A, T, fetch_add, old + operand)                                                \
    EMU_ATOMIC_UPDATE(SPACE, A, T, fetch_sub, old - operand)                                                \
    EMU_ATOMIC_UPDATE(SPACE, A, T, fetch_min, operand < old ? operand : old)                                \
    EMU_ATOMIC_UPDATE(SPACE, A, T, fetch_max, old < operand ? operand : old)                                \
    EMU_ATOMIC_UPDATE(SPACE, A, T, fetch_and, old & operand)                                                \
    EMU_ATOMIC_UPDATE(SPACE, A, T, fetch_or, old | operand)                                                 \
    EMU_ATOMIC_UPDATE(SPACE, A, T, fetch_xor, old ^ operand)
EMU_ATOMIC(device, atomic_bool, bool) EMU_ATOMIC(threadgroup, atomic_bool, bool)
EMU_ATOMIC_INTEGER(device, atomic_int, int) EMU_ATOMIC_INTEGER(threadgroup, atomic_int, int)
EMU_ATOMIC_INTEGER(device, atomic_uint, uint) EMU_ATOMIC_INTEGER(threadgroup, atomic_uint, uint)
} // namespace metal
