// Logarithms of quotients, and what entropies are made of, of float: the formulas of kernels/elements/real_entropy.py.

namespace helper {

// Whether x and y, both above 0, are so near that log(x / y) is 2 arctanh(v), v = (x - y) / (x + y), which comes
// with what rounding it lost.
inline bool is_close(float x, float y, thread float &v, thread float &lost) {
    const float gap = 0.5f * (x - y), middle = 0.5f * x + 0.5f * y;
    v = helper::divide(gap, middle);
    lost = helper::divide(fma(-v, 0.5f * y, fma(-v, 0.5f * x, gap)), middle);
    return helper::magnitude(x - y) < 0.34f * middle;
}

// (2 arctanh(v) - 2 v) / v**3 by z = v * v.
inline float log_rest(float z) { return helper::polynomial(z, 0.295841306f, 0.399886727f, 0.666666865f); }

// log(x / y) of positive finite x and y that are not near, of which `lost` is left out.
inline float log_of_quotient(float x, float y, thread float &lost) {
    const float quotient = helper::divide(x, y);
    const bool inside = quotient > 1e-37f && quotient < 1e37f;
    const float value = helper::real_log(inside ? quotient : 1.0f);
    lost = inside ? helper::divide(fma(-quotient, y, x), x) : 0.0f;
    return helper::choose(inside, value, helper::real_log(x) - helper::real_log(y));
}

inline float real_log_ratio(float x, float y) {
    float v, lost, less;
    const bool close = helper::is_close(x, y, v, lost);
    const float z = close ? v * v : 0.0f;
    const float near = 2.0f * v + fma(v * z, helper::log_rest(z), 2.0f * lost);
    const float far = helper::log_of_quotient(x, y, less);
    const float value = helper::choose(close, near, far + less);
    const bool finite = x > 0.0f && y > 0.0f && helper::is_finite(x) && helper::is_finite(y);
    const float special = helper::real_log(helper::divide(x, y));
    const bool below = x < 0.0f || y < 0.0f;
    return helper::choose(finite, value, helper::choose(below, helper::not_a_number(), special));
}

// x log(x / y) - x + y (Loader 2000).
inline float real_kl_div(float x, float y) {
    float v, lost, less;
    const bool close = helper::is_close(x, y, v, lost);
    const float z = close ? v * v : 0.0f;
    const float near = fma(x - y, v, fma(x - y, lost, x * v * z * helper::log_rest(z)));
    const float log = helper::log_of_quotient(x, y, less);
    const float far = fma(x, log, fma(x, less, y - x));
    float value = helper::choose(close, near, far);
    value = helper::choose(helper::vanishes(x), y, value);
    const bool inside = x >= 0.0f && y >= 0.0f && (y > 0.0f || helper::vanishes(x));
    value = helper::choose(inside && helper::is_finite(x) && helper::is_finite(y), value, helper::infinity());
    const bool infinite = helper::is_inf(x) && helper::is_inf(y) && x > 0.0f && y > 0.0f;
    const bool undefined = helper::is_nan(x) || helper::is_nan(y) || infinite;
    return helper::choose(undefined, helper::not_a_number(), value);
}

inline float real_rel_entr(float x, float y) {
    float value = helper::choose(x > 0.0f && y > 0.0f, x * helper::real_log_ratio(x, y), helper::infinity());
    value = helper::choose(helper::vanishes(x) && y >= 0.0f, 0.0f, value);
    return helper::choose(helper::is_nan(x), x, helper::choose(helper::is_nan(y), y, value));
}

}  // namespace helper
