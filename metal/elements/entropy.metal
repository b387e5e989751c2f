// Element functions: logarithms of quotients and relative entropies. Conventions: see scalars.metal.

namespace element {

// x log(1 + y), and 0 where x is, unless y is nan.
template <typename T> inline T xlog1py(T x, T y) {
    const bool none = helper::vanishes(x) && !helper::is_nan(y);
    return helper::choose(none, T(0), T(float(x) * helper::real_log1p(float(y))));
}

template <typename T> inline T xlog1py_vjp_x(T g, T y) {
    return element::scale(g, T(helper::real_log1p(float(y))));
}

// 0 where x is: there the function is 0 for every y.
template <typename T> inline T xlog1py_vjp_y(T g, T x, T y) {
    const T slope = T(helper::divide(float(x), 1.0f + float(y)));
    return element::scale(g, helper::choose(helper::vanishes(x), T(0), slope));
}

template <typename T> inline T log_ratio(T x, T y) { return T(helper::real_log_ratio(float(x), float(y))); }

template <typename T> inline T log_ratio_vjp_x(T g, T x) { return element::scale(g, helper::reciprocal(x)); }

template <typename T> inline T log_ratio_vjp_y(T g, T y) {
    return element::scale(g, helper::negated(helper::reciprocal(y)));
}

template <typename T> inline T kl_div(T x, T y) { return T(helper::real_kl_div(float(x), float(y))); }

template <typename T> inline T kl_div_vjp_x(T g, T x, T y) {
    return element::scale(g, T(helper::real_log_ratio(float(x), float(y))));
}

template <typename T> inline T kl_div_vjp_y(T g, T x, T y) {
    return element::scale(g, T(helper::divide(float(y) - float(x), float(y))));
}

template <typename T> inline T rel_entr(T x, T y) { return T(helper::real_rel_entr(float(x), float(y))); }

template <typename T> inline T rel_entr_vjp_x(T g, T x, T y) {
    return element::scale(g, T(helper::real_log_ratio(float(x), float(y)) + 1.0f));
}

template <typename T> inline T rel_entr_vjp_y(T g, T x, T y) {
    return element::scale(g, helper::negated(helper::divide(x, y)));
}

}  // namespace element
