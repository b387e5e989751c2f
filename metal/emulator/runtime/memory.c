// Every access to buffers and threadgroup variables, checked: bounds, races, and reads of what nobody wrote.
//
// Time is a counter, the stamp: it grows when a dispatch or a threadgroup begins and at every barrier. A granule
// remembers the stamp and the thread of its last write and its last read. An access conflicts with an earlier
// one, of which at least one writes, unless it was the same thread's, or a barrier lies between them that orders
// them: one of the threadgroup with the memory's flag, or one of the simdgroup that both belong to. Threadgroups
// are never ordered, and run one after the other: what is older than the group's first stamp is another group's.
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"

// Who accessed a granule: a thread's index in its group plus one, or several threads, or an atomic operation.
enum { SEVERAL_LANES = 2048, SEVERAL_THREADS = 4096, SEVERAL_GROUPS = 4097, ATOMIC = 4098 };
enum { ARENA_BYTES = 1 << 20, GAP = 8 << 10, LIMIT = 32 << 10 };

typedef struct {
    const char *name, *function;
    uint32_t number;
    region memory;
} variable;

dispatch *running;
static uint32_t stamp;
static uint32_t dispatch_stamp, group_stamp; // when this dispatch and this group began
static uint32_t barrier_stamp[3];            // last barrier of the group with a flag, by flag
static uint32_t simdgroup_stamp[MAX_THREADS / LANES];
static variable variables[MAX_VARIABLES];
static uint32_t variable_count, arena_used, threadgroup_bytes;
static char *arena;
static cell *arena_cells; // one for each byte
static region *recent;    // the buffer of the last access
static uint64_t operations;

// Relaxed stores that other threadgroups do not see yet, in the order in which they were made.
enum { MOST_LATE = 4096 };
typedef struct {
    volatile uint32_t *at;
    uint32_t value, group, due;
} late_store;
static late_store late[MOST_LATE];
static uint32_t late_count, late_clock, late_random = 1;

void fill_poison(void *memory, uint64_t size) {
    // NaN as half and as float, and an unlikely integer
    for (uint64_t i = 0; i < size; i++) ((unsigned char *)memory)[i] = i & 1 ? 0xff : 0xb5;
}

static void *map(uint64_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void memory_begin_dispatch(void) {
    if (arena == NULL) {
        arena = map(ARENA_BYTES);
        arena_cells = map(ARENA_BYTES * sizeof(cell));
        if (arena == NULL || arena_cells == NULL) fail(NO_MEMORY, (report){0});
    }
    dispatch_stamp = ++stamp;
    operations = 0;
    late_count = 0;
    variable_count = arena_used = threadgroup_bytes = 0;
    recent = running->buffers;
}

void memory_begin_group(void) {
    group_stamp = ++stamp;
    barrier_stamp[MEM_DEVICE] = barrier_stamp[MEM_THREADGROUP] = stamp;
    for (int i = 0; i < MAX_THREADS / LANES; i++) simdgroup_stamp[i] = stamp;
    for (uint32_t i = 0; i < variable_count && running->checked; i++)
        fill_poison((void *)(uintptr_t)variables[i].memory.base, variables[i].memory.size);
}

void memory_barrier(uint32_t flags) {
    ++stamp;
    if (flags & MEM_DEVICE) barrier_stamp[MEM_DEVICE] = stamp;
    if (flags & MEM_THREADGROUP) barrier_stamp[MEM_THREADGROUP] = stamp;
}

void memory_simdgroup_barrier(uint32_t simdgroup) { simdgroup_stamp[simdgroup] = ++stamp; }

// Where the threadgroup's instance of a variable lies; it is declared by every thread and in every group.
void *emu_threadgroup(const char *name, const char *function, uint32_t number, uint32_t size, uint32_t granule) {
    for (uint32_t i = 0; i < variable_count; i++)
        if (variables[i].number == number && variables[i].function == function)
            return (void *)(uintptr_t)variables[i].memory.base;
    threadgroup_bytes += size;
    if (threadgroup_bytes > LIMIT || variable_count == MAX_VARIABLES)
        fail(THREADGROUP_LIMIT, (report){.name = name, .size = threadgroup_bytes});
    arena_used += GAP;
    variable *v = &variables[variable_count++];
    char *start = arena + arena_used;
    region memory = {.base = (uintptr_t)start, .size = size, .cells = arena_cells + arena_used, .granule = granule};
    *v = (variable){name, function, number, memory};
    arena_used += (size + 63) & ~63u;
    fill_poison(start, size);
    return start;
}

// Make the stores visible that are due, all those before the last one to this address, or all.
static void show_late(volatile uint32_t *at, int all) {
    uint32_t own = 0, left = 0;
    for (uint32_t i = 0; i < late_count; i++)
        if (late[i].at == at) own = i + 1;
    for (uint32_t i = 0; i < late_count; i++) {
        if (all || (late[i].at == at && i < own) || (int32_t)(late[i].due - late_clock) <= 0)
            *late[i].at = late[i].value;
        else
            late[left++] = late[i];
    }
    late_count = left;
}

static int stored_by_this_group(volatile uint32_t *at) {
    for (uint32_t i = 0; i < late_count; i++)
        if (late[i].at == at && late[i].group == group_index) return 1;
    return 0;
}

void memory_end_dispatch(void) { show_late(NULL, 1); }

// A relaxed store of 32 bits to device memory; whether it is kept back.
uint32_t emu_late_store(volatile uint32_t *at, uint32_t value) {
    if (!running->late) return 0;
    show_late(at, late_count == MOST_LATE);
    late_random = late_random * 1664525u + 1013904223u;
    late[late_count++] = (late_store){at, value, group_index, late_clock + 1 + (late_random >> 8) % running->late};
    return 1;
}

static int same_simdgroup(uint32_t a, uint32_t b) {
    if (a >= SEVERAL_LANES && a < SEVERAL_THREADS) return a - SEVERAL_LANES == (b - 1) / LANES;
    return a <= MAX_THREADS && b <= MAX_THREADS && (a - 1) / LANES == (b - 1) / LANES;
}

// Whether an access of this dispatch is ordered before what `id` does now.
static inline int ordered(uint32_t then, uint32_t who, uint32_t id, uint32_t flag) {
    if (then < (flag == MEM_THREADGROUP ? group_stamp : dispatch_stamp)) return 1;
    if (who == id && then >= group_stamp) return 1;
    if (who == ATOMIC && id == ATOMIC) return 1;
    if (who == SEVERAL_GROUPS || then < group_stamp) return 0;
    if (then < barrier_stamp[flag]) return 1;
    return same_simdgroup(who, id) && then < simdgroup_stamp[(id - 1) / LANES];
}

static uint32_t readers(const cell *c, uint32_t id, uint32_t flag) {
    if (c->read_stamp < (flag == MEM_THREADGROUP ? group_stamp : dispatch_stamp)) return id;
    if (c->read_id == ATOMIC && id == ATOMIC) return ATOMIC;
    if (c->read_id == SEVERAL_GROUPS || c->read_stamp < group_stamp) return SEVERAL_GROUPS;
    if (c->read_stamp < barrier_stamp[flag] || c->read_id == id) return id;
    return same_simdgroup(c->read_id, id) ? SEVERAL_LANES + (id - 1) / LANES : SEVERAL_THREADS;
}

static int is_poison(const region *r, uint64_t offset) {
    // sixteen bytes around it, so that a value that happens to be poison is no error
    uint64_t from = offset & ~15ull, to = from + 16 < r->size ? from + 16 : r->size;
    for (uint64_t i = from; i < to; i++)
        if (((const unsigned char *)(uintptr_t)r->base)[i] != (i & 1 ? 0xff : 0xb5)) return 0;
    return to - from >= 4;
}

static void race(uint32_t write, uint32_t other, uint32_t group, report details) {
    details.write |= write << 1; // bit 1: the other access was a write
    details.other = other <= MAX_THREADS ? other - 1 : UNKNOWN;
    details.other_group = group;
    fail(RACE, details);
}

static void access_region(region *r, uint32_t flag, uint64_t offset, uint64_t size, int write, uint32_t id,
                          report details) {
    uint32_t granule = r->granule;
    for (uint64_t at = offset & ~(uint64_t)(granule - 1); at < offset + size; at += granule) {
        cell *c = &r->cells[flag == MEM_THREADGROUP ? at : at / granule];
        if (!ordered(c->write_stamp, c->write_id, id, flag)) race(1, c->write_id, c->write_group, details);
        if (write) {
            if (!ordered(c->read_stamp, c->read_id, id, flag))
                race(0, c->read_id, c->read_stamp < group_stamp ? UNKNOWN : group_index, details);
            c->write_stamp = stamp;
            c->write_id = (uint16_t)id;
            c->write_group = group_index;
        } else {
            if (flag == MEM_THREADGROUP ? c->write_stamp < group_stamp
                                        : r->fresh && c->write_stamp == 0 && is_poison(r, at))
                fail(flag == MEM_THREADGROUP ? UNINITIALISED : NEVER_WRITTEN, details);
            uint32_t who = readers(c, id, flag);
            c->read_id = (uint16_t)who;
            c->read_stamp = stamp;
        }
    }
    if (write) r->written = 1;
}

static region *buffer_at(uint64_t address, uint64_t size) {
    if (running->buffer_count == 0) return NULL;
    if (address - recent->base < recent->size && address - recent->base + size <= recent->size) return recent;
    for (uint32_t i = 0; i < running->buffer_count; i++) {
        region *r = &running->buffers[i];
        if (address - r->base < r->size && address - r->base + size <= r->size) return recent = r;
    }
    return NULL;
}

static int in_guards(uint64_t address) {
    for (uint32_t i = 0; i < running->buffer_count; i++)
        if (address - (running->buffers[i].base - GUARD_BYTES) < running->buffers[i].size + 2 * GUARD_BYTES) return 1;
    return 0;
}

static int is_code(uint64_t address) {
    uint64_t entry = (uint64_t)(uintptr_t)running->entry;
    return address - (entry - running->code_size) < 2 * running->code_size;
}

// What an address beside all memory was most likely meant to be: in the nearest buffer or variable.
static void outside(uint64_t address, report details) {
    uint64_t nearest = UINT64_MAX;
    for (uint32_t i = 0; i < running->buffer_count + variable_count; i++) {
        int is_buffer = i < running->buffer_count;
        variable *v = &variables[is_buffer ? 0 : i - running->buffer_count];
        region *r = is_buffer ? &running->buffers[i] : &v->memory;
        uint64_t distance = address < r->base ? r->base - address : address - (r->base + r->size) + 1;
        if (address - r->base < r->size) distance = 0;
        if (distance >= nearest) continue;
        nearest = distance;
        details.buffer = is_buffer ? (int32_t)i : -1;
        details.name = is_buffer ? NULL : v->name;
        details.offset = (int64_t)(address - r->base);
    }
    fail(OUTSIDE, details);
}

static void access(const void *pointer, uint64_t size, uint32_t alignment, int write, int atomic) {
    if (running->operations && ++operations > running->operations) fail(WATCHDOG, (report){.buffer = -1});
    uint64_t address = (uint64_t)(uintptr_t)pointer;
    uint32_t id = atomic ? ATOMIC : current_thread + 1;
    report details = {.write = (uint32_t)write, .size = (uint32_t)size, .buffer = -1};
    region *r = buffer_at(address, size);
    if (r != NULL) {
        details.buffer = (int32_t)(r - running->buffers);
        details.offset = (int64_t)(address - r->base);
        if (address & (alignment - 1)) fail(MISALIGNED, details);
        access_region(r, MEM_DEVICE, address - r->base, size, write, id, details);
        return;
    }
    if (address - (uint64_t)(uintptr_t)arena < ARENA_BYTES) {
        for (uint32_t i = 0; i < variable_count; i++) {
            region *m = &variables[i].memory;
            if (address - m->base >= m->size || address - m->base + size > m->size) continue;
            details.name = variables[i].name;
            details.offset = (int64_t)(address - m->base);
            if (address & (alignment - 1)) fail(MISALIGNED, details);
            access_region(m, MEM_THREADGROUP, address - m->base, size, write, id, details);
            return;
        }
        outside(address, details);
    }
    if (size == 0 || on_own_stack(address, size)) return;
    if (on_some_stack(address) || on_some_stack(address + size - 1)) fail(PRIVATE_OVERRUN, details);
    if (!write && !in_guards(address) && is_code(address)) return; // constants of the program
    outside(address, details);
}

// A load, an update or a store.
void emu_atomic(const void *pointer, uint32_t size, uint32_t kind) {
    if (running->late) {
        ++late_clock;
        volatile uint32_t *at = (volatile uint32_t *)pointer;
        show_late(kind == 1 || stored_by_this_group(at) ? at : NULL, 0);
    }
    if (!running->checked) return;
    if (kind != 2) access(pointer, size, size, 0, 1);
    if (kind != 0) access(pointer, size, size, 1, 1);
}

// What clang's thread sanitizer calls before every access that may concern more than one thread.
void __tsan_init(void) {}
void __tsan_func_entry(void *caller) { (void)caller; }
void __tsan_func_exit(void) {}
#define HOOKS(size)                                                                \
    void __tsan_read##size(void *p) { access(p, size, size, 0, 0); }                     \
    void __tsan_write##size(void *p) { access(p, size, size, 1, 0); }                    \
    void __tsan_unaligned_read##size(void *p) { access(p, size, 1, 0, 0); }        \
    void __tsan_unaligned_write##size(void *p) { access(p, size, 1, 1, 0); }
HOOKS(1) HOOKS(2) HOOKS(4) HOOKS(8) HOOKS(16)

void *__tsan_memcpy(void *to, const void *from, uint64_t size) {
    access(from, size, 1, 0, 0);
    access(to, size, 1, 1, 0);
    return memcpy(to, from, size);
}
void *__tsan_memmove(void *to, const void *from, uint64_t size) {
    access(from, size, 1, 0, 0);
    access(to, size, 1, 1, 0);
    return memmove(to, from, size);
}
void *__tsan_memset(void *to, int value, uint64_t size) {
    access(to, size, 1, 1, 0);
    return memset(to, value, size);
}
