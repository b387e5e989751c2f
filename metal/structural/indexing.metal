// Rows by index: gather, an element of each row, and scatters that set or combine.
//
// Every index is checked before it is used. The first bad one leaves its position in `state`, as what is left of it up
// to the largest uint, so that zero says that there is none.

namespace helper {

inline bool is_place(long place, uint rows) { return place >= 0 && place < long(rows); }

inline void refuse(device atomic_uint *state, uint position) {
    atomic_fetch_max_explicit(state, helper::Limits<uint>::highest() - position, memory_order_relaxed);
}

struct Replace {
    template <typename T> static T apply(T, T y) { return y; }
};

// The first of the values [first, end) on which the result depends.
template <typename Op> struct Counting {
    static uint from(uint first, uint) { return first; }
};
template <> struct Counting<helper::Replace> {
    static uint from(uint first, uint end) { return end > first ? end - 1 : first; }
};

// What a scatter reads: words are elements of the result, rows, size of a row, picks, then offset and strides of x,
// y and the index.
template <typename X, typename Y, typename I> struct Scatter {
    X x;
    Y y;
    I index;
    constant int *words;
    uint elements() const { return uint(words[0]); }
    uint size() const { return uint(words[2]); }
    uint picks() const { return uint(words[3]); }
    uint x_at(uint row, uint k) const { return uint(words[4]) + row * uint(words[5]) + k * uint(words[6]); }
    uint y_at(uint pick, uint k) const { return uint(words[7]) + pick * uint(words[8]) + k * uint(words[9]); }
    long place(uint pick) const { return long(index[uint(words[10]) + pick * uint(words[11])]); }
    void check(uint pick, device atomic_uint *state) const {
        if (!helper::is_place(place(pick), uint(words[1]))) helper::refuse(state, pick);
    }
    // How many picks have a place below `limit`; `order` has them sorted by place.
    uint picks_below(device const long *order, long limit) const {
        uint low = 0, n = picks();
        while (n > 0) {
            const uint half_of_it = n / 2;
            const bool below = place(uint(order[low + half_of_it])) < limit;
            low = below ? low + half_of_it + 1 : low;
            n = below ? n - half_of_it - 1 : half_of_it;
        }
        return low;
    }
};

}  // namespace helper

namespace structural {

// Words: picks, rows, size of a row, then offset and strides of x and the index.
template <typename T, typename X, typename I>
inline void gather(constant int *words, uint i, device atomic_uint *state, device T *out, X x, I index) {
    const uint picks = uint(words[0]), rows = uint(words[1]), size = uint(words[2]);
    const uint pick = size == 0 ? i : i / size, k = size == 0 ? 0 : i % size;
    if (pick >= picks) return;
    const long place = long(index[uint(words[6]) + pick * uint(words[7])]);
    if (!helper::is_place(place, rows)) {
        if (k == 0) helper::refuse(state, pick);
    } else if (size > 0) {
        out[i] = T(x[uint(words[3]) + uint(place) * uint(words[4]) + k * uint(words[5])]);
    }
}

// Words: rows, size of a row, then offset and strides of x and the index.
template <typename T, typename X, typename I>
inline void pick(constant int *words, uint i, device atomic_uint *state, device T *out, X x, I index) {
    if (i >= uint(words[0])) return;
    const long place = long(index[uint(words[5]) + i * uint(words[6])]);
    if (!helper::is_place(place, uint(words[1]))) {
        helper::refuse(state, i);
    } else {
        out[i] = T(x[uint(words[2]) + i * uint(words[3]) + uint(place) * uint(words[4])]);
    }
}

// Words: elements, size of a row, then offset and stride of x and the index.
template <typename T, typename X, typename I>
inline void one_hot(constant int *words, uint i, device T *out, X x, I index) {
    if (i >= uint(words[0])) return;
    const uint row = i / uint(words[1]), column = i % uint(words[1]);
    const bool hot = long(index[uint(words[4]) + row * uint(words[5])]) == long(column);
    out[i] = hot ? T(x[uint(words[2]) + row * uint(words[3])]) : T(0);
}

// Each element by a thread, which goes through the whole index.
template <typename T, typename Op, typename X, typename Y, typename I>
inline void scatter_few(constant int *words, uint i, device atomic_uint *state, device T *out, X x, Y y, I index) {
    typedef helper::Held<T, Op> Held;
    typedef typename Held::type H;
    const helper::Scatter<X, Y, I> s = {x, y, index, words};
    if (i < s.picks()) s.check(i, state);
    if (i >= s.elements()) return;
    const uint row = i / s.size(), k = i % s.size();
    H value = Held::of(T(x[s.x_at(row, k)]));
    for (uint pick = 0; pick < s.picks(); ++pick) {
        if (s.place(pick) == long(row)) value = helper::combined<Held>(value, T(y[s.y_at(pick, k)]));
    }
    out[i] = Held::value(value);
}

// Each element by a threadgroup, which goes through the whole index.
template <typename T, typename Op, typename X, typename Y, typename I>
inline void scatter_by_groups(constant int *words, threadgroup typename helper::Held<T, Op>::type *memory,
                              helper::Group g, device atomic_uint *state, device T *out, X x, Y y, I index) {
    typedef helper::Held<T, Op> Held;
    typedef typename Held::type H;
    const helper::Scatter<X, Y, I> s = {x, y, index, words};
    for (uint i = g.index; i < s.elements(); i += g.count) {
        const uint row = i / s.size(), k = i % s.size();
        H value = Held::Combine::template identity<H>();
        for (uint pick = g.rank; pick < s.picks(); pick += g.threads) {
            if (i == 0) s.check(pick, state);
            if (s.place(pick) == long(row)) value = helper::combined<Held>(value, T(y[s.y_at(pick, k)]));
        }
        value = helper::group_combine<H, typename Held::Combine>(value, memory, g);
        if (g.rank == 0) {
            const H old = Held::of(T(x[s.x_at(row, k)]));
            out[i] = Held::value(Held::Combine::template apply<H>(old, value));
        }
    }
}

// Each element by a thread, which finds its picks in `order`, where they are sorted by place.
template <typename T, typename Op, typename X, typename Y, typename I>
inline void scatter_sorted(constant int *words, uint i, device atomic_uint *state, device T *out, X x, Y y, I index,
                           device const long *order) {
    typedef helper::Held<T, Op> Held;
    typedef typename Held::type H;
    const helper::Scatter<X, Y, I> s = {x, y, index, words};
    if (i < s.picks()) s.check(i, state);
    if (i >= s.elements()) return;
    const uint row = i / s.size(), k = i % s.size();
    const uint first = s.picks_below(order, long(row)), end = s.picks_below(order, long(row) + 1);
    H value = Held::of(T(x[s.x_at(row, k)]));
    for (uint j = helper::Counting<Op>::from(first, end); j < end; ++j) {
        value = helper::combined<Held>(value, T(y[s.y_at(uint(order[j]), k)]));
    }
    out[i] = Held::value(value);
}

}  // namespace structural
