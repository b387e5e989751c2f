// Element functions: complementary error functions, the normal distribution. Conventions: see scalars.metal.

namespace element {

template <typename T> inline T erfc(T x) { return T(helper::real_erfc(float(x))); }

template <typename T> inline T erfc_vjp(T g, T x) {
    return element::scale(g, T(-helper::real_erf_slope(float(x))));
}

// exp(x*x) times the integral of erfc from x to infinity, taken n times.
template <typename T> inline T scaled_ierfc(T x, int n) { return T(helper::real_scaled_ierfc(float(x), n)); }

template <typename T> inline T scaled_ierfc_vjp(T g, T x, int n) {
    return element::scale(g, T(float(-2 * (n + 1)) * helper::real_scaled_ierfc(float(x), n + 1)));
}

template <typename T> inline T ndtr(T x) { return T(helper::real_ndtr(float(x))); }

template <typename T> inline T ndtr_vjp(T g, T x) {
    return element::scale(g, T(helper::real_ndtr_slope(float(x))));
}

template <typename T> inline T ndtr_slope(T x) { return T(helper::real_ndtr_slope(float(x))); }

template <typename T> inline T ndtr_slope_vjp(T g, T x, T out) {
    return element::scale(g, element::scale(out, helper::negated(x)));
}

template <typename T> inline T log_ndtr(T x) { return T(helper::real_log_ndtr(float(x))); }

template <typename T> inline T log_ndtr_vjp(T g, T x) {
    return element::scale(g, T(helper::real_ndtr_hazard(float(x))));
}

template <typename T> inline T ndtr_hazard(T x) { return T(helper::real_ndtr_hazard(float(x))); }

// -out (x + out); below 0 that sum is a quotient of scaled integrals, as its terms would cancel.
template <typename T> inline T ndtr_hazard_vjp(T g, T x, T out) {
    const float u = -float(x) * helper::ROOT_HALF;
    const float under = helper::ROOT_HALF * helper::real_scaled_ierfc(u, 0);
    const float quotient = u < 1e18f ? helper::divide(helper::real_scaled_ierfc(u, 1), under) : 0.0f;
    const float sum = helper::choose(helper::is_negative(x), quotient, float(x) + float(out));
    return element::scale(g, T(element::scale(float(out), -sum)));
}

}  // namespace element
