/* Pre-tokenizers that llama.cpp knows by name, each with its definition: one row a definition. */
#ifndef GG_HF_PRETOK_RULES_H
#define GG_HF_PRETOK_RULES_H

#include <stddef.h>

enum hf_column { HF_ANY, HF_NO, HF_YES };

struct hf_pre_rule {
    const char *name;
    const char *text;       /* the definition as one line (pretok.c); NULL: in a file that does not say */
    const char *normalizer; /* "" none; NULL: none, or one of those that llama.cpp leaves aside */
    enum hf_column starts;  /* text begins with a special token */
    const char *first;      /* that one; NULL: any */
    enum hf_column removes; /* pieces are found by removing the rest, as converters from tiktoken write it */
    enum hf_column pairs;   /* a text of two parts is put together as RoBERTa does (RobertaProcessing) */
    enum hf_column cleans;  /* clean_up_tokenization_spaces of tokenizer_config.json is true */
    const char *model;      /* where it is from, for messages */
    const char *also;       /* other names that llama.cpp cuts alike, blanks between; NULL: none */
};

extern const struct hf_pre_rule gg_hf_pre_rules[];
extern const size_t gg_hf_n_pre_rules;
/* Names whose definition is not in a table: with what they are, in pairs, NULL at the end. */
extern const char *const gg_hf_pre_others[];

#endif
