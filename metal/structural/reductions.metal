// Values combined over the threads of a simdgroup and of a threadgroup, and over an axis of an array.
//
// An operation is associative and has an identity. Threads combine in an order that follows from their numbers
// alone. All threads of a simdgroup, or of a threadgroup, call together; the last simdgroup may lack threads.

namespace helper {

constant uint LANES = 32;  // of a simdgroup
constant uint SIMDGROUPS = 32;  // of a threadgroup, at most

// --- values as words, and in order -----------------------------------------------------------------------

// As what the functions of a simdgroup take and sums are made: no type of 8 or 16 bits.
template <typename T> struct Wide { typedef T type; };
template <> struct Wide<char> { typedef int type; };
template <> struct Wide<uchar> { typedef uint type; };
template <> struct Wide<short> { typedef int type; };
template <> struct Wide<ushort> { typedef uint type; };
template <> struct Wide<half> { typedef float type; };

// Two words that hold a value: what lanes exchange.
template <typename T> struct Packing {
    static uint2 pack(T x) { return as_type<uint2>(ulong(x)); }
    static T unpack(uint2 words) { return T(as_type<ulong>(words)); }
};

template <> struct Packing<float> {
    static uint2 pack(float x) { return uint2(as_type<uint>(x), 0u); }
    static float unpack(uint2 words) { return as_type<float>(words.x); }
};

template <> struct Packing<half> {
    static uint2 pack(half x) { return helper::Packing<float>::pack(float(x)); }
    static half unpack(uint2 words) { return half(helper::Packing<float>::unpack(words)); }
};

// What no value is below and what none is above; NaN aside.
template <typename T> struct Limits {
    static T lowest() { return T(-1) < T(0) ? T(1UL << (8 * sizeof(T) - 1)) : T(0); }
    static T highest() { return T(~helper::Limits<T>::lowest()); }
};

template <> struct Limits<float> {
    static float lowest() { return as_type<float>(0xff800000u); }
    static float highest() { return as_type<float>(0x7f800000u); }
};

template <> struct Limits<half> {
    static half lowest() { return as_type<half>(ushort(0xfc00)); }
    static half highest() { return as_type<half>(ushort(0x7c00)); }
};

// An integer for a value, in the order of values, NaN the largest; -0 is before 0 or, as equal_key, the same.
template <typename T> struct Order {
    typedef typename helper::Wide<T>::type Key;
    static Key key(T x) { return Key(x); }
    static Key equal_key(T x) { return Key(x); }
    static T value(Key key) { return T(key); }
};

template <> struct Order<float> {
    typedef int Key;
    static Key key(float x) {
        const int bits = as_type<int>(x);
        return helper::is_nan(x) ? helper::Limits<int>::highest() : bits < 0 ? bits ^ 0x7fffffff : bits;
    }
    static Key equal_key(float x) { return helper::Order<float>::key(x) == -1 ? 0 : helper::Order<float>::key(x); }
    static float value(Key key) { return as_type<float>(key < 0 ? key ^ 0x7fffffff : key); }
};

template <> struct Order<half> {
    typedef int Key;
    static Key key(half x) { return helper::Order<float>::key(float(x)); }
    static Key equal_key(half x) { return helper::Order<float>::equal_key(float(x)); }
    static half value(Key key) { return half(helper::Order<float>::value(key)); }
};

// The key of a value that is not NaN in the opposite order, NaN the largest again.
template <typename T> inline typename helper::Order<T>::Key falling(T x, typename helper::Order<T>::Key key) {
    typedef typename helper::Order<T>::Key Key;
    return helper::is_nan(x) ? helper::Limits<Key>::highest() : Key(~key);
}

template <typename T> inline typename helper::Order<T>::Key falling_key(T x) {
    return helper::falling(x, helper::Order<T>::key(x));
}

// --- operations ------------------------------------------------------------------------------------------

struct Add {
    template <typename T> static T identity() { return T(0); }
    template <typename T> static T apply(T x, T y) { return T(helper::modular(x) + helper::modular(y)); }
    template <typename T> static T over_lanes(T x) { return T(simd_sum(typename helper::Wide<T>::type(x))); }
};

struct Multiply {
    template <typename T> static T identity() { return T(1); }
    template <typename T> static T apply(T x, T y) { return T(helper::modular(x) * helper::modular(y)); }
    template <typename T> static T over_lanes(T x) { return T(simd_product(typename helper::Wide<T>::type(x))); }
};

// NaN if one of them is.
struct Maximum {
    template <typename T> static T identity() { return helper::Limits<T>::lowest(); }
    template <typename T> static T apply(T x, T y) {
        return helper::choose(helper::Order<T>::key(x) < helper::Order<T>::key(y), y, x);
    }
    template <typename T> static T over_lanes(T x) {
        return helper::Order<T>::value(simd_max(helper::Order<T>::key(x)));
    }
};

struct Minimum {
    template <typename T> static T identity() { return helper::Limits<T>::highest(); }
    template <typename T> static T apply(T x, T y) {
        return helper::choose(helper::falling_key(x) < helper::falling_key(y), y, x);
    }
    template <typename T> static T over_lanes(T x) {
        typedef typename helper::Order<T>::Key Key;
        return helper::Order<T>::value(Key(~simd_max(helper::falling_key(x))));
    }
};

// Of bool.
struct Or {
    template <typename T> static T identity() { return false; }
    template <typename T> static T apply(T x, T y) { return x || y; }
    template <typename T> static T over_lanes(T x) { return simd_any(x); }
};

struct And {
    template <typename T> static T identity() { return true; }
    template <typename T> static T apply(T x, T y) { return x && y; }
    template <typename T> static T over_lanes(T x) { return simd_all(x); }
};

// As what values are held while many are combined: extremes as keys, since fast math may take it that no floating
// number, such as the identity, is infinite.
template <typename T, typename Op> struct Held {
    typedef typename helper::Wide<T>::type type;
    typedef Op Combine;
    static type of(T x) { return type(x); }
    static T value(type held) { return T(held); }
};

template <typename T> struct Held<T, helper::Maximum> {
    typedef typename helper::Order<T>::Key type;
    typedef helper::Maximum Combine;
    static type of(T x) { return helper::Order<T>::key(x); }
    static T value(type held) { return helper::Order<T>::value(held); }
};

template <typename T> struct Held<T, helper::Minimum> {
    typedef typename helper::Order<T>::Key type;
    typedef helper::Maximum Combine;
    static type of(T x) { return helper::falling_key(x); }
    static T value(type held) { return helper::Order<T>::value(type(~held)); }
};

template <typename H> inline typename H::type nothing() { return H::Combine::template identity<typename H::type>(); }

template <typename H> inline typename H::type joined(typename H::type x, typename H::type y) {
    return H::Combine::template apply<typename H::type>(x, y);
}

template <typename H, typename T> inline typename H::type combined(typename H::type held, T x) {
    return helper::joined<H>(held, H::of(x));
}

// --- over a simdgroup and a threadgroup ------------------------------------------------------------------

template <typename T, typename Op, uint size = sizeof(T)> struct Lanes {
    static T combine(T x) { return Op::template over_lanes<T>(x); }
};

// No function of a simdgroup takes 64 bits: lanes exchange words, as a tree.
template <typename T, typename Op> struct Lanes<T, Op, 8> {
    static T combine(T x) {
        const uint lane = simd_prefix_exclusive_sum(1u), lanes = simd_sum(1u);
        for (uint step = helper::LANES / 2; step > 0; step /= 2) {
            const uint2 other = simd_shuffle_down(helper::Packing<T>::pack(x), ushort(step));
            if (lane + step < lanes) x = Op::template apply<T>(x, helper::Packing<T>::unpack(other));
        }
        return helper::Packing<T>::unpack(simd_shuffle(helper::Packing<T>::pack(x), ushort(0)));
    }
};

// The values of all lanes combined, in every lane.
template <typename T, typename Op> inline T simd_combine(T value) { return helper::Lanes<T, Op>::combine(value); }

// The values of all threads combined, in every thread. `memory` has one place for each simdgroup, and may be used
// again at once. A single simdgroup needs none, nor barriers, which Apple's compiler would leave without order there.
template <typename T, typename Op>
inline T group_combine(T value, threadgroup T *memory, uint lane, uint simdgroup, uint simdgroups) {
    value = helper::simd_combine<T, Op>(value);
    if (simdgroups == 1) return value;
    if (lane == 0) memory[simdgroup] = value;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    value = memory[0];
    for (uint i = 1; i < simdgroups; ++i) value = Op::template apply<T>(value, memory[i]);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    return value;
}

// Where a thread stands in its threadgroup, and that among all.
struct Group {
    uint rank, threads, index, count, lane, simdgroup, simdgroups;
};

template <typename T, typename Op> inline T group_combine(T value, threadgroup T *memory, helper::Group g) {
    return helper::group_combine<T, Op>(value, memory, g.lane, g.simdgroup, g.simdgroups);
}

// One of the results of (outer, n, inner) combined over n in parts, and what it is made from.
struct Reduced {
    uint first, last, from, step, to;
    Reduced(constant int *words, uint i) {
        const uint n = uint(words[1]), inner = uint(words[2]), parts = uint(words[3]), size = uint(words[4]);
        const uint column = i % inner, part = i / inner % parts, line = i / inner / parts;
        first = part * size;
        last = min(first + size, n);
        from = uint(words[5]) + line * uint(words[6]) + column * uint(words[8]);
        step = uint(words[7]);
        to = uint(words[9]) + line * uint(words[10]) + part * uint(words[11]) + column * uint(words[12]);
    }
};

}  // namespace helper

namespace structural {

// words[0] results, each by a thread.
template <typename Op, typename T, typename X>
inline void reduce_by_threads(constant int *words, uint i, device T *out, device const X *x) {
    if (i >= uint(words[0])) return;
    typedef helper::Held<X, Op> Held;
    const helper::Reduced r(words, i);
    typename Held::type value = helper::nothing<Held>();
    for (uint j = r.first; j < r.last; ++j) {
        value = helper::combined<Held>(value, x[r.from + j * r.step]);
    }
    out[r.to] = T(Held::value(value));
}

// words[0] results, each by a threadgroup.
template <typename Op, typename T, typename X>
inline void reduce_by_groups(constant int *words, threadgroup typename helper::Held<X, Op>::type *memory,
                             helper::Group g, device T *out, device const X *x) {
    typedef helper::Held<X, Op> Held;
    for (uint i = g.index; i < uint(words[0]); i += g.count) {
        const helper::Reduced r(words, i);
        typename Held::type value = helper::nothing<Held>();
        for (uint j = r.first + g.rank; j < r.last; j += g.threads) {
            value = helper::combined<Held>(value, x[r.from + j * r.step]);
        }
        value = helper::group_combine<typename Held::type, typename Held::Combine>(value, memory, g);
        if (g.rank == 0) out[r.to] = T(Held::value(value));
    }
}

}  // namespace structural
