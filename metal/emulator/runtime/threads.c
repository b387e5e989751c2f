// The threads of a threadgroup. Each runs until it ends or waits: for its simdgroup in a SIMD operation, for the
// whole group at a barrier. A stack is taken by a thread only while it runs or waits, so that a kernel in which
// nothing waits needs a single one.
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"
#include "switch.h"

enum state { UNSTARTED, RUNNABLE, IN_SIMD, AT_BARRIER, DONE };

typedef struct {
    enum state state;
    int stack;        // of the pool, -1: none
    void *stopped;    // where it waits
    void *site;       // the call in which it waits
    uint32_t flags;   // of the barrier
    unsigned char value[LANE_BYTES];
    lanes result;
} fiber;

enum { STACK_BYTES = 256 << 10, MARGIN = 64 << 20 }; // around all stacks, so that a buffer's overrun does not hit them

uint32_t group_index;
uint32_t current_thread;
static fiber fibers[MAX_THREADS];
static unsigned char lane_values[LANES][LANE_BYTES]; // read by every lane before the next operation of any
static unsigned char nothing[LANES][LANE_BYTES]; // what a SIMD function that fails returns
static char *stacks;
static int free_stacks[MAX_THREADS], free_count;
static void *scheduler;
static uint32_t first_lane; // of the simdgroup that runs

static void release_threads(void) {
    for (free_count = 0; free_count < MAX_THREADS; free_count++)
        free_stacks[free_count] = MAX_THREADS - 1 - free_count;
}

int stacks_allocate(void) {
    uint64_t bytes = (uint64_t)MAX_THREADS * (STACK_BYTES + GUARD_BYTES);
    if (stacks == NULL) {
        char *memory = mmap(NULL, bytes + 2 * MARGIN, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) return 0;
        memory += MARGIN;
        for (int i = 0; i < MAX_THREADS; i++)
            mprotect(memory + (uint64_t)i * (STACK_BYTES + GUARD_BYTES) + GUARD_BYTES, STACK_BYTES,
                     PROT_READ | PROT_WRITE);
        stacks = memory;
    }
    release_threads();
    return 1;
}

static char *stack_top(int stack) { return stacks + (uint64_t)(stack + 1) * (STACK_BYTES + GUARD_BYTES); }

int on_own_stack(uint64_t address, uint64_t size) {
    uint64_t top = (uint64_t)stack_top(fibers[current_thread].stack);
    return address >= top - STACK_BYTES && address + size <= top;
}

int on_some_stack(uint64_t address) {
    return address - (uint64_t)stacks < (uint64_t)MAX_THREADS * (STACK_BYTES + GUARD_BYTES);
}

static void call_entry(uint32_t thread) {
    uint64_t buffers[MAX_BUFFERS];
    for (uint32_t i = 0; i < running->buffer_count; i++) buffers[i] = running->buffers[i].base;
    position where = {group_index * running->group_size + thread, thread, group_index, running->group_size,
                      running->groups, running->groups * running->group_size};
    running->entry(buffers, &where);
}

// Runs on a stack of the pool: unstarted threads of the simdgroup, one after the other, until one waits.
static void start(void) {
    int stack = fibers[current_thread].stack;
    for (;;) {
        call_entry(current_thread);
        fibers[current_thread].state = DONE;
        fibers[current_thread].stack = -1;
        uint32_t next = current_thread + 1;
        if (next < first_lane + LANES && fibers[next].state == UNSTARTED) {
            current_thread = next;
            fibers[next].stack = stack;
            fibers[next].state = RUNNABLE;
            continue;
        }
        free_stacks[free_count++] = stack;
        void *ignored;
        switch_stack(&ignored, scheduler); // never resumed
    }
}

static void resume(uint32_t thread) {
    fiber *f = &fibers[thread];
    current_thread = thread;
    if (f->state == UNSTARTED) {
        f->stack = free_stacks[--free_count];
        f->stopped = new_stack(stack_top(f->stack), start);
    }
    f->state = RUNNABLE;
    switch_stack(&scheduler, f->stopped);
}

static void wait(enum state state, void *site) {
    fiber *f = &fibers[current_thread];
    f->state = state;
    f->site = site;
    switch_stack(&f->stopped, scheduler);
}

// The lanes that wait in the first call, by address, go on together. The others have not come so far, or have
// left the loop and wait behind it.
static int finish_simd_operation(void) {
    void *site = NULL;
    uint32_t active = 0;
    for (uint32_t i = 0; i < LANES; i++) {
        fiber *f = &fibers[first_lane + i];
        if (f->state == IN_SIMD && (site == NULL || (uintptr_t)f->site < (uintptr_t)site)) site = f->site;
    }
    for (uint32_t i = 0; i < LANES; i++) {
        fiber *f = &fibers[first_lane + i];
        if (f->state != IN_SIMD || f->site != site) continue;
        active |= 1u << i;
        memcpy(lane_values[i], f->value, LANE_BYTES);
    }
    for (uint32_t i = 0; i < LANES; i++)
        if (active >> i & 1) {
            fibers[first_lane + i].result = (lanes){active, i, running->regroup, running->no_simd ? nothing : lane_values};
            fibers[first_lane + i].state = RUNNABLE;
        }
    return active != 0;
}

static void run_simdgroup(void) {
    do {
        for (uint32_t i = first_lane; i < first_lane + LANES; i++)
            if (fibers[i].state == UNSTARTED || fibers[i].state == RUNNABLE) resume(i);
    } while (finish_simd_operation());
}

// All threads that still run must wait at one barrier, and none may have ended before it.
static void finish_barrier(void) {
    fiber *first = NULL, *ended = NULL;
    for (uint32_t i = 0; i < running->group_size; i++) {
        fiber *f = &fibers[i];
        if (f->state == DONE) {
            ended = ended != NULL ? ended : f;
        } else if (first == NULL) {
            first = f;
        } else if (f->site != first->site) {
            current_thread = i;
            fail(DIVERGENT_BARRIER, (report){.other = (uint32_t)(first - fibers), .other_group = group_index});
        }
    }
    if (ended != NULL) {
        current_thread = (uint32_t)(ended - fibers);
        fail(MISSED_BARRIER, (report){.other = (uint32_t)(first - fibers), .other_group = group_index});
    }
    for (uint32_t i = 0; i < running->group_size; i++) fibers[i].state = RUNNABLE;
    // Apple's compiler: no order of threadgroup memory in groups of one simdgroup, unless it is both memories'
    int dropped = running->group_size <= LANES && first->flags == MEM_THREADGROUP;
    memory_barrier(dropped ? 0 : first->flags);
}

void run_group(uint32_t group) {
    group_index = group;
    memory_begin_group();
    for (uint32_t i = 0; i < running->group_size; i++) fibers[i] = (fiber){.state = UNSTARTED, .stack = -1};
    for (;;) {
        uint32_t done = 0;
        for (first_lane = 0; first_lane < running->group_size; first_lane += LANES) run_simdgroup();
        for (uint32_t i = 0; i < running->group_size; i++) done += fibers[i].state == DONE;
        if (done == running->group_size) return;
        finish_barrier();
    }
}

void emu_threadgroup_barrier(uint32_t flags) {
    fibers[current_thread].flags = flags;
    wait(AT_BARRIER, __builtin_return_address(0));
}

static const lanes *exchange(const void *value, uint32_t size, void *site) {
    memcpy(fibers[current_thread].value, value, size);
    wait(IN_SIMD, site);
    return &fibers[current_thread].result;
}

const lanes *emu_simd(const void *value, uint32_t size) {
    return exchange(value, size, __builtin_return_address(0));
}

// For operations on matrices, which the lanes of a simdgroup hold together.
const lanes *emu_simd_all(const void *value, uint32_t size) {
    const lanes *all = exchange(value, size, __builtin_return_address(0));
    if (all->active != 0xffffffffu) fail(DIVERGENT_MATRIX, (report){0});
    return all;
}

void emu_simdgroup_barrier(uint32_t flags) {
    (void)flags;
    uint32_t value = 0;
    exchange(&value, sizeof value, __builtin_return_address(0));
    memory_simdgroup_barrier(current_thread / LANES);
}

void emu_inactive_lane(uint32_t lane) { fail(INACTIVE_LANE, (report){.offset = lane}); }
