// Ends a dispatch that takes too long: a thread of its own looks at the clock from time to time, and signals the
// one that runs the dispatch. It goes away when nothing was run for a while.
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "runtime.h"

enum { TICK = 20 * 1000 * 1000, IDLE_TICKS = 100 }; // nanoseconds

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static double deadline; // 0: nothing runs
static pthread_t watched;
static pid_t serving; // the process that has the thread: it does not survive a fork

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void *serve(void *unused) {
    struct timespec tick = {0, TICK};
    for (int idle = 0; idle < IDLE_TICKS;) {
        nanosleep(&tick, NULL);
        pthread_mutex_lock(&mutex);
        idle = deadline == 0 ? idle + 1 : 0;
        if (idle == IDLE_TICKS) serving = 0;
        if (deadline != 0 && now() > deadline) {
            pthread_kill(watched, TIMEOUT_SIGNAL);
            deadline = 0;
        }
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

void watch_time(double limit) {
    pthread_mutex_lock(&mutex);
    watched = pthread_self();
    deadline = now() + limit;
    if (serving != getpid()) {
        sigset_t all, before; // leave signals to other threads
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, NULL) == 0) {
            pthread_detach(thread);
            serving = getpid();
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_mutex_unlock(&mutex);
}

void unwatch_time(void) {
    pthread_mutex_lock(&mutex);
    deadline = 0;
    pthread_mutex_unlock(&mutex);
}
