// Element functions: the gamma function's logarithm and its derivatives. Conventions: see scalars.metal.

namespace element {

template <typename T> inline T gammaln(T x) { return T(helper::real_gammaln(float(x))); }

template <typename T> inline T gammaln_vjp(T g, T x) {
    return element::scale(g, T(helper::real_polygamma(float(x), 0)));
}

// The derivative of order n + 1 of log(gamma(x)).
template <typename T> inline T polygamma(T x, int n) { return T(helper::real_polygamma(float(x), n)); }

template <typename T> inline T polygamma_vjp(T g, T x, int n) {
    return element::scale(g, T(helper::real_polygamma(float(x), n + 1)));
}

}  // namespace element
