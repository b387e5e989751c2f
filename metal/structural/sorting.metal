// Positions by order along an axis: argmax, argmin, argsort.
//
// Values are compared as integers of their order, in which NaN is the largest and -0 equals 0.

namespace helper {

constant uint BLOCK = 2048;  // keys that a threadgroup sorts in its memory
constant uint WAYS = 8;  // sorted runs that are merged at a time

// Keys of which the largest is searched.
struct Largest {
    template <typename T> static typename helper::Order<T>::Key key(T x) { return helper::Order<T>::equal_key(x); }
};

struct Smallest {
    template <typename T> static typename helper::Order<T>::Key key(T x) {
        return helper::falling(x, helper::Order<T>::equal_key(x));
    }
};

// How many of n sorted keys stand before this one: those below, and the equal ones where they come first.
template <typename K> inline uint count_before(device const K *keys, uint n, K key, bool equal_too) {
    uint low = 0;
    while (n > 0) {
        const uint half_of_it = n / 2;
        const K other = keys[low + half_of_it];
        if (other < key || (equal_too && other == key)) {
            low += half_of_it + 1;
            n -= half_of_it + 1;
        } else {
            n = half_of_it;
        }
    }
    return low;
}

// Where one of the sorted keys of a block stands in x. A block has `slots` places in a threadgroup's memory, shared out
// to runs of `size`, both powers of two; a run is the next `size` elements of a line, or what is left of it. The words
// are: blocks, slots, size, runs of a line, runs in all, n, inner, then those of x.
struct Slot {
    uint line, place;
    bool used;
    Slot(constant int *words, uint block, uint slot) {
        const uint slots = uint(words[1]), size = uint(words[2]), runs = uint(words[3]);
        const uint run = block * (slots / size) + slot / size;
        line = run / runs;
        place = run % runs * size + slot % size;
        used = run < uint(words[4]) && place < uint(words[5]);
    }
};

// Sort the runs of a block, by a bitonic network; equal keys stay in order.
template <typename T, typename X>
inline void sort_block(constant int *words, uint block, threadgroup typename helper::Order<T>::Key *keys,
                       threadgroup uint *places, helper::Group g, X x) {
    typedef typename helper::Order<T>::Key K;
    const uint slots = uint(words[1]), size = uint(words[2]);
    for (uint s = g.rank; s < slots; s += g.threads) {
        const helper::Slot slot(words, block, s);
        keys[s] = helper::Limits<K>::highest();
        places[s] = helper::Limits<uint>::highest();
        if (slot.used) {
            const helper::Line line(words + 7, slot.line, uint(words[6]));
            keys[s] = helper::Order<T>::equal_key(T(x[line[slot.place]]));
            places[s] = slot.place;
        }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint width = 2; width <= size; width *= 2) {
        for (uint step = width / 2; step > 0; step /= 2) {
            for (uint t = g.rank; t < slots / 2; t += g.threads) {
                const uint low = 2 * t - (t & (step - 1)), high = low + step;
                const K a = keys[low], b = keys[high];
                const uint p = places[low], q = places[high];
                const bool rises = (low & (size - 1) & width) == 0;
                if ((a > b || (a == b && p > q)) == rises) {
                    keys[low] = b;
                    keys[high] = a;
                    places[low] = q;
                    places[high] = p;
                }
            }
            threadgroup_barrier(mem_flags::mem_threadgroup);
        }
    }
}

// Where element i stands when runs are merged. The words are: elements in all, n, inner, size of the runs.
template <typename K> inline uint merged_place(constant int *words, uint i, device const K *keys) {
    const uint n = uint(words[1]), size = uint(words[3]);
    const uint line = i / n * n, place = i % n, own = place / size, base = own / helper::WAYS * helper::WAYS;
    uint to = base * size + place % size;
    for (uint run = base; run < base + helper::WAYS && run * size < n; ++run) {
        if (run != own) {
            to += helper::count_before(keys + line + run * size, min(size, n - run * size), keys[i], run < own);
        }
    }
    return to;
}

// Where a place in a line stands in an array of (lines, n, inner).
inline uint in_rows(uint line, uint place, uint n, uint inner) {
    return (line / inner * n + place) * inner + line % inner;
}

}  // namespace helper

namespace structural {

// --- argmax, argmin: words are lines, n, inner, then those of x ------------------------------------------

template <typename T, typename By, typename X>
inline void extreme_by_threads(constant int *words, uint i, device long *out, X x) {
    if (i >= uint(words[0])) return;
    typedef typename helper::Order<T>::Key K;
    const helper::Line line(words + 3, i, uint(words[2]));
    K best = By::template key<T>(x[line[0]]);
    uint place = 0;
    for (uint j = 1; j < uint(words[1]); ++j) {
        const K key = By::template key<T>(x[line[j]]);
        if (key > best) {
            best = key;
            place = j;
        }
    }
    out[i] = long(place);
}

template <typename T, typename By, typename X>
inline void extreme_by_groups(constant int *words, threadgroup typename helper::Order<T>::Key *keys,
                              threadgroup uint *places, helper::Group g, device long *out, X x) {
    typedef typename helper::Order<T>::Key K;
    for (uint i = g.index; i < uint(words[0]); i += g.count) {
        const helper::Line line(words + 3, i, uint(words[2]));
        K best = helper::Limits<K>::lowest();
        uint place = helper::Limits<uint>::highest();
        for (uint j = g.rank; j < uint(words[1]); j += g.threads) {
            const K key = By::template key<T>(x[line[j]]);
            if (key > best || place == helper::Limits<uint>::highest()) {
                best = key;
                place = j;
            }
        }
        const K largest = helper::group_combine<K, helper::Maximum>(best, keys, g);
        if (best != largest) place = helper::Limits<uint>::highest();
        place = helper::group_combine<uint, helper::Minimum>(place, places, g);
        if (g.rank == 0) out[i] = long(place);
    }
}

// --- argsort ---------------------------------------------------------------------------------------------

// Lines that are one run each.
template <typename T, typename X>
inline void sort_lines(constant int *words, threadgroup typename helper::Order<T>::Key *keys, threadgroup uint *places,
                       helper::Group g, device long *out, X x) {
    for (uint block = g.index; block < uint(words[0]); block += g.count) {
        helper::sort_block<T>(words, block, keys, places, g, x);
        for (uint s = g.rank; s < uint(words[1]); s += g.threads) {
            const helper::Slot slot(words, block, s);
            if (slot.used) {
                out[helper::in_rows(slot.line, slot.place, uint(words[5]), uint(words[6]))] = long(places[s]);
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

// Lines of several runs, which are sorted: keys and their places.
template <typename T, typename X>
inline void sort_runs(constant int *words, threadgroup typename helper::Order<T>::Key *keys, threadgroup uint *places,
                      helper::Group g, device typename helper::Order<T>::Key *sorted, device uint *from, X x) {
    for (uint block = g.index; block < uint(words[0]); block += g.count) {
        helper::sort_block<T>(words, block, keys, places, g, x);
        for (uint s = g.rank; s < uint(words[1]); s += g.threads) {
            const helper::Slot slot(words, block, s);
            if (slot.used) {
                const uint to = slot.line * uint(words[5]) + slot.place;
                sorted[to] = keys[s];
                from[to] = places[s];
            }
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}

template <typename K>
inline void merge_runs(constant int *words, uint i, device K *merged, device uint *to, device const K *keys,
                       device const uint *from) {
    if (i >= uint(words[0])) return;
    const uint n = uint(words[1]), at = i / n * n + helper::merged_place(words, i, keys);
    merged[at] = keys[i];
    to[at] = from[i];
}

// The last merge.
template <typename K>
inline void merge_lines(constant int *words, uint i, device long *out, device const K *keys, device const uint *from) {
    if (i >= uint(words[0])) return;
    const uint n = uint(words[1]), place = helper::merged_place(words, i, keys);
    out[helper::in_rows(i / n, place, n, uint(words[2]))] = long(from[i]);
}

}  // namespace structural
