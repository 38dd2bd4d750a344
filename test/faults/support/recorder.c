/*
 * Records what a process does to the files below RECORD_DIR, in order, into RECORD_FILE: what a power cut can lose.
 * Each record: op (1), path size (4), path, offset (8), data size (8), data; numbers in the machine's own order.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define FILES 4096
#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

static char *paths[FILES];
static int trace = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void record(char op, const char *path, uint64_t offset, const void *data, uint64_t size) {
  uint32_t path_size = strlen(path);
  if (trace < 0) trace = REAL(open)(getenv("RECORD_FILE"), O_WRONLY | O_CREAT | O_APPEND, 0600);
  pthread_mutex_lock(&lock);
  ssize_t ignored = REAL(write)(trace, &op, 1);
  ignored = REAL(write)(trace, &path_size, 4);
  ignored = REAL(write)(trace, path, path_size);
  ignored = REAL(write)(trace, &offset, 8);
  ignored = REAL(write)(trace, &size, 8);
  if (size > 0 && data != NULL) ignored = REAL(write)(trace, data, size);
  (void)ignored;
  pthread_mutex_unlock(&lock);
}

static int below(const char *path) {
  const char *dir = getenv("RECORD_DIR");
  return dir != NULL && path != NULL && strncmp(path, dir, strlen(dir)) == 0;
}

static void remember(int fd, const char *path, int flags) {
  if (fd < 0 || fd >= FILES) return;
  paths[fd] = below(path) ? strdup(path) : NULL;
  if (paths[fd] != NULL && (flags & O_TRUNC)) record('t', path, 0, NULL, 0);
}

static const char *path_of(int fd) { return fd >= 0 && fd < FILES ? paths[fd] : NULL; }

#define OPEN(name)                                        \
  int name(const char *path, int flags, ...) {            \
    va_list list;                                         \
    va_start(list, flags);                                \
    mode_t mode = va_arg(list, mode_t);                   \
    va_end(list);                                         \
    int fd = REAL(name)(path, flags, mode);               \
    remember(fd, path, flags);                            \
    return fd;                                            \
  }
OPEN(open)
OPEN(open64)

#define PWRITE(name, type)                                                 \
  ssize_t name(int fd, const void *data, size_t size, type offset) {       \
    ssize_t done = REAL(name)(fd, data, size, offset);                     \
    if (done > 0 && path_of(fd)) record('w', path_of(fd), offset, data, done); \
    return done;                                                           \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t size) {
  off_t offset = path_of(fd) ? lseek(fd, 0, SEEK_CUR) : 0;
  ssize_t done = REAL(write)(fd, data, size);
  if (done > 0 && path_of(fd)) record('w', path_of(fd), offset, data, done);
  return done;
}

#define SYNC(name)                                  \
  int name(int fd) {                                \
    int result = REAL(name)(fd);                    \
    if (path_of(fd)) record('s', path_of(fd), 0, NULL, 0); \
    return result;                                  \
  }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name, type)                                  \
  int name(int fd, type size) {                               \
    int result = REAL(name)(fd, size);                        \
    if (path_of(fd)) record('t', path_of(fd), size, NULL, 0); \
    return result;                                            \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int unlink(const char *path) {
  if (below(path)) record('u', path, 0, NULL, 0);
  return REAL(unlink)(path);
}

int rename(const char *from, const char *to) {
  if (below(from)) record('r', from, 0, to, strlen(to));
  return REAL(rename)(from, to);
}

int close(int fd) {
  if (fd >= 0 && fd < FILES) paths[fd] = NULL;
  return REAL(close)(fd);
}
