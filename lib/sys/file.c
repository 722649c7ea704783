#include "lib/sys/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifdef __GLIBC__
#define RENAME2(from, to, flags) renameat2(AT_FDCWD, from, AT_FDCWD, to, flags)
#else /* musl has no name for it */
#define RENAME2(from, to, flags) syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags)
#endif

int gg_file_allocate(int fd, uint64_t n)
{
    int rc;
    do {
        rc = fallocate(fd, 0, 0, (off_t)n);
    } while (rc != 0 && errno == EINTR);
    return rc;
}

ssize_t gg_file_copy_range(int from, uint64_t from_off, int to, uint64_t to_off, uint64_t n)
{
    off_t in = (off_t)from_off, out = (off_t)to_off;
    ssize_t r;
    do {
        r = copy_file_range(from, &in, to, &out, (size_t)n, 0);
    } while (r < 0 && errno == EINTR);
    return r;
}

bool gg_file_is_remote(int fd)
{
    struct statfs s;
    if (fstatfs(fd, &s) != 0)
        return false;
    uint32_t type = (uint32_t)s.f_type;
    return type == NFS_SUPER_MAGIC || type == SMB2_SUPER_MAGIC || type == CIFS_SUPER_MAGIC ||
           type == CEPH_SUPER_MAGIC;
}

bool gg_file_can_clone(int from, int to)
{
    struct file_clone_range r = {.src_fd = from, .src_offset = 0, .src_length = 4096};
    if (ioctl(to, FICLONERANGE, &r) != 0)
        return false;
    return ftruncate(to, 0) == 0;
}

void gg_file_allow_many(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == r.rlim_max)
        return;
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
}

void gg_file_will_need(int fd, uint64_t off, uint64_t n)
{
    posix_fadvise(fd, (off_t)off, (off_t)n, POSIX_FADV_WILLNEED);
}

void gg_file_start_writeback(int fd, uint64_t off, uint64_t n)
{
    sync_file_range(fd, (off_t)off, (off_t)n, SYNC_FILE_RANGE_WRITE);
}

void gg_file_drop_cache(int fd, uint64_t off, uint64_t n)
{
    posix_fadvise(fd, (off_t)off, (off_t)n, POSIX_FADV_DONTNEED);
}

/* Naming it later goes through /proc, so without that there is no use in having it. */
int gg_file_open_unnamed(const char *dir, mode_t mode)
{
    if (access("/proc/self/fd", X_OK) != 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
}

int gg_file_give_name(int fd, const char *path)
{
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

int gg_file_rename_new(const char *from, const char *to)
{
    if (RENAME2(from, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (!gg_file_cannot(errno))
        return -1;
    if (link(from, to) != 0) /* as good: fails when the name is taken */
        return -1;
    return unlink(from);
}

int gg_file_sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : -1;
    int rc = fsync(fd), sys = errno;
    close(fd);
    errno = sys;
    return rc == 0 || gg_file_cannot(sys) ? 0 : -1;
}

int gg_file_random(void *buf, size_t n)
{
    return getrandom(buf, n, 0) == (ssize_t)n ? 0 : -1;
}
