// What the parts of the runtime share. Dispatches run one at a time, so that plain globals hold the state.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { LANES = 32, MAX_THREADS = 1024, MAX_BUFFERS = 31, MAX_VARIABLES = 64, LANE_BYTES = 16 };
enum { GUARD_BYTES = 64 << 10 }; // around every buffer and stack
enum { MEM_DEVICE = 1, MEM_THREADGROUP = 2 }; // mem_flags
static const uint32_t UNKNOWN = 0xffffffffu; // thread or group

// Kinds of errors; emulator/report.py says them in words.
enum kind {
    NONE, OUTSIDE, MISALIGNED, RACE, UNINITIALISED, NEVER_WRITTEN, DIVERGENT_BARRIER, MISSED_BARRIER,
    INACTIVE_LANE, DIVERGENT_MATRIX, THREADGROUP_LIMIT, PRIVATE_OVERRUN, ARRAY_INDEX, MEMORY_FAULT,
    ARITHMETIC_FAULT, OTHER_FAULT, TIMEOUT, NO_MEMORY, WATCHDOG
};

// One granule of memory: when, and by whom, it was last written and read (see memory.c).
typedef struct {
    uint32_t write_stamp, read_stamp, write_group;
    uint16_t write_id, read_id;
} cell;

// Memory whose accesses are checked: a buffer or a threadgroup variable.
typedef struct {
    uint64_t base, size;
    cell *cells;
    uint32_t granule; // bytes of a cell, a power of two
    uint32_t fresh;   // whether it may hold poison that nobody replaced
    uint32_t written; // set by the first write
    uint32_t unused;
} region;

typedef struct {
    uint32_t kind, thread, group, other, other_group, size, write, line;
    int32_t buffer; // index into the buffers, -1: none of them
    uint32_t unused;
    int64_t offset; // of the access in the buffer or variable; or the array index
    const char *name;
} report;

typedef struct {
    void (*entry)(const uint64_t *buffers, const void *position);
    region *buffers;
    uint32_t buffer_count, group_size, groups, checked;
    uint64_t code_size; // at most so far from `entry` lie the kernel's constants
    double time_limit;  // seconds
    uint32_t flush;      // whether float32 subnormals are zero
    uint32_t regroup;    // whether SIMD functions combine lanes in another order
    uint32_t late;       // after how many atomic accesses at most a relaxed store is seen by other groups; 0: at once
    uint32_t no_simd;    // whether SIMD functions return zero
    uint64_t operations; // accesses after which it is ended; 0: never
    report report;
} dispatch;

// The attributes of a kernel's parameters for one thread; metal_stdlib.h has the same struct.
typedef struct {
    uint32_t thread_position_in_grid, thread_position_in_threadgroup, threadgroup_position_in_grid;
    uint32_t threads_per_threadgroup, threadgroups_per_grid, threads_per_grid;
} position;

// What a SIMD operation sees of its simdgroup.
typedef struct {
    uint32_t active; // one bit for each lane that takes part
    uint32_t lane;   // the one that asks
    uint32_t regroup; // whether lanes are combined one after the other, from the last
    const unsigned char (*values)[LANE_BYTES];
} lanes;

extern dispatch *running;
extern uint32_t group_index;
extern uint32_t current_thread; // in its group

_Noreturn void fail(enum kind kind, report details);

// threads.c
void run_group(uint32_t group);
int stacks_allocate(void);
int on_own_stack(uint64_t address, uint64_t size);
int on_some_stack(uint64_t address);

// memory.c
void memory_begin_dispatch(void);
void memory_begin_group(void);
void memory_end_dispatch(void);
void memory_barrier(uint32_t flags);
void memory_simdgroup_barrier(uint32_t simdgroup);
void fill_poison(void *memory, uint64_t size);

// watch.c
#define TIMEOUT_SIGNAL SIGUSR2
void watch_time(double limit);
void unwatch_time(void);
