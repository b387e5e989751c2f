// Element functions: the parts of a number, which is real here, as Metal has no complex ones.

namespace element {

template <typename T> inline T conjugate(T x) { return x; }

template <typename T> inline T real(T x) { return x; }

template <typename T> inline T imag(T x) { return T(0); }

template <typename T> inline T angle(T x) { return T(helper::real_arctan2(0.0f, float(x))); }

// Zero on the real line, where the angle jumps.
template <typename T> inline T angle_vjp(T g, T x) { return T(0); }

}  // namespace element
