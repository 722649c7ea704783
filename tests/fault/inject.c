/* inject.so: preloaded, makes chosen system calls fail.
 *
 *     GG_INJECT="pwrite:3:ENOSPC,fallocate:*:EOPNOTSUPP"    the 3rd pwrite; every fallocate
 *     GG_INJECT="pread:2:short"                             gives half of what was asked for
 *     GG_INJECT="any:57:kill"                               ends the process before the 57th call
 *     GG_INJECT="any:57:torn"                               the same, half of its bytes being done
 *     GG_INJECT_FIRED=PATH                                  is made when a numbered fault happened
 *
 * Calls: open read pread write pwrite fsync fallocate ftruncate copy rename link unlink close dup
 * unnamed alloc thread; any: those that leave traces, and pread. Calls that libc makes inside itself
 * are not seen.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum op { OPEN, PREAD, WRITE, PWRITE, FSYNC, FALLOCATE, FTRUNCATE, COPY, RENAME, LINK, UNLINK,
          UNNAMED, N_TRACED, READ = N_TRACED, CLOSE, DUP, ALLOC, THREAD, ANY, N_OPS };
static const char *const op_names[N_OPS] = {
    "open", "pread", "write", "pwrite", "fsync", "fallocate", "ftruncate", "copy", "rename", "link",
    "unlink", "unnamed", "read", "close", "dup", "alloc", "thread", "any"};
enum { SHORT = -1, KILL = -2, TORN = -3 };
static const struct {
    const char *name;
    int sys;
} errors[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EINTR", EINTR}, {"EOPNOTSUPP", EOPNOTSUPP},
              {"EXDEV", EXDEV}, {"EACCES", EACCES}, {"EPERM", EPERM}, {"EMFILE", EMFILE}, {"EDQUOT", EDQUOT},
              {"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN}, {"short", SHORT}, {"kill", KILL}, {"torn", TORN}};

static struct fault {
    atomic_ulong calls;
    unsigned long n; /* 0: none; ULONG_MAX: always */
    int sys;
} faults[N_OPS];
static bool ready; /* set once, before main */

static void parse_one(const char *s)
{
    for (int op = 0; op < N_OPS; op++) {
        size_t len = strlen(op_names[op]);
        if (strncmp(s, op_names[op], len) != 0 || s[len] != ':')
            continue;
        const char *n = s + len + 1, *e = strchr(n, ':');
        faults[op].n = *n == '*' ? ~0ul : strtoul(n, NULL, 10);
        for (size_t i = 0; e != NULL && i < sizeof errors / sizeof *errors; i++) {
            size_t k = strlen(errors[i].name);
            if (strncmp(e + 1, errors[i].name, k) == 0 && (e[1 + k] == '\0' || e[1 + k] == ','))
                faults[op].sys = errors[i].sys;
        }
        if (faults[op].sys == 0)
            abort();
        return;
    }
    abort(); /* a test that asks for the unknown must not pass */
}

__attribute__((constructor)) static void start(void)
{
    const char *s = getenv("GG_INJECT");
    for (; s != NULL && *s != '\0'; s = strchr(s, ',') != NULL ? strchr(s, ',') + 1 : "")
        parse_one(s);
    ready = true;
}

static void die(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

static int hit_one(enum op op)
{
    if (faults[op].n == 0)
        return 0;
    unsigned long call = atomic_fetch_add(&faults[op].calls, 1) + 1;
    if (faults[op].n != ~0ul && faults[op].n != call)
        return 0;
    const char *fired = getenv("GG_INJECT_FIRED");
    if (faults[op].n != ~0ul && fired != NULL) {
        long fd = syscall(SYS_openat, AT_FDCWD, fired, O_CREAT | O_WRONLY, 0600);
        if (fd >= 0)
            syscall(SYS_close, fd);
    }
    errno = faults[op].sys > 0 ? faults[op].sys : 0;
    return faults[op].sys;
}

/* 0: go on. SHORT, or TORN: half of the bytes, and then the end. Else the errno to fail with, which is
 * set. */
static int hit(enum op op)
{
    if (!ready)
        return 0;
    int how = hit_one(op);
    if (how == 0 && op < N_TRACED)
        how = hit_one(ANY);
    bool bytes = op == PREAD || op == WRITE || op == PWRITE || op == COPY || op == READ;
    if (how == KILL || (how == TORN && !bytes))
        die();
    return how;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* ---- bytes ----------------------------------------------------------------------------------- */

static size_t cut(int how, size_t n)
{
    return how < 0 && n > 1 ? n / 2 : n;
}

static ssize_t after(int how, ssize_t done)
{
    if (how == TORN)
        die();
    return done;
}

ssize_t read(int fd, void *buf, size_t n)
{
    int how = hit(READ);
    return how > 0 ? -1 : after(how, syscall(SYS_read, fd, buf, cut(how, n)));
}

ssize_t write(int fd, const void *buf, size_t n)
{
    int how = fd == 2 ? 0 : hit(WRITE); /* messages shall come through */
    return how > 0 ? -1 : after(how, syscall(SYS_write, fd, buf, cut(how, n)));
}

ssize_t pread64(int fd, void *buf, size_t n, off64_t off)
{
    int how = hit(PREAD);
    return how > 0 ? -1 : after(how, syscall(SYS_pread64, fd, buf, cut(how, n), off));
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t off)
{
    int how = hit(PWRITE);
    return how > 0 ? -1 : after(how, syscall(SYS_pwrite64, fd, buf, cut(how, n), off));
}

ssize_t copy_file_range(int in, off64_t *in_off, int out, off64_t *out_off, size_t n, unsigned flags)
{
    int how = hit(COPY);
    return how > 0 ? -1
                   : after(how, syscall(SYS_copy_file_range, in, in_off, out, out_off, cut(how, n),
                                        flags));
}

/* ---- files ----------------------------------------------------------------------------------- */

static int open_any(int dir, const char *path, int flags, mode_t mode)
{
    bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    if (hit(unnamed ? UNNAMED : OPEN) != 0)
        return -1;
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_any(AT_FDCWD, path, flags, mode);
}

int fsync(int fd)
{
    return hit(FSYNC) != 0 ? -1 : (int)syscall(SYS_fsync, fd);
}

int fallocate64(int fd, int mode, off64_t off, off64_t n)
{
    return hit(FALLOCATE) != 0 ? -1 : (int)syscall(SYS_fallocate, fd, mode, off, n);
}

int ftruncate64(int fd, off64_t n)
{
    return hit(FTRUNCATE) != 0 ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int rename(const char *from, const char *to)
{
    return hit(RENAME) != 0 ? -1
                            : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return hit(RENAME) != 0 ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    return hit(LINK) != 0 ? -1 : (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int unlink(const char *path)
{
    return hit(UNLINK) != 0 ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int close(int fd)
{
    int rc = (int)syscall(SYS_close, fd); /* it is closed, whatever it says */
    return hit(CLOSE) != 0 ? -1 : rc;
}

int dup(int fd)
{
    return hit(DUP) != 0 ? -1 : (int)syscall(SYS_dup, fd);
}

/* ---- memory and threads ---------------------------------------------------------------------- */

extern void *__libc_malloc(size_t n), *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n), *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n)
{
    return hit(ALLOC) != 0 ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return hit(ALLOC) != 0 ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return hit(ALLOC) != 0 ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return hit(ALLOC) != 0 ? NULL : __libc_memalign(align, n);
}

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*f)(void *), void *arg)
{
    int how = hit(THREAD);
    return how > 0 ? how : REAL(pthread_create)(t, attr, f, arg);
}
