/* A disk that fails on request, under any program that is not linked statically (LD_PRELOAD).

   FAULT_MATCH  only files with this in their path
   FAULT_AT     the N-th write, sync or truncation of them, from 1 …
   FAULT_HOW    … "fail" (EIO, once) or "cut": the power goes. Every write not yet synced is taken back or
                not by the toss of a coin (FAULT_SEED), and the process ends at once
   FAULT_FULL   while a file of this name exists, no file can grow (ENOSPC)
   FAULT_CLOCK  a file with the seconds by which the wall clock is wrong
   FAULT_COUNT  a file that is given the number of operations so far */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define UNDO_MAX 4096
static struct { int fd; off_t at; size_t size, had; char *old; } undo[UNDO_MAX];
static int undos, operations;

static const char *setting(const char *name) { const char *v = getenv(name); return v ? v : ""; }

static int ours(int fd) {
    char link[64], path[512];
    const char *match = setting("FAULT_MATCH");
    if (!*match) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return strstr(path, match) != NULL && strstr(path, "ballast") == NULL;
}

static void cut(void) {
    srand(atoi(setting("FAULT_SEED")));
    for (int i = undos - 1; i >= 0; i--)
        if (rand() & 1) {
            syscall(SYS_pwrite64, undo[i].fd, undo[i].old, undo[i].had, undo[i].at);
            if (undo[i].had < undo[i].size) {  /* it had grown the file: zeros are what is found there */
                char *zeros = calloc(1, undo[i].size - undo[i].had);
                syscall(SYS_pwrite64, undo[i].fd, zeros, undo[i].size - undo[i].had, undo[i].at + undo[i].had);
            }
        }
    _exit(137);
}

static int due(int fd) {  /* 1: fail this one */
    if (!ours(fd)) return 0;
    operations++;
    if (*setting("FAULT_COUNT")) {
        FILE *f = fopen(setting("FAULT_COUNT"), "w");
        if (f) { fprintf(f, "%d", operations); fclose(f); }
    }
    if (operations != atoi(setting("FAULT_AT"))) return 0;
    if (!strcmp(setting("FAULT_HOW"), "cut")) cut();
    return 1;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
    if (due(fd)) { errno = EIO; return -1; }
    struct stat now;
    if (*setting("FAULT_FULL") && !access(setting("FAULT_FULL"), F_OK) && ours(fd)
        && !fstat(fd, &now) && at + (off_t)size > now.st_size) { errno = ENOSPC; return -1; }
    if (!strcmp(setting("FAULT_HOW"), "cut") && undos < UNDO_MAX && ours(fd)) {
        char *old = calloc(1, size);
        ssize_t had = pread(fd, old, size, at);
        undo[undos].fd = fd; undo[undos].at = at; undo[undos].size = size;
        undo[undos].had = had > 0 ? had : 0; undo[undos++].old = old;
    }
    return syscall(SYS_pwrite64, fd, data, size, at);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

int fdatasync(int fd) {
    if (due(fd)) { errno = EIO; return -1; }
    int keep = 0;
    for (int i = 0; i < undos; i++)
        if (undo[i].fd == fd) free(undo[i].old); else undo[keep++] = undo[i];
    undos = keep;
    return syscall(SYS_fdatasync, fd);
}
int fsync(int fd) { return fdatasync(fd); }

int ftruncate64(int fd, off_t size) {
    if (due(fd)) { errno = EIO; return -1; }
    return syscall(SYS_ftruncate, fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME && *setting("FAULT_CLOCK")) {
        char text[32] = {0};
        int fd = open(setting("FAULT_CLOCK"), O_RDONLY);
        if (fd >= 0) { if (read(fd, text, 31) > 0) now->tv_sec += atol(text); close(fd); }
        if (now->tv_sec < 0) now->tv_sec = 0;
    }
    return result;
}
