/* Counts the changes that a process makes to files below a folder, and at the chosen one kills the
   process or reports a full disk from there on. For catalog_faults.py and tag_faults.py, by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NOTHING, KILL, FULL };
static int mode = NOTHING;
static long chosen;
static atomic_long count;
static char below[PATH_MAX];

void faults_arm(int how, long at, const char *folder) {
    snprintf(below, sizeof below, "%s", folder);
    atomic_store(&count, 0);
    chosen = at;
    mode = how;
}
long faults_count(void) { return atomic_load(&count); }

static int is_below(const char *path) { return below[0] && path && strstr(path, below) != NULL; }

/* Whether a change must fail for want of room. */
static int change(const char *path, int grows) {
    if (!below[0] || !is_below(path) || (mode == FULL && !grows)) return 0;
    long now = atomic_fetch_add(&count, 1) + 1;
    if (mode == KILL && now == chosen) kill(getpid(), SIGKILL);
    if (mode == FULL && chosen > 0 && now >= chosen) { errno = ENOSPC; return 1; }
    return 0;
}
static int change_fd(int fd) {
    if (!below[0]) return 0;
    char name[64], path[PATH_MAX];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return change(path, 1);
}
#define NEXT(name) static __typeof__(&name) next; if (!next) next = dlsym(RTLD_NEXT, #name)

int rename(const char *a, const char *b) { NEXT(rename); return change(b, 0) ? -1 : next(a, b); }
int renameat(int x, const char *a, int y, const char *b) { NEXT(renameat); return change(b, 0) ? -1 : next(x, a, y, b); }
int renameat2(int x, const char *a, int y, const char *b, unsigned f) { NEXT(renameat2); return change(b, 0) ? -1 : next(x, a, y, b, f); }
int link(const char *a, const char *b) { NEXT(link); return change(b, 1) ? -1 : next(a, b); }
int linkat(int x, const char *a, int y, const char *b, int f) { NEXT(linkat); return change(b, 1) ? -1 : next(x, a, y, b, f); }
int unlink(const char *a) { NEXT(unlink); return change(a, 0) ? -1 : next(a); }
int unlinkat(int x, const char *a, int f) { NEXT(unlinkat); if (below[0] && a[0] != '/') { if (change(below, 0)) return -1; } else if (change(a, 0)) return -1; return next(x, a, f); }
int rmdir(const char *a) { NEXT(rmdir); return change(a, 0) ? -1 : next(a); }
int mkdir(const char *a, mode_t m) { NEXT(mkdir); return change(a, 1) ? -1 : next(a, m); }
ssize_t write(int fd, const void *b, size_t n) { NEXT(write); return change_fd(fd) ? -1 : next(fd, b, n); }
ssize_t writev(int fd, const struct iovec *v, int n) { NEXT(writev); return change_fd(fd) ? -1 : next(fd, v, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { NEXT(pwrite); return change_fd(fd) ? -1 : next(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { NEXT(pwrite64); return change_fd(fd) ? -1 : next(fd, b, n, o); }
ssize_t copy_file_range(int a, off64_t *x, int b, off64_t *y, size_t n, unsigned f) { NEXT(copy_file_range); return change_fd(b) ? -1 : next(a, x, b, y, n, f); }
ssize_t sendfile(int o, int i, off_t *f, size_t n) { NEXT(sendfile); return change_fd(o) ? -1 : next(o, i, f, n); }
ssize_t sendfile64(int o, int i, off64_t *f, size_t n) { NEXT(sendfile64); return change_fd(o) ? -1 : next(o, i, f, n); }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        NEXT(name); mode_t m = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); m = va_arg(more, mode_t); va_end(more); } \
        if (flags & (O_CREAT | O_TRUNC)) if (change(path, 1)) return -1; \
        return next(path, flags, m); \
    }
OPEN(open)
OPEN(open64)
int openat(int at, const char *path, int flags, ...) {
    NEXT(openat); mode_t m = 0;
    if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); m = va_arg(more, mode_t); va_end(more); }
    if (flags & (O_CREAT | O_TRUNC)) if (change(path, 1)) return -1;
    return next(at, path, flags, m);
}
