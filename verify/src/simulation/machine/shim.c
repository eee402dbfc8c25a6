/* Preloaded into a simulation: the time and the randomness of the C library are the simulation's.
 *
 * The time is read from the file SIMULATION_TIME, two numbers of nanoseconds: the monotonic clock's
 * and the wall clock's. Random bytes follow from SIMULATION_SEED. Rust's standard library takes both
 * from the C library, and so does everything that is built on it. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *times;
static uint64_t state;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("SIMULATION_TIME"), *seed = getenv("SIMULATION_SEED");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, 2 * sizeof *times, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED)
        times = mapped;
    state = seed ? strtoull(seed, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    int monotonic = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
                    clock == CLOCK_BOOTTIME;
    if (!times || !(wall || monotonic))
        return (int)syscall(SYS_clock_gettime, clock, now);
    int64_t nanoseconds = times[wall];
    now->tv_sec = nanoseconds / 1000000000;
    now->tv_nsec = nanoseconds % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now)
        *now = precise.tv_sec;
    return precise.tv_sec;
}

/* SplitMix64. A simulation has one thread. */
static unsigned char next(void) {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (unsigned char)(z ^ (z >> 31));
}

ssize_t getrandom(void *bytes, size_t count, unsigned flags) {
    if (!times)
        return syscall(SYS_getrandom, bytes, count, flags);
    for (size_t at = 0; at < count; at++)
        ((unsigned char *)bytes)[at] = next();
    return (ssize_t)count;
}
