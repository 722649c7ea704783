/* Unpack: the members of an archive that can only be read from its start (a .tar.gz, packed members
 * of a zip), through libarchive.
 *
 * Opening makes one pass over the archive: it lists the members, keeps small files whole and of
 * large ones what their readers will want first (headers, and the end of a zip). Data then come out
 * of one running stream with the last MiBs of it at hand, so threads that read side by side in
 * stored order cost one more pass. Going back further starts the stream again: right, but slow. A
 * plain tar is listed the same way, but its members are parts of the file. No programs are run:
 * only compressions that libarchive has built in are read.
 */
#ifndef GG_UNPACK_H
#define GG_UNPACK_H

#include "lib/sys/input.h"

struct gg_unpack;

struct gg_unpack_entry {
    char *name; /* without "./" */
    uint64_t nbytes;
    uint64_t base;        /* bytes of all members before it */
    uint64_t file_off;    /* of a plain tar: where its data lie; else GG_NOWHERE */
    uint8_t *head, *tail; /* kept from the pass */
    size_t n_head, n_tail;
};

/* in must live longer. data: make the pass over the data as well (not needed for zips, which have a
 * directory). raw_name: what the one member is called when the file is a compressed single one. */
GG_MUST_CHECK int gg_unpack_open(struct gg_unpack **out, struct gg_input *in, bool data,
                                 const char *raw_name, struct gg_err *err);
void gg_unpack_free(struct gg_unpack *u); /* takes NULL */

size_t gg_unpack_n(const struct gg_unpack *u);
const struct gg_unpack_entry *gg_unpack_entry(const struct gg_unpack *u, size_t i);
/* A member as an input; u must live longer. */
GG_MUST_CHECK int gg_unpack_open_entry(struct gg_unpack *u, size_t i, const char *shown,
                                       struct gg_input **out, struct gg_err *err);
/* Links among the members: they are passed over. */
size_t gg_unpack_n_links(const struct gg_unpack *u);
/* How often the stream was started, for tests and for telling the user. */
unsigned gg_unpack_n_passes(const struct gg_unpack *u);

#endif
