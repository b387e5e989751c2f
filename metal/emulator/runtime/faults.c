// Errors end a dispatch at once: whatever stack it is on, control returns to run_dispatch. So do signals that a
// kernel causes. Their handlers are installed for the time of a dispatch only and pass on what other threads cause.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"

enum { STACK_BYTES = 128 << 10 };
static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, TIMEOUT_SIGNAL};
enum { SIGNAL_COUNT = sizeof SIGNALS / sizeof *SIGNALS };

static sigjmp_buf beginning;
static pthread_t runner;
static struct sigaction previous[SIGNAL_COUNT];
static stack_t previous_stack;
static char handler_stack[STACK_BYTES];
static volatile int in_kernel;

_Noreturn void fail(enum kind kind, report details) {
    details.kind = kind;
    details.thread = current_thread;
    details.group = group_index;
    running->report = details;
    siglongjmp(beginning, 1);
}

static void handle(int number, siginfo_t *info, void *context) {
    int own = pthread_equal(pthread_self(), runner);
    if (own && !in_kernel && number == TIMEOUT_SIGNAL) return; // too late
    if (own && in_kernel) {
        enum kind kind = number == SIGSEGV || number == SIGBUS ? MEMORY_FAULT
                         : number == SIGFPE                    ? ARITHMETIC_FAULT
                         : number == TIMEOUT_SIGNAL            ? TIMEOUT
                                                               : OTHER_FAULT;
        if (kind == MEMORY_FAULT && on_some_stack((uint64_t)(uintptr_t)info->si_addr)) kind = PRIVATE_OVERRUN;
        report details = {.buffer = -1};
        for (uint32_t i = 0; i < running->buffer_count; i++) { // guard pages lie around every buffer
            int64_t offset = (int64_t)((uint64_t)(uintptr_t)info->si_addr - running->buffers[i].base);
            if (offset < -GUARD_BYTES || offset >= (int64_t)running->buffers[i].size + GUARD_BYTES) continue;
            if (kind != MEMORY_FAULT) continue;
            details.buffer = (int32_t)i;
            details.offset = offset;
        }
        fail(kind, details);
    }
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        if (SIGNALS[i] != number) continue;
        if (previous[i].sa_flags & SA_SIGINFO) {
            previous[i].sa_sigaction(number, info, context);
        } else if (previous[i].sa_handler == SIG_DFL && number != TIMEOUT_SIGNAL) {
            sigaction(number, &previous[i], NULL); // and cause it again
        } else if (previous[i].sa_handler != SIG_IGN && previous[i].sa_handler != SIG_DFL) {
            previous[i].sa_handler(number);
        }
    }
}

static void watch_faults(void) {
    runner = pthread_self();
    stack_t own = {.ss_sp = handler_stack, .ss_size = STACK_BYTES};
    sigaltstack(&own, &previous_stack);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (int i = 0; i < SIGNAL_COUNT; i++) sigaction(SIGNALS[i], &action, &previous[i]);
}

static void unwatch_faults(void) {
    for (int i = 0; i < SIGNAL_COUNT; i++) sigaction(SIGNALS[i], &previous[i], NULL);
    sigaltstack(&previous_stack, NULL);
}

// What of clang's undefined behaviour sanitizer is used: array bounds that the compiler knows, and division by zero.
typedef struct {
    const char *file;
    uint32_t line, column;
    struct { uint16_t kind, info; char name[1]; } *array, *index;
} out_of_bounds;

void __ubsan_handle_out_of_bounds(out_of_bounds *data, uint64_t index) {
    fail(ARRAY_INDEX,
         (report){.name = data->array->name, .line = data->line, .offset = (int64_t)index, .buffer = -1});
}
void __ubsan_handle_out_of_bounds_abort(out_of_bounds *data, uint64_t index) {
    __ubsan_handle_out_of_bounds(data, index);
}
void __ubsan_handle_local_out_of_bounds(void) { fail(PRIVATE_OVERRUN, (report){.buffer = -1}); }
void __ubsan_handle_local_out_of_bounds_abort(void) { fail(PRIVATE_OVERRUN, (report){.buffer = -1}); }

void __ubsan_handle_divrem_overflow(const void *data, uint64_t a, uint64_t b) {
    (void)data, (void)a, (void)b;
    fail(ARITHMETIC_FAULT, (report){.buffer = -1});
}
void __ubsan_handle_divrem_overflow_abort(const void *data, uint64_t a, uint64_t b) {
    __ubsan_handle_divrem_overflow(data, a, b);
}

// The control word of floating point, and it with subnormals as zero, in operands and results.
#if defined(__x86_64__)
static uint64_t float_control(void) { return __builtin_ia32_stmxcsr(); }
static void set_float_control(uint64_t word) { __builtin_ia32_ldmxcsr((uint32_t)word); }
enum { FLUSHING = 0x8040 }; // FTZ, DAZ
#else
static uint64_t float_control(void) {
    uint64_t word;
    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    return word;
}
static void set_float_control(uint64_t word) { __asm__ volatile("msr fpcr, %0" : : "r"(word)); }
enum { FLUSHING = 1 << 24 }; // FZ; subnormals of half have a bit of their own
#endif

void run_dispatch(dispatch *d) {
    running = d;
    d->report = (report){0};
    if (!stacks_allocate()) {
        d->report.kind = NO_MEMORY;
        return;
    }
    uint64_t control = float_control();
    watch_faults();
    watch_time(d->time_limit);
    if (sigsetjmp(beginning, 1) == 0) {
        in_kernel = 1;
        if (d->flush) set_float_control(control | FLUSHING);
        memory_begin_dispatch();
        for (uint32_t group = 0; group < d->groups; group++) run_group(group);
    }
    in_kernel = 0;
    set_float_control(control);
    memory_end_dispatch();
    unwatch_time();
    unwatch_faults();
}

// Have accesses to these pages fault.
int guard(void *pages, uint64_t size) { return mprotect(pages, size, PROT_NONE); }
