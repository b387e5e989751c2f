// Angles and their inverses, of float. Functions of an angle are MSL's precise ones; the inverse ones here are
// within 2.5 ULP, by the formulas of kernels/elements/real_trigonometric.py.

namespace helper {

constant float PI = 3.14159274f;
constant float PI_LOW = -8.74227766e-08f;

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
    const float angle = helper::is_negative(y) ? helper::PI - (value - helper::PI_LOW) : value;
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
    const float below = helper::PI - (twice - helper::PI_LOW);
    const float signed_part = helper::copysign(1.0f, x);
    const float near = fma(0.5f, helper::PI, fma(-signed_part, t, fma(-signed_part, tail, 0.5f * helper::PI_LOW)));
    const float value = helper::choose(a > 0.5f, helper::is_negative(x) ? below : twice, near);
    return helper::or_undefined(a <= 1.0f, x, value);
}

}  // namespace helper
