// The operation of a running logsumexp. A file of its own: no other kernel over whole arrays takes exponentials.

namespace helper {

struct Logaddexp {
    template <typename T> static T identity() { return helper::negated(T(helper::infinity())); }
    template <typename T> static T apply(T x, T y) { return element::logaddexp(x, y); }
};

}  // namespace helper
