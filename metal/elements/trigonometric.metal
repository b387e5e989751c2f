// Element functions: trigonometric, hyperbolic and their inverses. Conventions: see scalars.metal.

namespace helper {

// 1 - x * x.
inline float leg(float x) { return (1.0f - x) * (1.0f + x); }

}  // namespace helper

namespace element {

template <typename T> inline T sin(T x) { return T(helper::sine(float(x))); }

template <typename T> inline T cos(T x) { return T(helper::cosine(float(x))); }

template <typename T> inline T tan(T x) { return T(helper::tangent(float(x))); }

template <typename T> inline T sin_vjp(T g, T x) { return element::scale(g, element::cos(x)); }

template <typename T> inline T cos_vjp(T g, T x) { return element::scale(g, helper::negated(element::sin(x))); }

template <typename T> inline T tan_vjp(T g, T x, T out) { return element::scale(g, T(1.0f + helper::wide(out) * helper::wide(out))); }

// j_n: sin(x) / x for n = 0. Their derivatives are made of them, so that none is a quotient near 0.
template <typename T> inline T spherical_bessel(T x, int n) {
    return T(helper::real_spherical_bessel(float(x), n));
}

template <typename T> inline T spherical_bessel_vjp(T g, T x, int n) {
    const float above = helper::real_spherical_bessel(float(x), n + 1);
    if (n == 0) return element::scale(g, T(-above));
    const float below = helper::real_spherical_bessel(float(x), n - 1);
    const float both = fma(float(n), below, -float(n + 1) * above);
    return element::scale(g, T(both * (1.0f / float(2 * n + 1))));
}

template <typename T> inline T hypot(T x, T y) { return T(helper::real_hypot(float(x), float(y))); }

// x / hypot(x, y), a cosine; 0 at the origin.
template <typename T> inline T hypot_slope(T x, T y) { return T(helper::real_hypot_slope(float(x), float(y))); }

template <typename T> inline T hypot_vjp_x(T g, T x, T y) { return element::scale(g, element::hypot_slope(x, y)); }

template <typename T> inline T hypot_vjp_y(T g, T x, T y) { return element::scale(g, element::hypot_slope(y, x)); }

// x / (x * x + y * y), the real part of 1 / (x - i y), of which derivatives are powers; 0 at the origin.
template <typename T> inline T inversion(T x, T y) { return T(helper::real_inversion(float(x), float(y))); }

template <typename T> inline T hypot_slope_vjp_x(T g, T x, T y) {
    const float slope = helper::real_hypot_slope(float(y), float(x));
    return element::scale(g, T(slope * helper::real_inversion(float(y), float(x))));
}

template <typename T> inline T hypot_slope_vjp_y(T g, T x, T y, T out) {
    return element::scale(g, T(helper::negated(float(out)) * helper::real_inversion(float(y), float(x))));
}

template <typename T> inline T inversion_vjp_x(T g, T x, T y, T out) {
    const float other = helper::real_inversion(float(y), float(x));
    return element::scale(g, T((other - float(out)) * (other + float(out))));
}

template <typename T> inline T inversion_vjp_y(T g, T x, T y, T out) {
    return element::scale(g, T(-2.0f * float(out) * helper::real_inversion(float(y), float(x))));
}

// sqrt(1 + sign * x * x) of a sign that is 1 or -1: what slopes of inverse functions are made of.
template <typename T> inline T third_side(T x, int sign) { return T(helper::real_third_side(float(x), sign)); }

template <typename T> inline T third_side_vjp(T g, T x, T out, int sign) {
    const T slope = helper::divide(element::multiply(T(sign), x), out);
    const bool flat = sign > 0 && helper::magnitude(float(x)) > helper::FLAT;
    const T one = T(helper::copysign(1.0f, float(x)));
    return element::scale(g, helper::choose(flat, one, slope));
}

template <typename T> inline T arcsin(T x) { return T(helper::real_arcsin(float(x))); }

template <typename T> inline T arcsin_vjp(T g, T x) {
    return element::scale(g, T(helper::reciprocal_root(helper::leg(float(x)))));
}

template <typename T> inline T arccos(T x) { return T(helper::real_arccos(float(x))); }

template <typename T> inline T arccos_vjp(T g, T x) {
    return element::scale(g, T(helper::negated(helper::reciprocal_root(helper::leg(float(x))))));
}

template <typename T> inline T arctan(T x) { return T(helper::real_arctan(float(x))); }

template <typename T> inline T arctan_vjp(T g, T x) {
    const float a = float(x);
    const bool flat = helper::magnitude(a) > helper::FLAT;
    const float over = helper::reciprocal(flat ? a : fma(a, a, 1.0f));
    return element::scale(g, T(flat ? over * over : over));
}

// The angle of the point with ordinate x and abscissa y.
template <typename T> inline T arctan2(T x, T y) { return T(helper::real_arctan2(float(x), float(y))); }

// y / (x*x + y*y); zero at the origin and at infinity.
template <typename T> inline T arctan2_vjp_x(T g, T x, T y) {
    return element::scale(g, T(helper::real_inversion(float(y), float(x))));
}

// -x / (x*x + y*y), likewise.
template <typename T> inline T arctan2_vjp_y(T g, T x, T y) {
    return element::scale(g, T(helper::real_inversion(helper::negated(float(x)), float(y))));
}

template <typename T> inline T sinh(T x) { return T(helper::real_sinh(float(x))); }

template <typename T> inline T cosh(T x) { return T(helper::real_cosh(float(x))); }

template <typename T> inline T tanh(T x) { return T(helper::real_tanh(float(x))); }

template <typename T> inline T sinh_vjp(T g, T x) { return element::scale(g, element::cosh(x)); }

template <typename T> inline T cosh_vjp(T g, T x) { return element::scale(g, element::sinh(x)); }

// 1 / cosh(x)**2.
template <typename T> inline T tanh_slope(T x) { return T(helper::real_tanh_slope(float(x))); }

template <typename T> inline T tanh_vjp(T g, T x) { return element::scale(g, element::tanh_slope(x)); }

template <typename T> inline T tanh_slope_vjp(T g, T x, T out) {
    return element::scale(g, T(-2.0f * helper::wide(out) * helper::wide(element::tanh(x))));
}

template <typename T> inline T arcsinh(T x) { return T(helper::real_arcsinh(float(x))); }

template <typename T> inline T arcsinh_vjp(T g, T x) {
    return element::scale(g, T(helper::reciprocal(helper::real_third_side(float(x), 1))));
}

template <typename T> inline T arccosh(T x) { return T(helper::real_arccosh(float(x))); }

template <typename T> inline T arccosh_vjp(T g, T x) {
    return element::scale(g, T(helper::reciprocal_root(helper::wide(x) - 1.0f) * helper::reciprocal_root(helper::wide(x) + 1.0f)));
}

template <typename T> inline T arctanh(T x) { return T(helper::real_arctanh(float(x))); }

template <typename T> inline T arctanh_vjp(T g, T x) {
    return element::scale(g, T(helper::reciprocal(helper::leg(float(x)))));
}

}  // namespace element
