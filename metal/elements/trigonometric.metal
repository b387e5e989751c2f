// Element functions: trigonometric, hyperbolic and their inverses. Conventions: see scalars.metal.

namespace element {

template <typename T> inline T sin(T x) { return T(helper::sine(float(x))); }

template <typename T> inline T cos(T x) { return T(helper::cosine(float(x))); }

template <typename T> inline T tan(T x) { return T(helper::tangent(float(x))); }

template <typename T> inline T sin_vjp(T g, T x) { return element::scale(g, element::cos(x)); }

template <typename T> inline T cos_vjp(T g, T x) { return element::scale(g, helper::negated(element::sin(x))); }

template <typename T> inline T tan_vjp(T g, T out) { return element::scale(g, T(T(1) + out * out)); }

template <typename T> inline T arcsin(T x) { return T(helper::real_arcsin(float(x))); }

template <typename T> inline T arcsin_vjp(T g, T x) {
    return element::scale(g, helper::reciprocal_root(T((T(1) - x) * (T(1) + x))));
}

template <typename T> inline T arccos(T x) { return T(helper::real_arccos(float(x))); }

template <typename T> inline T arccos_vjp(T g, T x) {
    return element::scale(g, helper::negated(helper::reciprocal_root(T((T(1) - x) * (T(1) + x)))));
}

template <typename T> inline T arctan(T x) { return T(helper::real_arctan(float(x))); }

template <typename T> inline T arctan_vjp(T g, T x) {
    return element::scale(g, helper::reciprocal(T(T(1) + x * x)));
}

// The angle of the point with ordinate x and abscissa y.
template <typename T> inline T arctan2(T x, T y) { return T(helper::real_arctan2(float(x), float(y))); }

// y / (x*x + y*y), scaled against overflow; zero at the origin and at infinity.
template <typename T> inline T arctan2_vjp_x(T g, T x, T y) {
    const T size = element::maximum(helper::magnitude(x), helper::magnitude(y));
    const T u = helper::divide(x, size);
    const T v = helper::divide(y, size);
    const T slope = helper::divide(helper::divide(v, T(u * u + v * v)), size);
    return element::scale(g, helper::choose(helper::is_zero(size) || helper::is_inf(size), T(0), slope));
}

// -x / (x*x + y*y), likewise.
template <typename T> inline T arctan2_vjp_y(T g, T x, T y) {
    return element::arctan2_vjp_x(g, helper::negated(y), helper::negated(x));
}

template <typename T> inline T sinh(T x) { return T(helper::real_sinh(float(x))); }

template <typename T> inline T cosh(T x) { return T(helper::real_cosh(float(x))); }

template <typename T> inline T tanh(T x) { return T(helper::real_tanh(float(x))); }

template <typename T> inline T sinh_vjp(T g, T x) { return element::scale(g, element::cosh(x)); }

template <typename T> inline T cosh_vjp(T g, T x) { return element::scale(g, element::sinh(x)); }

template <typename T> inline T tanh_vjp(T g, T out) { return element::scale(g, T(T(1) - out * out)); }

template <typename T> inline T arcsinh(T x) { return T(helper::real_arcsinh(float(x))); }

template <typename T> inline T arcsinh_vjp(T g, T x) {
    return element::scale(g, helper::reciprocal_root(T(x * x + T(1))));
}

template <typename T> inline T arccosh(T x) { return T(helper::real_arccosh(float(x))); }

template <typename T> inline T arccosh_vjp(T g, T x) {
    return element::scale(g, T(helper::reciprocal_root(T(x - T(1))) * helper::reciprocal_root(T(x + T(1)))));
}

template <typename T> inline T arctanh(T x) { return T(helper::real_arctanh(float(x))); }

template <typename T> inline T arctanh_vjp(T g, T x) {
    return element::scale(g, helper::reciprocal(T((T(1) - x) * (T(1) + x))));
}

}  // namespace element
