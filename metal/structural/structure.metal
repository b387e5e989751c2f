// What structural kernels are made of, and kernels that move values.
//
// A kernel's arguments are words (sizes, and for each array its offset and its strides), where the thread stands, and
// arrays. Positions are uint and wrap, so that strides may be negative. What is read may be a scalar, as an array.

namespace helper {

// A scalar argument: two words behind the sizes and strides.
template <typename T> inline T scalar(constant int *words) {
    return helper::Packing<T>::unpack(uint2(uint(words[0]), uint(words[1])));
}

// An array of which every element is one value.
template <typename T> struct Uniform {
    T value;
    T operator[](uint) const { return value; }
};

// A line of (outer, n, inner) in an array: behind its offset stand three strides.
struct Line {
    uint at, step;
    Line(constant int *words, uint line, uint inner) {
        at = uint(words[0]) + line / inner * uint(words[1]) + line % inner * uint(words[3]);
        step = uint(words[2]);
    }
    uint operator[](uint j) const { return at + j * step; }
};

}  // namespace helper

namespace structural {

// Thread `i` moves one element: of threads words[0] to words[0] + words[1], those of this view. Behind the number of
// axes and two offsets stand, for each axis, the innermost first, its size and two strides.
template <typename T, typename X> inline void copy(constant int *words, uint i, device T *out, X x) {
    i -= uint(words[0]);
    if (i >= uint(words[1])) return;
    const uint axes = uint(words[2]);
    uint to = uint(words[3]), from = uint(words[4]);
    words += 5;
    for (uint axis = 0; axis < axes; ++axis, words += 3) {
        const bool last = axis + 1 == axes;
        const uint n = uint(words[0]), k = last ? i : i % n;
        i = last ? 0 : i / n;
        to += k * uint(words[1]);
        from += k * uint(words[2]);
    }
    out[to] = T(x[from]);
}

}  // namespace structural
