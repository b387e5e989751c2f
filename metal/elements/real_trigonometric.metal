// Angles and their inverses, of float. Functions of an angle are MSL's precise ones; the inverse ones here are
// within 2.5 ULP, by the formulas of kernels/elements/real_trigonometric.py.

namespace helper {

constant float PI = 3.14159274f;
constant float PI_LOW = -8.74227766e-08f;
constant float TWO_PI = 6.28318548f;  // in an fma, since fast math would make one constant of PI + PI_LOW

inline float or_undefined(bool defined, float x, float value) {
    return helper::choose(helper::is_nan(x), x, helper::choose(defined, value, helper::not_a_number()));
}

// sin, tan: x itself where it is tiny, -0 as well.
inline float sine(float x) {
    const float value = helper::or_undefined(!helper::is_inf(x), x, precise::sin(x));
    return helper::choose(helper::magnitude(x) < 1e-10f, x, value);
}
inline float cosine(float x) { return helper::or_undefined(!helper::is_inf(x), x, precise::cos(x)); }
inline float tangent(float x) {
    const float value = helper::or_undefined(!helper::is_inf(x), x, precise::tan(x));
    return helper::choose(helper::magnitude(x) < 1e-10f, x, value);
}

// Sides in the ratio of x and y, the sum of their squares, and what they are multiplied by: a power of two or 0, so
// that no square overflows or is denormal. An infinite side is 1, and 0 the one beside it, even if NaN.
struct Triangle {
    float u, v, square, unit;
};

inline Triangle triangle(float x, float y) {
    const float a = helper::magnitude(x), b = helper::magnitude(y);
    const bool infinite = helper::is_inf(x) || helper::is_inf(y);
    const float longest = max(a, b);
    const float unit = longest < 1e-18f ? 0x1p100f : longest > 1e18f ? 0x1p-100f : 1.0f;
    const float one_x = helper::copysign(helper::is_inf(x) ? 1.0f : 0.0f, x);
    const float one_y = helper::copysign(helper::is_inf(y) ? 1.0f : 0.0f, y);
    const float u = helper::choose(infinite, one_x, x * unit);
    const float v = helper::choose(infinite, one_y, y * unit);
    return {u, v, fma(u, u, v * v), infinite ? 0.0f : unit};
}

inline float real_hypot(float x, float y) {
    const helper::Triangle t = helper::triangle(x, y);
    const float value = helper::root(t.square) * (t.unit > 1.0f ? 0x1p-100f : t.unit < 1.0f ? 0x1p100f : 1.0f);
    return helper::choose(t.unit == 0.0f, helper::infinity(), value);
}

// x / hypot(x, y); 0 at the origin, of infinities the ratio of their signs counts.
inline float real_hypot_slope(float x, float y) {
    const helper::Triangle t = helper::triangle(x, y);
    return helper::choose(helper::is_zero(t.square), x, helper::divide(t.u, helper::root(t.square)));
}

// x / (x * x + y * y); 0 at the origin and at infinity.
inline float real_inversion(float x, float y) {
    const helper::Triangle t = helper::triangle(x, y);
    return helper::choose(helper::is_zero(t.square), 0.0f, helper::divide(t.u, t.square) * t.unit);
}

// From here on x * x + 1 is x * x.
constant float FLAT = 1e4f;

// sqrt(1 + sign * x * x) of a sign that is 1 or -1.
inline float real_third_side(float x, int sign) {
    if (sign < 0) return helper::root((1.0f - x) * (1.0f + x));
    const float a = helper::magnitude(x);
    return helper::choose(a > helper::FLAT, a, helper::root(fma(a, a, 1.0f)));
}

// x**n / (2 n + 1)!! * (1 - x*x / 2 / (2 n + 3) * (1 - x*x / 4 / (2 n + 5) * ...)), for |x| up to n + 1.
inline float bessel_series(float x, int n) {
    const float half_square = 0.5f * x * x;
    float value = 1.0f;
    for (int k = 12 + 2 * n; k > 0; k--) {
        value = 1.0f - half_square * value * (1.0f / float(k * (2 * n + 2 * k + 1)));
    }
    for (int k = 1; k <= n; k++) value = value * x * (1.0f / float(2 * k + 1));
    return value;
}

// By j_k+1 = (2 k + 1) / x * j_k - j_k-1, which keeps digits for |x| from n + 1 on.
inline float bessel_recurrence(float x, int n) {
    float before = helper::divide(helper::cosine(x), x);
    float value = helper::divide(helper::sine(x), x);
    for (int k = 0; k < n; k++) {
        const float next = helper::divide(float(2 * k + 1) * value, x) - before;
        before = value;
        value = next;
    }
    return value;
}

inline float real_spherical_bessel(float x, int n) {
    const bool near = helper::magnitude(x) < float(n + 1);
    return helper::choose(near, helper::bessel_series(x, n), helper::bessel_recurrence(x, n));
}

// The angle of the point with ordinate x >= 0 and abscissa y >= 0, finite, not both 0.
// Beyond the eighths of a right angle that are odd it turns the point: by pi / 4 or pi / 2.
inline float arctangent_of_quotient(float x, float y) {
    const bool steep = x > y * 2.41421366f;
    const bool middle = x > y * 0.414213568f;
    const float over = steep ? -y : middle ? x - y : x;
    const float under = steep ? x : middle ? x + y : y;
    const float t = helper::divide(over, under);
    const float z = t * t;
    const float q = helper::polynomial(
        z, -0.0646268278f, 0.107476272f, -0.142643958f, 0.199995562f, -0.333333313f);
    const float turn = steep ? 0.5f : middle ? 0.25f : 0.0f;
    return fma(turn, helper::PI, t + fma(t * z, q, turn * helper::PI_LOW));
}

inline float real_arctan(float x) {
    const float a = helper::magnitude(x);
    const float value = helper::arctangent_of_quotient(min(a, 1e15f), 1.0f);
    return helper::choose(helper::is_nan(x), x, helper::copysign(helper::choose(a < 1e-10f, a, value), x));
}

// Of infinities the ratio of their signs counts; large and small ones are scaled.
inline float real_arctan2(float x, float y) {
    const float a = helper::magnitude(x);
    const float b = helper::magnitude(y);
    const bool infinite = helper::is_inf(x) || helper::is_inf(y);
    const float unit = max(a, b) > 1e37f ? 0.125f : max(a, b) < 1e-30f ? 1e7f : 1.0f;
    const float u = helper::choose(infinite, helper::is_inf(x) ? 1.0f : 0.0f, a * unit);
    const float v = helper::choose(infinite, helper::is_inf(y) ? 1.0f : 0.0f, b * unit);
    const bool origin = helper::is_zero(u) && helper::is_zero(v);
    const float value = helper::arctangent_of_quotient(u, helper::choose(origin, 1.0f, v));
    const float angle = helper::is_negative(y) ? fma(0.5f, helper::TWO_PI, helper::PI_LOW - value) : value;
    const float signed_angle = helper::copysign(angle, x);
    return helper::choose(helper::is_nan(x), x, helper::choose(helper::is_nan(y), y, signed_angle));
}

// t and tail with t + tail = arcsin of a >= 0 or, beyond 1/2, of sqrt((1 - a) / 2), and what the root loses.
inline float arcsine_parts(float a, thread float &tail) {
    const bool far = a > 0.5f;
    const float z = far ? 0.5f - 0.5f * a : a * a;
    const float root = helper::root(z);
    const float t = far ? root : a;
    const float lost = far && root > 0.0f ? helper::divide(fma(-root, root, z), root + root) : 0.0f;
    const float q = helper::polynomial(
        z, 0.0339308083f, 0.0170007292f, 0.0311327782f, 0.0445965752f, 0.0750010312f, 0.166666657f);
    tail = fma(t * z, q, lost);
    return t;
}

inline float real_arcsin(float x) {
    const float a = helper::magnitude(x);
    float tail;
    const float t = helper::arcsine_parts(a, tail);
    const float far = fma(0.5f, helper::PI, fma(-2.0f, t, fma(-2.0f, tail, 0.5f * helper::PI_LOW)));
    const float value = helper::choose(a > 0.5f, far, helper::choose(a < 1e-10f, a, t + tail));
    return helper::or_undefined(a <= 1.0f, x, helper::copysign(value, x));
}

inline float real_arccos(float x) {
    const float a = helper::magnitude(x);
    float tail;
    const float t = helper::arcsine_parts(a, tail);
    const float twice = fma(2.0f, t, 2.0f * tail);
    const float below = fma(0.5f, helper::TWO_PI, helper::PI_LOW - twice);
    const float signed_part = helper::copysign(1.0f, x);
    const float near = fma(0.5f, helper::PI, fma(-signed_part, t, fma(-signed_part, tail, 0.5f * helper::PI_LOW)));
    const float value = helper::choose(a > 0.5f, helper::is_negative(x) ? below : twice, near);
    return helper::or_undefined(a <= 1.0f, x, value);
}

}  // namespace helper
