// Scans along an axis: cumsum, cumprod, cummax, cummin, logcumsumexp, linear_recurrence, each line by a thread or by a threadgroup.
//
// What is scanned are elements, which `then` combines: associatively, so that threads can begin in the middle.
// Products of floating numbers have an exponent of their own: else the product of some later factors could overflow,
// and be multiplied by 0 afterwards.

namespace helper {

constant constexpr uint SCANNED = 4;  // elements that a thread scans at a time

template <typename T, typename Op> struct Plain {
    typedef uint2 Words;
    T value;
    static Plain identity() { return {Op::template identity<T>()}; }
    static Plain of(T x) { return {x}; }
    Plain then(Plain next) const { return {Op::template apply<T>(value, next.value)}; }
    T times(T x) const { return helper::Multiply::apply<T>(value, x); }
    T result() const { return value; }
    Words pack() const { return helper::Packing<T>::pack(value); }
    static Plain unpack(Words words) { return {helper::Packing<T>::unpack(words)}; }
};

// A product, mantissa * 2**exponent. The mantissa is in [1, 2), or x itself where that is 0, inf or NaN.
struct Scaled {
    typedef uint2 Words;
    float mantissa;
    int exponent;
    static Scaled normal(float x, int exponent) {
        const uint sign = as_type<uint>(x) & helper::SIGN, size = as_type<uint>(x) & ~helper::SIGN;
        const bool small = size < 0x00800000u;  // then it is that integer times 2**-149
        const uint bits = small ? as_type<uint>(float(size)) : size;
        const bool kept = size == 0 || size >= helper::INFINITY_BITS;
        const float mantissa = as_type<float>(sign | (bits & 0x007fffffu) | 0x3f800000u);
        const int more = int(bits >> 23) - (small ? 127 + 149 : 127);
        return {helper::choose(kept, x, mantissa), kept ? exponent : exponent + more};
    }
    static Scaled identity() { return {1.0f, 0}; }
    static Scaled of(float x) { return normal(x, 0); }
    Scaled then(Scaled next) const { return normal(mantissa * next.mantissa, exponent + next.exponent); }
    float times(float x) const { return then(of(x)).result(); }
    float result() const { return ldexp(mantissa, exponent); }
    Words pack() const { return uint2(as_type<uint>(mantissa), uint(exponent)); }
    static Scaled unpack(Words words) { return {as_type<float>(words.x), int(words.y)}; }
};

template <typename T> struct Factor { typedef helper::Plain<T, helper::Multiply> type; };
template <> struct Factor<float> { typedef helper::Scaled type; };

// 0 * factor + term.
inline float after_zero(float factor, float term) {
    return helper::choose(helper::is_finite(factor), term, helper::not_a_number());
}
template <typename T> inline T after_zero(T, T term) { return term; }

// The function h -> factor * h + term, and its value at 0.
template <typename T> struct Affine {
    typedef uint4 Words;
    typename helper::Factor<T>::type factor;
    T term;
    static Affine identity() { return {helper::Factor<T>::type::identity(), T(0)}; }
    static Affine of(T x, T y, bool first) {
        return {helper::Factor<T>::type::of(x), first ? helper::after_zero(x, y) : y};
    }
    Affine then(Affine next) const {
        return {factor.then(next.factor), helper::Add::apply<T>(next.factor.times(term), next.term)};
    }
    T result() const { return term; }
    Words pack() const { return uint4(factor.pack(), helper::Packing<T>::pack(term)); }
    static Affine unpack(Words words) {
        return {helper::Factor<T>::type::unpack(words.xy), helper::Packing<T>::unpack(words.zw)};
    }
};

// What is scanned, a line: `words` are those of the arrays.
template <typename E, typename X> struct Cumulation {
    typedef E Element;
    X x;
    helper::Line from;
    Cumulation(constant int *words, uint line, uint inner, X x) : x(x), from(words, line, inner) {}
    E load(uint j) const { return E::of(x[from[j]]); }
};

template <typename E, typename X, typename Y> struct Recurrence {
    typedef E Element;
    X x;
    Y y;
    helper::Line factors, terms;
    Recurrence(constant int *words, uint line, uint inner, X x, Y y)
        : x(x), y(y), factors(words, line, inner), terms(words + 4, line, inner) {}
    E load(uint j) const { return E::of(x[factors[j]], y[terms[j]], j == 0); }
};

// Where results go, a line.
template <typename T> struct Stored {
    device T *out;
    helper::Line to;
    bool exclusive;
    template <typename E> void operator()(uint j, E before, E value) const {
        out[to[j]] = T(exclusive ? before.result() : value.result());
    }
};

struct Dropped {
    template <typename E> void operator()(uint, E, E) const {}
};

// The element before this one in a simdgroup combined with all before it.
template <typename E> inline E lanes_before(E element, uint lane, thread E &whole) {
    for (uint step = 1; step < helper::LANES; step *= 2) {
        const E before = E::unpack(simd_shuffle_up(element.pack(), ushort(step)));
        if (lane >= step) element = before.then(element);
    }
    whole = element;
    const E before = E::unpack(simd_shuffle_up(element.pack(), ushort(1)));
    E found = E::identity();
    if (lane > 0) found = before;  // no select of what is shuffled: compilers have taken the wrong one
    return found;
}

// Scan elements [first, end) of a line behind those that `carry` combines; it then combines these too.
template <typename Scan, typename Store, typename E>
inline void scan_section(thread const Scan &scan, thread const Store &store, uint first, uint end, thread E &carry,
                         threadgroup typename E::Words *memory, helper::Group g) {
    for (; first < end; first += helper::SCANNED * g.threads) {
        const uint own = first + helper::SCANNED * g.rank;
        E elements[helper::SCANNED], whole = E::identity();
#pragma clang loop unroll(full)
        for (uint k = 0; k < helper::SCANNED; ++k) {
            const E loaded = scan.load(min(own + k, end - 1));
            elements[k] = E::identity();
            if (own + k < end) elements[k] = loaded;
            whole = whole.then(elements[k]);
        }
        const E before = helper::lanes_before(whole, g.lane, whole);
        if (g.lane == helper::LANES - 1 || g.rank == g.threads - 1) memory[g.simdgroup] = whole.pack();
        threadgroup_barrier(mem_flags::mem_threadgroup);
        E value = carry;
        for (uint k = 0; k < g.simdgroups; ++k) {
            if (k == g.simdgroup) value = carry;
            carry = carry.then(E::unpack(memory[k]));
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        value = value.then(before);
#pragma clang loop unroll(full)
        for (uint k = 0; k < helper::SCANNED; ++k) {
            const E next = value.then(elements[k]);
            if (own + k < end) store(own + k, value, next);
            value = next;
        }
    }
}

}  // namespace helper

namespace structural {

// Of all scans the words are: lines, n, inner, whether exclusive, sections of a line and their size, then offset and
// strides of the result and of what is scanned.

template <typename Scan, typename T, typename... Inputs>
inline void scan_by_threads(constant int *words, uint i, device T *out, Inputs... inputs) {
    typedef typename Scan::Element E;
    if (i >= uint(words[0])) return;
    const uint inner = uint(words[2]);
    const Scan scan(words + 10, i, inner, inputs...);
    const helper::Stored<T> store = {out, helper::Line(words + 6, i, inner), words[3] != 0};
    E value = E::identity();
    for (uint j = 0; j < uint(words[1]); ++j) {
        const E next = value.then(scan.load(j));
        store(j, value, next);
        value = next;
    }
}

// Each line by a threadgroup.
template <typename Scan, typename T, typename... Inputs>
inline void scan_by_groups(constant int *words, threadgroup typename Scan::Element::Words *memory, helper::Group g,
                           device T *out, Inputs... inputs) {
    const uint inner = uint(words[2]);
    for (uint i = g.index; i < uint(words[0]); i += g.count) {
        const Scan scan(words + 10, i, inner, inputs...);
        const helper::Stored<T> store = {out, helper::Line(words + 6, i, inner), words[3] != 0};
        typename Scan::Element carry = Scan::Element::identity();
        helper::scan_section(scan, store, 0u, uint(words[1]), carry, memory, g);
    }
}

// Each section of each line by a threadgroup: first what it combines to ...
template <typename Scan, typename... Inputs>
inline void scan_totals(constant int *words, threadgroup typename Scan::Element::Words *memory, helper::Group g,
                        device uint *totals, Inputs... inputs) {
    typedef typename Scan::Element E;
    const uint sections = uint(words[4]), size = uint(words[5]);
    for (uint i = g.index; i < uint(words[0]) * sections; i += g.count) {
        const Scan scan(words + 10, i / sections, uint(words[2]), inputs...);
        const uint first = i % sections * size;
        E carry = E::identity();
        const helper::Dropped nothing = {};
        helper::scan_section(scan, nothing, first, min(first + size, uint(words[1])), carry, memory, g);
        if (g.rank == 0) ((device typename E::Words *)totals)[i] = carry.pack();
    }
}

// ... then it is scanned behind what those before it combine to.
template <typename Scan, typename T, typename... Inputs>
inline void scan_sections(constant int *words, threadgroup typename Scan::Element::Words *memory, helper::Group g,
                          device T *out, device const uint *totals, Inputs... inputs) {
    typedef typename Scan::Element E;
    const uint inner = uint(words[2]), sections = uint(words[4]), size = uint(words[5]);
    for (uint i = g.index; i < uint(words[0]) * sections; i += g.count) {
        const uint line = i / sections, section = i % sections, first = section * size;
        const Scan scan(words + 10, line, inner, inputs...);
        const helper::Stored<T> store = {out, helper::Line(words + 6, line, inner), words[3] != 0};
        E carry = E::identity();
        for (uint k = i - section; k < i; ++k) {
            carry = carry.then(E::unpack(((device const typename E::Words *)totals)[k]));
        }
        helper::scan_section(scan, store, first, min(first + size, uint(words[1])), carry, memory, g);
    }
}

}  // namespace structural
