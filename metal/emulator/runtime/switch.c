// Switching between stacks: what a call preserves is pushed, the stack pointers change places, it is popped.
#define TEXT(x) #x
#define STRING(x) TEXT(x)
#define SYMBOL(name) STRING(__USER_LABEL_PREFIX__) #name

#if defined(__x86_64__)
__asm__(".text\n.globl " SYMBOL(switch_stack) "\n" SYMBOL(switch_stack) ":\n"
        "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
        "movq %rsp, (%rdi)\nmovq %rsi, %rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nretq\n");
enum { SAVED = 6, RETURN = 6, WORDS = 8 }; // registers, where the return address lies, words in all
#elif defined(__aarch64__)
__asm__(".text\n.p2align 2\n.globl " SYMBOL(switch_stack) "\n" SYMBOL(switch_stack) ":\n"
        "sub sp, sp, #160\n"
        "stp x19, x20, [sp]\nstp x21, x22, [sp, #16]\nstp x23, x24, [sp, #32]\nstp x25, x26, [sp, #48]\n"
        "stp x27, x28, [sp, #64]\nstp x29, x30, [sp, #80]\n"
        "stp d8, d9, [sp, #96]\nstp d10, d11, [sp, #112]\nstp d12, d13, [sp, #128]\nstp d14, d15, [sp, #144]\n"
        "mov x9, sp\nstr x9, [x0]\nmov sp, x1\n"
        "ldp x19, x20, [sp]\nldp x21, x22, [sp, #16]\nldp x23, x24, [sp, #32]\nldp x25, x26, [sp, #48]\n"
        "ldp x27, x28, [sp, #64]\nldp x29, x30, [sp, #80]\n"
        "ldp d8, d9, [sp, #96]\nldp d10, d11, [sp, #112]\nldp d12, d13, [sp, #128]\nldp d14, d15, [sp, #144]\n"
        "add sp, sp, #160\nret\n");
enum { RETURN = 11, WORDS = 20 };
#else
#error "the emulator switches stacks on x86-64 and aarch64 only"
#endif

#include "switch.h"

void *new_stack(void *top, void (*start)(void)) {
    uint64_t *stack = (uint64_t *)((uintptr_t)top & ~(uintptr_t)15) - WORDS;
    for (int i = 0; i < WORDS; i++) stack[i] = 0;
    stack[RETURN] = (uint64_t)(uintptr_t)start;
    return stack;
}
