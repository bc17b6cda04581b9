/* Moves the wall clock of the one process it is preloaded into: CLEAT_CLOCK_SHIFT names a file of 8 bytes, a
 * signed number of nanoseconds in the byte order of the machine, that is added to CLOCK_REALTIME. The file is
 * mapped, so a change counts at once. Without the variable nothing is moved. Waits on an instant of
 * CLOCK_REALTIME stay as the kernel sees them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define VISIBLE __attribute__((visibility("default")))

static const volatile int64_t* shift;

__attribute__((constructor)) static void map_shift(void) {
  const char* path = getenv("CLEAT_CLOCK_SHIFT");
  int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void* mapped = MAP_FAILED;
  if (file < 0) return;
  mapped = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) shift = mapped;
}

/* The system call itself: the library's function is the one that is replaced here. */
VISIBLE int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && shift != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    const int64_t total = (int64_t)now->tv_sec * SECOND + now->tv_nsec + *shift;
    now->tv_sec = total / SECOND;
    now->tv_nsec = total % SECOND;
  }
  return result;
}

VISIBLE int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  struct timespec exact;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &exact) != 0) return -1;
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}

VISIBLE time_t time(time_t* out) {
  struct timespec exact = {0, 0};
  clock_gettime(CLOCK_REALTIME, &exact);
  if (out != NULL) *out = exact.tv_sec;
  return exact.tv_sec;
}
