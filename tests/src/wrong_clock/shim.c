/* Preloaded into a program of these tests: its wall clock is off by WRONG_CLOCK_SECONDS. */

#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    const char *seconds = getenv("WRONG_CLOCK_SECONDS");
    if (!failed && clock == CLOCK_REALTIME && seconds)
        now->tv_sec += atol(seconds);
    return failed;
}
