// Element functions: exponentials, logarithms, error functions. Conventions: see scalars.metal.

namespace element {

template <typename T> inline T exp(T x) { return T(helper::real_exp(float(x))); }

template <typename T> inline T exp_vjp(T g, T out) { return element::scale(g, out); }

template <typename T> inline T expm1(T x) { return T(helper::real_expm1(float(x))); }

template <typename T> inline T expm1_vjp(T g, T x) { return element::scale(g, element::exp(x)); }

template <typename T> inline T log(T x) { return T(helper::real_log(float(x))); }

template <typename T> inline T log_vjp(T g, T x) { return element::scale(g, helper::reciprocal(x)); }

template <typename T> inline T log1p(T x) { return T(helper::real_log1p(float(x))); }

template <typename T> inline T log1p_vjp(T g, T x) { return element::scale(g, T(helper::reciprocal(1.0f + helper::wide(x)))); }

template <typename T> inline T log2(T x) { return T(helper::real_log2(float(x))); }

template <typename T> inline T log2_vjp(T g, T x) { return element::scale(g, helper::divide(T(1.44269502f), x)); }

template <typename T> inline T log10(T x) { return T(helper::real_log10(float(x))); }

template <typename T> inline T log10_vjp(T g, T x) { return element::scale(g, helper::divide(T(0.434294492f), x)); }

// What logsumexp subtracts before it takes exponentials.
template <typename T> inline T finite_or_zero(T x) { return helper::choose(helper::is_finite(x), x, T(0)); }

template <typename T> inline T finite_or_zero_vjp(T g, T x) {
    return helper::choose(helper::is_finite(x), g, T(0));
}

// log(exp(x) + exp(y)); equal infinities, whose difference is nan, stay.
template <typename T> inline T logaddexp(T x, T y) {
    const float gap = helper::choose(helper::equals(x, y), 0.0f, -helper::magnitude(float(x) - float(y)));
    return T(float(element::maximum(x, y)) + helper::real_log1p(helper::real_exp(gap)));
}

// x log(y), and 0 where x is, unless y is nan.
template <typename T> inline T xlogy(T x, T y) {
    const bool none = helper::vanishes(x) && !helper::is_nan(y);
    return helper::choose(none, T(0), T(float(x) * helper::real_log(float(y))));
}

template <typename T> inline T xlogy_vjp_x(T g, T y) { return element::scale(g, T(helper::real_log(float(y)))); }

// 0 where x is: there the function is 0 for every y.
template <typename T> inline T xlogy_vjp_y(T g, T x, T y) {
    return element::scale(g, helper::choose(helper::vanishes(x), T(0), T(helper::divide(x, y))));
}

template <typename T> inline T sigmoid(T x) { return T(helper::real_sigmoid(float(x))); }

template <typename T> inline T sigmoid_vjp(T g, T x) {
    return element::scale(g, T(helper::real_sigmoid_slope(float(x))));
}

// exp(x - out), the share of exp(x) in the sum: 1 if x is inf and 0 if it is -inf, whatever y.
template <typename T> inline T logaddexp_vjp_x(T g, T x, T y) {
    const bool none = helper::is_inf(x) && helper::is_negative(x);
    const float gap = helper::choose(helper::is_inf(x) && helper::equals(x, y), float(x), float(x) - float(y));
    return element::scale(g, helper::choose(none, T(0), T(helper::real_sigmoid(gap))));
}

template <typename T> inline T logaddexp_vjp_y(T g, T x, T y) { return element::logaddexp_vjp_x(g, y, x); }

template <typename T> inline T erf(T x) { return T(helper::real_erf(float(x))); }

// 2 / sqrt(pi) * exp(-x * x).
template <typename T> inline T erf_slope(T x) { return T(helper::real_erf_slope(float(x))); }

template <typename T> inline T erf_vjp(T g, T x) { return element::scale(g, element::erf_slope(x)); }

template <typename T> inline T erf_slope_vjp(T g, T x, T out) { return element::scale(g, element::scale(out, T(-2.0f * helper::wide(x)))); }

template <typename T> inline T erfinv(T x) { return T(helper::real_erfinv(float(x))); }

template <typename T> inline T erfinv_vjp(T g, T out) {
    return element::scale(g, T(0.886226925f * helper::exp_of_square(float(out), 1.0f)));
}

}  // namespace element
