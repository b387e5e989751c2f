// Element functions: arithmetic, rounding, choice. Conventions: see kernels/elements/arithmetic.py and scalars.metal.

namespace helper {

inline float power(float x, float y) { return helper::real_power(x, y); }
inline half power(half x, half y) { return half(helper::real_power(float(x), float(y))); }
// Of integers; it wraps as their product does.
template <typename T> inline T power(T x, T y) {
    ulong result = 1;
    ulong base = ulong(x);
    for (T rest = y; rest > T(0); rest = T(rest >> 1)) {
        result = (rest & T(1)) != T(0) ? result * base : result;
        base = base * base;
    }
    return T(result);
}

inline float rounded(float x) { return rint(x); }
inline half rounded(half x) { return half(rint(float(x))); }
template <typename T> inline T rounded(T x) { return x; }

// x less the multiple of y next to it towards zero, of the sign of x.
inline float rest_of(float x, float y) {
    const bool defined = helper::is_finite(x) && !helper::vanishes(y);
    const float rest = helper::choose(helper::is_inf(y), x, precise::fmod(x, y));
    return helper::choose(helper::comparable(x, y), helper::choose(defined, rest, helper::not_a_number()), x + y);
}

// A float quotient is that of x less the remainder, so that the two agree.
inline float floor_divide(float x, float y) {
    const float rest = helper::rest_of(x, y);
    const bool apart = !helper::is_zero(rest) && helper::is_negative(rest) != helper::is_negative(y);
    const float quotient = helper::divide(x - rest, y) - (apart ? 1.0f : 0.0f);
    const float zero = helper::copysign(0.0f, helper::is_negative(x) != helper::is_negative(y) ? -1.0f : 1.0f);
    const float whole = helper::choose(quotient != 0.0f, rint(quotient), zero);
    const float result = helper::choose(helper::is_nan(rest), rest, whole);
    const float pole = helper::choose(helper::vanishes(x), helper::not_a_number(),
                                      helper::copysign(helper::infinity(), zero));
    return helper::choose(helper::vanishes(y) && !helper::is_nan(x), pole, result);
}
// 0 for y == 0. The lowest number over -1 wraps.
template <typename T> inline T floor_divide(T x, T y) {
    if (y == T(0)) return T(0);
    if (helper::is_negative(y) && T(y + T(1)) == T(0)) return helper::negated(x);
    const T quotient = T(x / y);
    return T(x % y) != T(0) && helper::is_negative(x) != helper::is_negative(y) ? T(quotient - T(1)) : quotient;
}

inline float remainder(float x, float y) {
    const float rest = helper::rest_of(x, y);
    const bool apart = helper::is_negative(rest) != helper::is_negative(y);
    const float of_sign = helper::choose(apart, rest + y, rest);
    const float zero = helper::copysign(0.0f, y);
    return helper::choose(helper::is_nan(rest), rest, helper::choose(helper::is_zero(rest), zero, of_sign));
}
template <typename T> inline T remainder(T x, T y) {
    if (y == T(0) || (helper::is_negative(y) && T(y + T(1)) == T(0))) return T(0);
    const T rest = T(x % y);
    return rest != T(0) && helper::is_negative(rest) != helper::is_negative(y) ? T(rest + y) : rest;
}

}  // namespace helper

namespace element {

// The cast to the type of `dtype`, which is any value of it.
template <typename T, typename D> inline D astype(T x, D dtype) { return D(x); }
template <typename T> inline bool astype(T x, bool dtype) { return !helper::is_zero(x); }

template <typename T> inline T copy(T x) { return x; }

// --- products --------------------------------------------------------------------------------------------

// The cotangent x times a derivative y; zero where x is, even if y is inf or nan.
template <typename T> inline T scale(T x, T y) {
    return helper::choose(helper::vanishes(x), T(0), T(helper::wide(x) * helper::wide(y)));
}

template <typename T> inline T scale_vjp_x(T g, T y) { return element::scale(g, y); }

// x * g, zero where either is.
template <typename T> inline T scale_vjp_y(T g, T x) {
    return helper::choose(helper::vanishes(x), T(0), element::scale(g, x));
}

template <typename T> inline T add(T x, T y) { return T(helper::modular(x) + helper::modular(y)); }

template <typename T> inline T subtract(T x, T y) { return T(helper::modular(x) - helper::modular(y)); }

template <typename T> inline T negative(T x) { return helper::negated(x); }

template <typename T> inline T multiply(T x, T y) { return T(helper::modular(x) * helper::modular(y)); }

template <typename T> inline T multiply_vjp_x(T g, T y) { return element::scale(g, y); }

template <typename T> inline T multiply_vjp_y(T g, T x) { return element::scale(g, x); }

template <typename T> inline T divide(T x, T y) { return helper::divide(x, y); }

template <typename T> inline T divide_vjp_x(T g, T y) { return element::scale(g, helper::reciprocal(y)); }

template <typename T> inline T divide_vjp_y(T g, T y, T out) {
    return element::scale(g, helper::negated(helper::divide(out, y)));
}

template <typename T> inline T reciprocal(T x) { return helper::reciprocal(x); }

template <typename T> inline T reciprocal_vjp(T g, T out) { return element::scale(g, T(-helper::wide(out) * helper::wide(out))); }

// --- powers ----------------------------------------------------------------------------------------------

template <typename T> inline T square(T x) { return element::multiply(x, x); }

template <typename T> inline T square_vjp(T g, T x) { return element::scale(g, element::add(x, x)); }

template <typename T> inline T sqrt(T x) { return helper::root(x); }

template <typename T> inline T sqrt_vjp(T g, T out) { return element::scale(g, helper::divide(T(0.5f), out)); }

template <typename T> inline T rsqrt(T x) { return helper::reciprocal_root(x); }

template <typename T> inline T rsqrt_vjp(T g, T x, T out) {
    return element::scale(g, helper::divide(T(-0.5f * helper::wide(out)), x));
}

template <typename T> inline T cbrt(T x) { return T(helper::real_cbrt(float(x))); }

template <typename T> inline T cbrt_vjp(T g, T out) {
    return element::scale(g, helper::divide(helper::divide(T(0.333333343f), out), out));
}

template <typename T> inline T power(T x, T y) { return helper::power(x, y); }

// x**(y - n), of which derivatives of a power are made.
template <typename T> inline T power_less(T x, T y, int n) { return T(helper::real_power_less(float(x), float(y), n)); }

template <typename T> inline T power_less_vjp_x(T g, T x, T y, int n) {
    const float slope = (float(y) - float(n)) * helper::real_power_less(float(x), float(y), n + 1);
    const bool constant_there = helper::is_zero(x) && helper::equals(float(y), float(n));
    return element::scale(g, helper::choose(constant_there, T(0), T(slope)));
}

template <typename T> inline T power_less_vjp_y(T g, T x, T y, T out, int n) {
    const bool at_zero = helper::is_zero(x) && helper::comparable(x, y) && !helper::below(y, T(n));
    const bool constant_there = helper::is_zero(out) || at_zero;
    const T slope = T(float(out) * helper::real_log(float(x)));
    return element::scale(g, helper::choose(constant_there, T(0), slope));
}

// x**0 is constant, at x == 0 too.
template <typename T> inline T power_vjp_x(T g, T x, T y) { return element::power_less_vjp_x(g, x, y, 0); }

// 0**y is constant for y > 0, and taken to be so at y == 0; and what is 0 at infinity stays 0.
template <typename T> inline T power_vjp_y(T g, T x, T y, T out) {
    return element::power_less_vjp_y(g, x, y, out, 0);
}

// By repeated squaring, which unrolls as n is a constant.
template <typename T> inline T integer_power(T x, int n) {
    T result = T(1);
    T base = x;
    for (int rest = n < 0 ? -n : n; rest > 0; rest >>= 1) {
        result = (rest & 1) != 0 ? element::multiply(result, base) : result;
        base = element::multiply(base, base);
    }
    return n < 0 ? helper::reciprocal(result) : result;
}

// The slope of x**0 is 0 * x**0, which has no pole.
template <typename T> inline T integer_power_vjp(T g, T x, int n) {
    return element::scale(g, element::multiply(T(n), element::integer_power(x, n != 0 ? n - 1 : 0)));
}

// --- larger and smaller ----------------------------------------------------------------------------------

template <typename T> inline T maximum(T x, T y) {
    const T larger = helper::choose(helper::below(y, x), x, y);
    return helper::choose(helper::is_nan(x), x, helper::choose(helper::is_nan(y), y, larger));
}

template <typename T> inline T maximum_vjp_x(T g, T x, T y) {
    const T one_sided = helper::choose(helper::below(y, x), g, T(0));
    return helper::choose(helper::equals(x, y), T(helper::wide(g) * helper::wide(T(0.5f))), one_sided);
}

template <typename T> inline T maximum_vjp_y(T g, T x, T y) {
    const T one_sided = helper::choose(helper::below(x, y), g, T(0));
    return helper::choose(helper::equals(x, y), T(helper::wide(g) * helper::wide(T(0.5f))), one_sided);
}

template <typename T> inline T minimum(T x, T y) {
    const T smaller = helper::choose(helper::below(x, y), x, y);
    return helper::choose(helper::is_nan(x), x, helper::choose(helper::is_nan(y), y, smaller));
}

template <typename T> inline T minimum_vjp_x(T g, T x, T y) { return element::maximum_vjp_y(g, x, y); }

template <typename T> inline T minimum_vjp_y(T g, T x, T y) { return element::maximum_vjp_x(g, x, y); }

// -1, 0 or 1.
template <typename T> inline T sign(T x) {
    const T below_or_zero = helper::choose(helper::is_negative(x), T(-1), T(1));
    return helper::choose(helper::is_nan(x), x, helper::choose(helper::is_zero(x), T(0), below_or_zero));
}

template <typename T> inline T abs(T x) { return helper::magnitude(x); }

template <typename T> inline T abs_vjp(T g, T x) { return element::scale(g, element::sign(x)); }

// --- integers --------------------------------------------------------------------------------------------

template <typename T> inline T floor(T x) { return T(metal::floor(helper::wide(x))); }

template <typename T> inline T ceil(T x) { return T(metal::ceil(helper::wide(x))); }

// To the nearest integer, halves to the even one.
template <typename T> inline T round(T x) { return helper::rounded(x); }

template <typename T> inline T floor_divide(T x, T y) {
    return T(helper::floor_divide(helper::wide(x), helper::wide(y)));
}

// With the sign of y; 0 for an integer y == 0.
template <typename T> inline T remainder(T x, T y) {
    return T(helper::remainder(helper::wide(x), helper::wide(y)));
}

template <typename T> inline T remainder_vjp_y(T g, T x, T y) {
    return element::scale(g, helper::negated(element::floor_divide(x, y)));
}

// An index from the front; one that no array is long enough for where it is none.
template <typename T> inline T normalize_index(T x, int size) {
    const T index = x < T(0) ? T(x + T(size)) : x;
    return index >= T(0) && index < T(size) ? index : T(-(1L << 62));
}

template <typename T> inline T select(bool c, T x, T y) { return helper::choose(c, x, y); }

}  // namespace element
