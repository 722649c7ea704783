/* Presets: llama.cpp's file types and what each chooses for each tensor. One table: preset.def. */
#ifndef GG_PRESET_H
#define GG_PRESET_H

#include "lib/quant/qtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The "file type" of the preset COPY, which is no file type: never stored. */
#define GG_FTYPE_COPY 0xFFFFu

/* llama.cpp ors this into a file type it guessed; some files carry it. */
#define GG_FTYPE_GUESSED 1024u

struct gg_preset {
    uint32_t ftype;     /* general.file_type */
    const char *name;   /* "Q4_K_M" */
    const char *alias;  /* "Q4_K", or NULL */
    enum qt_type base;  /* default tensor type; QT_NONE: read only, or COPY */
    const char *brief;  /* one line for help: bpw on a real model, what it is good for */
    bool target;        /* can be asked for */
};

enum gg_ftype { /* GG_FT_Q4_K_M = 15 ... */
#define PRESET(ftype, sym, name, alias, base, target, brief) GG_FT_##sym = ftype,
#include "lib/plan/preset.def"
#undef PRESET
};

/* In the order of the table: targets by falling size, then what files may carry, COPY last. */
size_t gg_preset_count(void);
const struct gg_preset *gg_preset_at(size_t i);
/* Name, alias or decimal file type number, any case; NULL when unknown. The result may be no target. */
const struct gg_preset *gg_preset_by_name(const char *name);
const struct gg_preset *gg_preset_by_ftype(uint32_t ftype);  /* without the GUESSED flag; NULL */
/* True for COPY (and NULL): tensors keep their types unless an explicit option says otherwise. */
bool gg_preset_is_copy(const struct gg_preset *p);

/* The file type that fits a type histogram (tensors by type id), as llama.cpp guesses it when the key
 * is absent: that of the type most tensors have (of equals, the lower id), F32 when none fits;
 * without the GUESSED flag. */
uint32_t gg_preset_guess(const uint64_t n_tensors_by_type[QT_ID_END]);

#endif
