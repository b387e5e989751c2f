// Partial results of threadgroups, handed to the last one that is done.
//
// Metal's atomics are relaxed: that a counter is seen says nothing about other memory. So a value travels in atomic
// words itself, 16 bits in each, with a further bit that says it is there; memory of zeros is empty.

namespace helper {

constant constexpr uint PRESENT = 1u << 16;

template <typename T, uint size = sizeof(T)> struct Bits;

template <typename T> struct Bits<T, 1> {
    static ulong of(T x) { return as_type<uchar>(x); }
    static T value(ulong bits) { return as_type<T>(uchar(bits)); }
};

template <> struct Bits<bool, 1> {
    static ulong of(bool x) { return x ? 1 : 0; }
    static bool value(ulong bits) { return bits != 0; }
};

template <typename T> struct Bits<T, 2> {
    static ulong of(T x) { return as_type<ushort>(x); }
    static T value(ulong bits) { return as_type<T>(ushort(bits)); }
};

template <typename T> struct Bits<T, 4> {
    static ulong of(T x) { return as_type<uint>(x); }
    static T value(ulong bits) { return as_type<T>(uint(bits)); }
};

template <typename T> struct Bits<T, 8> {
    static ulong of(T x) { return as_type<ulong>(x); }
    static T value(ulong bits) { return as_type<T>(bits); }
};

// Words that a value takes.
template <typename T> constexpr uint words_of() { return sizeof(T) > 2 ? sizeof(T) / 2 : 1; }

template <typename T> inline void publish(device atomic_uint *slot, T value) {
    ulong bits = Bits<T>::of(value);
    for (uint i = 0; i < words_of<T>(); ++i) {
        atomic_store_explicit(slot + i, uint(bits >> (16 * i)) % PRESENT | PRESENT, memory_order_relaxed);
    }
}

// The value in a slot that has been written, even if it is not seen yet; the slot is empty behind it.
template <typename T> inline T collect(device atomic_uint *slot) {
    ulong bits = 0;
    for (uint i = 0; i < words_of<T>(); ++i) {
        uint word = 0;
        while (word == 0) word = atomic_load_explicit(slot + i, memory_order_relaxed);
        atomic_store_explicit(slot + i, 0u, memory_order_relaxed);
        bits |= ulong(word % PRESENT) << (16 * i);
    }
    return Bits<T>::value(bits);
}

}  // namespace helper
