/* File: what the kernel can do for a file beyond POSIX, each with a plain "cannot" as answer.
 *
 * All give 0 or a positive count, or -1 with errno; gg_file_cannot(errno) tells "not here" from "no".
 * This is the one file to look at when porting to another system.
 */
#ifndef GG_FILE_H
#define GG_FILE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The system, or this file system, does not have it: do it the plain way. */
static inline bool gg_file_cannot(int sys)
{
    return sys == EOPNOTSUPP || sys == ENOSYS || sys == EINVAL || sys == EXDEV || sys == ENOTSUP;
}

/* Room for n bytes without writing them; never the emulation that writes zeros. */
int gg_file_allocate(int fd, uint64_t n);
/* Up to n bytes from file to file inside the kernel; 0 at the end of the input. */
ssize_t gg_file_copy_range(int from, uint64_t from_off, int to, uint64_t to_off, uint64_t n);
/* True when a server has the file: NFS, SMB, Ceph. */
bool gg_file_is_remote(int fd);
/* True when `to`, new and empty, can share the blocks of `from`: tried out. It is empty afterwards. */
bool gg_file_can_clone(int from, int to);
/* Says that a range will be read soon. Advice. */
void gg_file_will_need(int fd, uint64_t off, uint64_t n);
/* Starts write-back of a range without waiting; drops clean pages of a range. Advice. */
void gg_file_start_writeback(int fd, uint64_t off, uint64_t n);
void gg_file_drop_cache(int fd, uint64_t off, uint64_t n);
/* A new file in folder dir that has no name and vanishes unless it is given one. */
int gg_file_open_unnamed(const char *dir, mode_t mode);
int gg_file_give_name(int fd, const char *path); /* EEXIST when the name is taken */
/* rename that fails with EEXIST instead of replacing. */
int gg_file_rename_new(const char *from, const char *to);
/* Makes the names in a folder durable; 0 also where the system cannot, or the folder may be written
 * but not read. */
int gg_file_sync_folder(const char *dir);
/* As many open files as the system lets us have; a set has a file a shard. */
void gg_file_allow_many(void);
/* n bytes that nobody can guess. */
int gg_file_random(void *buf, size_t n);

#endif
