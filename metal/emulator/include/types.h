// Metal's types in terms of clang's C++ for OpenCL, which has the same address spaces.
#pragma once
#pragma OPENCL EXTENSION cl_khr_fp16 : enable

#define device __global
#define threadgroup __local
#define thread __private
// keywords of OpenCL only: names like any other in Metal
#define global global_
#define local local_
#define generic generic_
#define pipe pipe_
#define read_only read_only_
#define write_only write_only_
#define read_write read_write_
// types that OpenCL has built in; in Metal 2.3 the first three are structures and the others unknown
#define atomic_int metal_atomic_int
#define atomic_uint metal_atomic_uint
#define atomic_bool metal_atomic_bool
#define atomic_float unknown_atomic_float
#define atomic_double unknown_atomic_double
#define atomic_long unknown_atomic_long
#define atomic_ulong unknown_atomic_ulong
#define atomic_flag unknown_atomic_flag

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef char int8_t;
typedef uchar uint8_t;
typedef short int16_t;
typedef ushort uint16_t;
typedef int int32_t;
typedef uint uint32_t;
typedef long int64_t;
typedef ulong uint64_t;
typedef ulong size_t;
typedef long ptrdiff_t;

#define EMU_SCALARS(X) X(bool) X(char) X(uchar) X(short) X(ushort) X(int) X(uint) X(long) X(ulong) X(half) X(float)
#define EMU_INTEGERS(X) X(char) X(uchar) X(short) X(ushort) X(int) X(uint) X(long) X(ulong)
#define EMU_VECTORABLE(X) EMU_INTEGERS(X) X(half) X(float)

namespace emu {
template <typename T, int N> struct vector;
template <typename T> struct if_vector {};
template <typename T> struct identity { typedef T type; };
template <typename T> using type = typename identity<T>::type;
} // namespace emu

#define EMU_VECTOR(T, N)                                                                      \
    typedef T T##N __attribute__((ext_vector_type(N)));                                       \
    template <> struct emu::vector<T, N> { typedef T##N type; };                              \
    template <> struct emu::if_vector<T##N> { typedef T##N type; };
#define EMU_VECTORS(T) EMU_VECTOR(T, 2) EMU_VECTOR(T, 3) EMU_VECTOR(T, 4)
EMU_VECTORABLE(EMU_VECTORS)

// `float4(a, b)` is written make_float4(a, b) by source.py
#define EMU_MAKE(T)                                                                                        \
    inline T##2 make_##T##2(T a) { return (T##2)(a); }                                                     \
    inline T##3 make_##T##3(T a) { return (T##3)(a); }                                                     \
    inline T##4 make_##T##4(T a) { return (T##4)(a); }                                                     \
    template <typename V> inline T##2 make_##T##2(V a, typename emu::if_vector<V>::type * = 0) {           \
        return __builtin_convertvector(a, T##2);                                                          \
    }                                                                                                     \
    template <typename V> inline T##3 make_##T##3(V a, typename emu::if_vector<V>::type * = 0) {           \
        return __builtin_convertvector(a, T##3);                                                          \
    }                                                                                                     \
    template <typename V> inline T##4 make_##T##4(V a, typename emu::if_vector<V>::type * = 0) {           \
        return __builtin_convertvector(a, T##4);                                                          \
    }                                                                                                     \
    inline T##2 make_##T##2(T a, T b) { T##2 v; v.x = a; v.y = b; return v; }                              \
    inline T##3 make_##T##3(T a, T b, T c) { T##3 v; v.x = a; v.y = b; v.z = c; return v; }                \
    inline T##3 make_##T##3(T##2 a, T b) { T##3 v; v.xy = a; v.z = b; return v; }                          \
    inline T##4 make_##T##4(T a, T b, T c, T d) { T##4 v; v.x = a; v.y = b; v.z = c; v.w = d; return v; }  \
    inline T##4 make_##T##4(T##2 a, T##2 b) { T##4 v; v.xy = a; v.zw = b; return v; }                      \
    inline T##4 make_##T##4(T##3 a, T b) { T##4 v; v.xyz = a; v.w = b; return v; }
EMU_VECTORABLE(EMU_MAKE)

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define MAXFLOAT 0x1.fffffep127f
#define FLT_MAX 0x1.fffffep127f
#define FLT_MIN 0x1p-126f
#define FLT_EPSILON 0x1p-23f
#define HALF_MAX 65504.0h
#define HALF_MIN 0x1p-14h
#define HALF_EPSILON 0x1p-10h
#define CHAR_BIT 8
#define SCHAR_MAX 127
#define SCHAR_MIN (-128)
#define CHAR_MAX 127
#define CHAR_MIN (-128)
#define UCHAR_MAX 255
#define SHRT_MAX 32767
#define SHRT_MIN (-32768)
#define USHRT_MAX 65535
#define INT_MAX 2147483647
#define INT_MIN (-2147483647 - 1)
#define UINT_MAX 4294967295u
#define LONG_MAX 0x7fffffffffffffffL
#define LONG_MIN (-LONG_MAX - 1)
#define ULONG_MAX 0xffffffffffffffffUL
#define M_E_F 2.71828182845904523536f
#define M_LOG2E_F 1.44269504088896340736f
#define M_LOG10E_F 0.434294481903251827651f
#define M_LN2_F 0.693147180559945309417f
#define M_LN10_F 2.30258509299404568402f
#define M_PI_F 3.14159265358979323846f
#define M_PI_2_F 1.57079632679489661923f
#define M_PI_4_F 0.785398163397448309616f
#define M_1_PI_F 0.318309886183790671538f
#define M_2_PI_F 0.636619772367581343076f
#define M_2_SQRTPI_F 1.12837916709551257390f
#define M_SQRT2_F 1.41421356237309504880f
#define M_SQRT1_2_F 0.707106781186547524401f

namespace metal {
template <typename T, int N> using vec = typename emu::vector<T, N>::type;

template <typename T, typename U> __attribute__((always_inline)) inline T as_type(U x) {
    return __builtin_bit_cast(T, x);
}

template <bool B, typename T = void> struct enable_if {};
template <typename T> struct enable_if<true, T> { typedef T type; };
template <bool B, typename T = void> using enable_if_t = typename enable_if<B, T>::type;
template <bool B, typename T, typename F> struct conditional { typedef T type; };
template <typename T, typename F> struct conditional<false, T, F> { typedef F type; };
template <bool B, typename T, typename F> using conditional_t = typename conditional<B, T, F>::type;
template <typename T, T V> struct integral_constant { static constexpr __constant T value = V; };
typedef integral_constant<bool, true> true_type;
typedef integral_constant<bool, false> false_type;
template <typename T, typename U> struct is_same : false_type {};
template <typename T> struct is_same<T, T> : true_type {};
template <typename T> struct is_floating_point : false_type {};
template <> struct is_floating_point<float> : true_type {};
template <> struct is_floating_point<half> : true_type {};
template <typename T> struct is_integral : false_type {};
#define EMU_IS_INTEGRAL(T) template <> struct is_integral<T> : true_type {};
EMU_INTEGERS(EMU_IS_INTEGRAL) EMU_IS_INTEGRAL(bool)
template <typename T>
struct is_arithmetic : integral_constant<bool, is_floating_point<T>::value || is_integral<T>::value> {};
template <typename T> struct is_signed : integral_constant<bool, is_arithmetic<T>::value && T(-1) < T(0)> {};
template <typename T> struct is_unsigned : integral_constant<bool, is_integral<T>::value && !is_signed<T>::value> {};
template <typename T> struct make_unsigned { typedef T type; };
template <> struct make_unsigned<char> { typedef uchar type; };
template <> struct make_unsigned<short> { typedef ushort type; };
template <> struct make_unsigned<int> { typedef uint type; };
template <> struct make_unsigned<long> { typedef ulong type; };
template <typename T> using make_unsigned_t = typename make_unsigned<T>::type;

template <typename T> struct numeric_limits;
#define EMU_INTEGER_LIMITS(T)                                                                            \
    template <> struct numeric_limits<T> {                                                               \
        static constexpr __constant bool is_signed = T(-1) < T(0);                                       \
        static constexpr __constant int digits = sizeof(T) * 8 - is_signed;                              \
        static constexpr T max() { return T(~0ul >> (64 - digits)); }                                    \
        static constexpr T min() { return is_signed ? T(-max() - 1) : T(0); }                            \
        static constexpr T lowest() { return min(); }                                                    \
    };
EMU_INTEGERS(EMU_INTEGER_LIMITS)
template <> struct numeric_limits<float> {
    static constexpr __constant int digits = 24;
    static constexpr float max() { return FLT_MAX; }
    static constexpr float min() { return FLT_MIN; }
    static constexpr float lowest() { return -FLT_MAX; }
    static constexpr float epsilon() { return FLT_EPSILON; }
    static constexpr float infinity() { return INFINITY; }
    static constexpr float quiet_NaN() { return NAN; }
    static constexpr float denorm_min() { return 0x1p-149f; }
};
template <> struct numeric_limits<half> {
    static constexpr __constant int digits = 11;
    static constexpr half max() { return HALF_MAX; }
    static constexpr half min() { return HALF_MIN; }
    static constexpr half lowest() { return -HALF_MAX; }
    static constexpr half epsilon() { return HALF_EPSILON; }
    static constexpr half infinity() { return half(INFINITY); }
    static constexpr half quiet_NaN() { return half(NAN); }
    static constexpr half denorm_min() { return 0x1p-24h; }
};
} // namespace metal
