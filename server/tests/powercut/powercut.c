/* A disk that keeps only what was synced, as a library to preload.
 *
 * Every tracked file (*.db and *.db-wal) has a twin. Writes go to the file alone; fsync and fdatasync copy what was
 * written since the last one to the twin. Whoever kills the process and puts the twins in the files' place has cut the
 * power: a sync that was under way is torn, what was not synced is gone. Removing a file removes its twin at once.
 *
 *   POWERCUT_TWINS      folder of the twins; a file named "full" in it makes every write fail with ENOSPC
 *   POWERCUT_IGNORE     syncs of files whose name ends in this say that they succeeded, and keep nothing
 *   POWERCUT_FAIL_SYNC  the number of the sync that fails with EIO and loses what it should have kept; those after it
 *                       succeed, as Linux's do, and are counted
 *   POWERCUT_LOG        file that gets a line "failed" for it and a line "again" for each sync after it
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FDS 4096
#define FILES 64

struct range { off_t from, to; };
struct tracked {
    char name[256];
    struct range *pending;
    size_t used, room;
    off_t cut; /* the smallest size since the last sync */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tracked files[FILES];
static int file_count;
static struct tracked *by_fd[FDS];
static long syncs;
static int has_failed;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_unlink)(const char *);

__attribute__((constructor)) static void find_real(void) {
    *(void **)&real_write = dlsym(RTLD_NEXT, "write");
    *(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    *(void **)&real_open = dlsym(RTLD_NEXT, "open");
    *(void **)&real_openat = dlsym(RTLD_NEXT, "openat");
    *(void **)&real_close = dlsym(RTLD_NEXT, "close");
    *(void **)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&real_unlink = dlsym(RTLD_NEXT, "unlink");
}

static int ends_in(const char *name, const char *end) {
    size_t name_length = strlen(name), end_length = strlen(end);
    return name_length >= end_length && strcmp(name + name_length - end_length, end) == 0;
}

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int is_tracked(const char *path) { return getenv("POWERCUT_TWINS") && (ends_in(path, ".db") || ends_in(path, ".db-wal")); }

static void twin_path(char *path, size_t room, const char *name) {
    snprintf(path, room, "%s/%s", getenv("POWERCUT_TWINS"), name);
}

static void note_open(int fd, const char *path) {
    if (fd < 0 || fd >= FDS || !is_tracked(path)) return;
    pthread_mutex_lock(&lock);
    struct tracked *file = NULL;
    for (int at = 0; at < file_count; at++)
        if (strcmp(files[at].name, base_of(path)) == 0) file = &files[at];
    if (!file && file_count < FILES) {
        file = &files[file_count++];
        snprintf(file->name, sizeof file->name, "%s", base_of(path));
        file->cut = -1;
    }
    by_fd[fd] = file;
    pthread_mutex_unlock(&lock);
}

static void note_write(int fd, off_t from, ssize_t length) {
    if (fd < 0 || fd >= FDS || !by_fd[fd] || length <= 0) return;
    pthread_mutex_lock(&lock);
    struct tracked *file = by_fd[fd];
    if (file->used == file->room) {
        file->room = file->room ? 2 * file->room : 1024;
        file->pending = realloc(file->pending, file->room * sizeof *file->pending);
        if (!file->pending) abort();
    }
    file->pending[file->used++] = (struct range){from, from + length};
    pthread_mutex_unlock(&lock);
}

static int is_full(int fd) {
    if (fd < 0 || fd >= FDS || !by_fd[fd]) return 0;
    char path[4096];
    twin_path(path, sizeof path, "full");
    return access(path, F_OK) == 0;
}

static void keep(int fd, struct tracked *file) {
    char path[4096], buffer[65536];
    twin_path(path, sizeof path, file->name);
    int twin = real_open(path, O_RDWR | O_CREAT, 0600);
    if (twin < 0) abort();
    if (file->cut >= 0 && real_ftruncate(twin, file->cut)) abort();
    for (size_t at = 0; at < file->used; at++)
        for (off_t from = file->pending[at].from; from < file->pending[at].to;) {
            size_t want = file->pending[at].to - from;
            ssize_t got = pread(fd, buffer, want < sizeof buffer ? want : sizeof buffer, from);
            if (got <= 0) break;
            if (real_pwrite(twin, buffer, got, from) != got) abort();
            from += got;
        }
    struct stat status;
    if (fstat(fd, &status) || real_ftruncate(twin, status.st_size)) abort();
    real_close(twin);
}

static void say(const char *line) {
    const char *path = getenv("POWERCUT_LOG");
    int log = path ? real_open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (log < 0) return;
    if (real_write(log, line, strlen(line)) < 0) abort();
    real_close(log);
}

static int sync_file(int fd) {
    if (fd < 0 || fd >= FDS || !by_fd[fd]) return real_fsync(fd);
    pthread_mutex_lock(&lock);
    struct tracked *file = by_fd[fd];
    const char *ignore = getenv("POWERCUT_IGNORE"), *fail = getenv("POWERCUT_FAIL_SYNC");
    int fails = fail && ++syncs == atol(fail), keeps = !fails && !(ignore && ends_in(file->name, ignore));
    if (has_failed) say("again\n");
    if (fails) {
        has_failed = 1;
        say("failed\n");
    }
    if (keeps) keep(fd, file);
    if (keeps || fails) {
        file->used = 0;
        file->cut = -1;
    }
    pthread_mutex_unlock(&lock);
    if (!fails) return 0;
    errno = EIO;
    return -1;
}

static mode_t mode_of(int flags, va_list more) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; }

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int fd = real_open(path, flags, mode_of(flags, more));
    va_end(more);
    note_open(fd, path);
    return fd;
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int fd = real_open(path, flags | O_LARGEFILE, mode_of(flags, more));
    va_end(more);
    note_open(fd, path);
    return fd;
}

int openat(int folder, const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int fd = real_openat(folder, path, flags, mode_of(flags, more));
    va_end(more);
    note_open(fd, path);
    return fd;
}

int close(int fd) {
    if (fd >= 0 && fd < FDS) by_fd[fd] = NULL;
    return real_close(fd);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (is_full(fd)) return errno = ENOSPC, -1;
    off_t from = fd >= 0 && fd < FDS && by_fd[fd] ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t written = real_write(fd, bytes, length);
    note_write(fd, from, written);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t from) {
    if (is_full(fd)) return errno = ENOSPC, -1;
    ssize_t written = real_pwrite(fd, bytes, length, from);
    note_write(fd, from, written);
    return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t from) { return pwrite(fd, bytes, length, from); }

int ftruncate(int fd, off_t length) {
    int outcome = real_ftruncate(fd, length);
    if (outcome == 0 && fd >= 0 && fd < FDS && by_fd[fd]) {
        pthread_mutex_lock(&lock);
        struct tracked *file = by_fd[fd];
        if (file->cut < 0 || length < file->cut) file->cut = length;
        pthread_mutex_unlock(&lock);
    }
    return outcome;
}

int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }
int fsync(int fd) { return sync_file(fd); }
int fdatasync(int fd) { return sync_file(fd); }

int unlink(const char *path) {
    if (is_tracked(path)) {
        char twin[4096];
        twin_path(twin, sizeof twin, base_of(path));
        real_unlink(twin);
    }
    return real_unlink(path);
}
