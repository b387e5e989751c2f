#pragma once
#include <stdint.h>

// Continue on another stack, and store where this one stopped.
void switch_stack(void **stopped, void *resumed);

// A stack on which `start`, which must not return, begins when it is first switched to.
void *new_stack(void *top, void (*start)(void));
