/* The header of one file, as the files of this folder see it. */
#ifndef GGF_GGUF_FILE_H
#define GGF_GGUF_FILE_H

#include "gguf/gguf.h"
#include "lib/base/map.h"

struct ggf_file {
    char *name;   /* as given */
    char *shown;  /* escaped, for messages */
    uint8_t *buf; /* the header; keys, values and names point into it */
    uint32_t version, alignment;
    bool big_endian, complete, canonical;
    uint64_t n_kv_declared, n_tensors_declared;
    uint64_t needs_nbytes, header_nbytes, data_off, end_off, nbytes;
    struct ggf_meta *meta;
    struct ggf_tensor *tensors;
    uint64_t *record_off; /* of each tensor's record */
    size_t n_tensors;
    struct gg_map by_name; /* name -> index in tensors */
    struct gg_findings findings;
};

/* Places the tensors of a file with a complete header and sets data_off, end_off, canonical. Notes
 * gaps, overlaps and what is odd about the end. GG_ERR_CORRUPT when an offset leads nowhere; when
 * ask_data, GG_ERR_TRUNCATED when data is missing. */
GG_MUST_CHECK int ggf_check_data(struct ggf_file *f, bool ask_data, struct gg_err *err);
/* Notes odd names, types and wrong-typed well-known keys. Needs no complete header. */
/* Types whose id is that of two: before what follows. */
void ggf_tell_apart(struct ggf_file *f);
void ggf_check_records(struct ggf_file *f);

#endif
