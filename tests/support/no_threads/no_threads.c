/* Lets the one process it is preloaded into have no further threads, as in a container that has used up its processes: as long as
 * there is a file of the name in CLEAT_NO_THREADS, each call for one is refused. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define VISIBLE __attribute__((visibility("default")))

typedef int (*create_function)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

VISIBLE int pthread_create(pthread_t* restrict thread, const pthread_attr_t* restrict attributes,
                           void* (*run)(void*), void* restrict argument) {
  const char* path = getenv("CLEAT_NO_THREADS");
  create_function create;
  if (path != NULL && access(path, F_OK) == 0) return EAGAIN;
  *(void**)&create = dlsym(RTLD_NEXT, "pthread_create");
  return create(thread, attributes, run, argument);
}
