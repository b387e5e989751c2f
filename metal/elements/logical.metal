// Element functions: comparisons, tests, logic, bits; no derivatives. Conventions: see scalars.metal.

namespace helper {

inline bool inverted(bool x) { return !x; }
template <typename T> inline T inverted(T x) { return T(~x); }

}  // namespace helper

namespace element {

template <typename T> inline bool equal(T x, T y) { return helper::equals(x, y); }

template <typename T> inline bool not_equal(T x, T y) { return !helper::equals(x, y); }

template <typename T> inline bool less(T x, T y) { return helper::below(x, y); }

template <typename T> inline bool less_equal(T x, T y) { return helper::below(x, y) || helper::equals(x, y); }

template <typename T> inline bool greater(T x, T y) { return helper::below(y, x); }

template <typename T> inline bool greater_equal(T x, T y) { return helper::below(y, x) || helper::equals(x, y); }

template <typename T> inline bool isnan(T x) { return helper::is_nan(x); }

template <typename T> inline bool isinf(T x) { return helper::is_inf(x); }

template <typename T> inline bool isfinite(T x) { return helper::is_finite(x); }

template <typename T> inline bool signbit(T x) { return helper::is_negative(x); }

template <typename T> inline bool logical_not(T x) { return helper::is_zero(x); }

template <typename T> inline bool logical_and(T x, T y) { return !helper::is_zero(x) && !helper::is_zero(y); }

template <typename T> inline bool logical_or(T x, T y) { return !helper::is_zero(x) || !helper::is_zero(y); }

template <typename T> inline T bitwise_and(T x, T y) { return T(x & y); }

template <typename T> inline T bitwise_or(T x, T y) { return T(x | y); }

template <typename T> inline T bitwise_xor(T x, T y) { return T(x ^ y); }

template <typename T> inline T bitwise_invert(T x) { return helper::inverted(x); }

// Nothing is left by a shift of the width or more, or below 0.
template <typename T> inline T left_shift(T x, T y) {
    return ulong(y) < 8 * sizeof(T) ? T(helper::modular(x) << uint(y)) : T(0);
}

// Likewise leaves copies of the sign bit.
template <typename T> inline T right_shift(T x, T y) {
    const T left = helper::is_negative(x) ? T(-1) : T(0);
    return ulong(y) < 8 * sizeof(T) ? T(x >> uint(y)) : left;
}

}  // namespace element
