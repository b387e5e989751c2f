// Random bits: Threefry-2x32 of counters. See kernels/structural/random.py.

namespace structural {

template <typename T, typename X>
inline void random_bits(constant int *words, uint i, device T *out, X key) {
    const uint n = uint(words[1]), pairs = uint(words[2]);
    if (i >= uint(words[0])) return;
    const uint row = i / pairs, pair = i % pairs, from = uint(words[3]) + row * uint(words[4]);
    uint k0 = uint(key[from]), k1 = uint(key[from + uint(words[5])]), k2 = k0 ^ k1 ^ 0x1BD11BDAu;
    const bool two = pair + pairs < n;
    uint a = pair + k0, b = (two ? pair + pairs : 0u) + k1;
    for (uint group = 0; group < 5; group++) {
        const uint turns = group % 2 ? 0x111D1018u : 0x0D0F1A06u;
        for (uint j = 0; j < 4; j++) {
            const uint turn = (turns >> (24 - 8 * j)) & 255u;
            a += b;
            b = ((b << turn) | (b >> (32 - turn))) ^ a;
        }
        a += k1;
        b += k2 + group + 1;
        const uint first = k0;
        k0 = k1;
        k1 = k2;
        k2 = first;
    }
    out[row * n + pair] = T(a);
    if (two) out[row * n + pair + pairs] = T(b);
}

}  // namespace structural
