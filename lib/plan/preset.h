/* Presets: llama.cpp's file types and what each chooses for each tensor. One table: preset.def. */
#ifndef GG_PRESET_H
#define GG_PRESET_H

#include "lib/quant/qtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gg_preset {
    uint32_t ftype;     /* general.file_type */
    const char *name;   /* "Q4_K_M" */
    const char *alias;  /* "Q4_K", or NULL */
    enum qt_type base;  /* default tensor type; QT_NONE: read only (listed, never a target) */
    const char *brief;  /* one line for help: bpw on a real model, what it is good for */
    bool target;        /* can be asked for */
};

size_t gg_preset_count(void);
const struct gg_preset *gg_preset_at(size_t i);
const struct gg_preset *gg_preset_by_name(const char *name); /* name or alias, any case; NULL */
const struct gg_preset *gg_preset_by_ftype(uint32_t ftype);  /* without the GUESSED flag; NULL */

/* The file type that fits a type histogram (tensors by type id), as llama.cpp guesses it when the key
 * is absent. */
uint32_t gg_preset_guess(const uint64_t n_tensors_by_type[QT_ID_END]);

#endif
