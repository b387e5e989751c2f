// Metal's mathematical functions, of float in C's library and of half through float. What Metal lacks (erf, expm1,
// log1p, ...) is lacking here too.
#pragma once
#include "types.h"

#define EMU_C1(name) extern "C" __attribute__((const)) float name##f(float);
#define EMU_C2(name) extern "C" __attribute__((const)) float name##f(float, float);
#define EMU_ONE(X) X(acos) X(acosh) X(asin) X(asinh) X(atan) X(atanh) X(cos) X(cosh) X(exp) X(exp2) X(log) X(log2) \
    X(log10) X(sin) X(sinh) X(tan) X(tanh)
#define EMU_TWO(X) X(atan2) X(fmod) X(pow) X(nextafter)
EMU_ONE(EMU_C1) EMU_TWO(EMU_C2)
extern "C" float ldexpf(float, int);

// Metal is compiled with fast math: where the emulator is too, `precise` is not.
#define EMU_FLOAT1(name) inline float name(float x) { return ::name##f(x); }
#define EMU_FLOAT2(name) inline float name(float x, float y) { return ::name##f(x, y); }
#define EMU_REAL_FUNCTIONS                                                                        \
    EMU_ONE(EMU_FLOAT1)                                                                           \
    inline float atan2(float y, float x) { return ::atan2f(y, x); }                               \
    inline float fmod(float x, float y) { return EMU_FMOD(x, y); }                                \
    inline float pow(float x, float y) { return ::powf(x, y); }                                   \
    inline float powr(float x, float y) { return ::powf(x, y); }                                  \
    inline float exp10(float x) { return ::powf(10.0f, x); }                                      \
    inline float sqrt(float x) { return __builtin_elementwise_sqrt(x); }                          \
    inline float rsqrt(float x) { return 1.0f / __builtin_elementwise_sqrt(x); }                  \
    inline float divide(float x, float y) { return x / y; }                                       \
    inline float fabs(float x) { return __builtin_fabsf(x); }                                     \
    inline float abs(float x) { return __builtin_fabsf(x); }                                      \
    inline float ceil(float x) { return __builtin_elementwise_ceil(x); }                          \
    inline float floor(float x) { return __builtin_elementwise_floor(x); }                        \
    inline float trunc(float x) { return __builtin_elementwise_trunc(x); }                        \
    inline float rint(float x) { return __builtin_elementwise_roundeven(x); }                     \
    inline float round(float x) { return __builtin_elementwise_round(x); }                        \
    inline float fract(float x) { return x - floor(x); }                                          \
    inline float cospi(float x) { return ::cosf(M_PI_F * ::fmodf(x, 2.0f)); }                     \
    inline float sinpi(float x) { return ::sinf(M_PI_F * ::fmodf(x, 2.0f)); }                     \
    inline float tanpi(float x) { return ::tanf(M_PI_F * ::fmodf(x, 1.0f)); }                     \
    inline float sincos(float x, thread float &c) { c = ::cosf(x); return ::sinf(x); }            \
    inline float fmax(float x, float y) { return __builtin_fmaxf(x, y); }                         \
    inline float fmin(float x, float y) { return __builtin_fminf(x, y); }                         \
    inline float max(float x, float y) { return __builtin_fmaxf(x, y); }                          \
    inline float min(float x, float y) { return __builtin_fminf(x, y); }                          \
    inline float clamp(float x, float low, float high) { return fmin(fmax(x, low), high); }       \
    inline float fdim(float x, float y) { return x > y ? x - y : 0.0f; }

// As Metal expands it in fast math, which is wrong next to multiples of y.
inline float emu_fast_fmod(float x, float y) { return x - y * __builtin_elementwise_trunc(x / y); }
#define EMU_FMOD(x, y) emu_fast_fmod(x, y)

namespace metal {
namespace fast {
EMU_REAL_FUNCTIONS
}
#undef EMU_FMOD
#define EMU_FMOD(x, y) ::fmodf(x, y)
#pragma float_control(push)
#pragma float_control(precise, on)
namespace precise {
EMU_REAL_FUNCTIONS
}
#pragma float_control(pop)
#ifdef __FAST_MATH__
#undef EMU_FMOD
#define EMU_FMOD(x, y) emu_fast_fmod(x, y)
#endif
EMU_REAL_FUNCTIONS

inline float fma(float a, float b, float c) { return __builtin_elementwise_fma(a, b, c); }
inline half fma(half a, half b, half c) { return __builtin_elementwise_fma(a, b, c); }
inline float copysign(float x, float y) { return __builtin_copysignf(x, y); }
inline half copysign(half x, half y) {
    return as_type<half>(ushort((as_type<ushort>(x) & 0x7fff) | (as_type<ushort>(y) & 0x8000)));
}
inline float ldexp(float x, int k) { return ::ldexpf(x, k); }
inline half ldexp(half x, int k) { return half(::ldexpf(x, k)); }
inline float frexp(float x, thread int &k) {
    if (x == 0 || __builtin_isnan(x) || __builtin_isinf(x)) { k = 0; return x; }
    float scaled = __builtin_fabsf(x) < FLT_MIN ? x * 0x1p64f : x;
    k = int(as_type<uint>(scaled) >> 23 & 255) - 126 - (__builtin_fabsf(x) < FLT_MIN ? 64 : 0);
    return as_type<float>((as_type<uint>(scaled) & 0x807fffffu) | 0x3f000000u);
}
inline float modf(float x, thread float &whole) { whole = trunc(x); return copysign(x - whole, x); }
inline int ilogb(float x) { int k; frexp(x, k); return k - 1; }

#define EMU_HALF1(name) inline half name(half x) { return half(name(float(x))); }
#define EMU_HALF2(name) inline half name(half x, half y) { return half(name(float(x), float(y))); }
EMU_ONE(EMU_HALF1)
EMU_HALF1(exp10) EMU_HALF1(sqrt) EMU_HALF1(rsqrt) EMU_HALF1(fabs) EMU_HALF1(abs) EMU_HALF1(ceil) EMU_HALF1(floor)
EMU_HALF1(trunc) EMU_HALF1(rint) EMU_HALF1(round) EMU_HALF1(fract) EMU_HALF1(cospi) EMU_HALF1(sinpi) EMU_HALF1(tanpi)
EMU_HALF2(atan2) EMU_HALF2(fmod) EMU_HALF2(pow) EMU_HALF2(powr) EMU_HALF2(divide) EMU_HALF2(fmax) EMU_HALF2(fmin)
EMU_HALF2(max) EMU_HALF2(min) EMU_HALF2(fdim)
inline half clamp(half x, half low, half high) { return min(max(x, low), high); }

#define EMU_CLASSES(T)                                                           \
    inline bool isnan(T x) { return __builtin_isnan(x); }                        \
    inline bool isinf(T x) { return __builtin_isinf(x); }                        \
    inline bool isfinite(T x) { return __builtin_isfinite(x); }                  \
    inline bool isnormal(T x) { return __builtin_isnormal(x); }                  \
    inline T mix(T x, T y, T a) { return x + (y - x) * a; }                      \
    inline T saturate(T x) { return clamp(x, T(0), T(1)); }                      \
    inline T step(T edge, T x) { return x < edge ? T(0) : T(1); }                \
    inline T sign(T x) { return x > T(0) ? T(1) : x < T(0) ? T(-1) : T(0) * x; } \
    inline T max3(T x, T y, T z) { return fmax(x, fmax(y, z)); }                 \
    inline T min3(T x, T y, T z) { return fmin(x, fmin(y, z)); }                 \
    inline T smoothstep(T low, T high, T x) {                                    \
        T t = saturate((x - low) / (high - low));                                \
        return t * t * (T(3) - T(2) * t);                                        \
    }
EMU_CLASSES(float) EMU_CLASSES(half)
inline bool signbit(float x) { return as_type<uint>(x) >> 31; }
inline bool signbit(half x) { return as_type<ushort>(x) >> 15; }

#define EMU_INTEGER(T)                                                                             \
    inline T abs(T x) { return x < T(0) ? T(-x) : x; }                                             \
    inline T max(T x, T y) { return x < y ? y : x; }                                               \
    inline T min(T x, T y) { return y < x ? y : x; }                                               \
    inline T clamp(T x, T low, T high) { return min(max(x, low), high); }                          \
    inline T popcount(T x) { return T(__builtin_popcountg(make_unsigned_t<T>(x))); }               \
    inline T clz(T x) { return T(__builtin_clzg(make_unsigned_t<T>(x), int(sizeof(T) * 8))); }     \
    inline T ctz(T x) { return T(__builtin_ctzg(make_unsigned_t<T>(x), int(sizeof(T) * 8))); }     \
    inline T reverse_bits(T x) { return T(__builtin_elementwise_bitreverse(x)); }                  \
    inline T addsat(T x, T y) { return __builtin_elementwise_add_sat(x, y); }                      \
    inline T subsat(T x, T y) { return __builtin_elementwise_sub_sat(x, y); }                      \
    inline T absdiff(T x, T y) { return x < y ? T(y - x) : T(x - y); }                             \
    inline T rotate(T x, T k) {                                                                    \
        typedef make_unsigned_t<T> U;                                                              \
        int by = int(k) & (sizeof(T) * 8 - 1);                                                     \
        return by == 0 ? x : T(U(U(x) << by) | U(U(x) >> (int(sizeof(T) * 8) - by)));              \
    }
EMU_INTEGERS(EMU_INTEGER)
inline int mulhi(int x, int y) { return int(long(x) * long(y) >> 32); }
inline uint mulhi(uint x, uint y) { return uint(ulong(x) * ulong(y) >> 32); }
inline long mulhi(long x, long y) { return long((__int128)x * y >> 64); }
inline ulong mulhi(ulong x, ulong y) { return ulong((unsigned __int128)x * y >> 64); }

#define EMU_SELECT(T) inline T select(T a, T b, bool c) { return c ? b : a; }
EMU_SCALARS(EMU_SELECT)
} // namespace metal
