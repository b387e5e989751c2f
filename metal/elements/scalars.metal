// What shaders are made of: tests by bits, choice, integers that wrap, quotients and roots.
//
// metalcompute compiles with fast math, which lets the compiler take it that there are no NaN, no infinities and
// no signs of zeros, and add in any order. The pragma forbids that; compilers before macOS 15 skip it. For these,
// what must be right of NaN and the like is decided by bits, as integers, and of values that were given, not
// computed; the error of a rounding is had by fma, which no compiler rewrites, never by (x + y) - x; and a
// comparison says what NaN gives.
//
// Conventions of all files: element functions, templates of the operands' type, stand in the namespace element,
// all else in helper, and every use is qualified, `helper::choose(...)`: metal/elements/library.py reads which file needs
// which from that. half is computed as float, always: `T(helper::exp(float(x)))`, and helper::wide where T may be an integer.
//
// A GPU takes float32 numbers below 1.18e-38 for zero, with their sign, in operands and results of arithmetic and
// comparisons; what only moves, and integers, it leaves alone. So comparisons are those of integers, logarithms begin
// with bits, and where a product must not be 0 * inf `helper::vanishes` says what it takes for 0.

#include <metal_stdlib>
#pragma METAL fp math_mode(safe)
using namespace metal;

namespace helper {

// --- bits ------------------------------------------------------------------------------------------------

constant uint SIGN = 0x80000000u;
constant uint INFINITY_BITS = 0x7f800000u;

inline uint bits_of(float x) { return as_type<uint>(x); }

inline float infinity() { return as_type<float>(helper::INFINITY_BITS); }
inline float not_a_number() { return as_type<float>(0x7fc00000u); }

inline bool is_nan(float x) { return (helper::bits_of(x) & ~helper::SIGN) > helper::INFINITY_BITS; }
inline bool is_nan(half x) { return (as_type<ushort>(x) & 0x7fff) > 0x7c00; }
template <typename T> inline bool is_nan(T) { return false; }

inline bool is_inf(float x) { return (helper::bits_of(x) & ~helper::SIGN) == helper::INFINITY_BITS; }
inline bool is_inf(half x) { return (as_type<ushort>(x) & 0x7fff) == 0x7c00; }
template <typename T> inline bool is_inf(T) { return false; }

template <typename T> inline bool is_finite(T x) { return !helper::is_nan(x) && !helper::is_inf(x); }

inline bool is_zero(float x) { return (helper::bits_of(x) & ~helper::SIGN) == 0; }
inline bool is_zero(half x) { return (as_type<ushort>(x) & 0x7fff) == 0; }
template <typename T> inline bool is_zero(T x) { return x == T(0); }

// Whether a GPU's arithmetic takes x for zero, as it does subnormal numbers.
inline bool vanishes(float x) { return (helper::bits_of(x) & ~helper::SIGN) < 0x00800000u; }
inline bool vanishes(half x) { return helper::is_zero(x); }
template <typename T> inline bool vanishes(T x) { return x == T(0); }

// Of floating numbers, whether the sign is set, that of -0 and NaN too.
inline bool is_negative(float x) { return (helper::bits_of(x) & helper::SIGN) != 0; }
inline bool is_negative(half x) { return (as_type<ushort>(x) & 0x8000) != 0; }
template <typename T> inline bool is_negative(T x) { return x < T(0); }

// --- choice ----------------------------------------------------------------------------------------------

// x or y, both computed already; what is not chosen may be NaN or infinite.
inline float choose(bool c, float x, float y) {
    return as_type<float>(c ? as_type<uint>(x) : as_type<uint>(y));
}
inline half choose(bool c, half x, half y) {
    return as_type<half>(c ? as_type<ushort>(x) : as_type<ushort>(y));
}
template <typename T> inline T choose(bool c, T x, T y) { return c ? x : y; }

inline float copysign(float x, float y) {
    return as_type<float>((helper::bits_of(x) & ~helper::SIGN) | (helper::bits_of(y) & helper::SIGN));
}

// An integer in the order of numbers that are not NaN; -0 and 0 have the same.
inline int ordinal(float x) {
    const uint bits = helper::bits_of(x), size = bits & ~helper::SIGN;
    return int(bits == size ? size : 0u - size);
}
inline int ordinal(half x) { return helper::ordinal(float(x)); }
template <typename T> inline T ordinal(T x) { return x; }

template <typename T> inline bool comparable(T x, T y) { return !helper::is_nan(x) && !helper::is_nan(y); }
template <typename T> inline bool equals(T x, T y) {
    return helper::comparable(x, y) && helper::ordinal(x) == helper::ordinal(y);
}
template <typename T> inline bool below(T x, T y) {
    return helper::comparable(x, y) && helper::ordinal(x) < helper::ordinal(y);
}

// --- kinds of numbers ------------------------------------------------------------------------------------

// As what is computed with: half as float.
inline float wide(half x) { return float(x); }
template <typename T> inline T wide(T x) { return x; }

// As what is added and multiplied: half as float, integers, which are to wrap, as unsigned ones. (short would become
// int, and overflow there.)
inline uint modular(char x) { return uint(x); }
inline uint modular(uchar x) { return uint(x); }
inline uint modular(short x) { return uint(x); }
inline uint modular(ushort x) { return uint(x); }
inline uint modular(int x) { return uint(x); }
inline float modular(half x) { return float(x); }
inline ulong modular(long x) { return ulong(x); }
template <typename T> inline T modular(T x) { return x; }

inline float negated(float x) { return as_type<float>(helper::bits_of(x) ^ helper::SIGN); }
inline half negated(half x) { return as_type<half>(ushort(as_type<ushort>(x) ^ 0x8000)); }
template <typename T> inline T negated(T x) { return T(0u - helper::modular(x)); }

inline float magnitude(float x) { return as_type<float>(helper::bits_of(x) & ~helper::SIGN); }
inline half magnitude(half x) { return as_type<half>(ushort(as_type<ushort>(x) & 0x7fff)); }
template <typename T> inline T magnitude(T x) { return x < T(0) ? helper::negated(x) : x; }

// --- bfloat16, which is float while it is computed with ----------------------------------------------------

inline float bfloat16_of(ushort bits) { return as_type<float>(uint(bits) << 16); }

// Bits of the nearest bfloat16, of two the even one.
inline ushort bfloat16_bits(float x) {
    const uint bits = helper::bits_of(x);
    if (helper::is_nan(x)) return ushort((bits >> 16) | 0x40u);
    return ushort((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline float bfloat16(float x) { return helper::bfloat16_of(helper::bfloat16_bits(x)); }

// --- receipts --------------------------------------------------------------------------------------------

// The last thread says that its dispatch has come to its end. The host counts: no other error of a GPU reaches it.
inline void finished(device atomic_uint *receipt) { atomic_fetch_add_explicit(receipt, 1u, memory_order_relaxed); }

// --- arithmetic ------------------------------------------------------------------------------------------

// Of floating numbers; correctly rounded, where x / y may be off by 2.5 ULP.
template <typename T> inline T divide(T x, T y) { return T(precise::divide(float(x), float(y))); }
template <typename T> inline T reciprocal(T x) { return T(precise::divide(1.0f, float(x))); }
template <typename T> inline T root(T x) { return T(precise::sqrt(float(x))); }
template <typename T> inline T reciprocal_root(T x) { return T(precise::rsqrt(float(x))); }

// The value at x of the polynomial with these coefficients, the highest first.
inline float polynomial_from(float value, float) { return value; }
template <typename... More> inline float polynomial_from(float value, float x, float next, More... more) {
    return helper::polynomial_from(fma(value, x, next), x, more...);
}
template <typename... More> inline float polynomial(float x, float first, More... more) {
    return helper::polynomial_from(first, x, more...);
}

// 2**k of a normal exponent.
inline float power_of_two(int k) { return as_type<float>(uint(k + 127) << 23); }

// The float of these bits with its exponent moved to 0: in [sqrt(1/2), sqrt(2)); k is what it was.
inline float mantissa(uint bits, thread int &k) {
    const uint root_half = 0x3f3504f3u;
    const uint shifted = bits + (0x3f800000u - root_half);
    k = int(shifted >> 23) - 127;
    return as_type<float>((shifted & 0x007fffffu) + root_half);
}

}  // namespace helper
