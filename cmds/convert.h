/* The parts of `ggtool convert`. */
#ifndef CMD_CONVERT_H
#define CMD_CONVERT_H

#include "cmds/make.h"

struct convert_opts {
    struct make_opts make; /* first: see make.h */
    const char *arch, *name, *pre, *metadata, *base;
    struct gg_checkpoint *ckpt; /* behind the model; NULL: a GGUF */
    int endian; /* 0 little, 1 big: of GGUF */
    bool mmproj;
    int mtp;    /* enum gg_hf_mtp */
    int dtype;  /* 0 auto, 1 bf16, 2 f16, 3 f32: of safetensors */
};

/* convert_back.c: true when the name is that of a safetensors file. */
bool convert_is_back(const char *out);
/* GGUF to safetensors. An exit code. */
int convert_back(struct make *r, const struct convert_opts *o, const char *out);

#endif
