// Logarithm of the gamma function, digamma and polygamma functions of float: the formulas of
// kernels/elements/real_gamma.py, whose polynomials these are.

namespace helper {

constant float EULER = 0.577215672f;
constant float HALF_LOG_TAU = 0.918938518f;
constant float DIGAMMA_ROOT = -0.538367867f;
constant float DIGAMMA_ROOT_LOW = 1.24381501e-08f;

// sin(pi x) / pi, and r, the distance of x from the nearest integer.
inline float sine_over_pi(float x, thread float &r) {
    r = x - rint(x);
    return r * helper::polynomial(r * r, 0.0246870741f, -0.190425858f, 0.811712325f, -1.6449331f, 1.0f);
}

// cos(pi r) for |r| <= 1/2.
inline float cosine_of_pi(float r) {
    float none;
    return 3.14159274f * helper::sine_over_pi(0.5f - helper::magnitude(r), none);
}

// Of 3 <= x < 8: r in [2, 3) a whole number below x, the product of r, r + 1, ... up to x - 1, and the sum of their
// reciprocals times it. Of another x a number of no meaning, 1 and 0.
inline float lowered(float x, thread float &product, thread float &total) {
    const int steps = x >= 3.0f && x < 8.0f ? int(x) - 2 : 0;
    const float r = x - float(steps);
    product = 1.0f;
    total = 0.0f;
    for (int i = 0; i < 5; i++) {
        const float factor = r + float(i);
        total = i < steps ? fma(total, factor, product) : total;
        product = i < steps ? product * factor : product;
    }
    return r;
}

// Stirling's series for x >= 8: (x - 1/2) (log(x) - 1) + (log(2 pi) - 1) / 2 + ...
inline float gammaln_far(float x) {
    int k;
    const float f = helper::log_parts(x, k);
    const float less = fma(float(k), helper::LN2, fma(float(k), helper::LN2_LOW, f - 1.0f) + helper::log_tail(f));
    const float inverse = helper::divide(1.0f, x);
    const float rest = fma(inverse, fma(inverse * inverse, -0.00275988271f, 0.083333239f), helper::HALF_LOG_TAU - 0.5f);
    return helper::choose(x < 4.08500343e36f, fma(x - 0.5f, less, rest), helper::infinity());
}

// log(gamma(1 + t)) of -1/2 <= t < 3/4, else log(gamma(r)) of 7/4 <= r < 3.
inline float gammaln_centre(float t, float r) {
    const bool first = t < 0.25f;
    const float y = first ? t : r - 2.0f;
    const float u = t - 0.46875f;
    const float one = helper::polynomial(y, -0.646713972f, -0.339184731f, -0.103854433f, 0.168987304f, -0.0989700556f, 0.121496201f,
        -0.144975111f, 0.169662297f, -0.207361311f, 0.270579547f, -0.400685817f, 0.822467029f);
    const float two = helper::polynomial(y, 2.86195445e-05f, -0.000161524134f, 0.000488015881f, -0.00119635055f, 0.00289462786f, -0.00738590676f,
        0.0205806103f, -0.06735228f, 0.322467029f);
    const float least = helper::polynomial(u, 0.00526519865f, -0.0103600184f, 0.017539354f, -0.0320177227f, 0.0634692013f, -0.14576444f,
        0.480704159f, 0.006865412f);
    const float value = fma(first ? -helper::EULER : 0.422784328f, y, y * (y * (first ? one : two)));
    return !first && t < 0.75f ? fma(u, least, -0.121461831f) : value;
}

inline float real_gammaln(float x) {
    const float a = helper::magnitude(x);
    const bool tiny = a < 0.5f;
    float product, total, r;
    const float near = helper::gammaln_centre(tiny ? a : a - 1.0f, helper::lowered(a, product, total));
    const float logarithm = helper::real_log(tiny ? a : product);
    const float centre = near + (tiny ? -logarithm : logarithm);
    float value = helper::choose(a < 8.0f, centre, helper::gammaln_far(a));
    value = helper::choose(helper::is_zero(a), helper::infinity(), value);
    const float sine = helper::sine_over_pi(a, r);
    const float under = -helper::real_log(helper::magnitude(sine) * (tiny ? 1.0f : a)) - (tiny ? near : value);
    const float below = helper::choose(helper::is_zero(sine), helper::infinity(), under);
    value = helper::choose(x < 0.0f, below, value);
    return helper::choose(helper::is_nan(x) || helper::is_inf(x), x, value);
}

inline float real_digamma(float x) {
    const float a = helper::magnitude(x);
    const bool low = a < 1.0f, below = x < 0.0f;
    float product, total, r;
    const float y = low ? a - 1.0f : helper::lowered(a, product, total) - 2.0f;
    if (low) helper::lowered(a, product, total);
    const float more = y * helper::polynomial(y, 6.22569569e-05f, -0.000119086471f, 4.14637088e-06f, -2.77075451e-05f, 0.000408486929f,
        -0.000793043757f, 0.0013236088f, -0.00268851384f, 0.0055609867f, -0.0113495896f, 0.0234462526f,
        -0.0495499708f, 0.108999968f, -0.260738999f);
    const float distance = fma(-1.0f, helper::DIGAMMA_ROOT_LOW, y - helper::DIGAMMA_ROOT);
    float value = fma(distance, 0.785307527f, distance * more);
    value += low ? (below ? 0.0f : -helper::divide(1.0f, x)) : helper::divide(total, product);
    const float inverse = helper::divide(1.0f, a);
    const float z = inverse * inverse;
    const float beyond = helper::real_log(a) - fma(z, fma(z, -0.00824582949f, 0.0833328888f), 0.5f * inverse);
    value = helper::choose(a < 8.0f, value, beyond);
    const float sine = helper::sine_over_pi(a, r);
    const float cotangent = helper::divide(helper::cosine_of_pi(r), sine);
    value = helper::choose(below, value + ((low ? 0.0f : inverse) + cotangent), value);
    const bool pole = helper::is_zero(x);
    const float infinite = helper::copysign(helper::infinity(), helper::negated(x));
    value = helper::choose(below && (helper::is_zero(sine) || helper::is_inf(x)), helper::not_a_number(), value);
    value = helper::choose(pole, infinite, value);
    return helper::choose(helper::is_nan(x) || (helper::is_inf(x) && !helper::is_negative(x)), x, value);
}

inline float raised(float x, int n) {
    float value = 1.0f;
    for (int i = 0; i < n; i++) value *= x;
    return value;
}

// x**-n, of which every rounding is added at the end, unless it may be infinite.
inline float inverse_power(float x, int n) {
    const float inverse = helper::divide(1.0f, x), rest = inverse * fma(-inverse, x, 1.0f);
    float value = 1.0f, lost = 0.0f;
    for (int i = 0; i < n; i++) {
        const float product = value * inverse;
        lost = fma(value, inverse, -product) + fma(value, rest, lost * inverse);
        value = product;
    }
    return value + helper::choose(helper::magnitude(x) > 1e-5f, lost, 0.0f);
}

// The sum of (x + k)**-s over k = 0, 1, ... for x >= 0 and whole s > 1 (Euler and Maclaurin), from the least to the
// largest: in the other order the roundings of the sums add up.
inline float hurwitz_zeta(float x, int s) {
    const int steps = 4 + s;
    const float inverse = helper::divide(1.0f, x + float(steps));
    const float square = inverse * inverse;
    const float last = helper::raised(inverse, s - 1);
    const float factors[] = {8.33333358e-2f, -1.38888892e-3f, 3.30687835e-5f, -8.26719599e-7f};
    float power = last * square * float(s), total = 0.0f;
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) {
        total += power * factors[j];
        power = power * square * (float(s + 2 * j + 1) * float(s + 2 * j + 2));
    }
    total = fma(last, fma(0.5f, inverse, 1.0f / float(s - 1)), total);
    for (int k = steps - 1; k >= 0; k--) total += helper::inverse_power(x + float(k), s);
    return total;
}

// The sum of (x + k)**-s over all whole k, which is that of r + k; of sines for s = 2 and, as it is 0, 3.
inline float both_sides(float sine, float r, int s) {
    if (s == 2) return helper::divide(1.0f, sine * sine);
    if (s == 3) return helper::divide(helper::cosine_of_pi(r), sine * sine * sine);
    const float mirrored = helper::hurwitz_zeta(1.0f - r, s);
    const float rest = helper::hurwitz_zeta(1.0f + r, s) + ((s & 1) != 0 ? -mirrored : mirrored);
    return helper::inverse_power(r, s) + rest;
}

// n! times the sum of (x + k)**-(n + 1), with the sign of (-1)**(n + 1); digamma for n = 0.
inline float real_polygamma(float x, int n) {
    if (n == 0) return helper::real_digamma(x);
    float factor = (n & 1) != 0 ? 1.0f : -1.0f;
    for (int k = 1; k <= n; k++) factor *= float(k);
    const bool below = x < 0.0f;
    float r;
    const float sine = helper::sine_over_pi(x, r);
    const float above = helper::hurwitz_zeta(below ? 1.0f - x : x, n + 1);
    const float mirrored = helper::both_sides(sine, r, n + 1) + ((n & 1) != 0 ? -above : above);
    float value = helper::choose(below, mirrored, above);
    const bool pole = helper::is_zero(x) || (below && (helper::is_zero(sine) || helper::is_inf(x)));
    value = helper::choose(helper::is_inf(x), 0.0f, value);
    value = helper::choose(helper::is_nan(x), x, helper::choose(pole, helper::infinity(), value));
    return factor * value;
}

}  // namespace helper
