// Complementary error functions and the normal distribution of float: the formulas of
// kernels/elements/real_normal.py, whose polynomials these are.

namespace helper {

constant float ROOT_HALF = 0.707106769f;
constant float OVER_ROOT_TAU = 0.398942292f;
constant float ROOT_TWO_OVER_PI = 0.797884583f;

// (a - 2) / (a + 2) for a >= 0, infinity too.
inline float half_angle(float a) {
    const float b = min(a, 1e18f);
    return helper::divide(b - 2.0f, b + 2.0f);
}

// (1 + 2 a) exp(a*a) erfc(a) for a >= 0.
inline float erfc_factor(float a) {
    return helper::polynomial(
        helper::half_angle(a), -2.01967378e-05f, 6.32122101e-05f, 0.000221496361f, -0.000357495475f,
        -0.00146412815f, 0.00121699495f, 0.00872472953f, -0.00801878609f, -0.0542203225f, 0.164049417f,
        -0.166030377f, -0.0927637592f, 1.27697837f);
}

// exp(a*a) erfc(a) for a >= 0.
inline float scaled_erfc(float a) {
    return helper::choose(helper::is_nan(a), a, helper::divide(0.5f * helper::erfc_factor(a), a + 0.5f));
}

// exp(factor * x * x) of a factor that is a power of two, with what rounding x * x loses.
inline float exp_of_part(float x, float factor) {
    const float squared = x * x;
    const float value = helper::real_exp(factor * squared);
    const float lost = factor * fma(x, x, -squared);
    return helper::choose(helper::magnitude(factor * squared) < 104.0f, fma(lost, value, value), value);
}

inline float real_erfc(float x) {
    const float a = helper::magnitude(x);
    const float tail = helper::exp_of_part(a, -1.0f) * helper::scaled_erfc(a);
    const float far = helper::choose(x < 0.0f, 2.0f - tail, tail);
    return helper::choose(helper::is_nan(x), x, helper::choose(a < 0.5f, 1.0f - helper::real_erf(x), far));
}

// The tail of the normal distribution beyond a >= 0.
inline float half_tail(float a) {
    return helper::exp_of_part(a, -0.5f) * (0.5f * helper::scaled_erfc(a * helper::ROOT_HALF));
}

inline float real_ndtr(float x) {
    const float a = helper::magnitude(x);
    const float near = fma(0.5f, helper::real_erf(x * helper::ROOT_HALF), 0.5f);
    const float tail = helper::half_tail(a);
    const float value = helper::choose(a < 0.5f, near, helper::choose(x < 0.0f, tail, 1.0f - tail));
    return helper::choose(helper::is_nan(x), x, value);
}

// Below 0 log(exp(u*u) erfc(u) / 2) - u*u of u = -x / sqrt(2); above, log(1 - ndtr(-x)).
inline float real_log_ndtr(float x) {
    const float a = helper::magnitude(x);
    const float scaled = 0.5f * helper::scaled_erfc(a * helper::ROOT_HALF);
    const float below = helper::choose(helper::is_inf(x), x, helper::real_log(scaled) - 0.5f * x * x);
    const float far = helper::choose(x < 0.0f, below, helper::real_log1p(-helper::half_tail(a)));
    const float near = helper::real_log(fma(0.5f, helper::real_erf(x * helper::ROOT_HALF), 0.5f));
    return helper::choose(helper::is_nan(x), x, helper::choose(a < 0.5f, near, far));
}

// The density of the normal distribution.
inline float real_ndtr_slope(float x) { return helper::exp_of_part(x, -0.5f) * helper::OVER_ROOT_TAU; }

// That over the distribution function, the derivative of log_ndtr.
inline float real_ndtr_hazard(float x) {
    const float u = helper::magnitude(x) * helper::ROOT_HALF;
    const float below = helper::divide(helper::ROOT_TWO_OVER_PI, 0.5f * helper::erfc_factor(u)) * (min(u, 1e18f) + 0.5f);
    const float above = helper::divide(helper::real_ndtr_slope(x), helper::real_ndtr(x));
    return helper::choose(helper::is_nan(x), x, helper::choose(x < 0.0f, x < -1e18f ? -x : below, above));
}

// exp(x*x) times the integral of erfc from x to infinity, taken n times.
inline float real_scaled_ierfc(float x, int n) {
    const float a = helper::magnitude(x);
    float value = helper::scaled_erfc(a);
    value = helper::choose(x < 0.0f, 2.0f * helper::exp_of_part(x, 1.0f) - value, value);
    if (n == 0) return helper::choose(helper::is_nan(x), x, value);
    const float start = helper::polynomial(
        helper::half_angle(a), -0.00010920185f, -0.000162797471f, 0.000642607454f, 0.00142476393f,
        -0.00161948986f, -0.0071600033f, 0.0014130933f, 0.0304090362f, 0.00120930804f, -0.132116318f,
        0.10122028f, 0.298116893f, -0.591427982f, 0.0915832147f, 1.33495581f);
    const float positive = helper::divide(helper::divide(0.25f * start, a + 0.5f), a + 0.5f);
    const float last = helper::choose(x < 0.0f, 0.564189584f - x * value, positive);
    float recurrent = last, before = value;
    for (int k = 2; k <= n; k++) {
        const float following = helper::divide(before - 2.0f * x * recurrent, float(2 * k));
        before = recurrent;
        recurrent = following;
    }
    const float depth = float(n + 31);  // where all further ratios are taken to be equal
    float ratio = helper::divide(helper::root(fma(a, a, 2.0f * depth)) - a, 2.0f * depth), product = last;
    for (int k = n + 30; n > 1 && k > 1; k--) {
        ratio = helper::divide(0.5f, a + float(k + 1) * ratio);
        product = k <= n ? product * ratio : product;
    }
    return helper::choose(helper::is_nan(x), x, helper::choose(x < 1.4f || n == 1, recurrent, product));
}

}  // namespace helper
