// Exponentials, logarithms, powers and error functions of float, off by at most 2.5 ULP (erfinv: 4).
//
// The same formulas as in kernels/elements/real_exponential.py but where those take the error of a sum from another,
// which fast math would make 0: here there are fma and exponents as integers instead. The polynomials are minimax,
// found as those of kernels/elements/polynomials.py.

namespace helper {

constant float LN2 = 0.693147182f;
constant float LN2_LOW = -1.90465421e-09f;
constant float LOG2_E = 1.44269502f;
constant float LOG10_E = 0.434294492f;
constant float LOG10_2 = 0.30103001f;
constant float LOG10_2_LOW = -1.43209888e-08f;

// --- exponentials ----------------------------------------------------------------------------------------

// k and p with exp(x) == 2**k * (1 + p), |p| < 0.42, of x within [-150, 150] or clipped to that.
inline float exp_parts(float x, thread int &k) {
    x = precise::clamp(x, -150.0f, 150.0f);
    const float whole = rint(x * helper::LOG2_E);
    k = int(whole);
    const float r = fma(-whole, helper::LN2_LOW, fma(-whole, helper::LN2, x));
    const float q = helper::polynomial(
        r, 0.00019907704f, 0.00139337359f, 0.00833328627f, 0.041666463f, 0.166666672f, 0.5f);
    return fma(r * r, q, r);
}

// exp(x) / 2**e: ldexp, as a product with two powers of two could be taken in another order and overflow.
inline float exp_over(float x, int e) {
    int k;
    const float p = helper::exp_parts(x, k);
    return helper::choose(helper::is_nan(x), x, ldexp(1.0f + p, k - e));
}

inline float real_exp(float x) { return helper::exp_over(x, 0); }

// exp(sign * x * x), with what the rounding of x * x loses as long as it counts.
inline float exp_of_square(float x, float sign) {
    const float squared = x * x;
    const float value = helper::real_exp(sign * squared);
    const float lost = sign * fma(x, x, -squared);
    return helper::choose(squared < 88.0f, fma(lost, value, value), value);
}

// 2**k * p + (2**k - 1), halved as long as 2**k may overflow.
inline float real_expm1(float x) {
    int k;
    const float p = helper::exp_parts(precise::clamp(x, -30.0f, 100.0f), k);
    const float power = helper::power_of_two(min(k, 128) - 1);
    const float value = 2.0f * fma(power, p, power - 0.5f);
    const bool keep = helper::is_nan(x) || helper::magnitude(x) < 1e-10f;  // -0 as well
    return helper::choose(keep, x, helper::choose(k > 128, helper::infinity(), value));
}

inline float real_tanh(float x) {
    const float a = helper::magnitude(x);
    const float z = a * a;
    const float q = helper::polynomial(z, -0.0062074307f, 0.02102722f, -0.05384228f, 0.133325f, -0.33333316f);
    const float near = fma(a * z, q, a);
    const float far = 1.0f - helper::divide(2.0f, 1.0f + helper::real_exp(a + a));
    const float value = helper::choose(a < 0.55f, near, helper::choose(a > 15.0f, 1.0f, far));
    return helper::choose(helper::is_nan(x), x, helper::copysign(value, x));
}

// 1 / cosh(x)**2 as 4 e / (1 + e)**2 of e = exp(-2 |x|): 1 - tanh(x)**2 has no digits left far out.
inline float real_tanh_slope(float x) {
    const float four_e = helper::exp_over(-2.0f * helper::magnitude(x), -2);
    const float under = fma(0.25f, four_e, 1.0f);
    return helper::divide(four_e, under * under);
}

// e / (1 + e)**2 of e = exp(-|x|).
inline float real_sigmoid_slope(float x) {
    const float e = helper::real_exp(-helper::magnitude(x));
    const float under = 1.0f + e;
    return helper::divide(e, under * under);
}

inline float real_sinh(float x) {
    const float a = helper::magnitude(x);
    const float z = a * a;
    const float q = helper::polynomial(z, 2.8175652e-06f, 0.00019836058f, 0.0083333505f, 0.16666667f);
    const float near = fma(a * z, q, a);
    const float e = helper::exp_over(a, 1);  // half of exp(|x|)
    const float far = helper::choose(a > 20.0f, e, e - helper::divide(0.25f, e));
    return helper::choose(helper::is_nan(x), x, helper::copysign(helper::choose(a < 1.0f, near, far), x));
}

inline float real_cosh(float x) {
    const float e = helper::exp_over(helper::magnitude(x), 1);
    return helper::choose(e > 1e8f || helper::is_nan(x), e, e + helper::divide(0.25f, e));
}

// 1 / (1 + e) or e / (1 + e) of e = exp(-|x|), so that neither tail overflows.
inline float real_sigmoid(float x) {
    const float e = helper::real_exp(-helper::magnitude(x));
    return helper::divide(helper::is_negative(x) ? e : 1.0f, 1.0f + e);
}

// --- logarithms ------------------------------------------------------------------------------------------

// log(1 + f) of f in [sqrt(1/2) - 1, sqrt(2) - 1] less f.
inline float log_tail(float f) {
    const float q = helper::polynomial(f, -0.07621849f, 0.12904498f, -0.13242991f, 0.14181815f, -0.16609082f,
                                       0.20001975f, -0.25001583f, 0.33333325f, -0.49999988f);
    return f * f * q;
}

// k and f with x == 2**k * (1 + f) of a positive finite x, also a denormal one.
inline float log_parts(float x, thread int &k) {
    const uint bits = helper::bits_of(x);
    const bool small = bits < 0x00800000u;  // then it is that integer times 2**-149
    const float m = helper::mantissa(small ? helper::bits_of(float(bits)) : bits, k);
    k = small ? k - 149 : k;
    return m - 1.0f;
}

// The value beyond the pole; at it, below it and at infinity what NumPy has.
inline float log_or_special(float x, float pole, float value) {
    const float not_above = helper::choose(helper::equals(x, pole), helper::negated(helper::infinity()), helper::not_a_number());
    const float above = helper::choose(helper::is_inf(x), x, value);
    return helper::choose(helper::is_nan(x), x, helper::choose(helper::below(pole, x), above, not_above));
}

inline float real_log(float x) {
    int k;
    const float f = helper::log_parts(x, k);
    return helper::log_or_special(x, 0.0f, fma(float(k), helper::LN2, f + helper::log_tail(f)));
}

inline float real_log2(float x) {
    int k;
    const float f = helper::log_parts(x, k);
    const float head = fma(f, helper::LOG2_E, float(k));
    return helper::log_or_special(x, 0.0f, fma(helper::log_tail(f), helper::LOG2_E, head));
}

inline float real_log10(float x) {
    int k;
    const float f = helper::log_parts(x, k);
    const float rest = fma(float(k), helper::LOG10_2_LOW, helper::log_tail(f) * helper::LOG10_E);
    const float head = fma(f, helper::LOG10_E, rest);
    return helper::log_or_special(x, 0.0f, fma(float(k), helper::LOG10_2, head));
}

// f of 1 + x == 2**k * (1 + f) is x / 2**k + (1 / 2**k - 1), rounded once.
inline float real_log1p(float x) {
    int k;
    helper::mantissa(helper::bits_of(1.0f + x), k);
    const float scale = helper::power_of_two(-min(k, 126));
    const float f = fma(scale, x, scale - 1.0f);
    const float value = fma(float(k), helper::LN2, f + helper::log_tail(f));
    const float far = helper::log_or_special(x, -1.0f, x > 1e38f ? helper::real_log(x) : value);
    return helper::choose(helper::magnitude(x) < 1e-10f, x, far);  // -0 as well
}

inline float real_arcsinh(float x) {
    const float a = helper::magnitude(x);
    const bool large = a > 1e8f;
    const float b = large ? 1.0f : a;
    const float t = b + helper::divide(b * b, 1.0f + helper::root(fma(b, b, 1.0f)));
    const float value = helper::choose(large, helper::real_log(a) + helper::LN2, helper::real_log1p(t));
    return helper::choose(helper::is_nan(x), x, helper::copysign(value, x));
}

inline float real_arccosh(float x) {
    const bool large = x > 1e8f;
    const float t = large ? 1.0f : x - 1.0f;
    const float near = helper::real_log1p(t + helper::root(t * (t + 2.0f)));
    const float value = helper::choose(large, helper::real_log(x) + helper::LN2, near);
    const float below = helper::choose(helper::is_nan(x), x, helper::not_a_number());
    return helper::choose(helper::is_nan(x) || x < 1.0f, below, value);
}

inline float real_arctanh(float x) {
    const float a = helper::magnitude(x);
    const float value = 0.5f * helper::real_log1p(helper::divide(a + a, 1.0f - a));
    const float inside = helper::choose(a < 1e-10f, a, helper::choose(a == 1.0f, helper::infinity(), value));
    return helper::choose(helper::is_nan(x), x, helper::copysign(inside, x));
}

// --- powers ----------------------------------------------------------------------------------------------

// log2(32 / j) of j from 23 to 45 as the sum of two numbers, the first of few digits: exact when added to a whole one.
constant float LOG2_OF_32_OVER[] = {
    0.4764404296875f, 0.4150390625f, 0.35614013671875f, 0.299560546875f, 0.2451171875f, 0.192626953125f,
    0.14202880859375f, 0.0931396484375f, 0.0457763671875f, 0.0f, -0.04437255859375f, -0.08746337890625f,
    -0.1292724609375f, -0.169921875f, -0.20947265625f, -0.2479248046875f, -0.285400390625f, -0.3218994140625f,
    -0.3575439453125f, -0.392333984375f, -0.42626953125f, -0.45941162109375f, -0.49188232421875f};
constant float LOG2_OF_32_OVER_LOW[] = {
    -2.3857444e-06f, -1.5632212e-06f, 3.6735066e-06f, -2.650161e-07f, -4.6896635e-06f, 1.8124818e-05f,
    -9.803722e-06f, -3.0244046e-05f, 2.7322425e-05f, 0.0f, -2.1560765e-05f, 5.376559e-07f, -1.05560075e-05f,
    -3.1264424e-06f, 1.9290621e-05f, -2.708756e-06f, -1.8282373e-06f, -2.8680824e-05f, -8.059305e-06f,
    1.6561597e-05f, 4.776548e-06f, -1.9997544e-05f, 2.922789e-05f};

// log2 of m in [sqrt(1/2), sqrt(2)) and of 2**k as the sum of two numbers. With j next to 32 / m it is
// k + log2(32 / j) + log2(1 + f) of f = m * j / 32 - 1, which is exact and at most 1/45; the last term is
// 2 arctanh(s) / ln(2) of s = f / (2 + f) and what s lacks. Every fma whose terms cancel gives what a rounding lost.
inline float log2_in_two(float m, int k, thread float &low) {
    const int j = int(rint(32.0f / m));
    const float f = fma(m, float(j) * 0.03125f, -1.0f);
    const float over = helper::reciprocal(f + 2.0f);
    const float s = f * over;
    const float s_low = fma(-s, f, fma(-s, 2.0f, f)) * over;
    const float z = s * s;
    const float q = z * fma(z, 0.2f, 0.333333343f);
    const float per = 2.88539004f;  // 2 / ln(2)
    const float base = float(k) + helper::LOG2_OF_32_OVER[j - 23];
    const float high = fma(s, per, base);
    const float lost = fma(s, per, base - high);
    low = fma(fma(s, q, s_low), per, fma(s, 3.851926e-08f, lost)) + helper::LOG2_OF_32_OVER_LOW[j - 23];
    return high;
}

// x**(y - n) of positive finite x and a small n: 2**(whole + r).
inline float power_of_positive(float x, float y, int n) {
    int x_exponent;
    const float m = 1.0f + helper::log_parts(x, x_exponent);
    float low;
    const float high = helper::log2_in_two(m, x_exponent, low);
    const float whole = rint(precise::clamp(y * high, -400.0f, 400.0f));
    const float r = fma(y, high, -whole) + y * low;
    int k;
    float value = 1.0f + helper::exp_parts(r * helper::LN2, k);
    for (int i = 0; i < n; i++) value = helper::divide(value, m);
    return ldexp(value, int(whole) + k - n * x_exponent);
}

// x**(y - n), with y as it is: y - n rounded is another exponent.
inline float real_power_less(float x, float y, int n) {
    const float a = helper::magnitude(x);
    const float exponent = y - float(n);
    const bool whole = helper::is_inf(y) || rint(y) == y;
    const bool odd_y = helper::magnitude(y) < 16777216.0f && (int(y) & 1) != 0;
    const bool odd = whole && odd_y != ((n & 1) != 0);
    const bool grows = helper::is_negative(exponent) ? a < 1.0f : a > 1.0f;  // as y does; the pole and infinity too
    const bool extreme = helper::is_zero(x) || !helper::is_finite(x) || !helper::is_finite(y)
        || helper::magnitude(y) > 1e20f;
    float value = helper::choose(
        extreme, grows ? helper::infinity() : 0.0f, helper::power_of_positive(a, y, n));
    value = helper::choose(a == 1.0f, 1.0f, value);
    value = helper::choose(odd, helper::copysign(value, x), value);
    const bool undefined = helper::is_negative(x) && !helper::is_zero(x) && !helper::is_inf(x) && !whole;
    value = helper::choose(undefined, helper::not_a_number(), value);
    value = helper::choose(helper::is_nan(x), x, helper::choose(helper::is_nan(y), y, value));
    return helper::choose(helper::equals(x, 1.0f) || helper::is_zero(exponent), 1.0f, value);
}

// 2**j * cbrt(2**i * m), i in (-1, 0, 1): a polynomial in m, and one step of Halley's method.
inline float real_cbrt(float x) {
    const float a = helper::magnitude(x);
    int k;
    const float m = 1.0f + helper::log_parts(a, k);
    const int j = int(rint(float(k) * 0.333333343f)), i = k - 3 * j;
    const float t = m * (i > 0 ? 2.0f : i < 0 ? 0.5f : 1.0f);
    const float seed = helper::polynomial(m, 0.058211084f, -0.29036197f, 0.7397147f, 0.49250585f);
    const float r = seed * (i > 0 ? 1.25992105f : i < 0 ? 0.793700526f : 1.0f);
    const float square = r * r;
    const float excess = fma(fma(r, r, -square), r, fma(square, r, -t));
    const float value = fma(-r, helper::divide(excess, fma(2.0f * square, r, t)), r) * helper::power_of_two(j);
    return helper::choose(helper::is_zero(x) || !helper::is_finite(x), x, helper::copysign(value, x));
}

inline float real_power(float x, float y) { return helper::real_power_less(x, y, 0); }

// --- error functions -------------------------------------------------------------------------------------

// x times a polynomial up to 1; beyond, 1 - erfc(x), which is exp of a polynomial.
inline float real_erf(float x) {
    const float a = helper::magnitude(x);
    const float near = helper::polynomial(a * a, 7.8858473e-05f, -0.000801994756f, 0.00518944487f, -0.0268544033f,
                                          0.112835996f, -0.37612626f, 0.128379166f);
    const float logarithm = helper::polynomial(min(a, 4.0f), 0.000191487867f, -0.00299939001f, 0.0220514331f,
                                               -0.103565797f, -0.637601197f, -1.12742543f, -0.000256587809f);
    const float far = 1.0f - helper::real_exp(logarithm);
    const float value = helper::choose(a < 1.0f, fma(a, near, a), helper::choose(a > 4.0f, 1.0f, far));
    return helper::choose(helper::is_nan(x), x, helper::copysign(value, x));
}

// 2 / sqrt(pi) * exp(-x * x).
inline float real_erf_slope(float x) { return 1.12837917f * helper::exp_of_square(x, -1.0f); }

// x times a polynomial in w = -log(1 - x * x), of large w in its root.
inline float real_erfinv(float x) {
    const float a = helper::magnitude(x);
    const float rest = 1.0f - a;  // exact for a >= 1/2
    const float w = -helper::real_log(fma(rest, a, rest));
    const float centre = helper::polynomial(
        w - 2.5f, -8.765831e-09f, 2.3270255e-08f, 4.6586334e-07f, -3.4631157e-06f, -4.9621312e-06f,
        0.00021834581f, -0.0012527436f, -0.0041773883f, 0.24664028f, 1.5014094f);
    const float tail = helper::polynomial(
        helper::root(w) - 3.25f, 0.00011036493f, -5.6575e-05f, -0.00041016823f, 0.0010052555f, -0.0016593784f,
        0.0024773253f, -0.0037570416f, 0.005372285f, 1.0052593f, 3.0838857f);
    const float value = x * helper::choose(w > 5.0f, tail, centre);
    const float inside = helper::choose(a == 1.0f, helper::copysign(helper::infinity(), x), value);
    return helper::choose(helper::is_nan(x) || a > 1.0f, helper::not_a_number(), inside);
}

}  // namespace helper
