// Convolutions, an element of the result by each thread: sums of products, of which those of a line are added first.
//
// Words: threads, channels, filters, images, then for each axis of space (three, from the outside) its sizes in image,
// filter and result, stride, zeros before and dilation, then for image, filter and result its offset and its strides,
// of a batch, of an image or filter, of the axes of space and of a channel or filter. Of what is written they are not
// used: it lies densely.

namespace helper {

struct Space {
    int x, w, y, stride, low, dilation;
    Space(constant int *words)
        : x(words[0]), w(words[1]), y(words[2]), stride(words[3]), low(words[4]), dilation(words[5]) {}
    // Where position k of a filter falls in an image, for position o of the result.
    int place(int o, int k) const { return o * stride + k * dilation - low; }
    bool inside(int i) const { return i >= 0 && i < x; }
    // The position of a result for which position k of a filter falls on i, or -1.
    int origin(int i, int k) const {
        const int at = i + low - k * dilation, o = at / stride;
        return at >= 0 && o * stride == at && o < y ? o : -1;
    }
};

struct Form {
    uint threads, channels, filters, images;
    helper::Space depth, height, width;
    constant int *x, *w, *y;
    Form(constant int *words)
        : threads(uint(words[0])), channels(uint(words[1])), filters(uint(words[2])), images(uint(words[3])),
          depth(words + 4), height(words + 10), width(words + 16), x(words + 22), w(words + 29), y(words + 36) {}
};

// Indices of an element, taken off from the inside.
struct Index {
    uint rest;
    Index(uint i) : rest(i) {}
    uint next(uint size) {
        const uint k = rest % size;
        rest /= size;
        return k;
    }
};

inline uint place(constant int *words, uint batch, uint first, int d, int h, int w) {
    return uint(words[0]) + batch * uint(words[1]) + first * uint(words[2]) + uint(d) * uint(words[3]) +
           uint(h) * uint(words[4]) + uint(w) * uint(words[5]);
}

}  // namespace helper

namespace structural {

template <typename T, typename X, typename W>
inline void conv(constant int *words, uint i, device T *out, X image, W filters) {
    const helper::Form f(words);
    if (i >= f.threads) return;
    helper::Index index(i);
    const uint filter = index.next(f.filters);
    const int w = int(index.next(uint(f.width.y))), h = int(index.next(uint(f.height.y)));
    const int d = int(index.next(uint(f.depth.y)));
    const uint n = index.next(f.images), batch = index.rest;
    T total = T(0);
    for (int a = 0; a < f.depth.w; ++a) {
        const int x_d = f.depth.place(d, a);
        for (int b = 0; b < f.height.w; ++b) {
            const int x_h = f.height.place(h, b);
            if (!f.depth.inside(x_d) || !f.height.inside(x_h)) continue;
            for (int c = 0; c < f.width.w; ++c) {
                const int x_w = f.width.place(w, c);
                if (!f.width.inside(x_w)) continue;
                const uint x_at = helper::place(f.x, batch, n, x_d, x_h, x_w);
                const uint w_at = helper::place(f.w, batch, filter, a, b, c);
                T line = T(0);
                for (uint k = 0; k < f.channels; ++k) {
                    line += T(image[x_at + k * uint(f.x[6])]) * T(filters[w_at + k * uint(f.w[6])]);
                }
                total += line;
            }
        }
    }
    out[i] = total;
}

template <typename T, typename W, typename Y>
inline void conv_x(constant int *words, uint i, device T *out, W filters, Y result) {
    const helper::Form f(words);
    if (i >= f.threads) return;
    helper::Index index(i);
    const uint channel = index.next(f.channels);
    const int w = int(index.next(uint(f.width.x))), h = int(index.next(uint(f.height.x)));
    const int d = int(index.next(uint(f.depth.x)));
    const uint n = index.next(f.images), batch = index.rest;
    T total = T(0);
    for (int a = 0; a < f.depth.w; ++a) {
        const int y_d = f.depth.origin(d, a);
        for (int b = 0; b < f.height.w; ++b) {
            const int y_h = f.height.origin(h, b);
            if (y_d < 0 || y_h < 0) continue;
            for (int c = 0; c < f.width.w; ++c) {
                const int y_w = f.width.origin(w, c);
                if (y_w < 0) continue;
                const uint y_at = helper::place(f.y, batch, n, y_d, y_h, y_w);
                const uint w_at = helper::place(f.w, batch, 0, a, b, c) + channel * uint(f.w[6]);
                T line = T(0);
                for (uint k = 0; k < f.filters; ++k) {
                    line += T(filters[w_at + k * uint(f.w[2])]) * T(result[y_at + k * uint(f.y[6])]);
                }
                total += line;
            }
        }
    }
    out[i] = total;
}

template <typename T, typename X, typename Y>
inline void conv_w(constant int *words, uint i, device T *out, X image, Y result) {
    const helper::Form f(words);
    if (i >= f.threads) return;
    helper::Index index(i);
    const uint channel = index.next(f.channels);
    const int c = int(index.next(uint(f.width.w))), b = int(index.next(uint(f.height.w)));
    const int a = int(index.next(uint(f.depth.w)));
    const uint filter = index.next(f.filters), batch = index.rest;
    T total = T(0);
    for (uint n = 0; n < f.images; ++n) {
        for (int d = 0; d < f.depth.y; ++d) {
            const int x_d = f.depth.place(d, a);
            for (int h = 0; h < f.height.y; ++h) {
                const int x_h = f.height.place(h, b);
                if (!f.depth.inside(x_d) || !f.height.inside(x_h)) continue;
                T line = T(0);
                for (int w = 0; w < f.width.y; ++w) {
                    const int x_w = f.width.place(w, c);
                    if (!f.width.inside(x_w)) continue;
                    const uint x_at = helper::place(f.x, batch, n, x_d, x_h, x_w) + channel * uint(f.x[6]);
                    const uint y_at = helper::place(f.y, batch, n, d, h, w) + filter * uint(f.y[6]);
                    line += T(image[x_at]) * T(result[y_at]);
                }
                total += line;
            }
        }
    }
    out[i] = total;
}

}  // namespace structural
