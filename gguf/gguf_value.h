/* Values, as the files of this folder see them. */
#ifndef GGF_GGUF_VALUE_H
#define GGF_GGUF_VALUE_H

#include "gguf/gguf.h"

/* True when v hangs together: known types, nbytes what its type, count and contents say, arrays no
 * deeper than GGF_MAX_DEPTH. Values from a file always do; values made by hand are asked. */
bool ggf_value_ok(const struct ggf_value *v);

/* Least bytes one element of the type takes inside an array. */
size_t ggf_elem_least_nbytes(enum ggf_vtype t, bool len32);

#endif
